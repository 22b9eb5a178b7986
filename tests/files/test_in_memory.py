"""Arrays of every library are the same codes as the array of NumPy; what is none is named in one line.

CuPy needs a GPU: what it does, a class of the same name and methods does here.
"""

import subprocess
import sys
from types import ModuleType

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import xarray as xr

from gaedist import GaedistError
from gaedist.files.codes import as_codes

X = np.random.default_rng(0).normal(size=(50, 4))


class Exported:
    """An array that has nothing but DLPack."""

    def __dlpack__(self, **options):
        return X.__dlpack__(**options)

    def __dlpack_device__(self):
        return X.__dlpack_device__()


class OnDevice(Exported):
    def __dlpack__(self, *, dl_device=None, copy=None, **options):
        assert (dl_device, copy) == ((1, 0), True)  # as NumPy asks a device for a copy
        return X.__dlpack__(copy=True, **options)

    def __dlpack_device__(self):
        return 2, 0


class Convertible:
    def __array__(self, dtype=None, copy=None):
        return np.array(X, dtype)


ARRAYS = {
    "pandas": lambda: pd.DataFrame(X),
    "pandas, nullable": lambda: pd.DataFrame(X).convert_dtypes(),
    "pandas, Arrow": lambda: pd.DataFrame(X).astype("double[pyarrow]"),
    "pandas, sparse": lambda: pd.DataFrame(X).astype(pd.SparseDtype(float)),
    "polars": lambda: pl.DataFrame(X),
    "polars, lazy": lambda: pl.DataFrame(X).lazy(),
    "xarray": lambda: xr.DataArray(X, dims=("point", "axis")),
    "DLPack": Exported,
    "__array__": Convertible,
    "lists": X.tolist,
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_other_libraries(name):
    np.testing.assert_array_equal(as_codes(ARRAYS[name]()), X)


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.1.0", reason="NumPy 2.1 copies from devices")
def test_dlpack_on_a_device():
    np.testing.assert_array_equal(as_codes(OnDevice()), X)


def test_cupy(monkeypatch):
    class ndarray:  # noqa: N801
        """It refuses what CuPy refuses."""

        def __array__(self, *_, **__):
            raise TypeError("Implicit conversion to a NumPy array is not allowed.")

        def get(self):
            return X

    module = ModuleType("cupy")
    module.ndarray = ndarray
    monkeypatch.setitem(sys.modules, "cupy", module)
    np.testing.assert_array_equal(as_codes(ndarray()), X)


def test_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is not among the packages of the tests")
    x = torch.from_numpy(X)
    for tensor in (x, x.clone().requires_grad_(), torch.nn.Parameter(x), x.T.contiguous().T):
        np.testing.assert_array_equal(as_codes(tensor), X)
    for kind in (torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.int8):
        np.testing.assert_array_equal(as_codes(x.to(kind)), x.to(kind).double())
    if torch.cuda.is_available():
        np.testing.assert_array_equal(as_codes(x.cuda().requires_grad_()), X)
    for bad, message in (
        (x.to_sparse(), r"are a sparse tensor\. Pass x\.to_dense\(\)\."),
        (x > 0, r"are of type bool; latent codes are real numbers\."),
        (x + 1j, "are complex; save real and imaginary parts"),
        (x.reshape(2, 25, 4), "are an array with 3 axes, 2 × 25 × 4; latent codes have two"),
        (x.to("meta"), r", of type torch\.Tensor, are not an array \(NotImplementedError: "),
    ):
        with pytest.raises(GaedistError, match=rf"^the codes ?{message}"):
            as_codes(bad)


def test_jax():
    jax = pytest.importorskip("jax", reason="JAX is not among the packages of the tests")
    x = jax.numpy.asarray(X)
    np.testing.assert_array_equal(as_codes(x), X.astype("f4"))
    half = x.astype(jax.numpy.bfloat16)
    np.testing.assert_array_equal(as_codes(half), np.asarray(half.astype(jax.numpy.float32)))


def test_missing_values_of_frames():
    whole = pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64")})
    for frame in (whole, pl.DataFrame({"a": [1, None, 3]}), pl.DataFrame({"a": [1.0, None, 3.0]})):
        with pytest.raises(GaedistError, match=r"not finite: row 1 has NaN in column 0; 1 of 3 rows"):
            as_codes(frame)


TABLE = "the codes are a table with columns that are not numbers: "


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (pd.DataFrame(X).assign(label="a", flag=True), TABLE + "label ("),
        (
            pd.DataFrame(X).assign(flag=True),
            TABLE + "flag (bool). Drop them, or pass numpy.stack(frame[",
        ),
        (pd.DataFrame(X).astype(complex)[[0]], TABLE + "0 (complex128)."),
        (pd.DataFrame({"c": pd.Categorical([1, 2])}), TABLE + "c (category)."),
        (pd.DataFrame({"b": pd.array([True], dtype="bool[pyarrow]")}), TABLE + "b (bool[pyarrow])."),
        (pd.DataFrame({"codes": list(X)}), TABLE + "codes (object)."),
        (pl.DataFrame({"a": ["x"], "b": [True]}), TABLE + "a (String), b (Boolean)."),
        (pd.Series(X[:, 0]), "the codes are an array with 1 axis; latent codes have two"),
        (xr.DataArray(X.reshape(2, 25, 4)), "the codes are an array with 3 axes, 2 × 25 × 4; latent codes"),
        (
            xr.Dataset({"z": (("p", "k"), X)}),
            "the codes are an xarray.Dataset. Pass one of its ",
        ),
        (
            scipy.sparse.csr_matrix(X),
            "the codes are of type scipy.sparse._csr.csr_matrix, which",
        ),
        ({"z": X}, "the codes are of type dict, which is not an array. Pass an array of numbers."),
        (None, "the codes are of type NoneType, which is not an array."),
        (X.astype(object), "the codes are an array of objects. Pass x.astype(float)"),
        ([["a", "b"]], "the codes are of type <U1; latent codes are real numbers."),
    ],
)
def test_what_is_no_array_of_numbers(codes, message):
    with pytest.raises(GaedistError) as caught:
        as_codes(codes)
    assert str(caught.value).startswith(message)


def test_no_library_is_imported_for_an_array():
    code = "import sys, numpy, gaedist.files.codes as c; c.as_codes(numpy.eye(3)); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "pandas", "polars", "xarray", "cupy", "jax"} & set(loaded.split())
