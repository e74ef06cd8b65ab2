"""What a dataset promises: its tensors are what its problem says, the same every time, and its files are verified."""

import math
from collections.abc import Iterator
from pathlib import Path

import attrs
import torch
from torch import Tensor

from ups_framework.api import Data, Residual, Trajectories
from ups_framework.errors import DataError
from ups_framework.numerics.random import generator
from ups_framework.testing.checks import shape_problems
from ups_framework.testing.settings import Experiment

_SMALL_FILE = 2**16
"""Larger files hold trajectories, smaller ones may be notes beside them."""


def _splits(data: Data) -> dict[str, Trajectories]:
    return {"train": data.train, "validation": data.validation, "test": data.test}


def can_be_made(experiment: Experiment) -> Iterator[str]:
    """With 3 training and 2 validation and test trajectories, or as many as `example` says; all values are finite.

    Nothing else is checked if not.
    """
    if experiment.unusable is not None:
        yield experiment.unusable


def declares_the_problem_of_its_data(experiment: Experiment) -> Iterator[str]:
    """`problem()`, from the spec alone, equals `Data.problem`."""
    if experiment.data.problem != experiment.spec.problem():
        yield "problem() differs from the problem of the data that build gives"


def fills_its_splits_as_declared(experiment: Experiment) -> Iterator[str]:
    """Counts, frames, points, channels, parameters, type."""
    problem, extent = experiment.spec.problem(), experiment.spec.extent()
    for name, split in _splits(experiment.data).items():
        count = getattr(experiment.spec, name)
        frames = (extent.test_frames or extent.frames) if name == "test" else extent.frames
        fields = (count, frames, split.grid.num_points, problem.num_channels)
        yield from shape_problems(f"values of split {name}", split.values, fields, torch.float32)
        constants = (count, len(problem.parameters))
        yield from shape_problems(f"parameters of split {name}", split.parameters, constants, torch.float32)
        if not math.isclose(split.dt, problem.dt):
            yield f"split {name} has dt {split.dt:g}, the problem {problem.dt:g}"


def keeps_to_the_declared_grids(experiment: Experiment) -> Iterator[str]:
    """Training and validation data on `problem.grid`, test data `extent().refinement` times as fine."""
    problem, data = experiment.spec.problem(), experiment.data
    for name in ("train", "validation"):
        if _splits(data)[name].grid != problem.grid:
            yield f"split {name} is not on the training grid"
    if data.test.grid.subsample(experiment.spec.extent().refinement) != problem.grid:
        yield "the test grid, subsampled by the declared refinement, is not the training grid"


def keeps_parameters_in_their_range(experiment: Experiment) -> Iterator[str]:
    """Between `low` and `high` of each `Parameter`, in all splits."""
    for name, split in _splits(experiment.data).items():
        for parameter, column in zip(experiment.data.problem.parameters, split.parameters.unbind(1), strict=True):
            if not parameter.holds(column):
                found, declared = f"{column.min():g} … {column.max():g}", f"{parameter.low:g} … {parameter.high:g}"
                yield f"{parameter.name} of split {name} is {found}, declared {declared}"


def has_no_trajectory_twice(experiment: Experiment) -> Iterator[str]:
    """Neither in a split nor in two of them."""
    splits = _splits(experiment.data)
    starts = [s.subsample(s.grid.shape[0] // splits["train"].grid.shape[0]).values[:, 0] for s in splits.values()]
    flat = torch.cat(starts).flatten(1)
    if len(flat.unique(dim=0)) < len(flat):
        yield "two trajectories start alike: splits must not share any, and each draw must be its own"


def changes_over_time(experiment: Experiment) -> Iterator[str]:
    """The last frame is not the first."""
    values = experiment.data.train.values
    if float((values[:, -1] - values[:, 0]).abs().max()) == 0:
        yield "the last frame is the first"


def keeps_its_boundary(experiment: Experiment) -> Iterator[str]:
    """The jump over a periodic end, or the distance from the wall's value or slope, against a change inside."""
    test = experiment.data.test
    values = test.grid.unflatten(test.values).double()
    for number, axis in enumerate(test.grid.axes):
        line = values.movedim(2 + number, -1)
        inside = line.diff(dim=-1).abs().amax()
        first, last = line[..., 0], line[..., -1]
        if axis.boundary == "periodic":
            off = (first - last).abs().amax()
        elif axis.boundary == "dirichlet":
            off = torch.maximum((first - axis.wall).abs().amax(), (last - axis.wall).abs().amax())
        else:
            slopes = torch.stack([line[..., 1] - first, last - line[..., -2]])
            off = (slopes - axis.wall * test.grid.spacing[number]).abs().amax()
        if off > 2 * inside:
            yield (
                f"axis {axis.name} is declared {axis.boundary}, but its ends are off by {off:.3g}, "
                f"where neighbours inside differ by {inside:.3g} at most"
            )


def conserves_what_it_declares(experiment: Experiment) -> Iterator[str]:
    """On the finest grid: a sum over fewer points is none of the solver's."""
    data = experiment.data
    for quantity in data.problem.conserved:
        field = data.test.values[..., data.problem.channels(quantity.field)].double()
        amount, size = field.pow(quantity.power).mean(2), field.abs().pow(quantity.power).mean(2)[:, 0].sum(-1)
        drift = float(((amount - amount[:, :1]).abs().amax((1, 2)) / size).max())
        if drift > quantity.tolerance:
            yield f"{quantity.name} drifts by {drift:.2g} in the test split, declared {quantity.tolerance:g} at most"


def dissipates_what_it_declares(experiment: Experiment) -> Iterator[str]:
    """On the finest grid no such integral grows from one frame to the next by more than its tolerance."""
    data = experiment.data
    for quantity in data.problem.dissipated:
        field = data.test.values[..., data.problem.channels(quantity.field)].double()
        amount, size = field.pow(quantity.power).mean(2), field.abs().pow(quantity.power).mean(2)[:, 0].sum(-1)
        if quantity.power == 2:
            amount = amount.sum(-1, keepdim=True)
        growth = float((amount.diff(dim=1).amax((1, 2)) / size).max())
        if growth > quantity.tolerance:
            yield f"{quantity.name} grows by {growth:.2g} in a step of the test split, allowed {quantity.tolerance:g}"


def satisfies_its_own_residual(experiment: Experiment) -> Iterator[str]:
    """Where there is one: smaller than that of frames that do not move, by half."""
    data = experiment.data
    residual = data.problem.residual
    if residual is None:
        return
    test = data.test
    true, wrong = _residuals(residual, test)
    if not true < 0.5 * wrong:
        yield (
            f"its own trajectories have a residual of {true:.3g}, trajectories that stand still {wrong:.3g}: less than "
            "half is asked; look at signs and factors of its terms, dt, and the length of the domain"
        )


def has_symmetries_of_its_equation(experiment: Experiment) -> Iterator[str]:
    """They leave training trajectories about as near to the residual as these were.

    A residual counts relative to that of frames that do not move. Without one there is nothing to judge by.
    """
    data = experiment.data
    residual = data.problem.residual
    if residual is None:
        return
    train = data.train  # often, as many maps toss a coin for each sample
    train = attrs.evolve(train, values=train.values.repeat(4, 1, 1, 1), parameters=train.parameters.repeat(4, 1))
    true, still = _residuals(residual, train)
    for number, symmetry in enumerate(data.symmetries):
        name = getattr(symmetry, "__name__", type(symmetry).__name__)
        draw = generator(0, "conformance", "symmetry", number)
        values = symmetry(train.values.clone(), train.grid, train.dt, draw)
        what = f"symmetry {number + 1} of {len(data.symmetries)} ({name})"
        yield from shape_problems(f"what {what} gives", values, tuple(train.values.shape), torch.float32)
        found, found_still = _residuals(residual, attrs.evolve(train, values=values))
        if found * still > (2 * true + 0.01 * still) * found_still:
            yield (
                f"{what} maps training trajectories to what solves another equation: their residual is "
                f"{found / found_still:.2g} of that of standing still, {true / still:.2g} before; every training "
                "window is mapped (`training.augment`), so leave it out or correct it"
            )


def is_the_same_in_every_folder(experiment: Experiment) -> Iterator[str]:
    """Made anew elsewhere, after other random numbers were drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.rand(17)
        other = experiment.build("second")
    yield from _differences(experiment.data, other, "made in another folder")


def reads_back_what_it_wrote(experiment: Experiment) -> Iterator[str]:
    """A second `build` in the same folder gives the same numbers."""
    yield from _differences(experiment.data, experiment.build("first"), "built a second time")


def refuses_a_damaged_file(experiment: Experiment) -> Iterator[str]:
    """DataError, or the file made anew: never other numbers, never another error."""
    experiment.build("damaged")
    for path in _files(experiment.folder / "damaged"):
        whole = path.read_bytes()
        for harm, damaged in _damages(whole).items():
            path.write_bytes(damaged)
            try:
                found = experiment.build("damaged")
            except DataError:
                found = None
            if found is not None and any(_differences(experiment.data, found, "")):
                yield f"{path.name}, {harm}, gives other data without a DataError"
            path.write_bytes(whole)


def _damages(whole: bytes) -> dict[str, bytes]:
    """Half of the file, and one with some bytes of its values changed."""
    middle = len(whole) // 2
    changed = bytes(255 - byte for byte in whole[middle : middle + 64])
    return {
        "cut in half": whole[:middle],
        "with 64 bytes changed": whole[:middle] + changed + whole[middle + 64 :],
    }


def _files(folder: Path) -> list[Path]:
    """Those that may hold trajectories."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if path.stat().st_size >= _SMALL_FILE]


def _differences(first: Data, second: Data, when: str) -> Iterator[str]:
    for name in ("train", "validation", "test"):
        one, other = _splits(first)[name], _splits(second)[name]
        if not (torch.equal(one.values, other.values) and torch.equal(one.parameters, other.parameters)):
            yield f"{when}, split {name} has other numbers: draw from `generator(seed, purpose)` alone"


def _residuals(residual: Residual, trajectories: Trajectories) -> tuple[float, float]:
    """Size of the residual of trajectories, and of their first frames standing still."""
    values, parameters = trajectories.values.double(), trajectories.parameters.double()
    still = values[:, :1].expand_as(values)
    true, wrong = (_size(residual(each, trajectories.grid, trajectories.dt, parameters)) for each in (values, still))
    return true, wrong


def _size(values: Tensor) -> float:
    return float(values.square().mean().sqrt())


CHECKS = (
    declares_the_problem_of_its_data,
    fills_its_splits_as_declared,
    keeps_to_the_declared_grids,
    keeps_parameters_in_their_range,
    has_no_trajectory_twice,
    changes_over_time,
    keeps_its_boundary,
    conserves_what_it_declares,
    dissipates_what_it_declares,
    satisfies_its_own_residual,
    has_symmetries_of_its_equation,
    is_the_same_in_every_folder,
    reads_back_what_it_wrote,
    refuses_a_damaged_file,
)
