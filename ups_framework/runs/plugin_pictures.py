"""Pictures that plugins draw of a run's test rollouts: kept as PNG files in the run's folder, shown in its report."""

from collections.abc import Callable, Mapping

import torch
from attrs import asdict, frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Rollout
from ups_framework.engine.evaluate import on_training_grid
from ups_framework.engine.prepare import Prepared
from ups_framework.plugins import Registry
from ups_framework.runs.atomic import write_whole
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.plot_style import png
from ups_framework.runs.records import read_json, write_json
from ups_framework.spec_docs import first_line


@frozen(kw_only=True)
class PluginPicture:
    """A picture of the recipe's `[pictures]`."""

    component: str
    """`plugin:name` of what drew it."""

    caption: str
    """First line of its docstring."""

    problem: str | None
    """Why there is no picture, if there is none."""


def draw_pictures(
    prepared: Prepared,
    rollout: Float[Tensor, "B T N C"],
    registry: Registry,
    folder: RunFolder,
    report: Callable[[str], None],
) -> None:
    """Draw all pictures of the recipe from all test trajectories. One that fails is reported and stops nothing."""
    context = prepared.system.recipe.evaluation.context
    test = on_training_grid(prepared.data)
    times = test.dt * torch.arange(context, context + rollout.shape[1])
    scene = Rollout(prediction=rollout, truth=test.values[:, context:].cpu(), times=times, grid=test.grid)
    drawn = {}
    for name, plot in prepared.system.pictures.items():
        spec = type(prepared.system.recipe.pictures[name])
        problem = None
        try:
            image = png(plot(scene))
        except Exception as error:  # a stranger's drawing, after hours of training: nothing may be lost for it
            problem = f"{type(error).__name__}: {error}"
            report(f"pictures.{name} cannot be drawn: {problem}")
        else:
            folder.pictures.mkdir(exist_ok=True)
            write_whole(folder.pictures / f"{name}.png", image)
        drawn[name] = PluginPicture(component=registry.name_of(spec), caption=first_line(spec), problem=problem)
    if drawn:
        write_json(folder.pictures_index, {name: asdict(picture) for name, picture in drawn.items()})


def read_pictures(folder: RunFolder) -> Mapping[str, PluginPicture]:
    """What `draw_pictures` left, by name."""
    if not folder.pictures_index.exists():
        return {}
    return {name: PluginPicture(**picture) for name, picture in read_json(folder.pictures_index).items()}
