"""Radial kernels as scale mixtures of Gaussians, and φ_D of the Cramér–Wold distance."""
