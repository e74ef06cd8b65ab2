"""The figure by which stages choose their weights, measured here anew."""

from ups_framework.api import Trajectories
from ups_framework.engine.build import System
from ups_framework.engine.evaluate import nrmse_table, validation_prediction
from ups_framework.engine.simulator import Simulator


def rollout_nrmse(system: System, simulator: Simulator, data: Trajectories) -> float:
    """Mean nRMSE over the rollouts of some trajectories."""
    prediction = validation_prediction(system, simulator, data, "rollout")
    return float(nrmse_table(system, prediction, data).mean())
