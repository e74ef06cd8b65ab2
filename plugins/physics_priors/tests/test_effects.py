"""Each penalty, given a large share of the gradient, lowers its own metric on data that was not trained on."""

from collections.abc import Callable

import attrs
import pytest
import torch
from attrs import frozen
from torch import Tensor
from ups_physics_priors.conservation import ConservationDrift
from ups_physics_priors.dissipation import DissipationGrowth
from ups_physics_priors.divergence import DivergenceNorm
from ups_physics_priors.pde_residual import PdeResidualMetric
from ups_physics_priors.positivity import Negativity
from ups_physics_priors.smoothness import Roughness

from ups_framework.api import Metric
from ups_framework.engine.prepare import Prepared, prepare
from ups_framework.engine.state import begin_stage
from ups_framework.engine.trainer import Trainer
from ups_framework.plugins import Registry
from ups_framework.recipe import Recipe

STEPS = 4


@frozen(kw_only=True, eq=False)
class Trained:
    """A trained system with its data."""

    prepared: Prepared
    rollout: Tensor = attrs.field(init=False)

    @rollout.default
    def _of_validation(self) -> Tensor:
        data = self.prepared.data.validation
        return self.prepared.system.simulator.eval().rollout(data.values[:, 0], STEPS, parameters=data.parameters)

    def measured(self, metric: Metric) -> float:
        """Root mean square of a metric over the steps of rollouts from validation starts."""
        data = self.prepared.data.validation
        found = metric.build(self.prepared.system.problem)(self.rollout, data.values[:, 1 : STEPS + 1], data.grid)
        return float(found.square().mean().sqrt())


Train = Callable[..., Trained]


@pytest.fixture(scope="module")
def train(make_recipe: Callable[..., Recipe], registry: Registry) -> Train:
    """Trains a recipe; what was trained before is not trained again."""
    done: dict[tuple[str, ...], Trained] = {}

    def run(dataset: str, *settings: str) -> Trained:
        key = (dataset, *settings)
        if key not in done:
            recipe = make_recipe(dataset, *settings)
            prepared = prepare(recipe, registry, torch.device("cpu"), lambda _: None)
            trainer = Trainer(
                system=prepared.system,
                data=prepared.data,
                listeners=[],
                save=lambda state: None,
                stopping=lambda: False,
            )
            trainer.run(begin_stage(prepared.system, 0))
            done[key] = Trained(prepared=prepared)
        return done[key]

    return run


@pytest.mark.parametrize(
    ("dataset", "seeds", "use", "metric", "largest"),
    [
        ("tracer", (0,), "positivity", Negativity(), 0.5),
        ("tracer", (0,), "smoothness", Roughness(), 0.8),
        ("tracer", (0,), "conservation", ConservationDrift(), 0.8),
        ("tracer", (0, 1), "pde_residual", PdeResidualMetric(), 0.95),
        ("eddies", (0,), "divergence", DivergenceNorm(), 0.7),
        ("eddies", (0,), "dissipation", DissipationGrowth(), 0.7),
    ],
)
def test_a_large_share_lowers_what_the_penalty_is_about(
    train: Train, dataset: str, seeds: tuple[int, ...], use: str, metric: Metric, largest: float
) -> None:
    """With the same seed, against the run without it, and in each of the seeds."""
    for seed in seeds:
        free = train(dataset, f"seed={seed}")
        held = train(
            dataset,
            f"seed={seed}",
            f"losses.prior={{use='{use}', share=0.8}}",
            "stages.operator.losses=['prediction', 'prior']",
        )
        print(use, seed, free.measured(metric), held.measured(metric))
        assert held.measured(metric) < largest * free.measured(metric)


def test_guards_hold_in_rollouts_of_a_simulator_that_was_trained_with_them(train: Train) -> None:
    few = ("stages.operator.steps=5",)
    flow = train(
        "eddies",
        *few,
        "guards.flow={use='project_divergence_free'}",
        "guards.density={use='clamp_positive', field='density'}",
    )
    assert flow.measured(DivergenceNorm()) < 1e-5
    assert flow.rollout[..., 2].min().item() >= 0.0
    mass = train("tracer", *few, "guards.mass={use='project_mean'}")
    assert mass.measured(ConservationDrift()) < 1e-6
    free = train("tracer", *few)
    assert free.measured(ConservationDrift()) > 1e-4
