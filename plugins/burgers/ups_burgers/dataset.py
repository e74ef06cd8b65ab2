"""The dataset `burgers`: trajectories made in PDEBench's manner and layout, or PDEBench's own."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, Literal

import torch
from attrs import field, frozen, validators

from ups_burgers.ensemble import DT, NUM_FRAMES, NUM_POINTS, Ensemble
from ups_burgers.equation import NAME
from ups_burgers.generate import generate
from ups_burgers.published import Layout, layout_of
from ups_burgers.residual import residual
from ups_burgers.splits import Files, share
from ups_burgers.symmetries import symmetries
from ups_framework.api import (
    Axis,
    Data,
    DataError,
    Dataset,
    Extent,
    Field,
    Grid,
    Parameter,
    Problem,
    Quantity,
    SpecError,
)
from ups_framework.data.pdebench import Header, exclusive, read_header

_MANY = validators.ge(1)


@frozen(kw_only=True)
class Burgers(Dataset):
    """Burgers' equation u_t + (u²/2)_x = (ν/π) u_xx on (0, 1) for times 0 to 2: fronts steepen, meet and decay.

    Starts are PDEBench's random sums of sine waves (`initial.py`). Trajectories have 1024 cells and 201 frames and are
    made once, in float64: by Fourier modes where ν ≥ 0.01 resolves all fronts on a periodic axis, by finite volumes
    elsewhere. 352 trajectories at ν = 0.001 take about 10 s on one core and 0.3 GB on the disk; 10000 take 8.2 GB.
    The first trajectories are for testing, the next for validation and the rest for training, as in PDEBench.
    Training and validation data have `points` points, test data all 1024.
    """

    example: ClassVar[Mapping[str, object]] = {"viscosity": [0.1], "points": 128, "every": 1}

    viscosity: tuple[float, ...] = field(
        default=(0.001,), validator=[validators.min_len(1), validators.deep_iterable(validators.gt(0))]
    )
    """ν, one value or several, among which trajectories are dealt out in turn. Good values: 0.001 (shocks) to 0.1."""

    boundary: Literal["periodic", "dirichlet"] = "periodic"
    """`dirichlet`: walls at 0 and 1 where u = 0. They need ν well below 0.01: more takes very many small steps."""

    train: int = field(default=8000, validator=_MANY)
    """Training trajectories."""

    validation: int = field(default=1000, validator=_MANY)
    """Validation trajectories."""

    test: int = field(default=1000, validator=_MANY)
    """Test trajectories."""

    points: int = field(default=256, validator=_MANY)
    """Points of the training grid, every so-many-th of the file's: a divisor of 1024."""

    every: int = field(default=5, validator=_MANY)
    """Which frames to keep: every fifth of 201 are 41, with 0.05 between them."""

    seed: int = 0
    """Seed of the starts: not the run's seed, so that all runs see the same data. No part in published files."""

    file: tuple[str, ...] = ()
    """Published files of PDEBench to read instead, one a viscosity, which is then the file's and not `viscosity`."""

    def problem(self) -> Problem:
        """Burgers' equation on the training grid. SpecError if `points`, `every` or `boundary` do not suit the data."""
        layout = self._layout()
        grid = self._file_grid(layout).subsample(layout.points // self.points)
        low, high = min(layout.viscosities), max(layout.viscosities)
        return Problem(
            name=NAME,
            fields=(Field(name="u"),),
            grid=grid,
            dt=layout.dt * self.every,
            parameters=(Parameter(name="viscosity", low=low, high=high, scale="log"),),
            conserved=(Quantity(name="mass", field="u"),) if self.boundary == "periodic" else (),
            dissipated=(Quantity(name="energy", field="u", power=2),),
            residual=residual,
        )

    def extent(self) -> Extent:
        """Every `every`-th frame; test data on all points of the file."""
        layout = self._layout()
        frames = len(range(0, layout.frames, self.every))
        return Extent(frames=frames, refinement=layout.points // self.points)

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        """Read the files, after making in `folder / "burgers"` those that are to be made and are not there."""
        problem, layout = self.problem(), self._layout()
        paths = self._published() if self.file else self._made(folder / NAME, device, report)
        headers = [read_header(path, report) for path in paths]
        self._refuse_too_few(headers)
        files = Files(
            paths=paths,
            viscosities=layout.viscosities,
            grid=self._file_grid(layout),
            frames=layout.frames,
            every_t=self.every,
            dt=problem.dt,
            device=device,
        )
        every_x = layout.points // self.points
        return Data(
            problem=problem,
            test=files.split((), self.test, 1, quiet),
            validation=files.split((self.test,), self.validation, every_x, quiet),
            train=files.split((self.test, self.validation), self.train, every_x, quiet),
            symmetries=symmetries(problem.grid, problem.dt),
            protocol=self._protocol(layout, headers),
        )

    def _layout(self) -> Layout:
        """The layout of the files; SpecError on what does not suit it."""
        if self.file and self.boundary != "periodic":
            raise SpecError("boundary", "PDEBench's published files are periodic; take 'periodic' or leave out 'file'")
        layout = Layout(viscosities=self.viscosity, points=NUM_POINTS, frames=NUM_FRAMES, dt=DT)
        if self.file:
            layout = layout_of([read_header(path, quiet) for path in self._published()])
        if layout.points % self.points:
            raise SpecError("points", f"{self.points} does not divide the {layout.points} points of the data")
        if self.every >= layout.frames:
            raise SpecError("every", f"{self.every} leaves one of the {layout.frames} frames; take a smaller number")
        if len(set(layout.viscosities)) < len(layout.viscosities):
            raise SpecError("viscosity", f"the same value occurs twice in {list(layout.viscosities)}")
        return layout

    def _file_grid(self, layout: Layout) -> Grid:
        """Cell centres of all points of the files."""
        return Grid(axes=(Axis(name="x", boundary=self.boundary),), shape=(layout.points,), offset=(0.5,))

    def _published(self) -> tuple[Path, ...]:
        return tuple(Path(os.path.expanduser(name)) for name in self.file)

    def _made(self, folder: Path, device: torch.device, report: Callable[[str], None]) -> tuple[Path, ...]:
        """The generated files, made if they are not there."""
        paths = []
        with exclusive(folder, report):
            for viscosity, count in zip(self.viscosity, self._counts(len(self.viscosity)), strict=True):
                ensemble = Ensemble(viscosity=viscosity, boundary=self.boundary, trajectories=count, seed=self.seed)
                paths.append(folder / ensemble.file_name)
                if not paths[-1].exists():
                    generate(paths[-1], ensemble, device, report)
        return tuple(paths)

    def _counts(self, num_files: int) -> list[int]:
        """Trajectories that each file gives to all splits."""
        splits = (self.test, self.validation, self.train)
        return [sum(share(count, file, num_files) for count in splits) for file in range(num_files)]

    def _refuse_too_few(self, headers: list[Header]) -> None:
        """DataError if a file has fewer trajectories than the splits need."""
        for header, needed in zip(headers, self._counts(len(headers)), strict=True):
            if header.trajectories < needed:
                raise DataError(
                    f"{header.path}: has {header.trajectories} trajectories, but train, validation and test together "
                    f"need {needed} of it; ask for fewer"
                )

    def _protocol(self, layout: Layout, headers: list[Header]) -> dict[str, str | int | float | bool]:
        """How the data was made and split; self-errors are the largest of the files, if those have any."""
        protocol: dict[str, str | int | float | bool] = {
            "name": "pdebench-v7" if self._as_pdebench() else "burgers",
            "equation": "u_t + (u^2/2)_x = (viscosity/pi) u_xx",
            "viscosity": ", ".join(f"{viscosity:g}" for viscosity in layout.viscosities),
            "boundary": self.boundary,
            "points": self.points,
            "frames": len(range(0, layout.frames, self.every)),
            "dt": layout.dt * self.every,
            "train": self.train,
            "validation": self.validation,
            "test": self.test,
            "scaled": self.train < 8000 or self.validation < 1000 or self.test < 1000,
            "source": "file" if self.file else "generated",
            "files": ", ".join(header.path.name for header in headers),
        }
        if not self.file:
            protocol["seed"] = self.seed
            protocol["solver"] = ", ".join(dict.fromkeys(str(header.attributes["solver"]) for header in headers))
            for name in ("self_error", "self_error_mean"):
                protocol[name] = max(float(header.attributes[name]) for header in headers)
        return protocol

    def _as_pdebench(self) -> bool:
        """Whether resolution, frames and boundary are those of PDEBench's results."""
        return (self.points, self.every, self.boundary) == (256, 5, "periodic")


def quiet(message: str) -> None:
    """Says nothing: for headers that are read again."""
