"""The numbers of an evaluation that a gate may name."""

from collections.abc import Iterable

from ups_framework.recipe.recipe import Evaluation

BY_FIELD = "rollout.by_field."
"""Begins the nRMSE of one channel; the problem knows which there are."""

_COSTS = ("parameters", "train_seconds", "seconds_per_step", "peak_memory_mib")
_PARTS = ("encoder", "operator", "decoder")


def gate_metrics(metrics: Iterable[str], super_resolution: object) -> list[str]:
    """The paths, but for channels, that the evaluation has with these metrics and factors (the default's, if None)."""
    factors = Evaluation().super_resolution if super_resolution is None else super_resolution
    known = [f"{horizon}.{metric}" for metric in metrics for horizon in ("rollout", "one_step")]
    if isinstance(factors, list | tuple):
        known += [f"super_resolution.{factor}.nrmse" for factor in factors]
    known += [f"cost.{name}" for name in _COSTS]
    return known + [f"cost.parameters_of.{part}" for part in _PARTS]
