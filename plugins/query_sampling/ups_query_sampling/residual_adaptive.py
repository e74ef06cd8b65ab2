"""More points where the model is wrong."""

from collections.abc import Mapping
from typing import ClassVar

from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Grid, Occasion, Points, Problem, Sampler, Sampling
from ups_query_sampling.count import asked, num_points
from ups_query_sampling.error_map import ErrorMap
from ups_query_sampling.inclusion import inclusion_probabilities, systematic


@frozen(kw_only=True)
class ResidualAdaptive(Sampler):
    """k different points, point i with probability ∝ e_i^p / mean(e^p) + c, e being the model's error there so far.

    Errors count alike where they are drawn, so that the loss itself leans towards the places where the model is worst
    (`importance` with `by = "error"` does not lean). e is a running root mean square over training, kept in
    checkpoints; before anything is seen all points are alike. Meant for what keeps its place: walls, forcing, fronts
    that stand. Good values: p = 1, c = 1; p = 2, c = 0 leans most.

    C. Wu et al., Comput. Methods Appl. Mech. Eng. 403 (2023), there for collocation points of residuals.
    """

    counts: ClassVar[bool] = True
    example: ClassVar[Mapping[str, object]] = {"fraction": 0.25}

    points: int | None = None
    """How many points, k; at most as many as the grid has."""

    fraction: float | None = None
    """In place of `points`: k as a fraction of the grid's points, in (0, 1], rounded."""

    power: float = field(default=1.0, validator=validators.ge(0))
    """p: how much more a larger error counts."""

    uniform: float = field(default=1.0, validator=validators.gt(0))
    """c: what every point has before."""

    def build(self, problem: Problem) -> Sampling:
        """The draw; SpecError unless exactly one of `points` and `fraction` is given and the grid has enough points."""
        return _ResidualAdaptive(self, problem.grid, num_points(self.points, self.fraction, problem.grid))


class _ResidualAdaptive(Sampling):
    coordinates: Tensor
    learns = True

    def __init__(self, spec: ResidualAdaptive, grid: Grid, count: int) -> None:
        super().__init__()
        self.spec, self.grid, self.count = spec, grid, count
        self.errors = ErrorMap(grid.num_points)
        self.register_buffer("coordinates", grid.points(), persistent=False)

    def draw(self, occasion: Occasion) -> Points:
        count = asked(occasion, self.count, self.grid)
        error = self.errors.root_mean_square() ** self.spec.power
        probability = inclusion_probabilities(error / error.mean() + self.spec.uniform, count)
        index = systematic(probability, count, occasion.generator)
        return Points(coordinates=self.coordinates[index], index=index)

    def observe(self, points: Points, error: Float[Tensor, "B K Q"]) -> None:
        self.errors.observe(points, error)
