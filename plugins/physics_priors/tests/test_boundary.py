"""The boundary penalty and its metric against violations that can be written down."""

from collections.abc import Callable
from itertools import product
from typing import Literal

import attrs
import pytest
import torch
from torch import Tensor
from ups_physics_priors.boundary import Boundary, BoundaryViolation
from ups_physics_priors.size import root_mean_square
from ups_physics_priors.walls import Face, Sides, one_sided_weights, points_at

from ups_framework.api import Field, Grid, Problem, SpecError, Step

MakeStep = Callable[..., Step]
MakeGrid = Callable[..., Grid]
Kind = Literal["periodic", "dirichlet", "neumann"]
CLOSE = 2e-6  # a penalty is up to 1e-6 below the root mean square, by its definition; the rest is rounding


def problem_on(grid: Grid, *fields: Field) -> Problem:
    return Problem(name="heat", fields=fields or (Field(name="u"),), grid=grid, dt=0.1)


def field_on(grid: Grid, formula: Callable[[Tensor], Tensor]) -> Tensor:
    """One channel on the grid, from a function of the coordinates."""
    return formula(grid.points()).reshape(-1, 1)


def penalty(make_step: MakeStep, grid: Grid, field: Tensor, **settings: object) -> float:
    """The penalty of a prediction `field`, from a start of size 1."""
    problem = problem_on(grid)
    step = make_step(problem, torch.ones(1, grid.num_points, 1), field - 1)
    return Boundary(**settings).build(problem)(step).item()  # type: ignore[arg-type]  # fields of Boundary


def measured(grid: Grid, field: Tensor, **settings: object) -> float:
    """The metric of a prediction `field`, where the truth has size 1."""
    truth = torch.ones(1, 1, grid.num_points, 1)
    measure = BoundaryViolation(**settings).build(problem_on(grid))  # type: ignore[arg-type]  # fields of the metric
    return measure(field[None, None], truth, grid).item()


@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5])
@pytest.mark.parametrize(("sides", "expected"), [("lower", 0.6), ("upper", 0.2), ("all", 0.2**0.5)])
def test_a_line_misses_a_dirichlet_wall_by_its_value_there(
    make_grid: MakeGrid, make_step: MakeStep, offset: float, sides: Sides, expected: float
) -> None:
    grid = make_grid(16, offset=offset, boundary="dirichlet", wall=0.3)
    line = field_on(grid, lambda x: 0.1 + 0.4 * x)  # -0.3 and 0.5 at the walls, hence off by 0.6 and 0.2
    assert penalty(make_step, grid, line, sides=sides) == pytest.approx(expected, abs=CLOSE)
    assert measured(grid, line, sides=sides) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("sides", "expected"), [("lower", 0.0), ("upper", 0.0), ("all", 0.0)])
def test_a_slope_that_is_the_walls_own_violates_no_neumann_wall(
    make_grid: MakeGrid, make_step: MakeStep, sides: Sides, expected: float
) -> None:
    grid = make_grid(16, boundary="neumann", wall=0.4)
    line = field_on(grid, lambda x: 0.1 + 0.4 * x)
    assert penalty(make_step, grid, line, sides=sides) == pytest.approx(expected, abs=CLOSE)
    assert measured(grid, line, sides=sides) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_a_slope_at_a_neumann_wall_counts_as_the_change_over_one_spacing(
    make_grid: MakeGrid, make_step: MakeStep, offset: float
) -> None:
    grid = make_grid(16, offset=offset, boundary="neumann", wall=0.1)
    line = field_on(grid, lambda x: 0.4 * x)
    assert penalty(make_step, grid, line) == pytest.approx(0.3 * 2 / 16, abs=CLOSE)
    assert measured(grid, line) == pytest.approx(0.3 * 2 / 16, rel=1e-3)


@pytest.mark.parametrize(("sides", "slope"), [("lower", -1.0), ("upper", 3.0)])
def test_the_slope_of_a_parabola_is_found_at_each_neumann_wall(make_grid: MakeGrid, sides: Sides, slope: float) -> None:
    grid = make_grid(16, boundary="neumann")
    parabola = field_on(grid, lambda x: x + x**2)
    assert measured(grid, parabola, sides=sides) == pytest.approx(abs(slope) * 2 / 16, rel=1e-3)


def test_a_line_misses_periodicity_by_its_jump(make_grid: MakeGrid, make_step: MakeStep) -> None:
    grid = make_grid(16, boundary="periodic")
    line = field_on(grid, lambda x: 0.3 * x)
    assert penalty(make_step, grid, line) == pytest.approx(0.6, abs=CLOSE)
    assert measured(grid, line) == pytest.approx(0.6, rel=1e-4)


@pytest.mark.parametrize(("boundary", "order"), [("dirichlet", 2), ("neumann", 3)])
def test_the_truths_own_violation_falls_with_the_spacing(
    make_grid: MakeGrid, boundary: Literal["dirichlet", "neumann"], order: int
) -> None:
    def solution(x: Tensor) -> Tensor:
        x = x.double()
        return 1 - x**4 if boundary == "dirichlet" else x**4 - 2 * x**2

    grids = [make_grid(n, boundary=boundary) for n in (32, 64)]
    coarse, fine = (measured(grid, field_on(grid, solution)) for grid in grids)
    assert coarse / fine == pytest.approx(2**order, rel=0.2)


@pytest.fixture
def channel(make_grid: MakeGrid) -> Grid:
    """Periodic along x, walls of value 0 along y."""
    grid = make_grid(6, 8)
    x, y = grid.axes
    return attrs.evolve(grid, axes=(x, attrs.evolve(y, boundary="dirichlet")))


def test_in_two_dimensions_walls_are_read_along_the_grids_other_coordinate(channel: Grid, make_step: MakeStep) -> None:
    field = field_on(channel, lambda points: (1 + points[:, 0]) * (2 + points[:, 1]))
    along = (1 + channel.coordinates(0)).square().mean().item()
    for side, factor in (("lower", 1.0), ("upper", 3.0)):
        assert penalty(make_step, channel, field, axis="y", sides=side) == pytest.approx(factor * along**0.5, abs=CLOSE)
        assert measured(channel, field, axis="y", sides=side) == pytest.approx(factor * along**0.5, rel=1e-4)


def test_in_two_dimensions_each_axis_has_its_own_condition(channel: Grid, make_step: MakeStep) -> None:
    field = field_on(channel, lambda points: (1 + points[:, 0]) * (2 + points[:, 1]))
    jump = 4 * (2 + channel.coordinates(1)).square().mean().item()
    walls = 5 * (1 + channel.coordinates(0)).square().mean().item()  # (1² + 3²) / 2
    assert penalty(make_step, channel, field, axis="x") == pytest.approx(jump**0.5, abs=CLOSE)
    both = (8 * jump + 12 * walls) / 20  # 8 pairs of points along x, 12 points on walls
    assert penalty(make_step, channel, field) == pytest.approx(both**0.5, abs=CLOSE)
    assert measured(channel, field) == pytest.approx(both**0.5, rel=1e-4)


def test_one_side_of_all_axes_leaves_periodic_axes_out(channel: Grid, make_step: MakeStep) -> None:
    field = field_on(channel, lambda points: (1 + points[:, 0]) * (2 + points[:, 1]))
    one, same = (penalty(make_step, channel, field, sides="lower", **axis) for axis in ({}, {"axis": "y"}))
    assert one == same


@pytest.mark.parametrize("boundary", ["dirichlet", "neumann", "periodic"])
@pytest.mark.parametrize("shape", [(16,), (6, 8)])
def test_the_gradient_reaches_the_prediction_and_lowers_the_violation(
    make_grid: MakeGrid, make_step: MakeStep, boundary: str, shape: tuple[int, ...]
) -> None:
    problem = problem_on(make_grid(*shape, boundary=boundary))
    term = Boundary().build(problem)
    random = torch.Generator().manual_seed(3)
    start = torch.randn(2, problem.grid.num_points, 1, generator=random)
    change = torch.randn(problem.grid.num_points, 1, generator=random).requires_grad_()
    before = term(make_step(problem, start, change, steps=2))
    (gradient,) = torch.autograd.grad(before, change)
    after = term(make_step(problem, start, (change - 0.05 * gradient).detach(), steps=2))
    assert gradient.abs().max() > 0
    assert after.item() < before.item()


@pytest.mark.parametrize(
    ("boundaries", "axis", "sides"),
    [
        *(((boundary,), None, sides) for boundary in ("dirichlet", "neumann") for sides in ("all", "lower", "upper")),
        *((("neumann", "neumann"), axis, sides) for axis in "xy" for sides in ("all", "lower", "upper")),
        *((pair, None, "all") for pair in product(("periodic", "dirichlet", "neumann"), repeat=2)),
    ],
)
@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5])
def test_penalty_and_metric_are_one_functional(
    make_grid: MakeGrid,
    make_step: MakeStep,
    boundaries: tuple[Kind, ...],
    axis: str | None,
    sides: Sides,
    offset: float,
) -> None:
    """On any field, corners included; the test's decoder extends it linearly to the walls, as the metric does."""
    grid = make_grid(*(6, 8)[: len(boundaries)], offset=offset, wall=0.3)
    axes = [attrs.evolve(item, boundary=kind) for item, kind in zip(grid.axes, boundaries, strict=True)]
    problem = problem_on(attrs.evolve(grid, axes=tuple(axes)))
    random = torch.Generator().manual_seed(4)
    start = torch.randn(1, grid.num_points, 1, generator=random)
    step = make_step(problem, start, 0.1 * torch.randn(grid.num_points, 1, generator=random), steps=2)
    measure = BoundaryViolation(axis=axis, sides=sides).build(problem)
    table = measure(step.prediction_on_grid, step.truth[:, 1:], problem.grid)
    penalty = Boundary(axis=axis, sides=sides).build(problem)(step)
    assert root_mean_square(table[None]).item() == pytest.approx(penalty.item(), abs=1e-6)


def test_a_slope_across_one_wall_of_a_square_is_seen_at_that_wall_alone(
    make_grid: MakeGrid, make_step: MakeStep
) -> None:
    """u = (1 + y) (2x − x²/2) has the slope 3 (1 + y) at x = −1 and (1 + y) at x = 1, whatever the corners do."""
    grid = make_grid(12, 8, boundary="neumann")
    field = field_on(grid, lambda points: (1 + points[:, 1]) * (2 * points[:, 0] - points[:, 0] ** 2 / 2))
    along = (1 + grid.coordinates(1)).square().mean().sqrt().item() * grid.spacing[0]
    for side, slope in (("lower", 3.0), ("upper", 1.0)):
        assert penalty(make_step, grid, field, axis="x", sides=side) == pytest.approx(slope * along, abs=CLOSE)
        assert measured(grid, field, axis="x", sides=side) == pytest.approx(slope * along, abs=CLOSE)


def test_each_field_is_judged_by_its_own_size(make_grid: MakeGrid, make_step: MakeStep) -> None:
    grid = make_grid(8, boundary="dirichlet")
    problem = problem_on(grid, Field(name="u"), Field(name="pressure", unit="Pa"))
    start = torch.tensor([1.0, 1e5]).expand(1, 8, 2)
    step = make_step(problem, start, torch.tensor([-0.9, -0.7e5]).expand(8, 2))
    assert Boundary().build(problem)(step).item() == pytest.approx(0.05**0.5, abs=CLOSE)  # (0.1² + 0.3²) / 2
    table = BoundaryViolation().build(problem)(step.prediction_on_grid, step.truth[:, 1:], grid)
    assert table[0].tolist() == pytest.approx([0.1, 0.3], rel=1e-4)


def test_where_nothing_is_predicted_nothing_is_violated(make_grid: MakeGrid, make_step: MakeStep) -> None:
    problem = problem_on(make_grid(8, boundary="dirichlet"))
    assert Boundary().build(problem)(make_step(problem, torch.ones(1, 8, 1), torch.ones(8, 1), steps=0)).item() == 0.0


def test_the_points_of_a_face_lie_exactly_on_it(channel: Grid) -> None:
    lower, upper = (points_at(channel, Face(axis=1, end=end), (0.0,))[0] for end in ("lower", "upper"))
    assert lower[:, 1].tolist() == [-1.0] * 6
    assert upper[:, 1].tolist() == [1.0] * 6
    assert torch.equal(lower[:, 0], channel.coordinates(0).float())


def test_one_sided_weights_at_whole_spacings_are_the_known_ones() -> None:
    assert one_sided_weights((0.0, 1.0, 2.0), derivative=1).tolist() == pytest.approx([-1.5, 2.0, -0.5])
    assert one_sided_weights((0.5, 1.5), derivative=0).tolist() == pytest.approx([1.5, -0.5])
    assert one_sided_weights((0.0,), derivative=0).tolist() == [1.0]


@pytest.mark.parametrize("kind", [Boundary, BoundaryViolation])
def test_an_axis_without_such_a_wall_is_an_error(
    kind: type[Boundary] | type[BoundaryViolation], channel: Grid, make_grid: MakeGrid
) -> None:
    kind(axis="y", sides="upper").build(problem_on(channel))
    with pytest.raises(SpecError, match=r"axis: heat has no axis 'z' \(it has: x, y\)"):
        kind(axis="z").build(problem_on(channel))
    with pytest.raises(SpecError, match="sides: no lower wall along x: a periodic axis joins its ends"):
        kind(axis="x", sides="lower").build(problem_on(channel))
    with pytest.raises(SpecError, match="sides: no upper wall along x, y"):
        kind(sides="upper").build(problem_on(make_grid(8, 8)))


def test_an_axis_too_short_for_a_wall_is_an_error(make_grid: MakeGrid) -> None:
    grid = make_grid(8, 2, boundary="neumann")
    with pytest.raises(SpecError, match="axis: 'y' has 2 points on the training grid"):
        Boundary().build(problem_on(grid))
