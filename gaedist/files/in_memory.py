"""Arrays in memory of any library: tensors also on a device, and tables of columns."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError, one_line, short_name, some_of

_NUMBERS = "fiu"  # kinds of types that latent codes may have
_MOST_CHARACTERS = 200  # of an error of another library


def as_array(codes: Any) -> NDArray[np.generic]:
    """Return codes as an array of NumPy, where possible without a copy; narrow floating types become float32.

    Raises
    ------
    GaedistError
        If they are no array, a frame has a column that is not numbers, or their library refuses.
    """
    if np.ma.is_masked(codes):
        raise GaedistError("the codes have masked elements. Drop those rows, or fill them.")
    try:
        array = _converted(codes)
    except (GaedistError, MemoryError):
        raise
    except Exception as error:  # of any library
        if isinstance(codes, list | tuple) and isinstance(error, ValueError):
            raise GaedistError("the codes are not an array: their rows differ in length.") from error
        what = one_line(f"{type(error).__name__}: {error}".partition("\n")[0], _MOST_CHARACTERS)
        raise GaedistError(f"the codes, of type {_kind(codes)}, are not an array ({what}).") from error
    if array.dtype.hasobject:
        raise GaedistError(_object_fault(codes, array))
    if array.dtype.kind == "V" and array.dtype.type is not np.void:  # of ml_dtypes, as JAX gives
        return array.astype(np.float32)
    return array


def _converted(codes: Any) -> NDArray[np.generic]:
    """Return codes as an array, in the way of their library."""
    if _is(codes, "torch", "Tensor"):
        return _of_torch(codes)
    if _is(codes, "cupy", "ndarray"):
        return np.asarray(codes.get())  # a copy from its device
    if _is(codes, "pandas", "DataFrame"):
        return _of_pandas(codes)
    if _is(codes, "polars", "LazyFrame"):
        codes = codes.collect()
    if _is(codes, "polars", "DataFrame"):
        _check_columns((str(name), str(kind), kind.is_numeric()) for name, kind in codes.schema.items())
        return np.asarray(codes.to_numpy())
    if _is(codes, "xarray", "Dataset"):
        names = [str(name) for name in codes.data_vars]
        held = some_of(map(short_name, names), len(names)) or "nothing"
        raise GaedistError(f"the codes are an xarray.Dataset. Pass one of its variables: {held}.")
    if hasattr(codes, "__dlpack__") and not hasattr(codes, "__array__"):
        return _of_dlpack(codes)
    return np.asarray(codes)


def _is(codes: Any, module: str, name: str) -> bool:
    """Return whether codes are of a class of a library, which has been imported if they are."""
    library = sys.modules.get(module)
    return isinstance(codes, getattr(library, name, ()))


def _of_torch(tensor: Any) -> NDArray[np.generic]:
    """Return a tensor on any device, which may require gradients, as an array."""
    tensor = tensor.detach()
    if tensor.layout != sys.modules["torch"].strided:
        raise GaedistError("the codes are a sparse tensor. Pass x.to_dense().")
    tensor = tensor.cpu()
    if tensor.is_floating_point() and str(tensor.dtype) not in ("torch.float16", "torch.float64"):
        tensor = tensor.float()  # bfloat16 and types of 8 bits
    return np.asarray(tensor.resolve_conj().resolve_neg().numpy())


def _of_dlpack(codes: Any) -> NDArray[np.generic]:
    """Return what exports itself by DLPack as an array, with a copy if it is on a device."""
    cpu = 1
    if codes.__dlpack_device__()[0] == cpu:
        return np.from_dlpack(codes)
    return np.from_dlpack(codes, device="cpu", copy=True)  # type: ignore[call-arg,unused-ignore]  # NumPy 2.1


def _of_pandas(frame: Any) -> NDArray[np.generic]:
    """Return the columns of a frame of pandas as an array, with NaN for missing values."""
    kinds = [getattr(kind, "numpy_dtype", getattr(kind, "subtype", kind)) for kind in frame.dtypes]
    _check_columns(
        (str(name), str(kind), getattr(numbers, "kind", "O") in _NUMBERS)
        for name, kind, numbers in zip(frame.columns, frame.dtypes, kinds, strict=True)
    )
    if all(isinstance(kind, np.dtype) for kind in frame.dtypes):
        return np.asarray(frame)
    return np.asarray(frame.to_numpy(np.float64, na_value=np.nan))


def _check_columns(columns: Any) -> None:
    """Raise `GaedistError` if a column, of which name, type and whether it is numeric are given, is not."""
    others = [f"{short_name(name)} ({short_name(kind)})" for name, kind, numeric in columns if not numeric]
    if others:
        raise GaedistError(
            f"the codes are a table with columns that are not numbers: {some_of(others, len(others))}. "
            "Drop them, or pass numpy.stack(frame[NAME]) for a column of lists."
        )


def _kind(codes: Any) -> str:
    return short_name(f"{type(codes).__module__}.{type(codes).__qualname__}".removeprefix("builtins."))


def _object_fault(codes: Any, array: NDArray[np.generic]) -> str:
    """Say what is wrong with codes of which NumPy makes an array of objects."""
    if array.ndim == 0:
        remedy = "Pass x.toarray()" if hasattr(codes, "toarray") else "Pass an array of numbers"
        return f"the codes are of type {_kind(codes)}, which is not an array. {remedy}."
    return "the codes are an array of objects. Pass x.astype(float), or drop what is not a number."
