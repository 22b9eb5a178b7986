"""Make data/digits_pca.npy and data/digits_pca.h5 (needs scikit-learn and h5py).

Whitened principal components of scikit-learn's handwritten digits: the codes of the best linear
auto-encoder with eight latent dimensions, scaled to mean 0 and covariance I.
"""

from pathlib import Path

import h5py
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

HERE = Path(__file__).parent
DIM = 8
TEST = 500


def main() -> None:
    """Write both files beside this script."""
    images = load_digits().data  # (1797, 64)
    n = len(images)
    codes = PCA(DIM, whiten=True, svd_solver="full").fit_transform(images)
    codes *= np.sqrt(n / (n - 1))  # scikit-learn whitens with n − 1; we want covariance I with n
    codes -= codes.mean(axis=0)
    np.save(HERE / "digits_pca.npy", codes)

    order = np.random.default_rng(0).permutation(n)
    with h5py.File(HERE / "digits_pca.h5", "w") as file:
        file["train"] = codes[np.sort(order[TEST:])]
        file["test"] = codes[np.sort(order[:TEST])]


if __name__ == "__main__":
    main()
