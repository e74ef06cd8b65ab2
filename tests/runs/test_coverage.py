"""Where a run looked, from its state to its report."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ups_framework.api import Axis, Grid
from ups_framework.errors import RunError
from ups_framework.runs.coverage import coverage_picture, load_coverage, save_coverage

LINE = Grid(axes=(Axis(name="x"),), shape=(6,), offset=(0.5,))
PLANE = Grid(axes=(Axis(name="x"), Axis(name="y")), shape=(2, 3), offset=(0.5, 0.5))


@pytest.mark.parametrize("grid", [LINE, PLANE], ids=["line", "plane"])
def test_counts_come_back_with_one_dimension_an_axis_and_are_drawn(grid: Grid, tmp_path: Path) -> None:
    counts = torch.arange(6)
    save_coverage(tmp_path / "coverage.npy", counts, grid)
    found = load_coverage(tmp_path / "coverage.npy")
    assert np.array_equal(found, counts.reshape(grid.shape).numpy())
    figure = coverage_picture(found)
    assert figure is not None
    assert figure.axes[0].get_xlabel()


def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "coverage.npy").write_bytes(b"no array")
    with pytest.raises(RunError, match=r"coverage\.npy: cannot be read, or is damaged"):
        load_coverage(tmp_path / "coverage.npy")


def test_off_the_grid_a_point_counts_for_the_nearest_one() -> None:
    """Cell centres at 1/12, 3/12 ...: the ends of a ring belong to the cells beside them."""
    assert LINE.nearest(torch.tensor([[0.0], [0.1], [0.3], [0.99], [1.0]])).tolist() == [0, 0, 1, 5, 0]
    assert PLANE.nearest(torch.tensor([[0.1, 0.9], [0.6, 0.4]])).tolist() == [2, 4]
