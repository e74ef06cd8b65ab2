"""How many points a sampler draws."""

from ups_framework.api import Grid, Occasion, SpecError


def num_points(points: int | None, fraction: float | None, grid: Grid) -> int:
    """The number of points asked for, given as a number or as a fraction of the grid, in 1 … N.

    Raises SpecError unless exactly one of the two is given and the grid has that many points.
    """
    if (points is None) == (fraction is None):
        found = "neither" if points is None else "both"
        raise SpecError("points", f"give either `points` or `fraction`; found {found}")
    if points is not None:
        return _checked(points, grid)
    assert fraction is not None
    return _from_fraction(fraction, grid)


def asked(occasion: Occasion, own: int, grid: Grid) -> int:
    """How many points to draw now: the occasion's count where it has one, else the sampler's own."""
    count = own if occasion.count is None else occasion.count
    assert 1 <= count <= grid.num_points, f"{count} points asked of a grid of {grid.num_points}"
    return count


def _checked(points: int, grid: Grid) -> int:
    if points < 1:
        raise SpecError("points", f"{points} points asked, at least 1 is needed")
    if points > grid.num_points:
        raise SpecError(
            "points",
            f"{points} points asked, the grid has {grid.num_points};"
            " use the sampler 'dense' to supervise all of them, or ask for fewer",
        )
    return points


def _from_fraction(fraction: float, grid: Grid) -> int:
    if not 0 < fraction <= 1:
        raise SpecError("fraction", f"{fraction} is not in (0, 1]; 1.0 draws all {grid.num_points} points")
    points = round(fraction * grid.num_points)
    if points == 0:
        raise SpecError("fraction", f"{fraction} of the grid's {grid.num_points} points is less than half a point")
    return points
