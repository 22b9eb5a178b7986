"""Objects pickled with their large arrays apart, so that these are sent to each worker once."""

import hashlib
import io
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LARGE = 1 << 14  # bytes of an array that is kept apart


@dataclass(frozen=True, eq=False)
class Parcel:
    """An object without its large arrays, and these.

    Attributes
    ----------
    content : bytes
        The pickled object, with a digest in the place of each large array.
    arrays : dict of str to array
        The arrays by their digests.
    """

    content: bytes
    arrays: dict[str, NDArray[Any]]


def packed(content: Any) -> Parcel:
    """Pickle an object, functions and closures among them, without its large arrays."""
    import cloudpickle

    arrays: dict[str, NDArray[Any]] = {}
    digests: dict[int, str] = {}

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def persistent_id(self, found: Any) -> str | None:
            if not isinstance(found, np.ndarray) or found.nbytes < _LARGE or found.dtype.hasobject:
                return None
            if id(found) not in digests:
                digests[id(found)] = digest = array_digest(found)
                arrays[digest] = found
            return digests[id(found)]

    stream = io.BytesIO()
    Pickler(stream).dump(content)
    return Parcel(stream.getvalue(), arrays)


def unpacked(content: bytes, digests: Sequence[str], arrays: Sequence[NDArray[Any]]) -> Any:
    """Return the object of a parcel, given its arrays in the order of their digests."""
    known = dict(zip(digests, arrays, strict=True))

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, digest: Any) -> NDArray[Any]:
            return known[digest]

    return Unpickler(io.BytesIO(content)).load()


def array_digest(array: NDArray[Any]) -> str:
    """Return a digest of the type, shape and numbers of an array."""
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape} ".encode())
    digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return digest.hexdigest()
