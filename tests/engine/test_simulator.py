"""A saved simulator needs nothing but its file, and says what is wrong with what it is given."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ups_framework.engine.batches import Batches
from ups_framework.engine.simulator import Simulator
from ups_framework.errors import PluginError, RunError, UpsError

if TYPE_CHECKING:
    from tests.engine.conftest import Prepare, Train, Trained


@pytest.fixture(scope="module")
def trained(train: "Train") -> "Trained":
    return train("operator.depth=2", "operator.drop_path=0.5")


@pytest.fixture
def simulator(trained: "Trained") -> Simulator:
    return trained.system.simulator.eval()


@pytest.fixture
def file(simulator: Simulator, tmp_path: Path) -> Path:
    simulator.save(tmp_path / "simulator.pt")
    return tmp_path / "simulator.pt"


def test_what_is_loaded_rolls_out_as_what_was_saved(simulator: Simulator, trained: "Trained", file: Path) -> None:
    data = trained.data.validation
    loaded = Simulator.load(file)
    ours, theirs = (item.rollout(data.values[:, 0], 3, parameters=data.parameters) for item in (simulator, loaded))
    assert torch.equal(ours, theirs)
    assert (loaded.problem, loaded.settings, loaded.training) == (simulator.problem, simulator.settings, False)


def test_a_file_holds_plain_values_and_tensors_only(file: Path) -> None:
    payload = torch.load(file, weights_only=True)
    assert set(payload) == {"schema", "description", "state"}


def test_loading_draws_nothing_from_torch_s_global_generator(file: Path) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    Simulator.load(file)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("given", [lambda values: values[..., 0], lambda values: values[..., :0]])
def test_values_of_a_wrong_shape_are_the_decoder_s_mistake(
    simulator: Simulator, trained: "Trained", monkeypatch: pytest.MonkeyPatch, given: Callable[[Tensor], Tensor]
) -> None:
    forward = simulator.decoder.forward
    monkeypatch.setattr(simulator.decoder, "forward", lambda *arguments: given(forward(*arguments)))
    data = trained.data.validation
    with pytest.raises(
        PluginError, match=r"^decoder \(.*AnyPointDecoder\) gave values of shape \(.*\), not \(B, Q, 1\)"
    ):
        simulator.rollout(data.values[:, 0], 1, parameters=data.parameters)


def test_what_is_decoded_at_some_points_is_what_is_picked_from_all(simulator: Simulator, trained: "Trained") -> None:
    data, chosen = trained.data.validation, torch.tensor([31, 4, 4, 17])
    start, points = data.values[:, 0], simulator.grid_points
    everywhere = simulator.rollout(start, 3, parameters=data.parameters)
    some = simulator.rollout(start, 3, at=points[chosen], parameters=data.parameters)
    assert (some - everywhere[:, :, chosen]).abs().max() < 1e-5


class Largest(TorchDispatchMode):
    """Remembers the most numbers that any tensor had, but for those of one size."""

    def __init__(self, but: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch does not say
        self._but, self.numbers = but, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # as torch has it
        result = func(*args, **(kwargs or {}))
        for item in result if isinstance(result, tuple | list) else (result,):
            if isinstance(item, Tensor) and item.untyped_storage().nbytes() // item.itemsize != self._but:
                self.numbers = max(self.numbers, item.numel())
        return result


@pytest.mark.parametrize("rollout", ["latent", "field"])
def test_a_million_points_take_no_more_memory_than_a_fifth_of_them(
    train: "Train", monkeypatch: pytest.MonkeyPatch, rollout: str
) -> None:
    monkeypatch.setattr(
        "ups_framework.engine.simulator.MOST_DECODED", 2**10
    )  # scaled down with the million, to be fast
    run = train("stages.operator.steps=1", f"simulator.rollout='{rollout}'", heat=True)
    simulator, start = run.system.simulator.eval(), run.data.validation.values[:1, 0]
    largest, fields = [], []
    for count in (2**10, 5 * 2**10):
        points = torch.rand(count, 1, generator=torch.Generator().manual_seed(0))
        with Largest(but=count) as seen:  # what is asked for and what is given have that many
            fields.append(simulator.rollout(start, 1, at=points))
        largest.append(seen.numbers)
        alone = [simulator.rollout(start, 1, at=part) for part in points.split(2**9)]
        assert (fields[-1] - torch.cat(alone, dim=2)).abs().max() < 1e-6
    assert largest[1] == largest[0] < 5 * 2**10


def test_points_shared_by_many_samples_are_decoded_in_smaller_pieces(
    train: "Train", monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train("stages.operator.steps=1", heat=True)
    simulator, start = run.system.simulator.eval(), run.data.validation.values[:1, 0]
    points, starts = torch.linspace(0, 1, 700)[:, None], start.repeat(4, 1, 1)
    whole = simulator.rollout(starts, 2, at=points)
    for most in (40, 512, 2800):
        monkeypatch.setattr("ups_framework.engine.simulator.MOST_DECODED", most)
        assert (simulator.rollout(starts, 2, at=points) - whole).abs().max() < 1e-6


def test_a_longer_rollout_begins_as_the_shorter_one(simulator: Simulator, trained: "Trained") -> None:
    data = trained.data.validation
    short, long = (simulator.rollout(data.values[:, 0], n, parameters=data.parameters) for n in (2, 5))
    assert long.shape == (4, 5, 32, 1)
    assert torch.equal(long[:, :2], short)


def test_the_parameters_matter(simulator: Simulator, trained: "Trained") -> None:
    start = trained.data.validation.values[:, 0]
    slow, fast = (simulator.rollout(start, 1, parameters=torch.full((4, 1), speed)) for speed in (0.5, 1.5))
    assert not torch.equal(slow, fast)


def test_parameters_may_be_left_out_where_there_is_one_value_of_each(train: "Train") -> None:
    run = train("stages.operator.steps=1", heat=True)
    start = run.data.validation.values[:, 0]
    assert run.system.simulator.eval().rollout(start, 2).shape == (4, 2, 32, 1)


@pytest.mark.parametrize("shape", [(4, 31, 1), (4, 32), (4, 32, 2), (1, 4, 32, 1)])
def test_a_start_of_a_wrong_shape_is_an_error(simulator: Simulator, shape: tuple[int, ...]) -> None:
    with pytest.raises(RunError, match=r"start has shape .*; expected \(batch, 32, 1\)"):
        simulator.rollout(torch.zeros(shape), 1, parameters=torch.ones(shape[0], 1))


def test_missing_parameters_are_an_error_that_names_them(simulator: Simulator) -> None:
    with pytest.raises(RunError, match="parameters are missing: give speed for each sample"):
        simulator.rollout(torch.zeros(4, 32, 1), 1)


@pytest.mark.parametrize("shape", [(3, 1), (4, 2), (4,)])
def test_parameters_of_a_wrong_shape_are_an_error(simulator: Simulator, shape: tuple[int, ...]) -> None:
    with pytest.raises(RunError, match=r"parameters have shape .*; expected \(4, 1\)"):
        simulator.rollout(torch.zeros(4, 32, 1), 1, parameters=torch.ones(shape))


@pytest.mark.parametrize("shape", [(5,), (5, 2), (4, 5, 1)])
def test_points_of_a_wrong_shape_are_an_error(simulator: Simulator, shape: tuple[int, ...]) -> None:
    with pytest.raises(RunError, match="at has shape"):
        simulator.rollout(torch.zeros(4, 32, 1), 1, at=torch.zeros(shape), parameters=torch.ones(4, 1))


def test_no_steps_are_an_error(simulator: Simulator) -> None:
    with pytest.raises(RunError, match="steps"):
        simulator.rollout(torch.zeros(4, 32, 1), 0, parameters=torch.ones(4, 1))


@pytest.mark.parametrize("content", ["missing", "empty", "text", "truncated", "another object", "a checkpoint", "bare"])
def test_a_file_that_is_no_simulator_is_an_error_that_names_it(
    content: str, file: Path, tmp_path: Path, trained: "Trained"
) -> None:
    path = tmp_path / "other.pt"
    if content == "empty":
        path.write_bytes(b"")
    elif content == "text":
        path.write_text("hello, this is no simulator")
    elif content == "truncated":
        path.write_bytes(file.read_bytes()[:-300])
    elif content == "another object":
        torch.save(torch.nn.Linear(1, 1), path)
    elif content == "a checkpoint":
        path.write_bytes(trained.saved[-1])
    elif content == "bare":
        torch.save({"schema": 1}, path)
    with pytest.raises(RunError, match=r"other\.pt: (cannot be read|is damaged|not a simulator)"):
        Simulator.load(path)


def test_weights_that_do_not_fit_the_parts_are_an_error_that_names_the_file(file: Path) -> None:
    payload = torch.load(file, weights_only=True)
    payload["state"].popitem()
    torch.save(payload, file)
    with pytest.raises(RunError, match=f"{file.name}: its weights do not fit"):
        Simulator.load(file)


def test_a_simulator_of_a_plugin_that_is_missing_says_which(file: Path) -> None:
    payload = torch.load(file, weights_only=True)
    payload["description"]["encoder"]["use"] = "gone:grid"
    torch.save(payload, file)
    with pytest.raises(UpsError, match="no encoder called 'gone:grid'"):
        Simulator.load(file)


@pytest.mark.parametrize(
    ("settings", "frames"),
    [
        (("simulator.rollout=field", "sampler={ use = 'dense' }"), 4),
        (("simulator.rollout=latent", "sampler={ use = 'dense' }"), 3),
        (("simulator.rollout=field", "simulator.predicts=state", "sampler={ use = 'dense' }"), 3),
        (("simulator.rollout=field", "sampler.points=16"), 3),
        (("simulator.rollout=field", "stages.operator.unroll=1", "sampler.points=16"), 1),
    ],
    ids=["through fields", "through latents", "state", "half of the points", "half of the points of one frame"],
)
def test_a_step_decodes_nothing_twice(prepare_recipe: "Prepare", settings: tuple[str, ...], frames: float) -> None:
    """In whole grids a sample: two predicted frames, what their changes count from, and the reconstruction.

    The reconstruction is the decoded start of frame 1. Frame 1 is decoded on the grid if it is encoded again; half of
    the points are half a grid, where that is not done anyway.
    """
    prepared = prepare_recipe("stages.operator.unroll=2", *settings)
    decoded: list[int] = []
    indexed: list[bool] = []

    def record(module: nn.Module, given: tuple[Any, ...], values: Tensor) -> None:
        decoded.append(values.shape[0] * values.shape[1])
        indexed.append(given[2] is not None)

    prepared.system.simulator.decoder.register_forward_hook(record)
    batches = Batches(prepared.system, prepared.data, "operator")
    step = batches.audit_step(0)
    prepared.system.objectives["operator"].raw(step)
    assert {"prediction", "reconstruction"} <= vars(step).keys()
    assert sum(decoded) / (len(step.truth) * step.truth.shape[2]) == frames
    assert all(indexed), "the decoder is told that these are points of the grid"
