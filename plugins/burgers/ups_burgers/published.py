"""What a published file of PDEBench says about itself."""

import math
import re
from pathlib import Path

import torch
from attrs import frozen

from ups_framework.api import DataError
from ups_framework.data.pdebench import Header

_IN_NAME = re.compile(r"_Nu(\d+\.?\d*(?:e-?\d+)?)", re.IGNORECASE)


@frozen(kw_only=True)
class Layout:
    """What the files of a dataset have in common, and the viscosity of each."""

    viscosities: tuple[float, ...]
    """ν of each file."""

    points: int
    """Cells of (0, 1)."""

    frames: int
    """Frames of each trajectory."""

    dt: float
    """Time between two frames."""


def layout_of(headers: list[Header]) -> Layout:
    """The layout of published files; DataError if they differ, or are on no grid of cell centres at equal times."""
    layouts = [_layout(header) for header in headers]
    for header, layout in zip(headers, layouts, strict=True):
        first, this = (f"{one.frames} frames, {one.points} points, dt {one.dt:g}" for one in (layouts[0], layout))
        if this != first:
            raise DataError(f"{header.path}: has {this}, but {headers[0].path} has {first}; use files of one layout")
    viscosities = tuple(viscosity for layout in layouts for viscosity in layout.viscosities)
    return Layout(viscosities=viscosities, points=layouts[0].points, frames=layouts[0].frames, dt=layouts[0].dt)


def _layout(header: Header) -> Layout:
    points, frames = len(header.x), len(header.t)
    centres = (torch.arange(points) + 0.5) / points
    if (header.x - centres).abs().max() > 0.01 / points:
        found = f"x from {header.x[0]:.6g} to {header.x[-1]:.6g}"
        raise DataError(f"{header.path}: {found}; expected the centres of {points} cells of (0, 1)")
    dt = round((header.t[-1] - header.t[0]).item() / max(frames - 1, 1), 9)
    equal = header.t[0] + dt * torch.arange(frames)
    if frames < 2 or dt <= 0 or (header.t - equal).abs().max() > 0.01 * dt:
        raise DataError(f"{header.path}: its {frames} times are not equally spaced; expected frames at equal steps")
    return Layout(viscosities=(_viscosity(header),), points=points, frames=frames, dt=dt)


def _viscosity(header: Header) -> float:
    """ν from the attribute `Nu` or, in older files, from the name; DataError if there is none or they disagree."""
    match = _IN_NAME.search(Path(header.path).name)
    named = float(match[1]) if match else None
    stored = header.attributes.get("Nu")
    if stored is not None and named is not None and not math.isclose(float(stored), named, rel_tol=1e-4):
        raise DataError(f"{header.path}: Nu is {float(stored):g} inside but {named:g} in the name; rename the file")
    viscosity = named if stored is None else float(f"{float(stored):.6g}")
    if viscosity is None:
        raise DataError(f"{header.path}: no viscosity; expected an attribute Nu or a name such as …_Nu0.001.hdf5")
    return viscosity
