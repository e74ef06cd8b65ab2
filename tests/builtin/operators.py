"""Small problems, latents and operators that tests of several operators look at."""

import torch
from torch import Tensor, nn

from ups_framework.api import Axis, Field, Grid, Latent, LatentSize, Operator, Parameter, Problem
from ups_framework.numerics.random import derived_seed

X = Axis(name="x", lower=-1.0, upper=2.0)
WIDTH, TOKENS = 6, 16


def problem_over(*axes: Axis, shape: tuple[int, ...] | None = None, parameters: int = 1) -> Problem:
    """One field on a grid of 16 points along each axis, or of another shape."""
    grid = Grid(axes=axes, shape=shape or (TOKENS,) * len(axes), offset=(0.5,) * len(axes))
    names = "ab"[:parameters]
    known = tuple(Parameter(name=name, low=0.0, high=1.0) for name in names)
    return Problem(name="any", fields=(Field(name="u"),), grid=grid, dt=0.1, parameters=known)


LINE = problem_over(X)


def untrained(operator: Operator, problem: Problem = LINE, tokens: int = TOKENS) -> nn.Module:
    """Built for a latent of so many tokens."""
    with torch.random.fork_rng():
        torch.manual_seed(derived_seed(0, "weights"))
        return operator.build(problem, LatentSize(tokens=tokens, width=WIDTH))


def perturbed(operator: Operator, problem: Problem = LINE, tokens: int = TOKENS) -> nn.Module:
    """The same in evaluation, with every weight moved at random."""
    module, chance = untrained(operator, problem, tokens), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(0.2 * torch.randn(weight.shape, generator=chance))
    return module.eval()


def advance(operator: nn.Module, latent: Latent, dt: float = 1.0, parameter: float = 0.0) -> Tensor:
    """Tokens one step later, of a problem with one parameter."""
    batch = len(latent.tokens)
    conditions = torch.tensor([dt, parameter]).to(latent.tokens).expand(batch, -1)
    advanced = operator(latent, conditions[:, 0], conditions[:, 1:])
    assert isinstance(advanced, Latent)
    return advanced.tokens
