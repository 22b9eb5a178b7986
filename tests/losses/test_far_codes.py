"""Values and gradients of near codes, of codes at 1e3, 1e6 and 1e9, agree with formulas in 60 digits.

The formulas share no code with the losses: means over N(0, I) are confluent hypergeometric functions and
integrals, and derivatives are differences over 1e−20.
"""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch", reason="losses need the extra torch")
losses = pytest.importorskip("gaedist.losses", reason="losses need the extra torch")

MP = mpmath.mp.clone()
MP.dps = 60
STEP = MP.mpf(10) ** -20
N, DIM = 4, 3
ALONG = np.array([[0.6, 0.0, 0.8], [1.0, 0.0, 0.0]])  # directions


def square(x, y=None):
    return MP.fsum((a - b) ** 2 for a, b in zip(x, y or [0] * len(x), strict=True))


def pair_mean(kernel, x, own=None):
    """Mean of a kernel of r² over i ≠ j, or with its value at 0 over all i and j."""
    n = len(x)
    total = 2 * MP.fsum(kernel(square(x[i], x[j])) for i in range(n) for j in range(i))
    return total / (n * (n - 1)) if own is None else (total + n * own) / n**2


def gaussian(x):
    s = MP.mpf(1)
    far = MP.fsum(MP.exp(-square(p) / (2 * (2 * s + 1))) for p in x) / len(x)
    h = -MP.mpf(DIM) / 2
    cross = ((2 * s + 1) / (2 * s)) ** h * far
    return pair_mean(lambda q: MP.exp(-q / (4 * s)), x, 1) + (1 + 1 / s) ** h - 2 * cross


def inverse_quadratic(x):
    """C/(C + r²) = ∫ C e^(−Ct − t r²) dt, whose mean over N(0, I) has a factor (1 + 2t)^(−D/2)."""
    c = MP.mpf(2 * DIM)

    def about(q):
        def integrand(t):
            return c * MP.exp(-c * t - t * q / (1 + 2 * t)) * (1 + 2 * t) ** (-MP.mpf(DIM) / 2)

        return MP.quad(integrand, [0, 1 / (q + c), 10 / (q + c), 100 / (q + c), 1, 10])

    both = MP.quad(lambda t: c * MP.exp(-c * t) * (1 + 4 * t) ** (-MP.mpf(DIM) / 2), [0, 0.1, 1, 10])
    return pair_mean(lambda q: c / (c + q), x) - 2 * MP.fsum(about(square(p)) for p in x) / len(x) + both


def energy(x):
    d = MP.mpf(DIM)
    unit = MP.sqrt(2) * MP.gamma((d + 1) / 2) / MP.gamma(d / 2)
    about = MP.fsum(unit * MP.hyp1f1(-0.5, d / 2, -square(p) / 2) for p in x) / len(x)
    return 2 * about - pair_mean(MP.sqrt, x, 0) - MP.sqrt(2) * unit


def cramer_wold(x):
    gamma = MP.mpf(0.5)

    def phi(s):
        return MP.hyp1f1(0.5, MP.mpf(DIM) / 2, -s)

    cross = MP.fsum(phi(square(p) / (2 + 4 * gamma)) for p in x) / len(x) / MP.sqrt(gamma + 0.5)
    pair = pair_mean(lambda q: phi(q / (4 * gamma)), x, 1) / MP.sqrt(gamma)
    return (pair + 1 / MP.sqrt(1 + gamma) - 2 * cross) / (2 * MP.sqrt(MP.pi))


def lines(x):
    return [[MP.fsum(MP.mpf(u) * c for u, c in zip(along, p, strict=True)) for p in x] for along in ALONG]


def sliced_wasserstein(x):
    def of_line(t):
        n = len(t)
        z = [MP.sqrt(2) * MP.erfinv(2 * MP.mpf(i) / n - 1) for i in range(1, n)]
        heights = [MP.mpf(0), *(MP.npdf(value) for value in z), MP.mpf(0)]
        means = [heights[i] - heights[i + 1] for i in range(n)]
        return (
            MP.fsum(a * a for a in t) / n
            + 1
            - 2 * MP.fsum(a * m for a, m in zip(sorted(t), means, strict=True))
        )

    return MP.fsum(map(of_line, lines(x))) / len(ALONG)


def sliced_epps_pulley(x):
    def of_line(t):
        n = len(t)
        pairs = MP.fsum(MP.exp(-((a - b) ** 2) / 2) for a in t for b in t) / n**2
        cross = MP.fsum(MP.exp(-a * a / 4) for a in t) / n / MP.sqrt(2)
        return n * (pairs + 1 / MP.sqrt(3) - 2 * cross)

    return MP.fsum(map(of_line, lines(x))) / len(ALONG)


def kl(x):
    n = len(x)
    mean = [MP.fsum(p[k] for p in x) / n for k in range(DIM)]
    covariance = MP.matrix(DIM, DIM)
    for a in range(DIM):
        for b in range(DIM):
            covariance[a, b] = MP.fsum((p[a] - mean[a]) * (p[b] - mean[b]) for p in x) / n
    trace = MP.fsum(covariance[a, a] for a in range(DIM))
    return (trace - DIM + MP.fsum(m * m for m in mean) - MP.log(MP.det(covariance))) / 2


LOSSES = {
    "gaussian": (gaussian, losses.gaussian, {"sigma": 1.0, "scale": "value"}),
    "mmd": (inverse_quadratic, losses.mmd, {"scales": [1.0]}),
    "energy": (energy, losses.energy, {}),
    "cramer-wold": (cramer_wold, losses.cramer_wold, {"gamma": 0.5, "scale": "value"}),
    "sliced-wasserstein": (sliced_wasserstein, losses.sliced_wasserstein, {"seed": 0}),
    "sliced-epps-pulley": (sliced_epps_pulley, losses.sliced_epps_pulley, {"seed": 0}),
    "kl": (kl, losses.kl, {}),
}


@pytest.mark.parametrize(
    ("name", "far"),
    [
        pytest.param(name, far, marks=pytest.mark.slow if (name, far) == ("mmd", 1e3) else [])
        for name in LOSSES
        for far in (1.0, 1e3, 1e6, 1e9)
        if (name, far) != ("kl", 1e9)  # of which covariances of codes have no digits left
    ],
)
def test_values_and_gradients(name, far, monkeypatch):
    exact, loss, options = LOSSES[name]
    monkeypatch.setattr("gaedist.losses.sliced.random_directions", lambda *_: ALONG)
    x = np.random.default_rng(4).normal(size=(N, DIM))
    x[1:3] *= far  # two codes stay near
    tensor = torch.tensor(x, requires_grad=True)
    value = loss(tensor, **options)
    value.backward()
    points = [[MP.mpf(float(c)) for c in p] for p in x]
    expected = exact(points)
    assert_allclose(value.detach(), float(expected), rtol=1e-10)
    for i in (0, 1):
        moved = [p[:] for p in points]
        moved[i][1] += STEP
        assert_allclose(tensor.grad[i, 1], float((exact(moved) - expected) / STEP), rtol=1e-8, atol=1e-15)
