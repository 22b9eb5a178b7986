"""Values of the metrics with 60 digits, straight from the formulas of the registry, without its code.

An oracle returns the terms whose sum is the value: where they cancel, rounding may move the value by a few
1e-16 of the largest. Samples are lists of lists of mpmath numbers, so that no double loses digits.
"""

from itertools import product

import mpmath

MP = mpmath.mp.clone()
MP.dps = 60
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def exact(x):
    """The numbers of an array, exactly."""
    return [[MP.mpf(float(value)) for value in row] for row in x]


def squares(x, y):
    """|x_i − y_j|² for all i and j."""
    return [MP.fsum((a - b) ** 2 for a, b in zip(p, q, strict=True)) for p, q in product(x, y)]


def norms(x):
    """|x_i|²."""
    return [MP.fsum(a**2 for a in p) for p in x]


def mean(values):
    return MP.fsum(values) / len(values)


def pair_mean(kernel, x):
    """The mean of a kernel of |x_i − x_j|² over i ≠ j."""
    n = len(x)
    within = [squares([x[i]], [x[j]])[0] for i in range(n) for j in range(i)]
    return 2 * MP.fsum(kernel(q) for q in within) / (n * (n - 1))


def gaussian(x, sigma, target="normal", estimator="v"):
    """Eqs. (7) and (8), or the distance to the smoothed prior."""
    n, half, s = len(x), MP.mpf(len(x[0])) / 2, MP.mpf(float(sigma)) ** 2
    pair = pair_mean(lambda q: MP.exp(-q / (4 * s)), x) if n > 1 else 0
    if estimator == "v":
        pair = pair * (n - 1) / n + MP.mpf(1) / n
    prior = 1 + s if target == "smoothed" else 1
    cross = mean([MP.exp(-q / (2 * (s + prior))) for q in norms(x)])
    unit = s if target == "smoothed" else 1
    return [pair * (unit / s) ** half, (unit / prior) ** half, -2 * cross * (2 * unit / (s + prior)) ** half]


def bhep(x, beta=1.0):
    n, half, b = len(x), MP.mpf(len(x[0])) / 2, MP.mpf(float(beta)) ** 2
    pair = mean([MP.exp(-b * q / 2) for q in squares(x, x)])
    cross = mean([MP.exp(-b * q / (2 * (1 + b))) for q in norms(x)])
    return [n * pair, -2 * n * cross * (1 + b) ** -half, n * (1 + 2 * b) ** -half]


def covariance(x):
    """Mean and covariance, divisor n."""
    center = [mean(column) for column in zip(*x, strict=True)]
    y = [[a - m for a, m in zip(p, center, strict=True)] for p in x]
    dim = range(len(center))
    return center, y, MP.matrix([[mean([p[i] * p[j] for p in y]) for j in dim] for i in dim])


def smallest_share(x):
    """The least standard deviation along a direction, as a part of the root mean square."""
    _, _, c = covariance(x)
    total = MP.sqrt(mean(norms(x)))
    if total == 0:
        return MP.mpf(0)
    return MP.sqrt(abs(min(MP.eigsy(c / total**2, eigvals_only=True))))


def kl(x):
    center, _, c = covariance(x)
    trace = MP.fsum(c[i, i] for i in range(len(center)))
    return [trace / 2, MP.fsum(m**2 for m in center) / 2, -MP.mpf(len(center)) / 2, -MP.log(MP.det(c)) / 2]


def henze_zirkler(x):
    n, dim = len(x), len(x[0])
    size = MP.sqrt(mean(norms(x)))
    _, y, c = covariance([[a / size for a in p] for p in x])
    factor = MP.cholesky(c)
    z = [list(MP.lu_solve(factor, MP.matrix(p))) for p in y]
    beta = (MP.mpf((2 * dim + 1) * n) / 4) ** (MP.mpf(1) / (dim + 4)) / MP.sqrt(2)
    return bhep(z, beta)


def kernel_of(name, dim, scales, alpha=2.0):
    """From |x − y|² to a radial kernel of mmd, C = 2D times each scale."""
    alpha, half = MP.mpf(alpha), MP.mpf("0.5")
    shapes = {
        "gaussian": lambda q, c: MP.exp(-q / c),
        "inverse-quadratic": lambda q, c: 1 / (1 + q / c),
        "inverse-multiquadric": lambda q, c: (1 + q / c) ** -half,
        "rational-quadratic": lambda q, c: (1 + q / (alpha * c)) ** -alpha,
        "laplace": lambda q, c: MP.exp(-MP.sqrt(q / c)),
        "cramer-wold": lambda q, c: phi_d(dim, dim * q / (2 * c), approximate=False),
    }
    return lambda q: MP.fsum(shapes[name](q, 2 * dim * MP.mpf(scale)) for scale in scales)


def kernel_about(name, dim, scale, alpha=2.0):
    """The mean of a kernel of mmd about N(0, I), from |x|², and over pairs of N(0, I).

    A sum over rates t = e^v of weight · (1 + 2t)^(−D/2) e^(−t q/(1 + 2t)), a trapezoidal rule for v.
    """
    c, half, alpha = 2 * dim * MP.mpf(scale), MP.mpf(dim) / 2, MP.mpf(alpha)
    shape = {"inverse-quadratic": MP.mpf(1), "inverse-multiquadric": MP.mpf("0.5")}.get(name, alpha)
    b = c * (alpha if name == "rational-quadratic" else 1)
    step = MP.mpf("0.125")
    if name == "gaussian":
        nodes = [(1 / c, MP.mpf(1))]
    elif name == "laplace":
        rates = [MP.exp(step * k) / c for k in range(-64, 800)]
        nodes = [(t, step * MP.exp(-1 / (4 * c * t)) / MP.sqrt(4 * MP.pi * c * t)) for t in rates]
    else:
        rates = [MP.exp(step * k) / b for k in range(-800, 48)]
        nodes = [(t, step * (b * t) ** shape * MP.exp(-b * t) / MP.gamma(shape)) for t in rates]

    def about(q):
        return MP.fsum(w * (1 + 2 * t) ** -half * MP.exp(-t * q / (1 + 2 * t)) for t, w in nodes)

    return about, MP.fsum(w * (1 + 4 * t) ** -half for t, w in nodes)


def mmd(x, name, scale):
    """mmd with one scale, unbiased."""
    about, constant = kernel_about(name, len(x[0]), scale)
    pair = pair_mean(kernel_of(name, len(x[0]), [scale]), x)
    return [pair, -2 * mean([about(q) for q in norms(x)]), constant]


def quantile_means(n):
    def edge(i):
        if i in (0, n):
            return MP.mpf(0)
        z = MP.sqrt(2) * MP.erfinv(2 * MP.mpf(i) / n - 1)
        return MP.npdf(z)

    return [n * (edge(i) - edge(i + 1)) for i in range(n)]


def projections(x, directions):
    return [[MP.fsum(a * u for a, u in zip(p, d, strict=True)) for p in x] for d in directions]


def sliced_wasserstein(x, directions):
    n, means = len(x), quantile_means(len(x))
    rest = 1 - MP.fsum(m**2 for m in means) / n
    lines = [sorted(t) for t in projections(x, directions)]
    return [mean([mean([(a - m) ** 2 for a, m in zip(t, means, strict=True)]) for t in lines]), rest]


def sliced_epps_pulley(x, directions):
    terms = [bhep([[a] for a in t]) for t in projections(x, directions)]
    return [mean(column) for column in zip(*terms, strict=True)]


def phi_d(dim, s, approximate):
    if approximate:
        return (1 + 4 * s / (2 * dim - 3)) ** MP.mpf("-0.5")
    if s > 10**6:  # the rest of the asymptotic series is below 60 digits of nothing that a double shows
        return _phi_far(dim, s)
    return MP.exp(-s) if dim == 1 else MP.hyp1f1(MP.mpf("0.5"), MP.mpf(dim) / 2, -s)


def _phi_far(dim, s):
    """Γ(b)/Γ(b − ½) s^(−½) Σ (½)_k (3/2 − b)_k/(k! s^k), b = D/2."""
    b = MP.mpf(dim) / 2
    if dim == 1:
        return MP.mpf(0)
    half, other = MP.mpf("0.5"), MP.mpf("1.5") - b
    series = MP.fsum(MP.rf(half, k) * MP.rf(other, k) / MP.factorial(k) / s**k for k in range(8))
    return MP.gamma(b) / MP.gamma(b - half) / MP.sqrt(s) * series


def cramer_wold(x, approximate=False):
    n, dim = len(x), len(x[0])
    gamma = (MP.mpf(4) / (3 * n)) ** MP.mpf("0.4")
    pair = mean([phi_d(dim, q / (4 * gamma), approximate) for q in squares(x, x)])
    cross = mean([phi_d(dim, q / (2 + 4 * gamma), approximate) for q in norms(x)])
    unit = 1 / (2 * MP.sqrt(MP.pi))
    points = -2 * cross / MP.sqrt(gamma + MP.mpf("0.5"))
    return [unit * pair / MP.sqrt(gamma), unit / MP.sqrt(1 + gamma), unit * points]


def energy(x):
    dim, half = len(x[0]), MP.mpf("0.5")
    unit = MP.sqrt(2) * MP.gamma(MP.mpf(dim + 1) / 2) / MP.gamma(MP.mpf(dim) / 2)

    def about(q):
        if q > 10**40:  # |x| + (D − 1)/(2|x|)
            return MP.sqrt(q) + (dim - 1) / (2 * MP.sqrt(q))
        if q > 10**5:  # |x| Σ (−½)_k (1 − ½ − D/2)_k/k! (−2/q)^k (−1)^k
            b = MP.mpf(dim) / 2
            terms = [MP.rf(-half, k) * MP.rf(half - b, k) / MP.factorial(k) * (2 / q) ** k for k in range(12)]
            return MP.sqrt(q) * MP.fsum(terms)
        return unit * MP.hyp1f1(-half, MP.mpf(dim) / 2, -q / 2)

    cross = mean([about(q) for q in norms(x)])
    return [2 * cross, -MP.sqrt(2) * unit, -mean([MP.sqrt(q) for q in squares(x, x)])]


def mardia_skewness(x):
    return [mean([MP.fsum(a * b for a, b in zip(p, q, strict=True)) ** 3 for p, q in product(x, x)])]


def mardia_kurtosis(x):
    return [mean([q**2 for q in norms(x)])]


def two_samples(kernel, x, y, unbiased=False):
    """Means of a kernel of |x − y|² within both samples, and minus twice between them."""
    within = []
    for sample in (x, y):
        n = len(sample)
        pair = pair_mean(kernel, sample) if n > 1 else 0
        within.append(pair if unbiased else pair * (n - 1) / n + kernel(MP.mpf(0)) / n)
    return [*within, -2 * mean([kernel(q) for q in squares(x, y)])]


def two_sample_kernel(metric, n, m, dim, sigma, kernel="inverse-quadratic", scales=SCALES):
    """From |x − y|² to the kernel of a two-sample metric, with its factor."""
    if metric == "gaussian":
        return lambda q: MP.exp(-q / (4 * MP.mpf(float(sigma)) ** 2))
    if metric == "energy":
        return lambda q: -MP.sqrt(q)
    if metric == "mmd":
        return kernel_of(kernel, dim, scales)
    gamma = (MP.mpf(4) / 3 * (MP.mpf(1) / n + MP.mpf(1) / m) / 2) ** MP.mpf("0.4")
    factor = 1 / (2 * MP.sqrt(MP.pi * gamma))
    return lambda q: factor * phi_d(dim, q / (4 * gamma), metric == "cramer-wold-approx")


def transport(x, y, directions):
    """Mean W₂² of two samples along directions: points are repeated until both have as many."""
    total = []
    for s, t in zip(projections(x, directions), projections(y, directions), strict=True):
        a = sorted(value for value in s for _ in y)
        b = sorted(value for value in t for _ in x)
        total.append(mean([(p - q) ** 2 for p, q in zip(a, b, strict=True)]))
    return [mean(total)]
