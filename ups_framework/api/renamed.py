"""What stands in a hook's table for a component that has another name now."""

from attrs import field, frozen, validators

_TEXT = validators.and_(validators.instance_of(str), validators.min_len(1))


@frozen(kw_only=True)
class Renamed:
    """An old name, which still works: a recipe that uses it gets the new component, and a warning that says so.

    `{"finite_volume": FiniteVolume, "classical": Renamed(to="finite_volume", since="0.2.0")}` in the table of a hook,
    which is then annotated `dict[str, type[Baseline] | Renamed]`.
    """

    to: str = field(validator=_TEXT)
    """The present name, in the same table."""

    since: str = field(validator=_TEXT)
    """Version of the plugin that brought it."""
