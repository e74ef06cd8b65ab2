"""Regularisers of latents do what they are for: each lowers its own quantity, measured on held-out data."""

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from tests.engine.conftest import Train, Trained

SETTINGS = (
    "stages.autoencode.steps=0",
    "stages.operator.steps=150",
    "stages.operator.unroll=2",
    "stages.operator.curriculum=0",
    "training.audit_every=25",
    "training.validate_every=1000",
    "training.log_every=50",
    "optimizer.ema=0.0",
    "optimizer.learning_rate=3e-3",
    "simulator.rollout=latent",
)


def latents(run: "Trained", steps: int = 2) -> list[Tensor]:
    """Tokens of the first validation fields and of each of the steps after them."""
    simulator, truth = run.system.simulator.eval(), run.data.validation
    with torch.no_grad():
        found = [simulator.encode(truth.values[:, 0], truth.parameters)]
        for _ in range(steps):
            found.append(simulator.advance(found[-1], truth.parameters))
    return [latent.tokens for latent in found]


def pairs_cosine(tokens: Tensor) -> Tensor:
    """Cosines of all pairs of different tokens."""
    unit = functional.normalize(tokens, dim=-1)
    different = ~torch.eye(tokens.shape[1], dtype=torch.bool)
    return (unit @ unit.transpose(1, 2))[:, different]


def size_error(run: "Trained") -> float:
    tokens = torch.cat(latents(run))
    return float((tokens.square().mean(-1).sqrt() - 1).square().mean())


def squared_likeness(run: "Trained") -> float:
    return float(pairs_cosine(torch.cat(latents(run))).square().mean())


def likeness(run: "Trained") -> float:
    return float(pairs_cosine(torch.cat(latents(run))).mean())


def fastest_tokens(run: "Trained") -> float:
    """Mean change of the faster half of the tokens in a step, over the size of the latent."""
    path = latents(run)
    changes = [
        (after - before).norm(dim=-1) / before.square().sum(-1).mean(-1, keepdim=True).sqrt()
        for before, after in pairwise(path)
    ]
    each = torch.cat(changes).flatten().sort().values
    return float(each[len(each) // 2 :].mean())


@pytest.fixture(scope="module")
def plain(train: "Train") -> "Trained":
    return train(*SETTINGS)


@pytest.mark.parametrize(
    ("term", "quantity", "most"),
    [
        ('use = "latent_norm", share = 0.3', size_error, 0.2),
        ('use = "latent_diversity", share = 0.3', squared_likeness, 0.7),
        ('use = "latent_diversity", form = "signed", share = 0.3', likeness, 0.3),
        ('use = "latent_smoothness", limit = 0.1, share = 0.5', fastest_tokens, 0.8),
    ],
    ids=["norm", "diversity", "signed", "smoothness"],
)
def test_a_large_share_lowers_what_the_term_is_about(
    train: "Train", plain: "Trained", term: str, quantity: Callable[["Trained"], float], most: float
) -> None:
    before, after = quantity(plain), quantity(train(*SETTINGS, terms={"regular": term}))
    print(f"{term}: {before:.4f} without, {after:.4f} with it")
    assert after < most * before


def test_a_model_trained_with_noise_minds_it_less(train: "Train", plain: "Trained") -> None:
    """The error that noise in the latents makes, in units of the fields' deviation."""
    noisy = train(*SETTINGS, "latent_transforms.noise.use=latent_noise", "latent_transforms.noise.fraction=0.3")
    harm = [added_by_noise(run) for run in (plain, noisy)]
    print(f"change of the decoded fields by noise: {harm[0]:.4f} without, {harm[1]:.4f} with it")
    assert harm[1] < 0.9 * harm[0]


def added_by_noise(run: "Trained") -> float:
    simulator, truth = run.system.simulator.eval(), run.data.validation
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        latent = simulator.encode(truth.values[:, 0], truth.parameters)
        size = latent.tokens.square().mean(-1, keepdim=True).sqrt()
        shaken = latent.tokens + 0.3 * size * torch.randn(latent.tokens.shape, generator=draw)
        change = simulator.decode(latent.with_tokens(shaken), simulator.grid_points)
        change = change - simulator.decode(latent, simulator.grid_points)
    return float((change / simulator.sd).square().mean().sqrt())


def test_a_clip_that_is_never_reached_leaves_every_bit_of_the_training_as_it_was(train: "Train") -> None:
    short = (*SETTINGS, "stages.operator.steps=10")
    runs = [train(*short), train(*short, "latent_transforms.clip.use=soft_clip", "latent_transforms.clip.limit=1e4")]
    assert all(torch.equal(tensor, runs[1].weights()[name]) for name, tensor in runs[0].weights().items())


def test_a_clip_bounds_the_latents_of_a_trained_model(train: "Train", plain: "Trained") -> None:
    largest = max(float(tokens.abs().max()) for tokens in latents(plain, 20))
    limit = largest / 4
    clipped = train(*SETTINGS, "latent_transforms.clip.use=soft_clip", f"latent_transforms.clip.limit={limit}")
    print(f"largest number of a latent in 20 steps: {largest:.2f}, with a clip at {limit:.2f}: ", end="")
    found = max(float(tokens.abs().max()) for tokens in latents(clipped, 20))
    print(f"{found:.2f}")
    assert found < 0.7 * largest


def test_the_same_noise_is_drawn_in_a_run_and_its_repetition_and_none_in_use(train: "Train") -> None:
    short = (*SETTINGS, "stages.operator.steps=10", "latent_transforms.noise.use=latent_noise")
    one, other = train(*short), train(*short)
    assert all(torch.equal(tensor, other.weights()[name]) for name, tensor in one.weights().items())
    assert all(torch.equal(first, second) for first, second in zip(latents(one), latents(one), strict=True))
