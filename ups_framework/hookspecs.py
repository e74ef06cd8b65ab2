"""The hooks that a plugin may implement: one a kind, each a table of which name is which class, and one for recipes.

A plugin is a module with functions of these names marked `@hookimpl`, found by an entry point in the group `ups`. In
place of a class, a name that a component had before may have `Renamed`: `dict[str, type[Baseline] | Renamed]`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from ups_framework.api import (
        Baseline,
        Dataset,
        Decoder,
        Encoder,
        Guard,
        LatentTransform,
        LossTerm,
        Metric,
        Operator,
        Picture,
        Sampler,
    )

hookspec = pluggy.HookspecMarker("ups")


@hookspec
def ups_datasets() -> "dict[str, type[Dataset]]":  # type: ignore[empty-body]  # a hookspec has no body
    """Datasets, for `[data]`."""


@hookspec
def ups_encoders() -> "dict[str, type[Encoder]]":  # type: ignore[empty-body]  # a hookspec has no body
    """Encoders, for `[encoder]`."""


@hookspec
def ups_operators() -> "dict[str, type[Operator]]":  # type: ignore[empty-body]  # a hookspec has no body
    """Operators, for `[operator]`."""


@hookspec
def ups_latent_transforms() -> "dict[str, type[LatentTransform]]":  # type: ignore[empty-body]  # a hookspec has no body
    """Transforms of latents, for `[latent_transforms.*]`."""


@hookspec
def ups_decoders() -> "dict[str, type[Decoder]]":  # type: ignore[empty-body]  # a hookspec has no body
    """Decoders, for `[decoder]`."""


@hookspec
def ups_guards() -> "dict[str, type[Guard]]":  # type: ignore[empty-body]  # a hookspec has no body
    """Guards, for `[guards.*]`."""


@hookspec
def ups_samplers() -> "dict[str, type[Sampler]]":  # type: ignore[empty-body]  # a hookspec has no body
    """Samplers, for `[sampler]`."""


@hookspec
def ups_losses() -> "dict[str, type[LossTerm]]":  # type: ignore[empty-body]  # a hookspec has no body
    """Loss terms, for `[losses.*]`."""


@hookspec
def ups_metrics() -> "dict[str, type[Metric]]":  # type: ignore[empty-body]  # a hookspec has no body
    """Metrics, for `[metrics.*]`."""


@hookspec
def ups_baselines() -> "dict[str, type[Baseline]]":  # type: ignore[empty-body]  # a hookspec has no body
    """Baselines, for `[baselines.*]`."""


@hookspec
def ups_pictures() -> "dict[str, type[Picture]]":  # type: ignore[empty-body]  # a hookspec has no body
    """Pictures of rollouts, for `[pictures.*]`."""


@hookspec
def ups_recipes() -> "dict[str, Path]":  # type: ignore[empty-body]  # a hookspec has no body
    """Recipes: TOML files inside the plugin's package, for `extends` and `ups run PLUGIN:NAME`."""
