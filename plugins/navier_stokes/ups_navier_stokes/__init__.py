"""Incompressible Navier–Stokes on the torus: spectral solver and data."""
