"""Trajectories on disk, and windows of them on the device."""
