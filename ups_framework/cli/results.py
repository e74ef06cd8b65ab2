"""Results as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from ups_framework.cli.output import print_table
from ups_framework.engine.audit import AuditRow


def print_evaluation(evaluation: Mapping[str, Any]) -> None:
    """One row a method: the best-known metrics of one step and of the whole rollout; then super-resolution and cost."""
    metrics = list(evaluation["rows"]["model"]["one_step"])
    chosen = [metric for metric in ("nrmse", "rmse", "vrmse", "max_error") if metric in metrics]
    rows = [
        [name, *(f"{row[horizon][metric]:.4g}" for horizon in ("one_step", "rollout") for metric in chosen)]
        for name, row in evaluation["rows"].items()
    ]
    columns = ["test", *(f"{horizon} {metric}" for horizon in ("1-step", "rollout") for metric in chosen)]
    click.echo()
    print_table(columns, rows)
    others = [metric for metric in metrics if metric not in chosen]
    if others:
        click.echo(f"also in report.html and evaluation.json: {', '.join(others)}")
    scores = ", ".join(f"{factor}× {score['nrmse']:.4g}" for factor, score in evaluation["super_resolution"].items())
    click.echo(f"rollout nRMSE against truth at multiples of the training resolution: {scores}")
    if "cost" in evaluation:
        cost = evaluation["cost"]
        click.echo(
            f"{cost['parameters']:,} parameters, trained in {cost['train_seconds']:.0f} s "
            f"({1000 * cost['seconds_per_step']:.0f} ms a step), peak memory {cost['peak_memory_mib']:.0f} MiB"
        )


def print_audit(stage: str, rows: Sequence[AuditRow]) -> None:
    """One row a term: values, and where its gradient goes."""
    parts = list(rows[0].gradient)
    click.echo(f"\naudit of stage {stage} (weights after their ramps, all frames unrolled)")
    print_table(
        ["term", "raw", "weighted", "of loss", "of gradient", *(f"∇ {part}" for part in parts)],
        [
            [
                row.term,
                f"{row.raw:.4g}",
                f"{row.weighted:.4g}",
                f"{row.loss_share:.1%}",
                f"{row.share:.1%}" + (" (low)" if row.low else ""),
                *(f"{row.gradient[part]:.3g}" for part in parts),
            ]
            for row in rows
        ],
    )
