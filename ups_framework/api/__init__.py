"""The seam: what crosses between the framework and a plugin.

`problem` says what is simulated, `trajectories` holds it, `latent` and `step` are what networks and losses see, `kinds`
lists what a plugin can add. All values are frozen. Shapes are written with these letters:

| letter | meaning |
|---|---|
| B | samples of a batch, or trajectories |
| T | time steps of a rollout, or tokens of a latent where it stands with D |
| N | points of a grid, flattened in the order of the axes (`Grid.unflatten` restores them) |
| Q | query points, on the grid or off it |
| d | axes of space |
| C | channels: components of all fields, in the order of `Problem.fields` |
| P | parameters of the PDE |
"""

from ups_framework.api.kinds import (
    Baseline,
    ClosedForm,
    Correct,
    Dataset,
    Decoder,
    Encoder,
    Forecast,
    Guard,
    LatentTransform,
    LossTerm,
    Measure,
    Metric,
    OnTruth,
    Operator,
    Picture,
    Plot,
    Sampler,
    Spec,
    Term,
)
from ups_framework.api.latent import Latent, LatentSize
from ups_framework.api.points import Occasion, Points, Sampling
from ups_framework.api.problem import Axis, Boundary, Field, Grid, Parameter, Problem, Quantity, Residual
from ups_framework.api.renamed import Renamed
from ups_framework.api.step import EncodedFrame, Model, PredictedFrame, Step
from ups_framework.api.trajectories import Data, Extent, Rollout, Symmetry, Trajectories
from ups_framework.errors import DataError, SpecError

__all__ = [
    "Axis",
    "Baseline",
    "Boundary",
    "ClosedForm",
    "Correct",
    "Data",
    "DataError",
    "Dataset",
    "Decoder",
    "EncodedFrame",
    "Encoder",
    "Extent",
    "Field",
    "Forecast",
    "Grid",
    "Guard",
    "Latent",
    "LatentSize",
    "LatentTransform",
    "LossTerm",
    "Measure",
    "Metric",
    "Model",
    "Occasion",
    "OnTruth",
    "Operator",
    "Parameter",
    "Picture",
    "Plot",
    "Points",
    "PredictedFrame",
    "Problem",
    "Quantity",
    "Renamed",
    "Residual",
    "Rollout",
    "Sampler",
    "Sampling",
    "Spec",
    "SpecError",
    "Step",
    "Symmetry",
    "Term",
    "Trajectories",
]
