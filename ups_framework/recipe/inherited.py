"""Loss tables that a base recipe offers and a recipe that extends it does not use."""

from attrs import evolve

from ups_framework.recipe.node import Node


def drop_unused_losses(recipe: Node, own: str) -> Node:
    """The recipe less the loss tables that no stage names and of which nothing was set in the file `own` or by `--set`.

    A stage that lists fewer losses than its base drops the others with one line. What the recipe itself sets stays, so
    that a table which changes nothing is still found to be a mistake.
    """
    losses, stages = recipe.tables.get("losses"), recipe.tables.get("stages")
    if losses is None or stages is None:
        return recipe
    named = {name for stage in stages.tables.values() for name in _losses(stage)}
    if named - losses.value.keys():  # a misspelt name: which tables are unused is not known, and all are suggested
        return recipe
    kept = {name: table for name, table in losses.value.items() if name in named or _set_by(table, own)}
    return evolve(recipe, value={**recipe.value, "losses": evolve(losses, value=kept)})


def _losses(stage: Node) -> list[str]:
    """Names that a stage lists; a list of anything else is found to be a mistake later."""
    names = stage.plain().get("losses")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _set_by(table: Node, own: str) -> bool:
    return any(
        origin.startswith("--set") or origin == own or origin.endswith(f" in {own}") for origin in table.origins()
    )
