"""A simulator as a plain function of tensors, which other programs can take: normaliser, parts, guards and decoding."""

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ups_framework.api import EncodedFrame
from ups_framework.engine.simulator import Simulator


class StepFunction(nn.Module):
    """Some time steps from a field on the training grid, at any points and on the grid, in physical units and float32.

    The last field on the grid is the start of the next call. With `rollout = "field"` calls in a chain give what one
    rollout gives; with `"latent"` each call encodes its start anew, so that a rollout is one call of as many steps.
    """

    def __init__(self, simulator: Simulator, steps: int) -> None:
        super().__init__()
        self.simulator = copy.deepcopy(simulator).eval().requires_grad_(False)
        self.simulator.precision = torch.float32
        self.steps = steps

    def forward(
        self, start: Float[Tensor, "B N C"], parameters: Float[Tensor, "B P"], points: Float[Tensor, "Q d"]
    ) -> tuple[Float[Tensor, "B T Q C"], Float[Tensor, "B T N C"]]:
        """The fields at the points, and on the training grid."""
        simulator = self.simulator
        encoded = EncodedFrame(model=simulator, field=start, latent=simulator.encode(start, parameters))
        frame = simulator.first(encoded, parameters)
        at_points, on_grid = [], []
        for number in range(self.steps):
            frame = simulator.next(frame, parameters) if number else frame
            at_points.append(simulator.predict([frame], points)[:, 0])
            on_grid.append(frame.on_grid)
        return torch.stack(at_points, dim=1), torch.stack(on_grid, dim=1)


def example_of(simulator: Simulator) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs of the right shapes: two smooth fields, parameters in the middle of their range, some points."""
    problem = simulator.problem
    points = simulator.grid_points
    phase = points.sum(-1, keepdim=True) * torch.arange(1, 1 + problem.num_channels)
    start = torch.stack([simulator.mean + simulator.sd * wave(phase) for wave in (torch.sin, torch.cos)])
    middle = torch.tensor([(each.low + each.high) / 2 for each in problem.parameters])
    between = (points[:-1] + points[1:])[:7] / 2
    return start, middle.expand(2, -1), between
