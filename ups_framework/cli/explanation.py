"""What a recipe will do, in words, a diagram and tables."""

from collections.abc import Iterator, Mapping

import click

from ups_framework.api import Latent, Parameter, Problem, Quantity
from ups_framework.cli.output import print_table, visible
from ups_framework.engine.explain import Effect, Explanation
from ups_framework.plugins import Registry
from ups_framework.recipe import Recipe
from ups_framework.recipe.recipe import Part, Stage, WeightedTerm
from ups_framework.spec_docs import first_line

_EFFECTS: Mapping[Effect, str] = {"yes": "reaches", "no": "-", "not finite": "not finite"}


def print_explanation(recipe: Recipe, registry: Registry, found: Explanation) -> None:
    """Problem, parts, stages and evaluation, in the order of a run."""
    if recipe.description:
        click.echo(visible(recipe.description))
    click.echo("\nProblem")
    for key, text in _problem(recipe, found.problem):
        click.echo(f"  {key:<11}{text}")
    click.echo("\nParts")
    for line in _diagram(recipe, registry, found):
        click.echo(line)
    click.echo(f"\nStages (each step: {_step(recipe)})")
    for number, name in enumerate(recipe.stages, 1):
        _print_stage(number, name, recipe, registry, found)
    click.echo("\nEvaluation on the test data")
    for line in _evaluation(recipe, registry):
        click.echo(line)


def _problem(recipe: Recipe, problem: Problem) -> Iterator[tuple[str, str]]:
    data, extent = recipe.data, recipe.data.extent()
    yield "equation", first_line(type(data))
    yield "fields", ", ".join(f"{name}{_unit(unit)}" for name, unit in _channels(problem))
    for axis, n in zip(problem.axes, problem.grid.shape, strict=True):
        yield f"axis {axis.name}", f"{axis.lower:g} to {axis.upper:g}{_unit(axis.unit)}, {axis.boundary}, {n} points"
    yield "time step", f"{problem.dt:g}, {extent.frames} frames a trajectory"
    yield "parameters", ", ".join(map(_parameter, problem.parameters)) or "none"
    yield "conserved", ", ".join(map(_quantity, problem.conserved)) or "nothing is declared"
    if problem.dissipated:
        yield "dissipated", ", ".join(map(_quantity, problem.dissipated))
    yield "data", f"{data.train} trajectories to train on, {data.validation} to validate with, {data.test} to test with"


def _channels(problem: Problem) -> list[tuple[str, str]]:
    """Name and unit of each channel."""
    units = [field.unit for field in problem.fields for _ in range(field.components)]
    return list(zip(problem.channel_names, units, strict=True))


def _unit(unit: str) -> str:
    return "" if unit == "1" else f" {unit}"


def _parameter(parameter: Parameter) -> str:
    unit = _unit(parameter.unit)
    if parameter.low == parameter.high:
        return f"{parameter.name} = {parameter.low:g}{unit}"
    return f"{parameter.name} from {parameter.low:g} to {parameter.high:g}{unit} ({parameter.scale} scale)"


def _quantity(quantity: Quantity) -> str:
    return f"{quantity.name} = ∫ {quantity.field}{'²' if quantity.power == 2 else ''}"


def _diagram(recipe: Recipe, registry: Registry, found: Explanation) -> Iterator[str]:
    """Dataset → encoder → operator → decoder, with what flows between them and how many parameters each has."""
    problem, latent = found.problem, _latent(found.latent)
    channels = f"{problem.num_channels} channel{'' if problem.num_channels == 1 else 's'}"
    field = f"field of {problem.grid.num_points} points × {channels}"
    again = "encoded again for the next step" if recipe.simulator.rollout == "field" else "decoded to be read only"
    change = ", added to the start" if recipe.simulator.predicts == "change" else ""
    yield f"  dataset   {registry.name_of(type(recipe.data))}"
    yield f"      │     {field}"
    if solver := recipe.simulator.corrects:
        again = f"{solver} goes on from " + ("it" if recipe.simulator.rollout == "field" else "its own field")
        change = f", added to {solver}'s"
        yield f"  solver    {solver}"
        yield f"      │     {field}, one time step later"
    gives: Mapping[Part, str] = {
        "encoder": latent,
        "operator": f"{latent}, {'corrected' if solver else 'one time step later'}",
        "decoder": f"field at any points{change}; {again}",
    }
    for part, text in gives.items():
        yield f"  {part:<9} {registry.name_of(type(getattr(recipe, part)))}  {found.parameters[part]:,} parameters"
        yield f"      │     {text}"
    sampler = registry.name_of(type(recipe.sampler))
    yield f"  sampler   {sampler}  supervises {found.points} of {problem.grid.num_points} points a step"


def _latent(latent: Latent) -> str:
    _, tokens, width = latent.tokens.shape
    grid = f" ({' × '.join(map(str, latent.grid))})" if latent.grid and len(latent.grid) > 1 else ""
    return f"latent of {tokens} tokens{grid} × {width}"


def _step(recipe: Recipe) -> str:
    training, optimizer = recipe.training, recipe.optimizer
    windows = f"{training.batch}" if training.accumulate == 1 else f"{training.accumulate} × {training.batch}"
    method = {"adamw": "AdamW", "muon": "Muon for matrices, AdamW for the rest,"}[optimizer.method]
    return f"{method} on {windows} windows, learning rate up to {optimizer.learning_rate:g}, {training.precision}"


def _print_stage(number: int, name: str, recipe: Recipe, registry: Registry, found: Explanation) -> None:
    stage = recipe.stages[name]
    if not stage.steps:
        click.echo(f"\n{number}. {name}: skipped, it has no steps")
        return
    frozen = [part for part in found.parameters if part not in stage.trains]
    trained = f"trains {', '.join(stage.trains)}" + (f" ({', '.join(frozen)} frozen)" if frozen else "")
    click.echo(f"\n{number}. {name}: {stage.steps} steps, {trained}; {_unrolling(stage)}")
    click.echo(f"   ends with the weights of the best {stage.select} nRMSE on the validation data{_patience(recipe)}")
    effects = found.effects[name]
    print_table(
        ["loss", "component", "counts", *found.parameters],
        [
            [
                loss,
                registry.name_of(type(recipe.losses[loss].loss)),
                _weight(recipe.losses[loss], stage),
                *(_EFFECTS[effects[loss][part]] if part in effects[loss] else "frozen" for part in found.parameters),
            ]
            for loss in stage.losses
        ],
    )
    dead = [loss for loss in stage.losses if all(effect == "no" for effect in effects[loss].values())]
    if dead:
        click.echo(f"   {', '.join(dead)}: reaches nothing that the stage trains, so that a run would stop here")


def _unrolling(stage: Stage) -> str:
    if stage.unroll == 0:
        return "reconstructs, predicts nothing"
    frames = f"predicts {stage.unroll} frame{'s' if stage.unroll > 1 else ''} a window"
    if stage.unroll > 1 and stage.curriculum:
        frames += f" (1 in the first {100 * stage.curriculum:g} % of the steps, then evenly more)"
    return frames + (f", gradients cut after every {stage.detach_every}" if stage.detach_every else "")


def _patience(recipe: Recipe) -> str:
    every, patience = recipe.training.validate_every, recipe.training.patience
    stop = f"; stops after {patience} without a new best" if patience else ""
    return f", measured every {every} steps{stop}"


def _weight(term: WeightedTerm, stage: Stage) -> str:
    weight = 1.0 if term.weight is None else term.weight
    counts = f"weight {weight:g}" if term.share is None else f"{100 * term.share:g} % of the gradient"
    return f"{counts}, ramp of {round(term.ramp * stage.steps)} steps" if term.ramp else counts


def _evaluation(recipe: Recipe, registry: Registry) -> Iterator[str]:
    settings = recipe.evaluation
    factors = ", ".join(f"{factor}×" for factor in settings.super_resolution)
    yield f"  rollouts   from frame {settings.context} of each trajectory to its last; and single steps from each frame"
    yield f"  finer      rollouts at {factors} the training resolution"
    yield f"  metrics    {_names(recipe.metrics, registry)}"
    yield f"  baselines  {_names(recipe.baselines, registry)}"
    if recipe.latent_transforms:
        yield f"  latents    {_names(recipe.latent_transforms, registry)}, after encoder and operator"
    if recipe.guards:
        yield f"  guards     {_names(recipe.guards, registry)} correct every prediction"
    if recipe.pictures:
        yield f"  pictures   {_names(recipe.pictures, registry)}"


def _names(specs: Mapping[str, object], registry: Registry) -> str:
    """The names of tables, each with its component where that is called something else."""
    components = {name: registry.name_of(type(spec)) for name, spec in specs.items()}
    return ", ".join(
        name if component.rpartition(":")[2] == name else f"{name} ({component})"
        for name, component in components.items()
    )
