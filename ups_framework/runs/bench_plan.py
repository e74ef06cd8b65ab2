"""What `ups bench` will run: variants of recipes, each with every seed, and the folder that each run has."""

import hashlib
import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import tomli_w
from attrs import evolve, field, frozen

from ups_framework.engine.mistakes import mistakes_between
from ups_framework.errors import Mistake, RecipeError
from ups_framework.plugins import Registry
from ups_framework.recipe import Recipe, as_dict, dump_recipe, load_recipe

_NAME_LENGTH = 60
_SEED_IS_GIVEN = "the seed of a run is given by --seeds"


@frozen(kw_only=True)
class Variant:
    """A recipe and what is set over it."""

    label: str
    """What tables call it."""

    recipe: Path
    """File, or `plugin:name`."""

    settings: tuple[str, ...] = ()
    """As of `--set`, in this order."""


@frozen(kw_only=True)
class Trial:
    """One variant with one seed: one run."""

    variant: str
    """Label of the variant."""

    seed: int
    """The recipe's `seed`."""

    recipe: Recipe = field(repr=False)
    """Resolved."""

    text: str = field(repr=False)
    """The same as TOML."""

    digest: str
    """The same for recipes that are equal but for their gates and prices, and for no others."""

    def folder(self, runs: Path) -> Path:
        """Where it runs: the folder below `runs` that an equal recipe has had, else one named after the variant."""
        words = re.sub(r"[^A-Za-z0-9._+-]+", "-", self.variant).strip("-._+")[:_NAME_LENGTH] or "variant"
        new = runs / f"{words}.seed-{self.seed}.{self.digest}"
        return min(runs.glob(f"*.{self.digest}"), default=new)


def variants_of(recipes: Sequence[Path], varied: Sequence[str]) -> list[Variant]:
    """Each recipe with each combination of the values of `KEY=V1,V2,...`; what comes first is what others are held to.

    Values are TOML or bare words, as of `--set`; commas inside brackets, braces and quotes part none. The same key may
    come several times, and then has all the values. RecipeError where a text is no such thing.
    """
    values: dict[str, list[str]] = {}
    for text in varied:
        key, equals, tail = text.partition("=")
        parts = split_values(tail)
        if not equals or not all(parts):
            raise _mistake(f"--vary {text}", "expected KEY=V1,V2,... such as latent.tokens=8,16,32")
        if key.strip() == "seed":
            raise _mistake(f"--vary {text}", _SEED_IS_GIVEN)
        values.setdefault(key.strip(), []).extend(f"{key.strip()}={part}" for part in parts)
    names = _names(recipes, alone=bool(values))
    labels = [", ".join([*name, *chosen]) for name, chosen in product(names, product(*values.values()))]
    pairs = product(recipes, product(*values.values()))
    return [
        Variant(label=label, recipe=recipe, settings=settings)
        for label, (recipe, settings) in zip(_told_apart(labels), pairs, strict=True)
    ]


def _names(recipes: Sequence[Path], *, alone: bool) -> list[tuple[str, ...]]:
    """What labels say of the recipe: nothing where values say enough, its path where two have one name."""
    if len(recipes) == 1 and alone:
        return [()]
    stems = [recipe.stem for recipe in recipes]
    return [(stem if stems.count(stem) == 1 else str(recipe),) for stem, recipe in zip(stems, recipes, strict=True)]


def _told_apart(labels: Sequence[str]) -> list[str]:
    """`a` and `a (2)` for `a` twice: the same variant may be held to itself."""
    counts = [labels[: index + 1].count(label) for index, label in enumerate(labels)]
    return [label if count == 1 else f"{label} ({count})" for label, count in zip(labels, counts, strict=True)]


def split_values(text: str) -> list[str]:
    """The pieces between the commas that stand in no brackets, braces or quotes, stripped."""
    pieces, depth, quote = [""], 0, ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        else:
            depth += (char in "[{") - (char in "]}")
        if char == "," and depth == 0 and not quote:
            pieces.append("")
        else:
            pieces[-1] += char
    return [piece.strip() for piece in pieces]


def plan(
    variants: Sequence[Variant],
    seeds: Sequence[int],
    *,
    registry: Registry,
    settings: Sequence[str] = (),
    profile: str | None = None,
    gpu: bool,
) -> list[Trial]:
    """Each variant with each seed, variant by variant. RecipeError with the mistakes of all variants."""
    if any(text.partition("=")[0].strip() == "seed" for text in settings):
        raise _mistake("--set seed", _SEED_IS_GIVEN)
    trials: list[Trial] = []
    mistakes: list[Mistake] = []
    for variant in variants:
        layers = (*settings, *variant.settings)
        try:
            loaded = load_recipe(
                variant.recipe, registry=registry, settings=layers, profile=profile, gpu=gpu, judge=mistakes_between
            )
        except RecipeError as error:
            mistakes += error.mistakes
            continue
        for seed in seeds:
            recipe = evolve(loaded.recipe, seed=seed)
            text = dump_recipe(recipe, registry)
            trials.append(
                Trial(variant=variant.label, seed=seed, recipe=recipe, text=text, digest=_digest(recipe, registry))
            )
    if mistakes:
        raise RecipeError(tuple(dict.fromkeys(mistakes)))
    return trials


def _digest(recipe: Recipe, registry: Registry) -> str:
    plain = {key: value for key, value in as_dict(recipe, registry).items() if key not in ("gates", "prices")}
    return hashlib.sha256(tomli_w.dumps(plain).encode()).hexdigest()[:10]


def _mistake(path: str, problem: str) -> RecipeError:
    return RecipeError([Mistake(path=path, problem=problem)])
