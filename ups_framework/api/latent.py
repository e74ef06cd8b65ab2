"""What an encoder gives, an operator advances and a decoder reads."""

from dataclasses import dataclass

from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor


@frozen(kw_only=True)
class LatentSize:
    """Size of the latent state, stated once and read by encoder, operator and decoder."""

    tokens: int = field(validator=[validators.ge(1), validators.le(2**20)])
    """Number of tokens, T."""

    width: int = field(validator=[validators.ge(1), validators.le(2**16)])
    """Numbers per token, D."""


# no attrs value: torch.compile cannot trace the making of a frozen one
@dataclass(frozen=True, kw_only=True, eq=False)
class Latent:
    """Tokens and where they sit."""

    tokens: Float[Tensor, "B T D"]
    """The state."""

    positions: Float[Tensor, "T d"]
    """Coordinates of the tokens, in the units of the axes."""

    grid: tuple[int, ...] | None = None
    """Tokens along each axis where they form a grid (flattened like a `Grid`), else None."""

    def with_tokens(self, tokens: Float[Tensor, "B T D"]) -> "Latent":
        """The same places with another state."""
        return Latent(tokens=tokens, positions=self.positions, grid=self.grid)
