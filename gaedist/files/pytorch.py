"""The tensors of a file that `torch.save` wrote: a tensor, or a flat dictionary of tensors.

The pickle in the file is searched before it is loaded: one that names anything but tensors is refused, and
PyTorch's own unpickler refuses it too (``weights_only``). The numbers are mapped into memory.
"""

import pickletools
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from gaedist.errors import GaedistError, lacks_memory, one_line, short_name
from gaedist.files.format import Format
from gaedist.files.npy import ZIP_ERRORS
from gaedist.files.stored_array import Block, StoredArray, dtype_fault, no_blocks, row_blocks
from gaedist.files.streams import name_of
from gaedist.files.zips import is_pytorch, zip_file

if TYPE_CHECKING:
    import torch

_MOST_PICKLED = 1 << 24  # bytes
_REMEDY = "Save the codes alone, with torch.save(codes, PATH)."
_TENSORS = re.compile(
    r"torch\._utils _rebuild_(tensor|tensor_v2|tensor_v3|parameter)|collections OrderedDict"
    r"|torch(\.storage)? \w+Storage|torch (bool|b?float\w+|u?int\d+|complex\d+|Size|device)"
)
"""What the pickle of tensors names."""


@contextmanager
def pytorch_arrays(stream: BinaryIO, size: int) -> Iterator[list[StoredArray]]:
    """List the tensors of a PyTorch file of ``size`` bytes."""
    _check(stream, size)
    with _named(stream) as name:
        loaded = _loaded(name)
        yield [_array(key, value, name, size) for key, value in _items(loaded)]


def _check(stream: BinaryIO, size: int) -> None:
    """Raise `GaedistError` if the file is damaged, or its pickle holds more than tensors."""
    with zip_file(stream, "PyTorch", "Write it again with torch.save.") as archive:
        infos = archive.infolist()
        if any(info.compress_type or info.compress_size != info.file_size for info in infos):
            raise GaedistError("damaged: a PyTorch file whose members are packed, as torch.save writes none.")
        if sum(info.file_size for info in infos) > size:
            raise GaedistError("damaged: the members of the PyTorch file claim more bytes than it has.")
        pickles = [info for info in infos if info.filename.endswith("/data.pkl")]
        if len(pickles) != 1 or pickles[0].file_size > _MOST_PICKLED:
            raise GaedistError(f"a PyTorch file with more than tensors. {_REMEDY}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of escapes in names, which a damaged pickle can have
                unknown = _unknown_name(archive.read(pickles[0]))
        except (*ZIP_ERRORS, OSError, RuntimeError) as error:
            raise GaedistError(f"damaged: the PyTorch file cannot be read ({error}).") from error
    stream.seek(0)
    if unknown:
        raise GaedistError(
            f"a PyTorch file that holds {short_name(unknown)}; only tensors and flat dictionaries of them "
            f"are unpickled. {_REMEDY}"
        )


def _unknown_name(pickled: bytes) -> str | None:
    """Return a class or function that a pickle names and tensors do not need, if there is one."""
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name == "GLOBAL" and not _TENSORS.fullmatch(str(argument)):
            return str(argument).replace(" ", ".")
        if opcode.name in ("STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"):
            return "more than tensors"
    return None


@contextmanager
def _named(stream: BinaryIO) -> Iterator[str]:
    """Return a name by which PyTorch can map a file into memory; what came through a pipe has none yet."""
    if not isinstance(stream, BytesIO):
        yield str(name_of(stream))
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.NamedTemporaryFile(prefix="gaedist-"))
            file.write(stream.getbuffer())
            file.flush()
        except OSError as error:  # also in a sandbox, which writes no files
            raise GaedistError("a PyTorch file in a pipe, which cannot be copied. Name a file.") from error
        yield file.name


def _loaded(name: str) -> object:
    """Unpickle the tensors of a file, of which no number is read yet."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(name, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # damaged files raise RuntimeError, UnpicklingError, KeyError, …
        if lacks_memory(error):
            raise MemoryError from error
        what = one_line(str(error).partition("\n")[0], 200)
        raise GaedistError(f"damaged: PyTorch cannot load it ({type(error).__name__}: {what}).") from error


def _items(loaded: object) -> Iterator[tuple[str | None, object]]:
    """Yield names and values of what was loaded."""
    if isinstance(loaded, Mapping):
        yield from ((str(key), value) for key, value in loaded.items())
    else:
        yield None, loaded


def _array(name: str | None, value: object, path: str, size: int) -> StoredArray:
    """Describe a tensor; a fault says why it cannot be read, or that it is none."""
    import torch

    if not isinstance(value, torch.Tensor):
        return StoredArray(name, (), None, f"of type {type(value).__name__}, not a tensor", no_blocks)
    tensor = value.detach()
    shape = tuple(tensor.shape)
    try:
        dtype = torch.empty(0, dtype=tensor.dtype).numpy().dtype
    except (TypeError, RuntimeError):  # bfloat16 and types of 8 bits and less
        dtype = np.dtype(np.float32)
        if not tensor.dtype.is_floating_point:
            return StoredArray(name, shape, None, f"of type {tensor.dtype}; save it as float32", no_blocks)
    fault = dtype_fault(dtype)
    if not fault and tensor.numel() * tensor.itemsize > tensor.untyped_storage().nbytes():
        fault = f"a tensor of {tensor.numel()} numbers of which fewer are stored; save x.clone()"

    def blocks(start: int, stop: int) -> Iterator[Block]:
        return _blocks(tensor, dtype, path, size, start, stop)

    return StoredArray(name, shape, dtype, fault, no_blocks if fault else blocks)


def _blocks(
    tensor: "torch.Tensor", dtype: np.dtype[np.generic], path: str, size: int, start: int, stop: int
) -> Iterator[Block]:
    """Yield rows of a tensor that is mapped into memory."""
    import torch

    wanted = torch.float32 if dtype == np.float32 else tensor.dtype
    for a, b in row_blocks(start, stop, tensor[:1].numel() * tensor.itemsize):
        if Path(path).stat().st_size < size:  # reading beyond the end of a mapped file crashes the process
            raise GaedistError("the file became shorter while it was being read. Wait until it is complete.")
        yield slice(a, b), slice(None), tensor[a:b].reshape(b - a, -1).to(wanted).numpy()


FORMAT = Format(
    name="PyTorch",
    suffixes=(".pt", ".pth", ".ckpt"),
    holds="a tensor, or one of a flat dictionary by its name; nothing else is unpickled",
    recognises=is_pytorch,
    arrays=pytorch_arrays,
    package="torch.utils.serialization.config",  # which torch loads when it is first needed
    extra="torch",
)
