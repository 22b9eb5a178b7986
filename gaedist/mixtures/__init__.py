"""Gaussian mixtures, their covariance families, and the squared L2 distance between two of them."""
