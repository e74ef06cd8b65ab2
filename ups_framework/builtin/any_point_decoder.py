"""Decoder: fields at any points, from the tokens around each point and, if asked to, from all tokens by attention."""

import torch
from attrs import field, frozen, validators
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from ups_framework.api import Decoder, Latent, LatentSize, Problem, SpecError
from ups_framework.builtin.patches import divide, interleave_patches
from ups_framework.builtin.rotary import Rotary
from ups_framework.numerics.interpolation import cubic_stencil, picked
from ups_framework.numerics.padding import pad_axes


@frozen(kw_only=True)
class AnyPointDecoder(Decoder):
    """û(x) = Σ_i w_i(x) û_i, û_i = MLP(h_i + attention(h_i, z)), h_i = [W z_near]_i.

    Each token and its neighbours give one feature vector h_i to every grid point i of its patch. A grid point then
    attends to all tokens, by rotary positions (Perceiver IO, Jaegle et al. 2022). Between grid points fields are the
    cubic interpolation w of those around: the finest wave is that of the training grid, as what is trained on it can
    know no finer, and there is no edge between patches. At some of the grid points only these are decoded, between
    them the whole grid once; the rest is linear in the points asked for. What is decoded at a point does not depend on
    which others are asked for. `log_clamp` and `bound` act on what is interpolated.
    """

    channels: int = field(default=64, validator=validators.ge(1))
    """Features of a point; 32 to 128."""

    heads: int = field(default=4, validator=validators.ge(0))
    """Heads of the attention to all tokens; 0 reads the tokens around the point only, which is cheaper: the recipes for
    Burgers and Navier–Stokes have that."""

    log_clamp: dict[str, float] = field(factory=dict)
    """For each named field c: values beyond ± c standard deviations of the training data grow only as their logarithm,
    sign(v) (c + ln(1 + |v| − c)); within they are untouched. 5 to 10."""

    bound: dict[str, float] = field(factory=dict)
    """For each named field b: values stay within ± b standard deviations of the training data, by b tanh(v / b)."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        short = [axis.name for axis, n in zip(problem.axes, problem.grid.shape, strict=True) if n < 4]
        if short:
            raise SpecError("use", f"axis {', '.join(short)} has fewer than the 4 points that interpolation needs")
        if self.heads and self.channels % self.heads:
            raise SpecError("heads", f"{self.heads} heads do not divide {self.channels} channels")
        limits = nn.ModuleList(
            [_LogClamp(problem.channels(name), limit) for name, limit in _named(problem, "log_clamp", self.log_clamp)]
            + [_Bound(problem.channels(name), limit) for name, limit in _named(problem, "bound", self.bound)]
        )
        return _AnyPointDecoder(self, problem, latent, limits)


def _named(problem: Problem, key: str, limits: dict[str, float]) -> list[tuple[str, float]]:
    """Items whose name is a field of the problem and whose limit is positive; SpecError otherwise."""
    known = [item.name for item in problem.fields]
    for name, limit in limits.items():
        if name not in known:
            raise SpecError(f"{key}.{name}", f"{problem.name} has no such field (it has: {', '.join(known)})")
        if limit <= 0:
            raise SpecError(f"{key}.{name}", f"{limit} is not positive")
    return list(limits.items())


class _AnyPointDecoder(nn.Module):
    grid_points: Tensor

    def __init__(self, spec: AnyPointDecoder, problem: Problem, latent: LatentSize, limits: nn.ModuleList) -> None:
        super().__init__()
        self.grid = problem.grid
        self.patches = divide(problem, latent)
        neighbours = 3 ** len(problem.axes)
        self.spread = nn.Linear(neighbours * latent.width, self.patches.volume * spec.channels)
        self.attention = _TokenAttention(spec, problem, latent) if spec.heads else None
        self.head = nn.Sequential(
            nn.LayerNorm(spec.channels),
            nn.Linear(spec.channels, 2 * spec.channels),
            nn.GELU(),
            nn.Linear(2 * spec.channels, problem.num_channels),
        )
        self.limits = limits
        self.register_buffer("grid_points", problem.grid.points(), persistent=False)

    def forward(
        self, latent: Latent, points: Float[Tensor, "*B Q d"], index: Int[Tensor, "*B Q"] | None
    ) -> Float[Tensor, "B Q C"]:
        features = self._node_features(latent)
        if index is None:
            values = cubic_stencil(self.grid, points)(self._at_nodes(features, self.grid_points, latent))
        else:
            values = self._at_nodes(picked(features, index), points, latent)
        for limit in self.limits:
            values = limit(values)
        return values

    def _at_nodes(
        self, features: Float[Tensor, "B n H"], points: Float[Tensor, "*B n d"], latent: Latent
    ) -> Float[Tensor, "B n C"]:
        """Fields at points of the training grid, from their features."""
        if self.attention is not None:
            features = features + self.attention(features, points, latent)
        values: Tensor = self.head(features)
        return values

    def _node_features(self, latent: Latent) -> Float[Tensor, "B N H"]:
        """One feature vector a point of the training grid, from its token and the token's neighbours."""
        tokens = torch.unflatten(latent.tokens.transpose(1, 2), -1, self.patches.tokens)
        dims = len(self.patches.tokens)
        padded = pad_axes(tokens, self.grid.axes, (1,) * dims)
        for axis in range(dims):
            padded = padded.unfold(2 + axis, 3, 1)
        near = padded.movedim(1, 1 + dims).flatten(1, dims).flatten(2)
        return interleave_patches(self.spread(near), self.patches.tokens, self.patches.size)


class _TokenAttention(nn.Module):
    """Attention of points to tokens, with rotary positions on both."""

    def __init__(self, spec: AnyPointDecoder, problem: Problem, latent: LatentSize) -> None:
        super().__init__()
        self.heads = spec.heads
        self.rotary = Rotary(problem, spec.channels // spec.heads, latent.tokens)
        self.norm = nn.LayerNorm(spec.channels)
        self.query = nn.Linear(spec.channels, spec.channels)
        self.key_value = nn.Linear(latent.width, 2 * spec.channels)
        self.output = nn.Linear(spec.channels, spec.channels)

    def forward(
        self, features: Float[Tensor, "B Q H"], points: Float[Tensor, "*B Q d"], latent: Latent
    ) -> Float[Tensor, "B Q H"]:
        query = self.query(self.norm(features)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        key_value = self.key_value(latent.tokens).unflatten(-1, (2, self.heads, -1))
        key, value = key_value.permute(2, 0, 3, 1, 4)
        query = Rotary.rotate(query, self.rotary.angles(points))
        key = Rotary.rotate(key, self.rotary.angles(latent.positions))
        attended = functional.scaled_dot_product_attention(query, key, value)
        result: Tensor = self.output(attended.transpose(1, 2).flatten(2))
        return result


class _LogClamp(nn.Module):
    """Logarithmic growth beyond a limit, the identity within it; continuous with its derivative."""

    def __init__(self, channels: slice, limit: float) -> None:
        super().__init__()
        self.channels, self.limit = channels, limit

    def forward(self, values: Float[Tensor, "B Q C"]) -> Float[Tensor, "B Q C"]:
        excess = (values.abs() - self.limit).clamp(min=0.0)
        clamped = values.sign() * (self.limit + excess.log1p())
        return _replace(values, self.channels, torch.where(excess > 0, clamped, values))


class _Bound(nn.Module):
    """A smooth map into an interval; rounding may reach its ends."""

    def __init__(self, channels: slice, limit: float) -> None:
        super().__init__()
        self.channels, self.limit = channels, limit

    def forward(self, values: Float[Tensor, "B Q C"]) -> Float[Tensor, "B Q C"]:
        return _replace(values, self.channels, self.limit * torch.tanh(values / self.limit))


def _replace(values: Float[Tensor, "B Q C"], channels: slice, new: Float[Tensor, "B Q C"]) -> Float[Tensor, "B Q C"]:
    """`values` with some channels taken from `new`."""
    return torch.cat([values[..., : channels.start], new[..., channels], values[..., channels.stop :]], dim=-1)
