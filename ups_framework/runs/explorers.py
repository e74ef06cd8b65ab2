"""Saved explorers of Aim: what one wants to see of runs, opened with one click on its page Bookmarks."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

_COLOUR = "#3E72E7"
"""Of the labels of parameters."""

State = Mapping[str, Any]  # what Aim's pages keep: any tree of plain values


@frozen(kw_only=True)
class Explorer:
    """A page of Aim with a query and a grouping."""

    name: str
    """What the bookmark is called; one of that name is not made again."""

    description: str
    """What it shows."""

    page: str
    """`metrics`, `images` or `params`, which shows runs as lines of a table and across parallel axes."""

    query: str
    """In Aim's language."""

    grouping: Mapping[str, tuple[str, ...]] = field(factory=dict)
    """By what series are told apart: `color`, `stroke` and `chart`; pictures: `row`."""

    logarithmic: bool = False
    """Whether the axis of values has decades: what falls by orders of magnitude, and is never 0 as loss terms are."""

    columns: tuple[str, ...] = ()
    """Parameters of runs that `params` shows: axes in this order, the columns of its table the other way round."""

    def state(self) -> State:
        """What the page is opened with; it adds its own defaults."""
        if self.page == "params":
            options = [
                {"label": name, "key": name, "group": "Params", "type": "params", "color": _COLOUR}
                for name in self.columns
            ]
            order = {"left": ["run"], "middle": list(reversed(self.columns)), "right": []}
            return {"select": {"options": options, "query": self.query}, "table": {"columnsOrder": order}}
        names = list(self.grouping)
        scales = {"xAxis": "linear", "yAxis": "log" if self.logarithmic else "linear"}
        return {
            "chart": {"axesScaleType": scales},
            "table": {"resizeMode": "hide"},  # a row for each series: with many runs it takes longer than all the rest
            "images": {"additionalProperties": {"alignmentType": "Width", "mediaItemSize": 45}},
            "select": {"options": [], "query": "", "advancedMode": True, "advancedQuery": self.query},
            "grouping": {
                **{name: list(keys) for name, keys in self.grouping.items()},
                "reverseMode": dict.fromkeys(names, False),
                "isApplied": dict.fromkeys(names, True),
            },
        }


EXPLORERS = (
    Explorer(
        name="Losses by term",
        description="A chart for each loss term, a colour for each run; raw and weighted values have their own dashes.",
        page="metrics",
        query='metric.name == "loss" and metric.context.value in ["raw", "weighted"]',
        grouping={"color": ("run.props.name",), "stroke": ("context.value",), "chart": ("context.term",)},
    ),
    Explorer(
        name="Validation errors",
        description="nRMSE on the validation data in physical space; fields have their own dashes.",
        page="metrics",
        query='metric.name.endswith("nrmse") and metric.context.subset == "validation"',
        grouping={"color": ("run.props.name",), "stroke": ("context.field",), "chart": ("name",)},
        logarithmic=True,
    ),
    Explorer(
        name="Speed, gradients and latents",
        description="Steps and samples per second, memory, learning rate, gradient norms, and how latents are spread.",
        page="metrics",
        query='metric.name in ["steps_per_second", "samples_per_second", "memory_mib", "learning_rate", '
        '"gradient_norm", "token_norm_mean", "effective_rank"] and "term" not in metric.context',
        grouping={"color": ("run.props.name",), "chart": ("name",)},
    ),
    Explorer(
        name="Field pictures by step",
        description="Truth, prediction and error of the same validation samples as training goes on.",
        page="images",
        query='images.name == "validation"',
        grouping={"row": ("run.props.name", "context.field")},
    ),
    Explorer(
        name="Results in pictures",
        description="Films of rollouts, error over time, spectra, coverage and singular values of finished runs.",
        page="images",
        query='images.name != "validation"',
        grouping={"row": ("name",)},
    ),
    Explorer(
        name="Runs, results and verdicts",
        description="A line for each run: final nRMSE beside that of persistence, cost, and the verdicts of its gates.",
        page="params",
        query='run.experiment == "ups"',
        columns=(
            "results.cost.parameters",
            "results.cost.train_seconds",
            "results.nrmse.persistence.rollout",
            "results.nrmse.model.one_step",
            "results.nrmse.model.rollout",
            "results.verdict",
        ),
    ),
)
"""All of them."""


def prepare_explorers(address: str) -> dict[str, str]:
    """Save those that Aim at `address` does not have; where each opens, by name. Raises OSError if Aim is not there."""
    api = f"{address}/api"
    there = {board["name"]: board for board in _call(f"{api}/dashboards/") if board["app_type"]}
    opened = {}
    for explorer in EXPLORERS:
        app = there[explorer.name]["app_id"] if explorer.name in there else _saved(api, explorer)
        opened[explorer.name] = f"{address}/{explorer.page}/{app}"
    return opened


def _saved(api: str, explorer: Explorer) -> str:
    app = str(_call(f"{api}/apps/", {"type": explorer.page, "state": explorer.state()})["id"])
    board = {"name": explorer.name, "description": explorer.description, "app_id": app}
    _call(f"{api}/dashboards/", board)
    return app


def _call(url: str, content: Mapping[str, object] | None = None) -> Any:  # JSON
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)
