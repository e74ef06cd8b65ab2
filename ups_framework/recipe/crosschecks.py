"""Mistakes between tables of a recipe, found on the plain values so that mistakes inside a table do not hide them."""

import re
from collections.abc import Iterator
from typing import Any

from ups_framework.recipe.flaws import Flaw
from ups_framework.recipe.gate_metrics import BY_FIELD, gate_metrics
from ups_framework.suggest import did_you_mean, listed

_NAMED = ("losses", "stages", "metrics", "baselines", "latent_transforms", "guards", "pictures", "gates")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+")


def crosscheck(recipe: dict[str, Any]) -> Iterator[Flaw]:
    """Everything that does not fit together, whatever else is wrong."""
    for table in _NAMED:
        for name in _table(recipe, table):
            if not _PLAIN_NAME.fullmatch(name):
                yield Flaw(
                    (table, name), "a name has only letters, digits, '_' and '-', so that `--set` can address it"
                )
    yield from _nrmse_mistakes(recipe)
    losses, stages = _table(recipe, "losses"), _table(recipe, "stages")
    used = {name: _texts(stage, "losses") for name, stage in stages.items()}
    for stage, names in used.items():
        for name in dict.fromkeys(names):
            if name not in losses:
                problem = f"there is no [losses.{name}]{did_you_mean(name, losses)}; losses are {listed(losses)}"
                yield Flaw(("stages", stage, "losses"), problem)
    for stage in stages:
        for key in ("losses", "trains"):
            names = _texts(stages[stage], key)
            for name in sorted({name for name in names if names.count(name) > 1}):
                yield Flaw(("stages", stage, key), f"{name!r} is named more than once")
    named = {name for names in used.values() for name in names}
    for name in losses if stages and all(used.values()) and named <= losses.keys() else ():
        if name not in named:
            near = did_you_mean(name, named)
            problem = f"no stage uses it{near}, so it changes nothing: name it in a stage or remove it"
            yield Flaw(("losses", name), problem)
    corrects, baselines = _table(recipe, "simulator").get("corrects"), _table(recipe, "baselines")
    if isinstance(corrects, str) and corrects not in baselines:
        problem = f"there is no [baselines.{corrects}]{did_you_mean(corrects, baselines)}; baselines are "
        yield Flaw(("simulator", "corrects"), problem + listed(baselines))
    if isinstance(corrects, str) and _table(recipe, "simulator").get("rollout") == "latent":
        for stage in stages:
            if _table(stages, stage).get("detach_every"):
                problem = f"changes nothing: no gradient passes {corrects!r}, which goes on from its own frames"
                yield Flaw(("stages", stage, "detach_every"), problem)
    yield from _gates(recipe)


def _nrmse_mistakes(recipe: dict[str, Any]) -> Iterator[Flaw]:
    """The metric called nrmse is what everything is judged by, so that it has to be there and be what it is called."""
    if not isinstance(metrics := recipe.get("metrics"), dict):
        return
    if "nrmse" not in metrics:
        yield Flaw(("metrics", "nrmse"), "missing: checkpoints and super-resolution are judged by it")
    elif isinstance(use := _table(metrics, "nrmse").get("use"), str) and use.rpartition(":")[2] != "nrmse":
        problem = (
            f"{use!r} would be judged by and shown as nRMSE: say 'nrmse' here, and give the other a name of its own"
        )
        yield Flaw(("metrics", "nrmse", "use"), problem)


def _gates(recipe: dict[str, Any]) -> Iterator[Flaw]:
    """Gates whose metric no evaluation of this recipe has."""
    for name, gate in _table(recipe, "gates").items():
        metric = gate.get("metric") if isinstance(gate, dict) else None
        known = gate_metrics(_table(recipe, "metrics"), _table(recipe, "evaluation").get("super_resolution"))
        if isinstance(metric, str) and metric not in known and not metric.startswith(BY_FIELD):
            problem = f"the evaluation has no {metric!r}{did_you_mean(metric, known)}; it has {listed(known)}"
            yield Flaw(("gates", name, "metric"), problem)


def _table(parent: object, key: str) -> dict[str, Any]:
    value = parent.get(key) if isinstance(parent, dict) else None
    return value if isinstance(value, dict) else {}


def _texts(stage: object, key: str) -> list[str]:
    value = stage.get(key) if isinstance(stage, dict) else None
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
