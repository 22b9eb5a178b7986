"""The paper's metric: the squared L2 distance of Gaussian-smoothed codes to the prior, or to other codes."""

from gaedist.metrics.base import Metric
from gaedist.metrics.gaussian.one_sample import GaussianOneSample
from gaedist.metrics.gaussian.two_sample import GaussianTwoSample

METRIC = Metric(
    name="gaussian",
    summary="squared L2 distance of the smoothed codes, Eq. (7), the paper's",
    formula="""\
d² = ∫ (p − N(0, I))² times (4π)^(D/2), with p the mean of N(x_i, Σ_i): Eq. (6), for one σ Eq. (7), for σ = 1
Eq. (8). It is ⟨p, p⟩ + ⟨q, q⟩ − 2⟨p, q⟩, where ⟨N(a, A), N(b, B)⟩ = N(a − b; 0, A + B), Eq. (3).
Target smoothed: the distance to N(0, (1 + σ²) I) times (4πσ²)^(D/2), the squared MMD with the kernel
e^(−|x−y|²/(4σ²)).
Two samples: ∫ (p − q)², times (4πσ²)^(D/2) for one σ, Eq. (5), else times (4π)^(D/2).""",
    detects="concentration, spread and clusters, for D up to about 30",
    reference="J. Duda, Gaussian Auto-Encoder, 2018, arXiv:1811.04751",
    null="one σ: exact mean, sd and skewness, with the tails of a gamma distribution, or in many dimensions "
    "of a sum over norms (target normal, two-sided), or of the limit (target smoothed); σ per point: "
    "simulated",
    smooths=True,
    one_sample=GaussianOneSample,
    two_sample=GaussianTwoSample,
)
