"""Starts follow PDEBench's law, are the same at every resolution and depend on seed, viscosity and number alone."""

from typing import Literal

import torch
from torch import Tensor
from ups_burgers.ensemble import Ensemble
from ups_burgers.initial import initial_condition

from ups_framework.numerics.random import generator


def ensemble(*, seed: int = 0, walls: bool = False, viscosity: float = 0.001, trajectories: int = 4) -> Ensemble:
    boundary: Literal["periodic", "dirichlet"] = "dirichlet" if walls else "periodic"
    return Ensemble(viscosity=viscosity, boundary=boundary, trajectories=trajectories, seed=seed)


def starts(*, seed: int = 0, walls: bool = False, viscosity: float = 0.001, count: int = 4, points: int = 64) -> Tensor:
    one = ensemble(seed=seed, walls=walls, viscosity=viscosity)
    return one.start(range(count), one.grid(points))


def test_a_start_is_one_function_at_every_resolution() -> None:
    x = (torch.arange(64, dtype=torch.float64) + 0.5) / 64
    for number in range(20):
        coarse = initial_condition(x[::2], generator(0, number), walls=False)
        assert torch.equal(coarse, initial_condition(x, generator(0, number), walls=False)[::2])


def test_waves_close_round_the_domain() -> None:
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    u = torch.stack([initial_condition(ends, generator(0, number), walls=False) for number in range(50)])
    assert torch.allclose(u[:, 0], u[:, 1], atol=1e-7)


def test_between_walls_a_start_vanishes_at_both() -> None:
    ends = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    u = torch.stack([initial_condition(ends, generator(0, number), walls=True) for number in range(50)])
    assert float(u[:, [0, 2]].abs().max()) == 0
    assert float(u[:, 1].abs().mean()) > 0.3


def test_moments_are_those_of_the_law() -> None:
    """Without |u₀| and window u₀ has mean 0 and variance 4 E[A²]/2 = 2/3; those two change it by a few percent."""
    u = starts(count=2000, points=32)
    assert abs(float(u.mean())) < 0.05
    assert abs(float(u.square().mean()) - 2 / 3) < 0.07
    kept_sign = ((u >= 0).all(1) | (u <= 0).all(1)).double().mean()
    assert 0.1 < float(kept_sign) < 0.35


def test_no_mode_is_beyond_the_eighth_unless_cut() -> None:
    power = torch.fft.rfft(starts(count=400, points=256)).abs()
    smooth = power[:, 9:].amax(1) < 1e-9 * power.amax(1)
    assert 0.7 < float(smooth.double().mean()) < 0.95


def test_starts_do_not_depend_on_how_many_there_are_but_on_seed_viscosity_and_boundary() -> None:
    assert torch.equal(starts(count=8)[:4], starts(count=4))
    for other in (starts(seed=1), starts(viscosity=0.002), starts(walls=True)):
        assert not torch.allclose(starts(), other, atol=0.1)


def test_a_file_is_named_after_all_that_determines_it() -> None:
    others = (ensemble(seed=1), ensemble(walls=True), ensemble(viscosity=0.002), ensemble(trajectories=5))
    assert len({ensemble().file_name, *(other.file_name for other in others)}) == 5
    assert ensemble().file_name == ensemble().file_name
    assert ensemble().file_name.startswith("1D_Burgers_Sols_Nu0.001-")
