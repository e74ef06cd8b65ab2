"""Published files as the data of a dataset: splits in the order of the files, the first flows for testing."""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from attrs import frozen

from ups_framework.api import (
    Data,
    DataError,
    Extent,
    Field,
    Grid,
    Parameter,
    Problem,
    Quantity,
    SpecError,
    Trajectories,
)
from ups_navier_stokes.equation import VELOCITY, VORTICITY
from ups_navier_stokes.published import Fields, Header, read_flows, read_header
from ups_navier_stokes.residual import residual_of


@frozen(kw_only=True)
class Library:
    """Files of one layout and grid, and what to take of them. Fields that the dataset has too mean the same."""

    files: tuple[Path, ...]
    """Where they are."""

    fields: Fields
    """Which field to read."""

    viscosity: float
    """ν of files that do not say theirs."""

    points: int
    """Points to train on along each axis: a divisor of the files'."""

    frames: int
    """How many frames to take, from the first one on."""

    dt: float
    """Time between them: a multiple of the files'."""

    train: int
    """Training flows."""

    validation: int
    """Validation flows."""

    test: int
    """Test flows."""

    def problem(self) -> Problem:
        """What the files are about; SpecError where `points`, `frames` or `dt` do not suit them."""
        headers = self._headers()
        first, rows = headers[0], [self._parameters(header) for header in headers]
        names = list(rows[0])
        periodic = all(axis.periodic for axis in first.grid.axes)
        field = Field(name=self.fields, components=2 if self.fields == "velocity" else 1)
        flow = first.name in (VORTICITY, VELOCITY)
        conserved = (Quantity(name=_CONSERVED[self.fields], field=self.fields),) if flow and periodic else ()
        return Problem(
            name=first.name,
            fields=(field,),
            grid=first.grid.subsample(self._every_x(first.grid)),
            dt=first.dt * self._every_t(first),
            parameters=tuple(_parameter(name, [row[name] for row in rows]) for name in names),
            conserved=conserved,
            residual=residual_of(self.fields, names) if flow else None,
        )

    def extent(self) -> Extent:
        """Test data on all points of the files."""
        return Extent(frames=self.frames, refinement=self._every_x(self._headers()[0].grid))

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        """The flows in the order of the files: test, validation, training. Nothing is written."""
        del folder, report
        headers, every_x = self._headers(), self._every_x(self._headers()[0].grid)
        needed, there = self.test + self.validation + self.train, sum(header.trajectories for header in headers)
        if needed > there:
            raise DataError(f"{self.files[0]}: the files have {there} flows, but {needed} are asked for; ask for fewer")
        return Data(
            problem=self.problem(),
            test=self._split(headers, 0, self.test, 1, device),
            validation=self._split(headers, self.test, self.validation, every_x, device),
            train=self._split(headers, self.test + self.validation, self.train, every_x, device),
            protocol={
                "dataset": headers[0].name,
                "files": ", ".join(header.path.name for header in headers),
                "fields": self.fields,
                "points": self.points,
                "frames": self.frames,
                "dt": self.dt,
                "train": self.train,
                "validation": self.validation,
                "test": self.test,
            },
        )

    def _split(self, headers: list[Header], first: int, count: int, every_x: int, device: torch.device) -> Trajectories:
        """`count` flows from number `first` on, counted through all files."""
        values, parameters, before = [], [], 0
        for header in headers:
            start, stop = max(first - before, 0), min(first + count - before, header.trajectories)
            if start < stop:
                every_t = self._every_t(header)
                part = range(start, stop)
                values.append(
                    read_flows(header, trajectories=part, frames=self.frames, every_t=every_t, every_x=every_x)
                )
                parameters.append(torch.tensor([list(self._parameters(header).values())]).expand(len(part), -1))
            before += header.trajectories
        return Trajectories(
            values=torch.cat(values).to(device),
            parameters=torch.cat(parameters).to(device),
            grid=headers[0].grid.subsample(every_x),
            dt=headers[0].dt * self._every_t(headers[0]),
        )

    def _headers(self) -> list[Header]:
        """The heads of all files; DataError if they do not go together, SpecError if they have too few frames."""
        headers = [read_header(path, self.fields) for path in self.files]
        first = headers[0]
        for header in headers:
            for what, one, this in (
                ("grid", first.grid, header.grid),
                ("frames", first.frames, header.frames),
                ("time step", first.dt, header.dt),
                ("equation", first.name, header.name),
                ("parameters", list(self._parameters(first)), list(self._parameters(header))),
            ):
                if one != this:
                    raise DataError(f"{header.path}: has another {what} than {first.path}; use files that agree")
        last = (self.frames - 1) * self._every_t(first) + 1
        if last > first.frames:
            raise SpecError("frames", f"{self.frames}, {self.dt:g} apart, need {last}, the files have {first.frames}")
        return headers

    def _parameters(self, header: Header) -> dict[str, float]:
        return {"viscosity": self.viscosity, **header.parameters}

    def _every_t(self, header: Header) -> int:
        every = max(1, round(self.dt / header.dt))
        if not math.isclose(every * header.dt, self.dt, rel_tol=1e-4):
            raise SpecError("dt", f"{self.dt:g} is no multiple of {header.dt:g}, between the frames of {header.path}")
        return every

    def _every_x(self, grid: Grid) -> int:
        if any(n % self.points for n in grid.shape) or len({n // self.points for n in grid.shape}) != 1:
            shape = " × ".join(map(str, grid.shape))
            raise SpecError("points", f"{self.points} along each axis do not divide the {shape} points of the files")
        return grid.shape[0] // self.points


_CONSERVED = {"velocity": "momentum", "vorticity": "total_vorticity"}


def _parameter(name: str, values: list[float]) -> Parameter:
    return Parameter(name=name, low=min(values), high=max(values), scale="log" if name == "viscosity" else "linear")
