"""Profiles: tables `[profile.NAME...]` that are laid over the rest of a recipe where the profile is chosen."""

from collections.abc import Mapping

from attrs import evolve

from ups_framework.errors import Mistake, RecipeError
from ups_framework.recipe.node import Node, names_another


def profiles_of(recipe: Node) -> Mapping[str, Node]:
    """The profiles of a recipe, by name. Raises RecipeError if one is no table."""
    found = recipe.value.get("profile", Node({}, recipe.places))
    mistakes = [] if found.is_table else [_no_table("profile", found)]
    profiles: dict[str, Node] = found.value if found.is_table else {}
    mistakes += [_no_table(f"profile.{name}", item) for name, item in profiles.items() if not item.is_table]
    if mistakes:
        raise RecipeError(mistakes)
    return {name: _labelled(profile, name) for name, profile in profiles.items()}


def _no_table(path: str, found: Node) -> Mistake:
    return Mistake(path=path, problem="expected a table [profile.NAME...]", source=found.origin_of(()))


def _labelled(profile: Node, name: str) -> Node:
    value = {key: _labelled(inner, name) for key, inner in profile.value.items()} if profile.is_table else profile.value
    places = [evolve(place, origin=f"profile {name} in {place.origin}") for place in profile.places]
    return evolve(profile, value=value, places=tuple(places))


def keep_profiles(base: Node, own: Node) -> Node:
    """The base less what its profiles set on components that `own` replaces: it was meant for the old component."""
    if "profile" not in base.tables:
        return base
    profiles = {
        name: _prune(profile, base, own) if profile.is_table else profile
        for name, profile in base.value["profile"].value.items()
    }
    return evolve(base, value={**base.value, "profile": evolve(base.value["profile"], value=profiles)})


def _prune(profile: Node, base: Node, own: Node) -> Node:
    kept = dict(profile.value)
    for key in profile.tables.keys() & base.tables.keys() & own.tables.keys():
        if not names_another(base.value[key], own.value[key]):
            kept[key] = _prune(kept[key], base.value[key], own.value[key])
        elif "use" not in kept[key].value:
            del kept[key]
    return evolve(profile, value=kept)
