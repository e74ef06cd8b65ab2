"""The figure "Latents and gradients": size and rank of latents, range of predictions, gradients and their spikes."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ups_framework.runs.curves import Point, draw, finish, stage_starts
from ups_framework.runs.plot_style import INK, legend, line_style, panels
from ups_framework.runs.records import Record

LATENT_CAPTION = (
    "Above, of a few validation fields: root mean square of tokens, and in how many directions latents tell fields "
    "apart (0: every field has the same latent). Range: how far predictions go from the training mean, over how far "
    "the training data go; far above 1 the decoder is leaving what it was trained on. Gradient: before clipping, mean "
    "since the record before; a spike is a step with more than five times the running median."
)

_TRAINING_RANGE = "#9aa5b1"


def latent_curves(records: Sequence[Record]) -> Figure | None:
    """Four panels over the training steps; None if the records have nothing to show there."""
    if not any("effective_rank" in record["values"] for record in records):
        return None
    figure, [[norms, rank], [decoder, gradient]] = panels(2, 2, (4.8, 2.9))
    series = _Series(records)
    _norms(norms, series)
    draw(rank, series("effective_rank"), label="effective rank", color=INK, marker="o", markersize=3)
    _decoder(decoder, series)
    _gradient(gradient, series)
    starts = stage_starts(records)
    finish(norms, starts, y="token norm |z| / √D", title="Size of tokens", scale="linear")
    finish(rank, starts, y="effective rank", title="Rank of latents", scale="linear")
    finish(decoder, starts, y="reach / reach of training data", title="Range of predictions", scale="linear")
    finish(gradient, starts, y="gradient norm", title="Gradient and its spikes")
    for axes in (norms, rank):
        axes.set_ylim(bottom=0.0)
    legend(figure)
    return figure


class _Series:
    """Values of the records by name."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records

    def __call__(self, name: str) -> list[Point]:
        """Stage, step and value wherever there is one."""
        return [(r["stage"], r["step"], r["values"][name]) for r in self._records if name in r["values"]]

    def names(self, wanted: Callable[[str], bool]) -> list[str]:
        return list(dict.fromkeys(name for record in self._records for name in record["values"] if wanted(name)))


def _norms(axes: Axes, series: _Series) -> None:
    for index, (name, label) in enumerate(
        (("token_norm_mean", "token norm, mean"), ("token_norm_sd", "token norm, sd"))
    ):
        draw(axes, series(name), label=label, marker="o", markersize=3, **line_style(index))


def _decoder(axes: Axes, series: _Series) -> None:
    for index, name in enumerate(series.names(lambda name: name.startswith("range_"))):
        side, _, channel = name.removeprefix("range_").partition(".")
        draw(axes, series(name), label=f"{channel}, {side} the mean", marker="o", markersize=3, **line_style(index + 2))
    axes.axhline(1.0, color=_TRAINING_RANGE, linewidth=1.0, linestyle=(0, (4, 3)), label="training data")


def _gradient(axes: Axes, series: _Series) -> None:
    norms = series("gradient_norm")
    draw(axes, norms, label="gradient norm", color=INK)
    spikes = {step for _, step, count in series("gradient_spikes") if count}
    marked = [(step, norm) for _, step, norm in norms if step in spikes and norm]
    if marked:
        steps, heights = zip(*marked, strict=True)
        axes.plot(steps, heights, linestyle="", marker="v", color=line_style(1)["color"], label="record with spikes")
