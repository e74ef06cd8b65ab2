"""A finished run, evaluated again."""

from collections.abc import Callable, Sequence

import attrs

from ups_framework.engine.evaluate import evaluate
from ups_framework.engine.prepare import default_device, prepare
from ups_framework.engine.simulator import Simulator
from ups_framework.errors import RunError
from ups_framework.plugins import load_plugins
from ups_framework.recipe import load_recipe
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.records import Record


def evaluate_again(folder: RunFolder, settings: Sequence[str], report: Callable[[str], None]) -> Record:
    """The evaluation of the saved simulator under the run's recipe with `settings` laid over it.

    RunError if the run has no simulator, or if a setting would make it another one.
    """
    registry, device = load_plugins(), default_device()
    recipe = load_recipe(
        folder.recipe, registry=registry, settings=settings, profile="none", gpu=device.type == "cuda"
    ).recipe
    simulator = Simulator.load(folder.simulator, device)
    prepared = prepare(recipe, registry, device, report)
    described, wanted = simulator.description, prepared.system.simulator.description
    differing = [key for key in described if described[key] != wanted[key]]
    if differing:
        raise RunError(
            f"{folder.simulator}: was trained with other settings of {', '.join(differing)}; only what does not change "
            "the simulator can be set here"
        )
    evaluation, _ = evaluate(attrs.evolve(prepared.system, simulator=simulator), prepared.data)
    return evaluation
