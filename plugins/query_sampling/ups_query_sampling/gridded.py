"""What samplers of grid points share: the grid, and how many points they draw."""

from abc import abstractmethod

from jaxtyping import Int
from torch import Tensor

from ups_framework.api import Grid, Occasion, Points, Sampling
from ups_query_sampling.count import asked


class GridSampling(Sampling):
    """Draws some points of a grid, by number."""

    coordinates: Tensor

    def __init__(self, grid: Grid, count: int) -> None:
        super().__init__()
        self.grid = grid
        self.count = count
        self.register_buffer("coordinates", grid.points(), persistent=False)

    def draw(self, occasion: Occasion) -> Points:
        index = self.choose(occasion, asked(occasion, self.count, self.grid))
        index = index.to(self.coordinates.device, non_blocking=True)
        return Points(coordinates=self.coordinates[index], index=index, weights=self.weights(index))

    @abstractmethod
    def choose(self, occasion: Occasion, count: int) -> Int[Tensor, " Q"]:
        """So many different points of the flattened grid."""

    def weights(self, index: Int[Tensor, " Q"]) -> Tensor | None:
        """What errors at the chosen points count; None where every point is equally likely."""
        return None
