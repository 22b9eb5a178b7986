"""Slow twins of gaedist's functions, written straight from the formulas, that share no code with it.

Functions take full n×n matrices in double precision; names that end in _mp compute with 200 digits, those
that end in _full take a covariance matrix for each point. Equations are numbered as in J. Duda, Gaussian
Auto-Encoder, arXiv:1811.04751v1 (2018).
"""

import math

import mpmath
import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

MP = mpmath.mp.clone()
MP.dps = 200


def overlap(x, y, s, t):
    """Logarithm of the mean of N(x_i − y_j; 0, (s + t) I) over all i and j."""
    dim = x.shape[1]
    exponents = -cdist(x, y, "sqeuclidean") / (2 * (s + t)) - dim / 2 * math.log(2 * math.pi * (s + t))
    return logsumexp(exponents) - math.log(len(x)) - math.log(len(y))


def overlap_mp(x, y, s, t):
    """∫ p q of two samples smoothed with variances s and t, with 200 digits."""
    dim = x.shape[1]
    s, t = MP.mpf(s), MP.mpf(t)
    x, y = [[[MP.mpf(float(c)) for c in point] for point in sample] for sample in (x, y)]
    total = MP.fsum(
        MP.exp(-MP.fsum((a - b) ** 2 for a, b in zip(p, q, strict=True)) / (2 * (s + t)))
        for p in x
        for q in y
    )
    return total / len(x) / len(y) * (2 * MP.pi * (s + t)) ** (-MP.mpf(dim) / 2)


def score_mp(x, sigma):
    """Eq. (7): (4π)^(D/2) ∫ (KDE(X) − N(0, I))², with 200 digits."""
    dim, s, origin = x.shape[1], sigma**2, np.zeros((1, x.shape[1]))
    total = overlap_mp(x, x, s, s) + overlap_mp(origin, origin, 1, 1) - 2 * overlap_mp(x, origin, s, 1)
    return total * (4 * MP.pi) ** (MP.mpf(dim) / 2)


def compare_mp(x, y, sigma):
    """Eq. (5): (4πσ²)^(D/2) ∫ (KDE(X) − KDE(Y))², with 200 digits."""
    dim, s = x.shape[1], sigma**2
    total = overlap_mp(x, x, s, s) + overlap_mp(y, y, s, s) - 2 * overlap_mp(x, y, s, s)
    return total * (4 * MP.pi * MP.mpf(s)) ** (MP.mpf(dim) / 2)


def score(x, sigma):
    """Eq. (7): (4π)^(D/2) ∫ (KDE(X) − N(0, I))²."""
    dim, s = x.shape[1], sigma**2
    log_scale = dim / 2 * math.log(4 * math.pi)
    origin = np.zeros((1, dim))
    pair, cross = overlap(x, x, s, s), overlap(x, origin, s, 1)
    return math.exp(pair + log_scale) + 1 - 2 * math.exp(cross + log_scale)


def compare(x, y, sigma):
    """Eq. (5): (4πσ²)^(D/2) ∫ (KDE(X) − KDE(Y))²."""

    def kernel_mean(a, b):
        return np.exp(-cdist(a, b, "sqeuclidean") / (4 * sigma**2)).mean()

    return kernel_mean(x, x) + kernel_mean(y, y) - 2 * kernel_mean(x, y)


def smoothed_terms(x, sigma, estimator="v"):
    """Pair, cross and prior terms of the squared distance to N(0, (1 + σ²) I), times (4πs)^(D/2), s = σ².

    They are mean_ij e^(−|x_i−x_j|²/(4s)), ((2s+1)/(2s))^(−D/2) mean_i e^(−|x_i|²/(2(2s+1))) and
    (1 + 1/s)^(−D/2); the squared distance is pair + prior − 2 cross.
    """
    (n, dim), s = x.shape, sigma**2
    kernel = np.exp(-cdist(x, x, "sqeuclidean") / (4 * s))
    pair = kernel.mean() if estimator == "v" else (kernel.sum() - n) / (n * (n - 1))
    far = np.exp(-(x**2).sum(axis=1) / (2 * (2 * s + 1)))
    return pair, ((2 * s + 1) / (2 * s)) ** (-dim / 2) * far.mean(), (1 + 1 / s) ** (-dim / 2)


def score_smoothed(x, sigma, estimator="v"):
    """(4πσ²)^(D/2) ∫ (KDE(X) − N(0, (1 + σ²) I))²."""
    pair, cross, prior = smoothed_terms(x, sigma, estimator)
    return pair + prior - 2 * cross


def score_smoothed_mp(x, sigma):
    """(4πσ²)^(D/2) ∫ (KDE(X) − N(0, (1 + σ²) I))² by Eq. (3), and without overlaps of points with themselves.

    With 200 digits, of codes rounded to 2^−120: squares are integers.
    """
    n, s, h = len(x), MP.mpf(sigma) ** 2, -MP.mpf(x.shape[1]) / 2
    x = np.array([[int(MP.mpf(float(value)) * 2**120) for value in point] for point in x])

    def kernel(apart, variance):
        return MP.exp(-MP.mpf((apart * apart).sum()) / MP.mpf(2) ** 240 / (2 * variance))

    pairs = 2 * MP.fsum(kernel(x[i] - x[j], 2 * s) for i in range(n) for j in range(i))
    cross = ((2 * s + 1) / (2 * s)) ** h * MP.fsum(kernel(point, 2 * s + 1) for point in x) / n
    rest = (1 + 1 / s) ** h - 2 * cross
    return (pairs + n) / n**2 + rest, pairs / max(1, n * (n - 1)) + rest


def median_sigma(x):
    """The median of |x_i − x_j| over all pairs, divided by √2."""
    return np.median(cdist(x, x)[np.triu_indices(len(x), k=1)]) / math.sqrt(2)


def null_moments_mp(n, dim, sigma):
    """Mean and standard deviation of Eq. (7) for n points of N(0, I), with 200 digits.

    With s = σ², k = e^(−|x−y|²/(4s)) and c = ((1+s)/2)^(−D/2) e^(−|x|²/(2(1+s))), Eq. (7) is
    s^(−D/2) mean_ij k + 1 − 2 mean_i c. Its variance is the variance of a U-statistic plus a mean:
    ζ1 = Var E(k | x) and ζ2 = Var k, with E(k | x) = g0 e^(−tg |x|²), and E e^(−t|x|²) = (1 + 2t)^(−D/2).
    """
    s, h = MP.mpf(sigma**2), -MP.mpf(dim) / 2

    def e(t):
        return (1 + 2 * t) ** h

    ek, g0, tg = (1 + 1 / s) ** h, (1 + 1 / (2 * s)) ** h, 1 / (4 * s + 2)
    c0, tc = ((1 + s) / 2) ** h, 1 / (2 * (1 + s))
    zeta1, zeta2 = g0**2 * e(2 * tg) - ek**2, (1 + 2 / s) ** h - ek**2
    covariance = g0 * c0 * e(tg + tc) - ek * c0 * e(tc)
    mean = s**h * (MP.mpf(1) / n + (1 - MP.mpf(1) / n) * ek) + 1 - 2 * c0 * e(tc)
    pairs = (1 - MP.mpf(1) / n) ** 2 * 2 / (n * (n - 1)) * (2 * (n - 2) * zeta1 + zeta2) if n > 1 else 0
    variance = (
        s ** (2 * h) * pairs
        - 4 * s**h * (1 - MP.mpf(1) / n) * 2 / n * covariance
        + MP.mpf(4) / n * (c0**2 * e(2 * tc) - c0**2 * e(tc) ** 2)
    )
    return mean, MP.sqrt(variance)


def matrices(covariance, x):
    """The covariance matrices Σ_i of any covariance family, (n, D, D).

    A radial Σ_i has variance a along x_i and b across it: b I + (a − b) u uᵀ, u = x_i/|x_i|.
    """
    n, dim = x.shape
    if covariance.name == "constant":
        return np.tile(covariance.variance * np.eye(dim), (n, 1, 1))
    if covariance.name == "full":
        return covariance.matrices
    if covariance.name == "radial":
        found = []
        for point, (a, b) in zip(x, covariance.variances, strict=True):
            u = point / (np.linalg.norm(point) or 1)
            found.append(b * np.eye(dim) + (a - b) * np.outer(u, u))
        return np.array(found)
    return np.array([np.diag(np.broadcast_to(v, dim)) for v in covariance.variances])


def matrices_mp(covariance, x):
    """As `matrices`, but a list of matrices with 200 digits."""
    dim = x.shape[1]
    if covariance.name != "radial":
        return [MP.matrix(matrix.tolist()) for matrix in matrices(covariance, x)]
    found = []
    for point, variances in zip(x, covariance.variances, strict=True):
        a, b = map(MP.mpf, variances.tolist())
        u = MP.matrix(point.tolist())
        square = MP.fsum(c * c for c in u) or MP.mpf(1)
        found.append(b * MP.eye(dim) + (a - b) / square * u * u.T)
    return found


def overlap_full(x, covariances_x, y, covariances_y):
    """Logarithm of ∫ p q of two smoothed samples by Eq. (3), with a Cholesky factor of each Σ_i + Γ_j."""
    dim, rows = x.shape[1], []
    for point, covariance in zip(x, covariances_x, strict=True):
        factors = np.linalg.cholesky(covariance + covariances_y)
        z = np.linalg.solve(factors, (point - y)[:, :, np.newaxis])[:, :, 0]
        log_roots = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        rows.append(-(z**2).sum(axis=1) / 2 - log_roots - dim / 2 * math.log(2 * math.pi))
    return logsumexp(rows) - math.log(len(x)) - math.log(len(y))


def overlap_full_mp(x, covariances_x, y, covariances_y):
    """As `overlap_full`, with 200 digits."""
    total = MP.mpf(0)
    for p, covariance in zip(x, covariances_x, strict=True):
        for q, other in zip(y, covariances_y, strict=True):
            difference = MP.matrix(p.tolist()) - MP.matrix(q.tolist())
            form = (difference.T * MP.lu_solve(covariance + other, difference))[0]
            total += MP.exp(-form / 2) / MP.sqrt(MP.det(2 * MP.pi * (covariance + other)))
    return MP.log(total / len(x) / len(y))


def score_terms_full(x, covariances):
    """Logarithms of the terms P and C of Eq. (6), which times (4π)^(D/2) is P + 1 − 2C."""
    dim = x.shape[1]
    log_scale, origin, identity = dim / 2 * math.log(4 * math.pi), np.zeros((1, dim)), np.eye(dim)[np.newaxis]
    pair, cross = overlap_full(x, covariances, x, covariances), overlap_full(x, covariances, origin, identity)
    return pair + log_scale, cross + log_scale


def score_full(x, covariances):
    """Eq. (6) times (4π)^(D/2)."""
    pair, cross = score_terms_full(x, covariances)
    return math.exp(pair) + 1 - 2 * math.exp(cross)


def pair_derivatives_full(x, covariances_x, y, covariances_y):
    """Σ_j N(δ_ij; 0, A_ij) of Eq. (3), (n,), and its derivatives by Σ_i, (n, D, D).

    With δ_ij = x_i − y_j and A_ij = Σ_i + Γ_j they are Σ_j ½ N(δ; 0, A) (A⁻¹ δ δᵀ A⁻¹ − A⁻¹).
    """
    dim, terms, derivatives = x.shape[1], [], []
    for point, covariance in zip(x, covariances_x, strict=True):
        both = covariance + covariances_y
        inverses = np.linalg.inv(both)
        z = (inverses @ (point - y)[:, :, np.newaxis])[:, :, 0]
        form = (z * (point - y)).sum(axis=1)
        density = np.exp(-form / 2) / np.sqrt(np.linalg.det(both)) / (2 * math.pi) ** (dim / 2)
        terms.append(density.sum())
        outer = z[:, :, np.newaxis] * z[:, np.newaxis]
        derivatives.append(np.einsum("j,jrc->rc", density / 2, outer - inverses))
    return np.array(terms), np.array(derivatives)


def squared_distance_by_quadrature(x, covariances_x, y, covariances_y):
    """∫ (p − q)² of two smoothed samples in one or two dimensions, from the densities of Eq. (1) on a grid.

    With a step of at most half the smallest standard deviation the error is about e^(−4π²).
    """
    points, every = np.concatenate([x, y]), np.concatenate([covariances_x, covariances_y])
    sigmas = np.sqrt(np.linalg.eigvalsh(every))
    step, margin = sigmas.min() / 2, 9 * sigmas.max()
    axes = [np.arange(axis.min() - margin, axis.max() + margin, step) for axis in points.T]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    weights = np.repeat([1 / len(x), -1 / len(y)], [len(x), len(y)])
    difference = sum(
        weight * multivariate_normal(point, covariance).pdf(grid)
        for weight, point, covariance in zip(weights, points, every, strict=True)
    )
    return (difference**2).sum() * step ** x.shape[1]


def kernel_full(x, covariances):
    """N(x_i − x_j; 0, Σ_i + Σ_j) for all pairs, (n, n)."""
    n, dim = x.shape
    found = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            found[i, j] = multivariate_normal(np.zeros(dim), covariances[i] + covariances[j]).pdf(x[i] - x[j])
    return found


def two_sample(kernel, first, estimator):
    """Squared kernel distance of the points in the mask from the others, biased ("v") or unbiased ("u")."""
    xx, yy, xy = kernel[np.ix_(first, first)], kernel[np.ix_(~first, ~first)], kernel[np.ix_(first, ~first)]
    if estimator == "v":
        return xx.mean() + yy.mean() - 2 * xy.mean()
    n, m = xy.shape
    within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return within - 2 * xy.mean()


def limit_tail_mp(dim, s, z, digits=30):
    """P(Q > mean + z sd) for Q = Σ λ χ²₁, the limit of n d² to the smoothed target, and Σ λ, 2 Σ λ², 8 Σ λ³.

    λ are the eigenvalues of the centred kernel e^(−|x−y|²/(4s)) under N(0, I). With B = 1 + s − √(s² + 2s)
    the kernel itself has (1−B)^D B^N, with multiplicity C(N+D−1, N), one of them radial for each even N.
    Centring replaces the radial ones by the eigenvalues of (I − cc')diag(μ)(I − cc'), μ_j = (1−B)^D B^(2j),
    c_j² = Γ(j+D/2)/(j! Γ(D/2)) B^(2j) (1−B²)^(D/2). The transform of Q is inverted along a straight line that
    rises from the saddle point to the right.
    """
    mp = mpmath.mp.clone()
    mp.dps = digits
    s, h = mp.mpf(s), mp.mpf(dim) / 2
    b = 1 + s - mp.sqrt(s * s + 2 * s)
    last = int(-mp.log(10) * digits / mp.log(b)) + dim
    values = [((1 - b) ** dim * b**n, math.comb(n + dim - 1, n) - (n % 2 == 0)) for n in range(last)]
    count = last // 2 + 1
    mu = [(1 - b) ** dim * b ** (2 * j) for j in range(count)]
    c = [
        mp.sqrt(mp.gamma(j + h) / mp.factorial(j) / mp.gamma(h) * b ** (2 * j) * (1 - b * b) ** h)
        for j in range(count)
    ]
    trace = mp.fsum(m * a * a for m, a in zip(mu, c, strict=True))
    centred = mp.matrix(count, count)
    for i in range(count):
        for j in range(count):
            centred[i, j] = (mu[i] if i == j else 0) + c[i] * c[j] * (trace - mu[i] - mu[j])
    values += [(v, 1) for v in mp.eigsy(centred, eigvals_only=True)]
    values = [(v, m) for v, m in values if m and v > mp.mpf(10) ** -digits]
    first, second, third = (mp.fsum(m * v**k for v, m in values) for k in (1, 2, 3))
    t = first + z * mp.sqrt(2 * second)
    pole = 1 / (2 * max(v for v, _ in values))

    def log_transform(x):
        return -mp.fsum(m * mp.log(1 - 2 * v * x) for v, m in values) / 2 - x * t

    low, high = mp.mpf(0), pole
    for _ in range(40):
        saddle = (low + high) / 2
        rising = mp.fsum(m * v / (1 - 2 * v * saddle) for v, m in values) > t + 1 / saddle
        low, high = (low, saddle) if rising else (saddle, high)
    peak, step, way = log_transform(saddle), min(saddle, pole - saddle), mp.expjpi(mp.mpf("0.45"))

    def integrand(y):
        x = saddle + way * y
        return (mp.exp(log_transform(x) - peak) / x * way).imag

    bends = [0] + [step * 2**k for k in range(11)]
    return mp.exp(peak) * mp.quad(integrand, bends) / mp.pi, first, 2 * second, 8 * third


def posterior_score(means, sds):
    """Eq. (6): (4π)^(D/2) ∫ (q − N(0, I))² of q, the mean of N(μ_i, diag s_i²)."""
    dim = means.shape[1]

    def overlaps(x, s, y, t):
        both = (s**2)[:, None] + (t**2)[None]
        log = -0.5 * ((x[:, None] - y[None]) ** 2 / both + np.log(2 * math.pi * both)).sum(axis=2)
        return np.exp(log + dim / 2 * math.log(4 * math.pi)).mean()

    zero, one = np.zeros((1, dim)), np.ones((1, dim))
    pair, cross = overlaps(means, sds, means, sds), overlaps(means, sds, zero, one)
    return pair + 1 - 2 * cross


def posterior_compare(x, s, y, t):
    """(4π)^(D/2) ∫ (p − q)² of the means p and q of N(x_i, diag s_i²) and N(y_i, diag t_i²)."""
    dim = x.shape[1]

    def overlaps(a, u, b, v):
        both = (u**2)[:, None] + (v**2)[None]
        log = -0.5 * ((a[:, None] - b[None]) ** 2 / both + np.log(2 * math.pi * both)).sum(axis=2)
        return np.exp(log + dim / 2 * math.log(4 * math.pi)).mean()

    return overlaps(x, s, x, s) + overlaps(y, t, y, t) - 2 * overlaps(x, s, y, t)


def posterior_kl_mp(means, log_variances):
    """The mean of ½ Σ_j (μ² + s² − 1 − log s²), with 200 digits."""
    terms = [
        MP.mpf(float(m)) ** 2 + MP.exp(MP.mpf(float(v))) - 1 - MP.mpf(float(v))
        for m, v in zip(means.ravel(), log_variances.ravel(), strict=True)
    ]
    return MP.fsum(terms) / 2 / len(means)
