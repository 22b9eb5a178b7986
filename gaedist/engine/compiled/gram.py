"""The matrices that integrands read of the points of a tile: products, squared distances, angles."""

from typing import Any

import numpy as np

from gaedist.engine.compiled.jit import compiled

FEW = 8  # dimensions up to which a loop of fixed length beats BLAS


@compiled(inline=True)
def _fill_products(dims: int, i: int, point: Any, columns: Any, gram: Any) -> None:
    """Store a row of products; ``dims`` is a constant, unrolled, so that the loop over j is vectorised."""
    for j in range(gram.shape[1]):
        product = 0.0
        for d in range(dims):
            product += point[d] * columns[d, j]
        gram[i, j] = product


@compiled()
def gram_of_few(x: Any, y: Any, gram: Any, point: Any, columns: Any) -> None:
    """Store x_i · y_j of points in at most FEW dimensions, padded with zeros to 2, 4 or FEW."""
    dim = x.shape[1]
    for d in range(FEW):
        point[d] = 0.0
        for j in range(y.shape[0]):
            columns[d, j] = y[j, d] if d < dim else 0.0
    for i in range(x.shape[0]):
        for d in range(dim):
            point[d] = x[i, d]
        if dim <= 2:
            _fill_products(2, i, point, columns, gram)
        elif dim <= 4:
            _fill_products(4, i, point, columns, gram)
        else:
            _fill_products(FEW, i, point, columns, gram)


@compiled()
def gram_of_differences(x: Any, y: Any, sign: float, gram: Any) -> None:
    """Store −|x_i ∓ y_j|²/2, which with norms of 0 replaces the Gram matrix and has no cancellation."""
    dim, m = y.shape[1], y.shape[0]
    columns = np.empty((dim, m))
    for j in range(m):
        for d in range(dim):
            columns[d, j] = sign * y[j, d]
    for i in range(x.shape[0]):
        for j in range(m):
            gram[i, j] = 0.0
        for d in range(dim):
            for j in range(m):
                difference = x[i, d] - columns[d, j]
                gram[i, j] -= 0.5 * difference * difference


@compiled()
def units(points: Any) -> Any:
    """Return points of length 1 in the same directions, and 0 for 0."""
    found = np.empty(points.shape)
    for i in range(points.shape[0]):
        square = 0.0
        for d in range(points.shape[1]):
            square += points[i, d] * points[i, d]
        for d in range(points.shape[1]):
            found[i, d] = points[i, d] / np.sqrt(square) if square > 0 else 0.0
    return found


@compiled()
def fill_sines(u: Any, v: Any, sines: Any, spare: Any) -> None:
    """Store sin² of the angles, as |u − v|² |u + v|²/4, without the cancellation of 1 − cos²."""
    gram_of_differences(u, v, 1.0, sines)
    gram_of_differences(u, v, -1.0, spare)
    for i in range(u.shape[0]):
        for j in range(v.shape[0]):
            sines[i, j] *= spare[i, j]
