"""Every format of the registry gives the same bits as an .npy: whole, in part, in a pipe and in the sandbox.

Without its package, one line names the extra. The first bytes decide what a file is; text goes by its name.
"""

import builtins
import io
import subprocess
import sys
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest
from fuzz.files import safetensors

from gaedist import inspect
from gaedist.files.codes import read_latents
from gaedist.files.formats import FORMATS
from gaedist.files.sandbox import sandboxed
from gaedist.files.selection import Selection

X = np.random.default_rng(0).normal(size=(1000, 4))
INSTALLED = {row.name: row for row in FORMATS}


def write_hdf5(path, x):
    with h5py.File(path, "w") as file:
        file["x"] = x


def write_safetensors(path, x):
    path.write_bytes(safetensors({"x": (f"F{8 * x.itemsize}", x.shape, x.tobytes())}))


def write_pytorch(path, x):
    torch = pytest.importorskip("torch", reason="PyTorch is not among the packages of the tests")
    torch.save({"x": torch.from_numpy(x)}, path)


def write_parquet(path, x):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({str(k): x[:, k] for k in range(x.shape[1])}), path, row_group_size=300_000)


WRITE = {
    ".npy": np.save,
    ".npz": np.savez,
    "HDF5": write_hdf5,
    "safetensors": write_safetensors,
    "PyTorch": write_pytorch,
    "Parquet": write_parquet,
    "CSV": lambda path, x: np.savetxt(path, x, delimiter=","),
    "TSV": lambda path, x: np.savetxt(path, x, delimiter="\t"),
}
"""Name of a format → how its own library writes codes."""


@pytest.fixture(params=WRITE)
def file(request):
    """Write the codes in a format, under a name that says nothing unless it is text."""
    row = INSTALLED[request.param]
    path = Path(f"x{row.suffixes[0]}")
    WRITE[request.param](path, X)
    return path if row.is_text else path.rename("x.bin")


def test_every_format_is_tested():
    assert set(WRITE) == set(INSTALLED)


def test_every_format_gives_the_bits_of_the_npy(file):
    np.testing.assert_array_equal(read_latents(str(file)).codes, X)
    part = Selection(rows=(250, 900), subsample=50)
    picked = np.sort(np.random.default_rng(0).choice(650, 50, replace=False))
    np.testing.assert_array_equal(read_latents(str(file), part).codes, X[250:900][picked])
    with sandboxed():
        np.testing.assert_array_equal(read_latents(str(file)).codes, X)
        np.testing.assert_array_equal(read_latents(str(file), part).codes, X[250:900][picked])
    (report,) = inspect(file)
    assert (report.shape, report.dtype, report.problem) == ((1000, 4), "float64", None)


def test_standard_input(file, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    np.testing.assert_array_equal(read_latents("-").codes, X)


def test_blocks_of_any_size_give_the_same(file, monkeypatch):
    monkeypatch.setattr("gaedist.files.stored_array.BLOCK_BYTES", 1000)
    np.testing.assert_array_equal(read_latents(str(file), Selection(rows=(37, 801))).codes, X[37:801])


def test_a_file_cut_short_is_refused(file, refused):
    data = file.read_bytes()
    for length in (0, 5, 100, len(data) // 2, len(data) - 20):
        file.write_bytes(data[:length])
        if file.suffix == ".bin" or length == 0:
            assert refused(file).startswith(f"{file}: ")


def truncated(path):
    with path.open("r+b") as stream:
        stream.truncate(2000)


def test_a_file_that_becomes_shorter_while_it_is_read(file, refused, monkeypatch):
    """It neither crashes the process nor gives codes, though it may be mapped into memory."""
    monkeypatch.setattr("gaedist.files.arrays.check_fits", lambda size: truncated(file))
    assert "was written to while it was being read" in refused(file)


@pytest.mark.parametrize("name", [row.name for row in FORMATS if row.package])
def test_without_its_package_one_line_names_the_extra(name, refused, monkeypatch):
    row = INSTALLED[name]
    path = f"x{row.suffixes[0]}"
    WRITE[name](Path(path), X)
    package = row.package.partition(".")[0]
    for module in [m for m in sys.modules if m.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    real = builtins.__import__

    def blocked(module, *arguments):
        if module.partition(".")[0] == package:
            raise ImportError(module)
        return real(module, *arguments)

    monkeypatch.setitem(sys.modules, package, None)  # as `import_module` sees it
    monkeypatch.setattr(builtins, "__import__", blocked)
    assert refused(path) == (
        f"{path}: a {name} file, which the package {package} reads. Run pip install 'gaedist[{row.extra}]'."
    )


@pytest.mark.parametrize("name", ["safetensors", "Parquet", "PyTorch", "CSV"])
def test_memory_is_that_of_an_npy(name):
    """The codes and a few blocks, as `tracemalloc` and the allocator of Arrow count them."""
    import pyarrow as pa

    x = np.random.default_rng(0).normal(size=(25_000 if name == "CSV" else 400_000, 16)).astype("f4")
    path = Path(f"x{INSTALLED[name].suffixes[0]}")
    WRITE[name](path, x)
    read_latents(str(path), Selection(rows=(0, 9)))  # imports
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    codes = read_latents(str(path)).codes
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(codes, x)
    assert peak < codes.nbytes + 24e6  # a few columns of a group of rows, or a block, and what becomes of it
    assert pa.default_memory_pool().max_memory() - before < 80e6


def test_codes_that_do_not_fit_are_refused_before_they_are_allocated(refused, monkeypatch):
    write_safetensors(Path("x.safetensors"), X)
    write_parquet("x.parquet", X)
    WRITE["CSV"]("x.csv", X)
    monkeypatch.setattr("gaedist.files.memory._available", lambda: 31_999)
    for name in ("x.safetensors", "x.parquet", "x.csv"):
        assert refused(name).startswith(f"{name}: needs 0.0 GiB of memory, but 0.0 GiB are available.")


def test_starting_loads_no_package_that_reads_files():
    code = "import sys, gaedist.cli.app, gaedist.files.codes; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    roots = {module.partition(".")[0] for module in loaded.split()}
    assert not roots & {row.package.partition(".")[0] for row in FORMATS if row.package}


def test_text_of_short_lines_takes_no_longer_than_the_sandbox_allows():
    Path("x.csv").write_text("0\n1\n" * 500_000 + "NA\n")  # the slowest, which is read field by field
    with sandboxed():
        assert len(read_latents("x.csv", Selection(drop_nonfinite=True)).codes) == 1_000_000


def test_what_is_packed_is_named_whatever_its_suffix(refused):
    for name in ("x.csv.gz", "x.csv", "x.pt", "x.parquet"):
        Path(name).write_bytes(b"\x1f\x8b\x08" + bytes(20))
        assert refused(name) == f"{name}: packed by gzip. Unpack it with gunzip."
    Path("x.csv").write_bytes(b"\x80\x04\x95" + bytes(20))
    assert refused("x.csv").startswith("x.csv: a pickle, which is never unpickled.")


def test_anndata_and_matlab_are_hdf5():
    with h5py.File("x.h5ad", "w") as file:
        file["obsm/X_scVI"], file["obsm/X_pca"], file["uns/k"] = X, X[:, :2], 3
        file["X/data"], file["X/indices"] = X[0], np.arange(4)
    np.testing.assert_array_equal(read_latents("x.h5ad::obsm/X_scVI").codes, X)
