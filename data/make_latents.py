"""Make the files of this folder (needs scikit-learn and h5py).

They hold the first 8 or 60 principal components of scikit-learn's handwritten digits, which are the codes of
the best linear auto-encoder, scaled to mean 0 and covariance I.
"""

from pathlib import Path

import h5py
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

HERE = Path(__file__).parent
DIM, MANY = 8, 60  # latent dimensions
TEST = 500  # points in the test set


def whitened(images: np.ndarray, dim: int) -> np.ndarray:
    """Return the first ``dim`` principal components, (n, dim), with mean 0 and covariance I."""
    n = len(images)
    codes = PCA(dim, whiten=True, svd_solver="full").fit_transform(images)
    codes *= np.sqrt(n / (n - 1))  # scikit-learn divides by n − 1; here the covariance with divisor n is I
    return codes - codes.mean(axis=0)


def posteriors(images: np.ndarray, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Return means, (n, dim), and log-variances, (dim,), of the posteriors of probabilistic PCA.

    These are the posteriors of the best linear VAE, the same width for each image (M. E. Tipping and
    C. M. Bishop, Probabilistic Principal Component Analysis, J. R. Stat. Soc. B 61 (1999) 611, sec. 3).
    """
    n, axes = images.shape
    centred = images - images.mean(axis=0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    eigenvalues = sizes**2 / n
    noise = eigenvalues[dim:].sum() / (axes - dim)
    kept = eigenvalues[:dim]
    return centred @ directions[:dim].T * np.sqrt(kept - noise) / kept, np.log(noise / kept)


def main() -> None:
    """Write the files into the folder of this script."""
    images = load_digits().data  # (1797, 64)
    codes = whitened(images, DIM)
    np.save(HERE / "digits_pca.npy", codes)
    np.save(HERE / "digits_pca60.npy", whitened(images, MANY).astype(np.float32))

    mu, logvar = posteriors(images, DIM)
    np.savez(HERE / "digits_vae.npz", mu=mu.astype(np.float32), logvar=logvar)

    order = np.random.default_rng(0).permutation(len(images))
    with h5py.File(HERE / "digits_pca.h5", "w") as file:
        file["train"] = codes[np.sort(order[TEST:])]
        file["test"] = codes[np.sort(order[:TEST])]


if __name__ == "__main__":
    main()
