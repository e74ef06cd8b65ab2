"""What does not suit the problem is found by `ups check`, with its place in the recipe and the reason."""

from collections.abc import Callable

import pytest

from ups_framework.engine.mistakes import find_mistakes
from ups_framework.recipe import Recipe

BOX = "data.box=true"
PRIOR = "losses.prediction="


@pytest.mark.parametrize(
    ("dataset", "settings", "mistake"),
    [
        ("tracer", f"{PRIOR}{{use='positivity', field='v'}}", "losses.prediction.field: tracer has no field 'v' (it"),
        ("tracer", f"{PRIOR}{{use='smoothness', field='v'}}", "losses.prediction.field: tracer has no field 'v' (it"),
        ("tracer", "metrics.n={use='negativity', field='v'}", "metrics.n.field: tracer has no field 'v' (it has: u)"),
        ("tracer", "metrics.n={use='roughness', field='v'}", "metrics.n.field: tracer has no field 'v' (it has: u)"),
        ("tracer", "guards.g={use='clamp_positive', field='v'}", "guards.g.field: tracer has no field 'v' (it has: u)"),
        (
            "tracer",
            f"{PRIOR}{{use='divergence'}}",
            "losses.prediction.field: a divergence needs a vector field",
        ),
        (
            "tracer",
            "guards.g={use='project_divergence_free'}",
            "guards.g.field: a divergence needs a vector field",
        ),
        (
            "eddies",
            "guards.g={use='project_divergence_free', field='density'}",
            "guards.g.field: 'density' is no vec",
        ),
        (
            "eddies",
            f"{BOX};guards.g={{use='project_divergence_free'}}",
            "guards.g.use: this projection needs periodic axes, but y is dirichlet",
        ),
        ("eddies", f"{BOX};guards.g={{use='project_mean'}}", "guards.g.quantity: eddies conserves nothing with this"),
        ("eddies", f"{BOX};{PRIOR}{{use='conservation'}}", "losses.prediction.quantity: eddies conserves nothing with"),
        (
            "eddies",
            "guards.g={use='project_mean'}",
            "guards.g.quantity: a shift keeps integrals of power 1, and sq",
        ),
        (
            "tracer",
            "guards.g={use='project_mean', quantity='energy'}",
            "guards.g.quantity: tracer does not conserve",
        ),
        ("eddies", f"{PRIOR}{{use='pde_residual'}}", "losses.prediction.use: eddies gives no residual of its equation"),
        ("eddies", "metrics.r={use='pde_residual'}", "metrics.r.use: eddies gives no residual of its equation: take"),
        (
            "tracer",
            f"{PRIOR}{{use='dissipation', quantity='mass'}}",
            "losses.prediction.quantity: tracer does not say that 'mass' never grows (it says so of: energy)",
        ),
        (
            "eddies",
            f"{BOX};metrics.g={{use='dissipation_growth'}}",
            "metrics.g.quantity: eddies declares nothing that never grows: take this component out",
        ),
        (
            "tracer",
            f"{PRIOR}{{use='boundary', axis='y'}}",
            "losses.prediction.axis: tracer has no axis 'y'",
        ),
    ],
)
def test_what_does_not_suit_the_problem_is_refused_with_the_reason(
    make_recipe: Callable[..., Recipe], dataset: str, settings: str, mistake: str
) -> None:
    (found,) = find_mistakes(make_recipe(dataset, *settings.split(";")))
    assert str(found).startswith(mistake)


@pytest.mark.parametrize("dataset", ["tracer", "eddies"])
def test_what_suits_is_not(make_recipe: Callable[..., Recipe], dataset: str) -> None:
    terms = "{a={use='dissipation'}, b={use='positivity'}, prediction={use='smoothness'}}"
    guards = {"tracer": "project_mean", "eddies": "project_divergence_free"}[dataset]
    settings = (f"losses={terms}", f"guards.g={{use='{guards}'}}", "stages.operator.losses=['a', 'b', 'prediction']")
    assert find_mistakes(make_recipe(dataset, *settings)) == []
