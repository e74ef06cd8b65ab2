"""A dataset that is sound, or has one planted fault, called like the check that has to find it."""

import math
from collections.abc import Callable
from pathlib import Path

import attrs
import torch
from attrs import frozen
from torch import Tensor

from ups_framework.api import (
    Axis,
    Data,
    Dataset,
    Extent,
    Field,
    Grid,
    Parameter,
    Problem,
    Quantity,
    Trajectories,
)
from ups_framework.data.kept import kept
from ups_framework.numerics.random import generator

DT = 0.02
FRAMES = 12
POINTS = 512


@frozen(kw_only=True)
class FaultyDataset(Dataset):
    """u_t + c u_x = 0 on a periodic line: u = f(x − c t)."""

    train: int = 3
    """Training trajectories."""

    validation: int = 2
    """Validation trajectories."""

    test: int = 2
    """Test trajectories."""

    fault: str = ""
    """The check that should find it."""

    def problem(self) -> Problem:
        return Problem(
            name="waves",
            fields=(Field(name="u"),),
            grid=_fine().subsample(2),
            dt=DT,
            parameters=(Parameter(name="speed", low=0.5, high=1.5),),
            conserved=(Quantity(name="mass", field="u"), Quantity(name="energy", field="u", power=2)),
            dissipated=(Quantity(name="energy", field="u", power=2),),
            residual=self._residual,
        )

    def extent(self) -> Extent:
        return Extent(frames=FRAMES, refinement=1 if self.fault == "keeps_to_the_declared_grids" else 2)

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        splits = {name: self._split(name, getattr(self, name), folder) for name in ("train", "validation", "test")}
        if self.fault == "has_no_trajectory_twice":
            splits["test"] = splits["train"]
        if self.fault == "refuses_a_damaged_file":
            splits = {name: self._careless(split, folder / f"{name}.raw") for name, split in splits.items()}
        problem = self.problem()
        if self.fault == "declares_the_problem_of_its_data":
            problem = attrs.evolve(problem, name="other")
        train, validation = (splits[name].subsample(2) for name in ("train", "validation"))
        symmetry = _reflect if self.fault == "has_symmetries_of_its_equation" else _shift
        return Data(problem=problem, train=train, validation=validation, test=splits["test"], symmetries=(symmetry,))

    def _split(self, name: str, count: int, folder: Path) -> Trajectories:
        count += self.fault == "fills_its_splits_as_declared"
        seed = str(folder) if self.fault == "is_the_same_in_every_folder" else ""
        if self.fault == "reads_back_what_it_wrote":
            seed = str(len(list(folder.rglob("*"))))

        def make() -> Trajectories:
            return self._made(name, count, seed)

        if self.fault == "reads_back_what_it_wrote":
            (folder / name / str(seed)).mkdir(parents=True)
            return make()
        return kept(
            folder=folder, name=name, made_from={"count": count}, grid=_fine(), dt=DT, make=make, report=lambda _: None
        )

    def _made(self, name: str, count: int, seed: str) -> Trajectories:
        draw = generator(0, name, seed)
        speed = 0.5 + torch.rand(count, 1, 1, generator=draw, dtype=torch.float64)
        phase = torch.rand(count, 1, 1, generator=draw, dtype=torch.float64)
        time = DT * torch.arange(FRAMES, dtype=torch.float64)[None, :, None]
        angle = 2 * math.pi * (_fine().coordinates(0) - speed * time + phase)
        u = torch.sin(angle) + 0.5 * torch.sin(2 * angle)
        if self.fault == "conserves_what_it_declares":
            u = u * (1 - time)
        if self.fault == "dissipates_what_it_declares":
            u = u * (1 + time)
        if self.fault == "changes_over_time":
            u = u[:, :1].expand(-1, FRAMES, -1)
        if self.fault == "keeps_its_boundary":
            u = u + 20 * _fine().coordinates(0)
        if self.fault == "keeps_parameters_in_their_range":
            speed = speed + 1
        return Trajectories(values=u[..., None].float(), parameters=speed[:, :, 0].float(), grid=_fine(), dt=DT)

    def _residual(self, frames: Tensor, grid: Grid, dt: float, parameters: Tensor) -> Tensor:
        """u¹ − u⁰ + c dt (u_x⁰ + u_x¹)/2."""
        sign = -1.0 if self.fault == "satisfies_its_own_residual" else 1.0
        slope = (frames.roll(-1, 2) - frames.roll(1, 2)) / (2 * grid.spacing[0])
        drift = parameters[:, None, :1, None] * dt * (slope[:, 1:] + slope[:, :-1]) / 2
        return frames[:, 1:] - frames[:, :-1] + sign * drift

    def _careless(self, split: Trajectories, path: Path) -> Trajectories:
        """Kept as bytes that nobody verifies."""
        if not path.exists():
            path.write_bytes(split.values.numpy().tobytes())
        flat = torch.frombuffer(bytearray(path.read_bytes().ljust(split.values.nbytes, b"\0")), dtype=torch.float32)
        return attrs.evolve(split, values=flat.reshape(split.values.shape))


def _shift(values: Tensor, grid: Grid, dt: float, generator: torch.Generator) -> Tensor:
    """u(x − a, t)."""
    return values.roll(int(torch.randint(grid.num_points, (), generator=generator)), 2)


def _reflect(values: Tensor, grid: Grid, dt: float, generator: torch.Generator) -> Tensor:
    """u(−x, t) for half of the samples: moves to the left where c > 0 moves to the right."""
    chosen = torch.randint(2, (len(values), 1, 1, 1), generator=generator, dtype=torch.bool)
    return torch.where(chosen, values.flip(2), values)


def _fine() -> Grid:
    return Grid(axes=(Axis(name="x"),), shape=(POINTS,), offset=(0.5,))
