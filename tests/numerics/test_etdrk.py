"""The exponential time stepper against exact solutions."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from ups_framework.numerics.etdrk import ETDRK4


def burgers_by_cole_hopf(x: Tensor, t: float, nu: float, a: float = 0.8) -> Tensor:
    """u = −2 ν φ_x / φ with φ = 1 + a exp(−ν t) cos x, which solves φ_t = ν φ_xx: exact for u_t + u u_x = ν u_xx."""
    decayed = a * math.exp(-nu * t)
    return 2 * nu * decayed * x.sin() / (1 + decayed * x.cos())


def error_for_burgers(num_steps: int, points: int = 128, nu: float = 1.0, end: float = 1.0) -> float:
    """Largest error at `end` of the pseudo-spectral solution; its fastest linear rate is ν (points/2)²."""
    x = torch.arange(points, dtype=torch.float64) * (2 * math.pi / points)
    k = torch.arange(points // 2 + 1, dtype=torch.float64)

    def advection(u_hat: Tensor) -> Tensor:
        u: Tensor = torch.fft.irfft(u_hat, n=points)
        squared: Tensor = torch.fft.rfft(u * u)
        return -0.5j * k * (k < points / 3) * squared

    scheme = ETDRK4(-nu * k**2, advection, end / num_steps)
    u_hat = torch.fft.rfft(burgers_by_cole_hopf(x, 0.0, nu))
    for _ in range(num_steps):
        u_hat = scheme.step(u_hat)
    exact = burgers_by_cole_hopf(x, end, nu)
    return float((torch.fft.irfft(u_hat, n=points) - exact).abs().max())


def test_halving_the_step_divides_the_error_of_stiff_burgers_by_sixteen() -> None:
    errors = [error_for_burgers(num_steps) for num_steps in (10, 20, 40, 80)]
    orders = [math.log2(coarse / fine) for coarse, fine in itertools.pairwise(errors)]
    assert orders[-1] == pytest.approx(4, abs=0.25), (errors, orders)
    assert errors[-1] < 1e-8


def test_steps_a_hundred_times_the_explicit_limit_stay_accurate() -> None:
    fastest_rate, explicit_limit, num_steps = 64**2, 2.8, 10
    assert fastest_rate / num_steps > 100 * explicit_limit
    assert error_for_burgers(num_steps) < 1e-5


def test_an_oscillating_complex_operator_is_fourth_order() -> None:
    """u' = (μ + iω) u − |u|² u has |u|² = μ / (1 + (μ/|u₀|² − 1) exp(−2μt)) and the phase ωt."""
    mu, omega, start, end = 0.5, 20.0, 0.2, 2.0
    radius = math.sqrt(mu / (1 + (mu / start**2 - 1) * math.exp(-2 * mu * end)))
    exact = radius * torch.exp(torch.tensor(1j * omega * end, dtype=torch.complex128))

    def error(num_steps: int) -> float:
        linear = torch.tensor([mu + 1j * omega], dtype=torch.complex128)
        scheme = ETDRK4(linear, lambda u: -(u.abs() ** 2) * u, end / num_steps)
        u = torch.tensor([start], dtype=torch.complex128)
        for _ in range(num_steps):
            u = scheme.step(u)
        return float((u - exact).abs())

    assert math.log2(error(100) / error(200)) == pytest.approx(4, abs=0.2)


def test_without_a_nonlinear_term_any_step_is_exact() -> None:
    linear = torch.tensor([0.0, -1e-9, -0.3, -5e4, 2.0], dtype=torch.float64)
    u = torch.ones(5, dtype=torch.complex128)
    torch.testing.assert_close(ETDRK4(linear, torch.zeros_like, 0.7).step(u).real, torch.exp(0.7 * linear))


@pytest.mark.parametrize("rate", [0.0, -1e-9, -1e-3, -0.5, -30.0, -1e6])
def test_a_constant_forcing_is_integrated_to_rounding_error_at_every_stiffness(rate: float) -> None:
    """u' = λ u + 1 from 0 gives (exp(λ dt) − 1) / λ: the four weights must add up to it without cancellation."""
    dt = 0.4
    linear = torch.tensor([rate], dtype=torch.float64)
    u = ETDRK4(linear, torch.ones_like, dt).step(torch.zeros(1, dtype=torch.complex128))
    exact = math.expm1(rate * dt) / rate if rate else dt
    assert u.real.item() == pytest.approx(exact, rel=1e-13, abs=1e-13)


def test_a_batch_advances_as_its_members_do_alone() -> None:
    linear = -torch.arange(4, dtype=torch.float64)
    scheme = ETDRK4(linear, lambda u: u**2, 0.1)
    batch = torch.randn(3, 4, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(scheme.step(batch), torch.stack([scheme.step(u) for u in batch]))
