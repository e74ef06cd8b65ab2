"""Films of rollouts, and pictures that a page gives back."""

import io

import numpy as np
import PIL.Image
import pytest

from ups_framework.runs import page
from ups_framework.runs.film import MOST_FRAMES, film
from ups_framework.runs.predictions import Predictions
from ups_framework.runs.singular_values import singular_values


def rollout(dims: int, frames: int) -> Predictions:
    """Noise, and a prediction of it that is a little off."""
    truth = np.random.default_rng(0).standard_normal((2, frames, 8**dims, 1))
    return Predictions(
        prediction=truth + 0.1,
        truth=truth,
        t=np.arange(float(frames)),
        x=(np.arange(8.0),) * dims,
        axes=("x", "y", "z")[:dims],
        axis_units=("m",) * dims,
        channels=("u",),
        channel_units=("m/s",),
    )


@pytest.mark.parametrize("dims", [1, 2])
def test_a_film_plays_the_frames_of_a_rollout(dims: int) -> None:
    made = film(rollout(dims, 5), 0)
    assert made is not None
    moving = PIL.Image.open(io.BytesIO(made))
    assert getattr(moving, "n_frames", 1) == 5
    shots = []
    for number in range(2):
        moving.seek(number)
        shots.append(np.asarray(moving.convert("RGB"), dtype=float))
    assert np.abs(shots[0] - shots[1]).max() > 50


def test_a_film_of_a_long_rollout_is_bounded_and_there_is_none_in_three_dimensions() -> None:
    made = film(rollout(1, 3 * MOST_FRAMES), 0)
    assert made is not None
    assert getattr(PIL.Image.open(io.BytesIO(made)), "n_frames", 1) == MOST_FRAMES
    assert film(rollout(3, 2), 0) is None


def test_a_page_gives_back_the_pictures_that_were_put_into_it() -> None:
    put = {"a": b"\x89PNG one", 'b "<&>': b"\x89PNG two"}
    body = [page.figure(name, picture, "what it shows") for name, picture in put.items()]
    assert page.pictures(page.page("title", body)) == put


def test_singular_values_are_drawn_for_a_few_validations_and_not_where_all_latents_are_one() -> None:
    def record(step: int, size: float) -> dict[str, object]:
        return {"of": "latent", "step": step, "singular_values": [size, size / 10, size * 1e-12]}

    figure = singular_values([record(step, 3.0) for step in range(100)])
    assert figure is not None
    [axes] = figure.axes
    assert [line.get_label() for line in axes.lines][-1] == "step 99"
    assert np.isnan(np.asarray(axes.lines[0].get_ydata(), dtype=float)).tolist() == [False, False, True]
    assert singular_values([record(1, 0.0), {"of": "gradient", "step": 1}]) is None
