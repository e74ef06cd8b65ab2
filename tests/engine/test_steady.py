"""A step never asks what a number is, and late steps leave no more behind than early ones."""

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ups_framework.engine.batches import Batches
from ups_framework.engine.prepare import Prepared, prepare
from ups_framework.engine.state import State, begin_stage
from ups_framework.engine.trace import Trace
from ups_framework.engine.train_step import train_step
from ups_framework.plugins import load_plugins
from ups_framework.recipe import load_recipe

if TYPE_CHECKING:
    from tests.engine.conftest import Prepare

_WAITING = {"_local_scalar_dense", "equal", "is_nonzero", "masked_select", "nonzero", "unique_dim", "_unique2"}
"""Operations whose result has to be known on the host, for its value or its size: a GPU is waited for."""


class Waits(TorchDispatchMode):
    """Remembers such operations."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch does not say
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # as torch has it
        name = func.overloadpacket.__name__
        masks = [index for index in args[1] if index is not None] if name in ("index", "index_put_") else []
        if name in _WAITING or any(index.dtype in (torch.bool, torch.uint8) for index in masks):
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


class Steps:
    """Training steps of a stage, one after another."""

    def __init__(self, prepared: Prepared, stage: str) -> None:
        self._system, self._stage = prepared.system, stage
        self.state: State = begin_stage(prepared.system, list(prepared.system.recipe.stages).index(stage))
        self._batches = Batches(prepared.system, prepared.data, stage)
        self.trace = Trace(prepared.system.recipe.stages[stage].losses)

    def take(self, count: int) -> None:
        for _ in range(count):
            train_step(self._system, self._stage, self._batches, self.state, self.trace)


MAIN = Path(__file__).parents[2] / "recipes/burgers_phase4.toml"
SMALL = (
    *("data.train=8", "data.validation=1", "data.test=2", "data.points=32", "data.every=40"),
    *("latent.tokens=8", "latent.width=16", "operator.width=16", "operator.depth=1", "operator.heads=2"),
    "evaluation.context=1",
)
SETTINGS = {
    "uniform": (),
    "importance": ("sampler={use='importance', points=16}",),
    "residual_adaptive": ("sampler={use='residual_adaptive', points=16}",),
    "off_grid": ("sampler={use='off_grid', points=16}",),
    "muon": ("optimizer.method='muon'",),
    "clipped": ("optimizer.clip=0.1", "training.accumulate=2"),
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
@pytest.mark.parametrize("stage", ["autoencode", "operator"])
def test_a_step_waits_for_nothing(prepare_recipe: "Prepare", stage: str, settings: tuple[str, ...]) -> None:
    steps = Steps(prepare_recipe("training.augment=false", *settings), stage)  # their symmetry asks, on the CPU
    steps.take(1)
    with Waits() as waits:
        steps.take(2)
    assert waits.seen == []


def test_a_step_of_the_main_recipe_waits_for_nothing(tmp_path: Path) -> None:
    settings = (*SMALL, f"data_folder='{tmp_path}'")
    recipe = load_recipe(MAIN, registry=load_plugins(), settings=settings, gpu=False).recipe
    steps = Steps(prepare(recipe, load_plugins(), torch.device("cpu"), lambda line: None), "operator")
    steps.take(1)
    steps.state.step = recipe.stages["operator"].steps - 3
    with Waits() as waits:
        steps.take(2)
    assert waits.seen == []


@pytest.mark.parametrize("call", [lambda x: float(x[0]), lambda x: bool(x.any()), lambda x: x[x > 0], torch.nonzero])
def test_a_wait_would_be_seen(call: Any) -> None:  # takes a tensor
    with Waits() as waits:
        call(torch.ones(3))
    assert waits.seen


def _tensors() -> int:
    gc.collect()
    return sum(issubclass(type(each), Tensor) for each in gc.get_objects())


def test_many_steps_keep_no_more_than_few(prepare_recipe: "Prepare") -> None:
    steps, counts = Steps(prepare_recipe("stages.operator.steps=1000"), "operator"), []
    gc.freeze()  # what was there before is not looked through
    for _ in range(3):
        steps.take(10)
        steps.trace.read("operator", steps.state.step)
        counts.append(_tensors())
    gc.unfreeze()
    assert counts[0] == counts[1] == counts[2]
