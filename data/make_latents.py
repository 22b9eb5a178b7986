"""Make the files of this folder (needs scikit-learn and h5py).

Whitened principal components of scikit-learn's handwritten digits: the codes of the best linear
auto-encoder with so many latent dimensions, scaled to mean 0 and covariance I.
"""

from pathlib import Path

import h5py
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

HERE = Path(__file__).parent
DIM, MANY = 8, 60
TEST = 500


def whitened(images: np.ndarray, dim: int) -> np.ndarray:
    """Return the first principal components with mean 0 and covariance I."""
    n = len(images)
    codes = PCA(dim, whiten=True, svd_solver="full").fit_transform(images)
    codes *= np.sqrt(n / (n - 1))  # scikit-learn whitens with n − 1; we want covariance I with n
    return codes - codes.mean(axis=0)


def main() -> None:
    """Write the files beside this script."""
    images = load_digits().data  # (1797, 64)
    codes = whitened(images, DIM)
    np.save(HERE / "digits_pca.npy", codes)
    np.save(HERE / "digits_pca60.npy", whitened(images, MANY).astype(np.float32))

    order = np.random.default_rng(0).permutation(len(images))
    with h5py.File(HERE / "digits_pca.h5", "w") as file:
        file["train"] = codes[np.sort(order[TEST:])]
        file["test"] = codes[np.sort(order[:TEST])]


if __name__ == "__main__":
    main()
