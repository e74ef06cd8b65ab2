"""What several plugins share: seeded chance, calculus and interpolation on grids, time stepping."""
