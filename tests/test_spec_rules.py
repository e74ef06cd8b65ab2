"""A spec that breaks a rule is refused with the rule, when it is registered."""

from pathlib import Path
from typing import ClassVar

import pytest
from attrs import define, field, frozen

from ups_framework.api import Forecast, LossTerm, Problem, Sampler, Term
from ups_framework.api.kinds import Baseline
from ups_framework.errors import PluginError
from ups_framework.plugins import Registry


class _Loss(LossTerm):
    """A loss."""

    def build(self, problem: Problem) -> Term:
        return lambda step: step.prediction.mean()


@frozen(kw_only=True)
class Fine(LossTerm):
    """Keeps all rules."""

    order: int = 2
    """Order."""

    def build(self, problem: Problem) -> Term:
        return lambda step: step.prediction.mean()


@define(kw_only=True)
class Changeable(_Loss):
    """Not frozen."""


@frozen
class Positional(_Loss):
    """Not keyword-only."""

    order: int = 2


@frozen(kw_only=True)
class Child(Fine):
    """Varies a spec by inheriting."""


@frozen(kw_only=True)
class Undocumented(_Loss):
    order: int = 2


@frozen(kw_only=True)
class Reserved(_Loss):
    """Has names that are not its own."""

    use: str = ""
    weight: float = 1.0


@frozen(kw_only=True)
class Unwritable(_Loss):
    """Has a type that no TOML can say."""

    path: Path


@frozen(kw_only=True)
class NoNull(_Loss):
    """Could not be written back."""

    limit: float | None = 1.0


@frozen(kw_only=True)
class Computed(_Loss):
    """Computes before `build`."""

    order: int = field(default=2, init=False)


@frozen(kw_only=True)
class Unresolved(_Loss):
    """Refers to what is not there."""

    order: "Missing"  # type: ignore[name-defined]  # noqa: F821  # the fault that the test plants


@frozen(kw_only=True)
class Endless(_Loss):
    """Has itself inside."""

    inner: "tuple[Endless, ...]" = ()
    """More of it."""


@frozen(kw_only=True)
class Unannotated(_Loss):
    """Has a value that no recipe reaches."""

    factor = 1.0


@frozen(kw_only=True)
class Shared(_Loss):
    """Has one table for all."""

    table: dict[str, float] = {}  # noqa: RUF008  # the fault that the test plants
    """Numbers."""


@frozen(kw_only=True)
class SharedFull(_Loss):
    """Has one table for all."""

    table: dict[str, float] = field(default={"a": 1.0})
    """Numbers."""


@frozen(kw_only=True)
class Listed(_Loss):
    """Has a list for a tuple."""

    sizes: tuple[float, ...] = field(factory=list)
    """Numbers."""


@frozen(kw_only=True)
class Literals(_Loss):
    """Has a list for a tuple."""

    sizes: tuple[float, ...] = field(default=[1.0])
    """Numbers."""


@frozen(kw_only=True)
class Orderly(_Loss):
    """Has everything beside fields that a spec may have."""

    whole_grid = True  # the kind declares it
    largest: ClassVar[int] = 4
    _known = ("a", "b")

    table: dict[str, float] = field(factory=dict)
    """Numbers."""

    sizes: tuple[float, ...] = field(factory=tuple)
    """Numbers."""

    limits: tuple[float, ...] | None = None
    """Numbers."""

    @property
    def half(self) -> float:
        return self.largest / 2

    @classmethod
    def usual(cls) -> "Orderly":
        return cls()

    @staticmethod
    def known() -> tuple[str, ...]:
        return Orderly._known


@frozen(kw_only=True)
class Unbuildable(Sampler):
    """Has no `build`."""


@frozen(kw_only=True)
class Bystander(Baseline):
    """`weight` is reserved for losses only."""

    weight: float = 1.0
    """Allowed."""

    def build(self, problem: Problem) -> Forecast:
        return lambda start, steps, grid, parameters: start[:, None].expand(-1, steps, -1, -1)


def _nested() -> type[LossTerm]:
    @frozen(kw_only=True)
    class Nested(_Loss):
        """Stands in a function."""

    return Nested


@pytest.mark.parametrize(
    ("kind", "spec", "reason"),
    [
        ("loss", _Loss, "is not decorated with @frozen"),
        ("loss", Changeable, "is not frozen"),
        ("loss", Positional, "field 'order' is not keyword-only"),
        ("loss", Child, "specs are final"),
        ("loss", Undocumented, "has no docstring"),
        ("loss", Reserved, "field 'use' is a name that belongs to the framework; field 'weight' is a name"),
        ("loss", Unwritable, "which no recipe can write"),
        ("loss", NoNull, "its default must be None"),
        ("loss", Computed, "init=False"),
        ("loss", Unresolved, "annotations cannot be read (name 'Missing' is not defined)"),
        ("loss", _nested(), "is not at module level"),
        ("loss", Endless, "field 'inner' has the type Endless: it has itself as the type of a field"),
        (
            "loss",
            Unannotated,
            "'factor' has no annotation, so it is no field: write `factor: float = ...`",
        ),
        ("loss", Shared, "field 'table' has a mutable default, which all specs would share: use field(factory=dict)"),
        ("loss", SharedFull, "use field(factory=lambda: {'a': 1.0})"),
        ("loss", Listed, "field 'sizes' has a default that is a list, not a tuple: write a tuple, such as `= ()`"),
        ("loss", Literals, "field 'sizes' has a default that is a list, not a tuple"),
        ("sampler", Unbuildable, "does not define build"),
        ("sampler", Fine, "does not inherit from Sampler"),
    ],
)
def test_a_spec_that_breaks_a_rule_is_refused_with_the_rule(kind: str, spec: type[LossTerm], reason: str) -> None:
    with pytest.raises(PluginError) as caught:
        Registry().add(kind, "name", spec, "plugin")
    assert reason in str(caught.value)


def test_a_spec_that_keeps_the_rules_is_taken_once() -> None:
    registry = Registry()
    registry.add("loss", "fine", Fine, "plugin")
    registry.add("loss", "orderly", Orderly, "plugin")
    registry.add("baseline", "bystander", Bystander, "plugin")
    with pytest.raises(PluginError, match="the class is registered already, as the loss 'plugin:fine'"):
        registry.add("loss", "other", Fine, "plugin")
    with pytest.raises(PluginError, match="'Bad-Name' is no name"):
        Registry().add("loss", "Bad-Name", Fine, "plugin")
