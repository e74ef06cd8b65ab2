"""Padding of each axis by what lies beyond its end."""

import pytest
import torch

from ups_framework.api import Axis, Boundary
from ups_framework.numerics.padding import pad_axes

PERIODIC, WALLED = Axis(name="x"), Axis(name="y", boundary="dirichlet")


@pytest.mark.parametrize(
    ("boundary", "expected"),
    [
        ("periodic", [3, 4, 1, 2, 3, 4, 1, 2]),
        ("dirichlet", [1, 1, 1, 2, 3, 4, 4, 4]),
        ("neumann", [1, 1, 1, 2, 3, 4, 4, 4]),
    ],
)
def test_a_line_goes_on_at_its_other_end_or_repeats_its_edge(boundary: Boundary, expected: list[int]) -> None:
    line = torch.tensor([1.0, 2.0, 3.0, 4.0])[None, None]
    assert pad_axes(line, [Axis(name="x", boundary=boundary)], [2])[0, 0].tolist() == expected


def test_each_axis_of_a_plane_has_its_own_boundary_and_amount() -> None:
    plane = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])[None, None]
    expected = [[5, 5, 5, 6, 6, 6], [1, 1, 1, 2, 2, 2], [3, 3, 3, 4, 4, 4], [5, 5, 5, 6, 6, 6], [1, 1, 1, 2, 2, 2]]
    assert pad_axes(plane, [PERIODIC, WALLED], [1, 2])[0, 0].tolist() == expected
    turned = pad_axes(plane.transpose(2, 3), [WALLED, PERIODIC], [2, 1])
    assert turned[0, 0].T.tolist() == expected


def test_a_periodic_box_is_the_tiled_box() -> None:
    box = torch.arange(2 * 3 * 2 * 3 * 4.0).reshape(2, 3, 2, 3, 4)
    tiled = box.repeat(1, 1, 3, 3, 3)[:, :, 1:5, 1:8, 4 - 2 : 8 + 2]
    assert torch.equal(pad_axes(box, [PERIODIC] * 3, [1, 2, 2]), tiled)


def test_padding_by_nothing_changes_nothing() -> None:
    plane = torch.rand(2, 3, 4, 5)
    assert torch.equal(pad_axes(plane, [PERIODIC, WALLED], [0, 0]), plane)
