"""What a score may be against, and how its pair term may be estimated."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A prior.

    Attributes
    ----------
    about : str
        What it is.
    smoothed : bool
        It is N(0, (1 + σ²)I), N(0, I) under the same kernel as the codes, with distances times
        (4πσ²)^(D/2); else N(0, I), with distances times (4π)^(D/2).
    """

    about: str
    smoothed: bool


TARGETS = {
    "normal": Target("N(0, I) itself, Eq. (7), which is not at its least at N(0, I)", smoothed=False),
    "smoothed": Target(
        "N(0, (1+σ²)I), the prior under the same kernel: squared MMD, and BHEP with known moments; 0 only at "
        "N(0, I)",
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
        What it is.
    unbiased : bool
        A mean over pairs of different points, so that N(0, I) scores 0 on average.
    """

    about: str
    unbiased: bool


ESTIMATORS = {
    "v": Estimator("with each point's overlap with itself: a squared distance", unbiased=False),
    "u": Estimator("over pairs of different points: unbiased, and negative by chance", unbiased=True),
}
"""Name → estimator."""
