"""The largest and the smallest eigenvalue of a sample covariance: Tracy–Widom distributions.

I. M. Johnstone, On the distribution of the largest eigenvalue in principal components analysis, Ann. Stat. 29
(2001) 295, doi:10.1214/aos/1009210544, with the second-order centring of Z. Ma, Accuracy of the Tracy–Widom
limits for the extreme eigenvalues in white Wishart matrices, Bernoulli 18 (2012) 322, doi:10.3150/10-BEJ334.
The distribution itself is the gamma distribution of M. Chiani, Distribution of the largest eigenvalue for
real Wishart and Gaussian random matrices and a simple approximation for the Tracy–Widom distribution, J.
Multivar. Anal. 129 (2014) 69, doi:10.1016/j.jmva.2014.04.002.
"""

import math

from gaedist.null.tails import log_chi_square_tails

_SHAPE, _SCALE, _SHIFT = 46.446, 0.186054, 9.84801  # of the gamma distribution near that of order 1


def log_upper_tail(x: float) -> float:
    """Return log P(T > x) for the Tracy–Widom distribution of order 1."""
    if x <= -_SHIFT:
        return 0.0
    return float(log_chi_square_tails(2 * (x + _SHIFT) / _SCALE, 2 * _SHAPE)[1])


def log_p_largest(eigenvalue: float, dof: int, dim: int) -> float:
    """Return log P(λ ≥ eigenvalue) of the largest eigenvalue of a covariance with dof degrees of freedom."""
    a, b = math.sqrt(dof - 0.5), math.sqrt(dim - 0.5)
    scale = (a + b) * (1 / a + 1 / b) ** (1 / 3)
    return log_upper_tail((dof * eigenvalue - (a + b) ** 2) / scale)


def log_p_smallest(eigenvalue: float, dof: int, dim: int) -> float:
    """Return log P(λ ≤ eigenvalue) of the smallest eigenvalue for dof > dim, by its logarithm as Ma does."""
    if eigenvalue <= 0:
        return -math.inf
    a, b = math.sqrt(dof - 0.5), math.sqrt(dim - 0.5)
    center, scale = (a - b) ** 2, (a - b) * (1 / b - 1 / a) ** (1 / 3)
    width = scale / center
    return log_upper_tail((math.log(center) + width**2 / 8 - math.log(dof * eigenvalue)) / width)
