"""The metrics of PDEBench, The Well and APEBench: one number a time step and channel, exactly as published."""

from ups_framework.builtin.metrics.boundary import BRMSE
from ups_framework.builtin.metrics.geometric import GeometricNRMSE
from ups_framework.builtin.metrics.pointwise import CRMSE, NRMSE, RMSE, VRMSE, MaxError
from ups_framework.builtin.metrics.spectral import FRMSE

__all__ = ["BRMSE", "CRMSE", "FRMSE", "NRMSE", "RMSE", "VRMSE", "GeometricNRMSE", "MaxError"]
