"""The priors that a sample can be scored against, and the estimators of its pair term."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A prior that a sample is scored against.

    Attributes
    ----------
    about : str
        A phrase for help texts.
    definition : str
        The prior, the normalisation of the distance, and equivalent statistics.
    smoothed : bool
        Whether the prior is smoothed by the same kernel as the codes: N(0, (1 + σ²)I), with distances
        multiplied by (4πσ²)^(D/2); else N(0, I), with distances multiplied by (4π)^(D/2).
    """

    about: str
    definition: str
    smoothed: bool


TARGETS = {
    "normal": Target(
        about="N(0, I) itself, Eq. (7)",
        definition="N(0, I), with distances times (4π)^(D/2). The distance is not smallest at N(0, I): "
        "a sample that has shrunk scores lower, and at σ = 1 a sample of zeros scores 0.",
        smoothed=False,
    ),
    "smoothed": Target(
        about="N(0, I) under the same kernel, 0 only at N(0, I)",
        definition="N(0, (1 + σ²)I), with distances times (4πσ²)^(D/2). This is the squared maximum mean "
        "discrepancy (MMD) with kernel exp(−|x − y|²/(4σ²)), and the BHEP statistic with known mean and "
        "covariance.",
        smoothed=True,
    ),
}
"""Name → prior."""


@dataclass(frozen=True)
class Estimator:
    """A form of the pair term.

    Attributes
    ----------
    about : str
        A phrase for help texts.
    definition : str
        The formula of the pair term.
    unbiased : bool
        Whether each point's overlap with itself is left out, so that samples of N(0, I) score 0 on average.
    """

    about: str
    definition: str
    unbiased: bool


ESTIMATORS = {
    "v": Estimator(
        about="the squared distance, never negative",
        definition="mean of k(x_i, x_j) over all i and j (a V-statistic)",
        unbiased=False,
    ),
    "u": Estimator(
        about="unbiased, so negative about half the time",
        definition="mean of k(x_i, x_j) over i ≠ j (a U-statistic)",
        unbiased=True,
    ),
}
"""Name → estimator."""
