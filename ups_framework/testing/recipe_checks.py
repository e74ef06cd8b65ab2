"""What a recipe that a plugin ships promises."""

from collections.abc import Iterator

from ups_framework.engine.mistakes import find_mistakes
from ups_framework.errors import UpsError
from ups_framework.recipe import Recipe, load_recipe
from ups_framework.registry import RecipeFile, Registry


def _loaded(shipped: RecipeFile, registry: Registry) -> Recipe:
    return load_recipe(shipped.path, registry=registry, gpu=False).recipe


def has_no_mistakes(shipped: RecipeFile, registry: Registry) -> Iterator[str]:
    """As `ups check` finds them."""
    try:
        yield from map(str, find_mistakes(_loaded(shipped, registry)))
    except UpsError as error:
        yield " ".join(str(error).split())


def says_what_it_is_and_what_it_costs(shipped: RecipeFile, registry: Registry) -> Iterator[str]:
    """It has a `description` and a `cost`."""
    recipe = _loaded(shipped, registry)
    if not recipe.description:
        yield "it has no description"
    if recipe.cost is None:
        yield "it does not say what it costs"


CHECKS = (has_no_mistakes, says_what_it_is_and_what_it_costs)
