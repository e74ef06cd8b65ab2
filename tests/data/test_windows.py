"""Windows are the frames they say they are."""

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Axis, Grid, Trajectories
from ups_framework.data.windows import Windows

NUM, FRAMES, POINTS, CHANNELS = 5, 7, 4, 2
GRID = Grid(axes=(Axis(name="x"),), shape=(POINTS,), offset=(0.5,))
VALUES = torch.arange(float(NUM * FRAMES * POINTS * CHANNELS)).reshape(NUM, FRAMES, POINTS, CHANNELS)
DATA = Trajectories(values=VALUES, parameters=10 * torch.arange(float(NUM))[:, None], grid=GRID, dt=0.25)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("frames", [1, 3, FRAMES])
def test_a_window_is_a_run_of_frames_of_the_trajectory_whose_parameters_it_comes_with(frames: int) -> None:
    values, parameters = Windows(DATA).draw(seeded(0), 50, frames)
    assert values.shape == (50, frames, POINTS, CHANNELS)
    for window, parameter in zip(values, parameters, strict=True):
        sample = int(parameter.item() / 10)
        first = [frame for frame in range(FRAMES) if torch.equal(VALUES[sample, frame], window[0])]
        assert len(first) == 1
        assert torch.equal(window, VALUES[sample, first[0] : first[0] + frames])


def test_every_trajectory_and_every_start_occurs_equally_often() -> None:
    frames, draws = 3, 30_000
    values, _ = Windows(DATA).draw(seeded(1), draws, frames)
    start = (values[:, 0, 0, 0] / (POINTS * CHANNELS)).long()
    hits = start.bincount(minlength=NUM * FRAMES).reshape(NUM, FRAMES)
    possible = FRAMES - frames + 1
    assert hits[:, possible:].sum() == 0
    chance = 1 / (NUM * possible)
    sd = (draws * chance * (1 - chance)) ** 0.5
    assert (hits[:, :possible] - draws * chance).abs().max() < 4.5 * sd


def test_windows_are_a_function_of_the_generator() -> None:
    windows = Windows(DATA)
    first, _ = windows.draw(seeded(2), 8, 3)
    other, _ = windows.draw(seeded(3), 8, 3)
    again, _ = windows.draw(seeded(2), 8, 3)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def shifted(values: Float[Tensor, "B T N C"], grid: Grid, dt: float, chance: torch.Generator) -> Tensor:
    """A random shift, one for the whole batch."""
    amount = int(torch.randint(grid.num_points, (), generator=chance))
    return values.roll(amount, dims=2)


def test_symmetries_are_applied_one_after_another_with_the_data_s_grid_and_time_step() -> None:
    seen: list[tuple[Grid, float]] = []

    def double(values: Tensor, grid: Grid, dt: float, chance: torch.Generator) -> Tensor:
        seen.append((grid, dt))
        return 2 * values

    def add_one(values: Tensor, grid: Grid, dt: float, chance: torch.Generator) -> Tensor:
        return values + 1

    plain, plain_parameters = Windows(DATA).draw(seeded(4), 8, 3)
    mapped, parameters = Windows(DATA, [double, add_one]).draw(seeded(4), 8, 3)
    assert torch.equal(mapped, 2 * plain + 1)
    assert torch.equal(parameters, plain_parameters)
    assert seen == [(GRID, 0.25)]


def test_symmetries_draw_from_the_same_generator_after_the_windows() -> None:
    plain, _ = Windows(DATA).draw(seeded(5), 8, 3)
    draws = [Windows(DATA, [shifted]).draw(seeded(seed), 8, 3)[0] for seed in (5, 5)]
    assert torch.equal(draws[0], draws[1])
    assert any(torch.equal(draws[0], plain.roll(amount, dims=2)) for amount in range(POINTS))


def test_the_data_stay_as_they_were() -> None:
    values = VALUES.clone()
    window, _ = Windows(DATA).draw(seeded(6), 8, 3)
    window.zero_()
    assert torch.equal(VALUES, values)
