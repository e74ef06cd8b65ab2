"""Fifty short runs of several recipes and seeds, as a bench makes them: what is done is not done again."""

import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from attrs import frozen

from ups_framework.plugins import load_plugins
from ups_framework.runs.bench_jobs import Jobs, is_done
from ups_framework.runs.bench_plan import Trial, Variant, plan

_FRONTS = """
extends = "burgers:quick"
description = "Burgers, viscosity 0.01: a short run"
data_folder = "{data}"

[data]
train = 32
validation = 2
test = 4
points = 64
every = 20

[latent]
tokens = 8
width = 32

[encoder]
channels = 16

[operator]
width = 32
depth = 1

[decoder]
channels = 16

[training]
batch = 4
log_every = 10
validate_every = 50
audit_every = 100
checkpoint_every = 1000

[stages.autoencode]
steps = 50

[stages.operator]
steps = 150
curriculum = 0.0

[gates.accuracy]
metric = "rollout.nrmse"
at_most = 0.3
"""

_FLOWS = """
extends = "navier_stokes:decaying"
description = "Decaying flow on the torus: a short run"
data_folder = "{data}"

[data]
viscosity = 4e-3
points = 32
frames = 6
train = 16
validation = 2
test = 2

[latent]
tokens = 16
width = 32

[encoder]
channels = 16

[operator]
width = 32
depth = 1

[decoder]
channels = 16

[training]
batch = 2
precision = "float32"
compile = false
log_every = 10
validate_every = 50
audit_every = 100
checkpoint_every = 1000

[stages.autoencode]
steps = 50

[stages.operator]
steps = 100
curriculum = 0.0

[gates.accuracy]
metric = "rollout.nrmse"
at_most = 0.3
"""

VARIED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "burgers": {
        "burgers": (),
        "burgers-slow": ("optimizer.learning_rate=5e-4",),
        "burgers-fast": ("optimizer.learning_rate=5e-3",),
        "burgers-16-tokens": ("latent.tokens=16",),
        "burgers-width-16": ("latent.width=16",),
        "burgers-depth-2": ("operator.depth=2",),
        "burgers-half-the-points": ("sampler={use='uniform', fraction=0.5}",),
        "burgers-latent-norm": (
            "losses.latent_norm={use='latent_norm', share=0.05}",
            "stages.operator.losses=['prediction','rollout','reconstruction','latent_norm']",
        ),
        "burgers-no-reconstruction": ("stages.operator.losses=['prediction','rollout']",),
    },
    "flows": {"flows": ()},
}
"""By recipe: what is set over it."""

_TEXTS = {"burgers": _FRONTS, "flows": _FLOWS}

SEEDS = range(5)
"""Of every variant: ten times five are fifty."""


@frozen(kw_only=True)
class Fifty:
    """The runs and where they are."""

    runs: Path
    """Folder of their folders, with Aim's store."""

    trials: tuple[Trial, ...]
    """What each is."""

    def folders(self, variant: str) -> list[Path]:
        """Of one variant, by seed."""
        return [trial.folder(self.runs) for trial in self.trials if trial.variant == variant]


def make(folder: Path, *, quick: bool, at_once: int) -> Fifty:
    """Train what is not trained yet, tracked in Aim; `quick`: two runs of the first recipe, of few steps.

    RuntimeError if a run failed.
    """
    trials: list[Trial] = []
    folder.mkdir(parents=True, exist_ok=True)
    registry, gpu = load_plugins(), torch.cuda.is_available()
    for name, variants in VARIED.items():
        path = folder / f"{name}.toml"
        path.write_text(_TEXTS[name].format(data=folder / "data"), encoding="utf-8")
        named = [Variant(label=label, recipe=path, settings=settings) for label, settings in variants.items()]
        chosen, seeds, few = (named[:1], range(2), _FEW) if quick else (named, SEEDS, ())
        trials += plan(chosen, seeds, registry=registry, settings=few, profile="none", gpu=gpu)
        if quick:
            break
    jobs = Jobs(runs=folder / "runs", at_once=at_once, report=lambda line: print(line, file=sys.stderr, flush=True))
    failed = jobs.finish(trials)
    if failed or not all(is_done(trial, jobs.runs) for trial in trials):
        raise RuntimeError(f"runs failed: {failed}")
    return Fifty(runs=jobs.runs, trials=tuple(trials))


_FEW = (
    *("data.train=4", "data.validation=1", "data.test=1", "training.validate_every=4", "tracking.aim=false"),
    *("stages.autoencode.steps=4", "stages.operator.steps=4"),
)
