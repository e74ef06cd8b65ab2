"""What is said of a recipe before it runs is what a run finds."""

import math

import pytest
import torch

from tests.engine.conftest import MakeRecipe, Prepare
from ups_framework.api import Axis, Field, Grid, Parameter, Problem
from ups_framework.engine.estimate import try_stages
from ups_framework.engine.explain import explain, made_up_trajectories
from ups_framework.plugins import Registry

TERMS = {
    "spectrum": "use='spectral'",
    "again": "use='inverse_decoding'",
    "latent": "use='latent_forward'",
    "norm": "use='latent_norm'",
    "dead": "use='detached'",
}


def test_losses_reach_the_parts_that_the_audit_finds_on_real_data(
    make_recipe: MakeRecipe, prepare_recipe: Prepare, registry: Registry
) -> None:
    effects = explain(make_recipe(terms=TERMS), registry).effects
    prepared = prepare_recipe(terms=TERMS)
    for trial in try_stages(prepared.system, prepared.data):
        real = {term: {part: norm > 0 for part, norm in parts.items()} for term, parts in trial.norms.parts.items()}
        found = {
            term: {part: effect == "yes" for part, effect in parts.items()}
            for term, parts in effects[trial.name].items()
        }
        assert found == real
    assert set(effects["operator"]["dead"].values()) == {"no"}
    assert effects["autoencode"] == {"reconstruction": {"encoder": "yes", "decoder": "yes"}}


def test_shapes_and_counts_are_those_of_the_built_system(
    make_recipe: MakeRecipe, prepare_recipe: Prepare, registry: Registry
) -> None:
    found, system = explain(make_recipe(), registry), prepare_recipe().system
    assert found.latent.tokens.shape[1:] == (8, 16)
    assert found.points == 16
    for name, part in system.simulator.parts.items():
        assert found.parameters[name] == sum(parameter.numel() for parameter in part.parameters())


def test_a_gradient_that_is_no_number_is_said(make_recipe: MakeRecipe, registry: Registry) -> None:
    effects = explain(make_recipe(terms={"breaks": "use='breaks', call=1"}), registry).effects["operator"]
    assert set(effects["breaks"].values()) == {"not finite"}
    assert set(effects["prediction"].values()) == {"yes"}


def test_a_stage_without_steps_is_left_out(make_recipe: MakeRecipe, registry: Registry) -> None:
    assert list(explain(make_recipe("stages.autoencode.steps=0"), registry).effects) == ["operator"]


def test_explaining_draws_nothing_from_the_global_generator(make_recipe: MakeRecipe, registry: Registry) -> None:
    before = torch.random.get_rng_state()
    explain(make_recipe("operator.drop_path=0.1", "operator.depth=2"), registry)
    assert torch.equal(torch.random.get_rng_state(), before)


def _problem(boundary: str) -> Problem:
    axes = (Axis(name="x", lower=-1.0, upper=3.0, boundary=boundary), Axis(name="y"))  # type: ignore[arg-type]
    return Problem(
        name="any",
        fields=(Field(name="p"), Field(name="v", components=2)),
        grid=Grid(axes=axes, shape=(64, 48), offset=(0.5, 0.0)),
        dt=0.1,
        parameters=(Parameter(name="a", low=0.001, high=10.0, scale="log"), Parameter(name="b", low=2.0, high=2.0)),
    )


@pytest.mark.parametrize("boundary", ["periodic", "dirichlet"])
def test_made_up_fields_are_smooth_and_have_the_problems_shape_and_parameters(boundary: str) -> None:
    problem = _problem(boundary)
    made_up = made_up_trajectories(problem, 3, seed=0)
    assert made_up.values.shape == (4, 3, 64 * 48, 3)
    values = problem.grid.unflatten(made_up.values)
    assert values.std((1, 2, 3)).min() > 0.01
    # the finest wave has two periods along the longest axis of 64 points: one point is at most 4π/64 of a radian
    assert values.diff(dim=2).abs().max() < 4 * math.pi / 64
    assert (values[:, 1:] != values[:, :-1]).any(dim=(2, 3)).all()
    low, high = made_up.parameters.min(0).values, made_up.parameters.max(0).values
    assert 0.001 <= low[0] < high[0] <= 10.0
    assert low[1] == high[1] == 2.0


def test_made_up_fields_are_a_function_of_the_seed() -> None:
    first, again, other = (made_up_trajectories(_problem("periodic"), 2, seed).values for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
