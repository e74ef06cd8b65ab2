"""A finished run, evaluated again."""

from collections.abc import Callable, Sequence

import attrs

from ups_framework.api import Dataset
from ups_framework.engine.build import build_system
from ups_framework.engine.evaluate import evaluate
from ups_framework.engine.prepare import default_device, prepare, refuse_mistakes
from ups_framework.engine.simulator import Simulator
from ups_framework.errors import Mistake, RecipeError, RunError
from ups_framework.plugins import Registry, load_plugins
from ups_framework.recipe import Recipe, to_plain
from ups_framework.recipe.load import load_to_evaluate
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.gates import Verdict
from ups_framework.runs.judging import judge
from ups_framework.runs.read_run import read_run
from ups_framework.runs.records import Record


def evaluate_again(folder: RunFolder, settings: Sequence[str], report: Callable[[str], None]) -> Record:
    """The evaluation of the saved simulator under the run's recipe, less its losses, with `settings` laid over it.

    RunError if the run has no simulator or a setting would make it another one, RecipeError if a setting would put
    trajectories into the test split that the simulator was trained on.
    """
    registry, device = load_plugins(), default_device()
    own, loaded = (load_to_evaluate(folder.recipe, registry=registry, settings=layer) for layer in ((), settings))
    recipe, simulator = loaded.recipe, Simulator.load(folder.trained_simulator(), device)
    with loaded.locating():
        refuse_mistakes(recipe)
        _refuse_another_simulator(folder, simulator, recipe, registry)
        _refuse_seen_trajectories(own.recipe.data, recipe.data)
        prepared = prepare(recipe, registry, device, report)
    evaluation, _ = evaluate(attrs.evolve(prepared.system, simulator=simulator), prepared.data)
    return evaluation


def judge_again(folder: RunFolder, settings: Sequence[str], evaluation: Record) -> dict[str, Verdict]:
    """The gates of the run's recipe with `settings` laid over it, held to such an evaluation; costs are the run's."""
    registry, run = load_plugins(), read_run(folder.path, folder.name)
    recipe = load_to_evaluate(folder.recipe, registry=registry, settings=settings).recipe
    gates = to_plain(recipe.gates, registry)
    measured = {**evaluation, "cost": run.evaluation.get("cost", {})}
    return judge(attrs.evolve(run, recipe={**run.recipe, "gates": gates}, evaluation=measured))


def _refuse_another_simulator(folder: RunFolder, simulator: Simulator, recipe: Recipe, registry: Registry) -> None:
    described, wanted = simulator.description, build_system(recipe, registry).simulator.description
    differing = [key for key in described if described[key] != wanted[key]]
    if differing:
        raise RunError(
            f"{folder.simulator}: was trained with other settings of {', '.join(differing)}; only what does not change "
            "the simulator can be set here"
        )


def _refuse_seen_trajectories(own: Dataset, wanted: Dataset) -> None:
    """RecipeError if more of the same trajectories would be tested on than the run kept for it.

    Data that differs in more than the sizes of its splits, such as in its seed, is other data.
    """
    sizes = {"train": own.train, "validation": own.validation, "test": own.test}
    same = attrs.evolve(wanted, **sizes) == own  # type: ignore[misc]  # every dataset is an attrs class
    if same and wanted.test > own.test:
        problem = (
            f"the run kept {own.test} trajectories for testing and may have trained on others: take at most so many"
        )
        raise RecipeError([Mistake(path="data.test", problem=problem)])
