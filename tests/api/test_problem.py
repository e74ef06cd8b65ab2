"""Channels and parameters of a problem."""

from typing import Literal

import attrs
import pytest
import torch

from ups_framework.api import Axis, Field, Grid, Parameter, Problem, Quantity, SpecError

GRID = Grid(axes=(Axis(name="x"), Axis(name="y")), shape=(4, 4), offset=(0.5, 0.5))
FLOW = Problem(
    name="flow",
    fields=(Field(name="density"), Field(name="velocity", components=2), Field(name="pressure")),
    grid=GRID,
    dt=0.1,
)


def scaled(parameter: Parameter, *values: float) -> list[float]:
    problem = attrs.evolve(FLOW, parameters=(parameter,))
    return [column.item() for column in problem.scaled_parameters(torch.tensor(values)[:, None])[:, 0]]


def test_channels_follow_each_other_in_the_order_of_the_fields() -> None:
    assert FLOW.num_channels == 4
    assert FLOW.channels("density") == slice(0, 1)
    assert FLOW.channels("velocity") == slice(1, 3)
    assert FLOW.channels("pressure") == slice(3, 4)


def test_a_vectors_channels_are_named_after_the_axes() -> None:
    assert FLOW.channel_names == ("density", "velocity_x", "velocity_y", "pressure")


def test_a_field_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(SpecError, match=r"^field: flow has no field 'rho' \(it has: density, velocity, pressure\)$"):
        FLOW.channels("rho")


def test_a_linear_parameter_is_mapped_to_minus_one_to_one() -> None:
    parameter = Parameter(name="speed", low=2.0, high=6.0)
    assert scaled(parameter, 2.0, 3.0, 4.0, 6.0) == [-1.0, -0.5, 0.0, 1.0]


def test_equal_ratios_of_a_logarithmic_parameter_are_equal_steps() -> None:
    parameter = Parameter(name="viscosity", low=0.001, high=0.1, scale="log")
    expected = [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert scaled(parameter, 1e-3, 10**-2.5, 1e-2, 10**-1.5, 1e-1) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_parameter_of_one_value_is_zero(scale: Literal["linear", "log"]) -> None:
    assert scaled(Parameter(name="a", low=3, high=3, scale=scale), 3.0, 3.0) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("low", "high", "scale", "problem"),
    [
        (2.0, 1.0, "linear", "nu: goes from 2 to 1: the first is to be the smaller one"),
        (float("nan"), 1.0, "linear", "nu: goes from nan to 1"),
        (0.0, 1.0, "log", "nu: has a logarithmic scale, and 0 has no logarithm"),
    ],
)
def test_a_range_that_is_none_is_refused(
    low: float, high: float, scale: Literal["linear", "log"], problem: str
) -> None:
    with pytest.raises(SpecError, match=problem):
        Parameter(name="nu", low=low, high=high, scale=scale)


def test_each_parameter_has_its_own_range() -> None:
    parameters = (Parameter(name="a", low=0, high=1), Parameter(name="b", low=1, high=100, scale="log"))
    result = attrs.evolve(FLOW, parameters=parameters).scaled_parameters(torch.tensor([[1.0, 10.0], [0.5, 1.0]]))
    torch.testing.assert_close(result, torch.tensor([[1.0, 0.0], [0.0, -1.0]]))


def test_a_problem_without_parameters_has_an_empty_column_for_each_sample() -> None:
    assert FLOW.scaled_parameters(torch.zeros(3, 0)).shape == (3, 0)


def test_a_conserved_quantity_is_an_integral_of_first_or_second_power() -> None:
    assert Quantity(name="energy", field="velocity", power=2).power == 2
    with pytest.raises(ValueError, match="power"):
        Quantity(name="skew", field="velocity", power=3)


@pytest.mark.parametrize("value", [0.0, 9.9e-7, 1.001])
def test_a_parameter_holds_its_ends_but_for_rounding_and_nothing_beyond(value: float) -> None:
    parameter = Parameter(name="viscosity", low=1e-6, high=1.0, scale="log")
    assert parameter.holds(torch.tensor([1e-6, 1.0]))
    assert not parameter.holds(torch.tensor([1e-6, value]))
