"""What a finished run is worth: its metrics, costs and latents as figures by name."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import median

from ups_framework.runs.folder import RunFolder
from ups_framework.runs.records import Record, read_json, read_jsonl

HORIZONS = {"one_step": "one-step", "rollout": "rollout"}
"""Parts of a row of the evaluation, and what figures call them."""

RECONSTRUCTION, SECONDS, STEP, MEMORY = "reconstruction nrmse", "training s", "ms a step", "peak MiB"

MAIN = ("one-step nrmse", "rollout nrmse", RECONSTRUCTION, SECONDS, STEP, MEMORY)
"""What every run has."""

LATENTS = {"token_norm_sd": "token norm sd", "effective_rank": "effective rank"}
"""Diagnostics of the last validation, and what figures call them."""

MORE_IS_BETTER = frozenset({"effective rank"})
"""Of all other figures less is."""

Figures = Mapping[str, float | None]
"""By name; None where a number is not finite."""


def figures_of(folder: RunFolder) -> Figures:
    """All figures of a run; RunError if a file of it cannot be read.

    One-step and rollout value of each metric on the test split (means over steps and channels), the reconstruction's
    nRMSE and that of the rollout at finer resolutions, seconds of training with validations and audits, milliseconds of
    a step without them, peak memory, and the spread of the latents' token norms and their effective rank.
    """
    evaluation, records = read_json(folder.evaluation), read_jsonl(folder.metrics)
    model, cost = evaluation["rows"]["model"], evaluation["cost"]
    metrics = {
        f"{words} {metric}": value
        for horizon, words in HORIZONS.items()
        for metric, value in model[horizon].items()
        if not isinstance(value, list | dict)
    }
    return {
        **metrics,
        RECONSTRUCTION: evaluation["rows"]["reconstruction"]["one_step"]["nrmse"],
        **{f"{factor}× finer nrmse": score["nrmse"] for factor, score in _finer(evaluation)},
        SECONDS: cost["train_seconds"],
        STEP: milliseconds_a_step(records),
        MEMORY: cost["peak_memory_mib"],
        **_latents(records),
    }


def _finer(evaluation: Record) -> list[tuple[str, Mapping[str, float | None]]]:
    return [(factor, score) for factor, score in evaluation["super_resolution"].items() if factor != "1"]


def _latents(records: Sequence[Record]) -> Figures:
    values = [record["values"] for record in records if record["subset"] == "validation"]
    return {name: values[-1].get(key) for key, name in LATENTS.items()} if values else {}


def milliseconds_a_step(records: Sequence[Record]) -> float | None:
    """The median over the records of each stage, averaged over stages by their number of records; None of no record.

    The median, because the first steps also pay for what is set up once, and other programs disturb some.
    """
    training = [record for record in records if record["subset"] == "train"]
    total = 0.0
    for _, stage in groupby(training, key=lambda record: record["stage"]):
        times = [1000 / record["values"]["steps_per_second"] for record in stage]
        total += len(times) * median(times)
    return total / len(training) if training else None
