"""Sums over pairs in linear time, by a Fourier or a Hermite series with a certified error."""
