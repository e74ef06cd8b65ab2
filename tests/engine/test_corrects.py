"""With `simulator.corrects` a solver makes each step, and the networks add what it gets wrong there."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from ups_framework.api import EncodedFrame, Grid, Trajectories
from ups_framework.engine.build import System
from ups_framework.engine.simulator import Simulator
from ups_framework.errors import RecipeError, RunError
from ups_framework.plugins import Registry
from ups_framework.runs.exporting import as_torch

if TYPE_CHECKING:
    from tests.engine.conftest import MakeRecipe, Prepare, Train

SOLVER = "baselines.solver={use = 'sluggish'}"
HYBRID = (SOLVER, "simulator.corrects=solver")


def _forecast(system: System, data: Trajectories, steps: int) -> Tensor:
    return system.baselines["solver"](data.values[:, 0], steps, data.grid, data.parameters)


def _awake(system: System) -> Simulator:
    """With weights that change everything."""
    for parameter in system.simulator.parameters():
        torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(0))
    return system.simulator.eval()


def test_untrained_it_is_the_solver_at_every_frame(prepare_recipe: "Prepare") -> None:
    prepared = prepare_recipe(*HYBRID)
    data = prepared.data.validation
    rollout = prepared.system.simulator.eval().rollout(data.values[:, 0], 5, parameters=data.parameters)
    torch.testing.assert_close(rollout, _forecast(prepared.system, data, 5), atol=1e-5, rtol=1e-4)


def test_it_makes_of_a_field_what_the_networks_make_of_the_solvers_on_the_grid_and_between(
    prepare_recipe: "Prepare",
) -> None:
    hybrid, plain = prepare_recipe(*HYBRID), prepare_recipe(SOLVER)
    data = hybrid.data.validation
    start, solved = data.values[:, 0], _forecast(hybrid.system, data, 1)[:, 0]
    grid = hybrid.system.simulator.grid_points
    for at, of in ((None, slice(None)), (grid[::4].clone(), slice(None, None, 4))):
        one, other = (
            _awake(each.system).rollout(field, 1, at=at, parameters=data.parameters)[:, 0]
            for each, field in ((hybrid, start), (plain, solved))
        )
        assert float((one - solved[:, of]).abs().max()) > 1e-3
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("rollout", ["field", "latent"])
def test_the_solver_goes_on_from_the_corrected_frame_or_from_its_own(prepare_recipe: "Prepare", rollout: str) -> None:
    prepared = prepare_recipe(*HYBRID, f"simulator.rollout={rollout}")
    simulator, data = _awake(prepared.system), prepared.data.validation

    def first(field: Tensor) -> Tensor:
        return simulator.rollout(field, 1, parameters=data.parameters)[:, 0]

    found = simulator.rollout(data.values[:, 0], 2, parameters=data.parameters)
    before = found[:, 0] if rollout == "field" else _forecast(prepared.system, data, 1)[:, 0]
    torch.testing.assert_close(found[:, 1], first(before), atol=1e-5, rtol=1e-4)


def test_guards_hold_a_solvers_own_rollout_against_the_known_field(prepare_recipe: "Prepare") -> None:
    """This solver adds to the mean in each step, and goes on from what it has."""
    solver = "baselines.solver={use = 'sluggish', gain = 0.1}"
    prepared = prepare_recipe(solver, *HYBRID[1:], "simulator.rollout=latent", "guards.mean={use = 'keep_mean'}")
    data = prepared.data.validation
    rollout = _awake(prepared.system).rollout(data.values[:, 0], 3, parameters=data.parameters)
    mean = data.values[:, :1].mean(2).expand(-1, 3, -1)
    assert float((_forecast(prepared.system, data, 3).mean(2) - mean).abs().max()) > 0.2
    torch.testing.assert_close(rollout.mean(2), mean, atol=1e-5, rtol=0)


def test_trained_it_is_better_than_the_solver_and_than_the_networks_alone(train: "Train") -> None:
    more = ("stages.operator.steps=150", "optimizer.method=muon", "optimizer.learning_rate=3e-3")
    trained, alone = train(*HYBRID, *more), train(SOLVER, *more)
    data = trained.data.validation
    truth, solved = data.values[:, 1], _forecast(trained.system, data, 1)[:, 0]
    found, other = (
        each.system.simulator.eval().rollout(data.values[:, 0], 1, parameters=data.parameters)[:, 0]
        for each in (trained, alone)
    )
    assert (found - truth).norm() < 0.6 * (solved - truth).norm()
    assert (found - truth).norm() < 0.8 * (other - truth).norm()


def test_gradients_of_later_frames_reach_earlier_ones_as_if_the_solver_changed_nothing(
    prepare_recipe: "Prepare",
) -> None:
    """Untrained, D(A z) − D(z) has no gradient by the field: what is left is that of the field itself."""
    prepared = prepare_recipe(*HYBRID)
    simulator, data = prepared.system.simulator.eval(), prepared.data.validation
    start = data.values[:, 0].clone().requires_grad_()
    latent = simulator.encode(start, data.parameters)
    frame = simulator.first(EncodedFrame(model=simulator, field=start, latent=latent), data.parameters)
    frame = simulator.next(frame, data.parameters)
    weights = torch.randn(start.shape, generator=torch.Generator().manual_seed(0))
    (frame.on_grid * weights).sum().backward()
    torch.testing.assert_close(start.grad, weights, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("value", [float("nan"), 1e30])
def test_a_field_that_left_the_data_is_not_given_to_the_solver_and_harms_no_other(
    prepare_recipe: "Prepare", value: float
) -> None:
    prepared = prepare_recipe(*HYBRID)
    data, solver = prepared.data.validation, prepared.system.baselines["solver"]
    seen = []

    def watched(start: Tensor, steps: int, grid: Grid, parameters: Tensor) -> Tensor:
        seen.append(start)
        return solver(start, steps, grid, parameters)

    simulator = prepared.system.simulator.eval()
    simulator.solver = watched
    start = data.values[:, 0].clone()
    start[1, 3] = value
    rollout = simulator.rollout(start, 2, parameters=data.parameters)
    assert all(len(each) == len(start) - 1 and bool(each.isfinite().all()) for each in seen)
    others = [0, *range(2, len(start))]
    torch.testing.assert_close(rollout[others], _forecast(prepared.system, data, 2)[others], atol=1e-5, rtol=1e-4)
    assert not bool((rollout[1].abs() < 100).all()), "and it is still seen to have diverged"


def test_a_saved_one_brings_its_solver_and_is_not_exported_as_a_program(
    prepare_recipe: "Prepare", tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare_recipe(*HYBRID)
    simulator, data = _awake(prepared.system), prepared.data.validation
    simulator.save(tmp_path / "simulator.pt")
    monkeypatch.setattr("ups_framework.engine.build.load_plugins", lambda: registry)
    again = Simulator.load(tmp_path / "simulator.pt").rollout(data.values[:, 0], 3, parameters=data.parameters)
    assert torch.equal(again, simulator.rollout(data.values[:, 0], 3, parameters=data.parameters))
    with pytest.raises(RunError, match="corrects the solver 'solver', which is no network and cannot be exported"):
        as_torch(simulator, 1)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (("simulator.corrects=solvr",), "there is no [baselines.solvr] (did you mean 'solver'?)"),
        (("simulator.corrects=solver", "simulator.predicts=state"), "it needs predicts = 'change'"),
        (
            ("simulator.corrects=solver", "simulator.rollout=latent", "stages.operator.detach_every=1"),
            "changes nothing: no gradient passes 'solver', which goes on from its own frames",
        ),
        (("simulator.corrects=solver", "simulator.rollout=latent", "stages.operator=3"), "stages.operator"),
    ],
)
def test_what_cannot_be_corrected_is_refused(
    make_recipe: "MakeRecipe", settings: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(RecipeError) as error:
        make_recipe(SOLVER, *settings)
    assert problem in str(error.value)
