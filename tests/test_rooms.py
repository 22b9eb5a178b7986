"""The architecture is the list of folders, and imports go from an upper room to a lower one only.

Every folder of the package is a row of `ROOMS`; packages that take long to load are imported where they are
used.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

import gaedist
from gaedist.files.formats import FORMATS

PACKAGE = Path(gaedist.__file__).parent

ROOMS = [
    "__main__",
    "cli",
    "__init__",
    "report",
    "api",
    "plots",
    "losses",
    "diagnostics",
    "metrics",
    "null",
    "smoothing",
    "mixtures",
    "kernels",
    "engine",
    "engine/series",
    "engine/run",
    "engine/compiled",
    "files",
    "numerics",
    "errors",
    "version",
]
"""From the roof to the ground: a room imports only rooms below it. A folder within a room is part of it."""

HEAVY = {"finufft", "numba", "llvmlite", "scipy", "h5py", "threadpoolctl", "rich", "joblib"}
HEAVY |= {"platformdirs", "matplotlib", "torch"}
HEAVY |= {row.package.partition(".")[0] for row in FORMATS if row.package} | {"pandas", "polars", "xarray"}
HEAVY |= {"cloudpickle", "dask", "distributed"}

MODULES = {str(path.relative_to(PACKAGE).with_suffix("")): path for path in sorted(PACKAGE.rglob("*.py"))}


def tree_of(module):
    return ast.parse(MODULES[module].read_text())


def room_of(module):
    """Return the innermost folder around a module that is a room, or the module itself on the ground."""
    folder = module.rpartition("/")[0]
    while folder and folder not in ROOMS:
        folder = folder.rpartition("/")[0]
    return folder or module


@cache
def imports(module):
    """Return every module of the package that a module imports, also inside functions."""
    found = []
    for node in ast.walk(tree_of(module)):
        names = []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] != "gaedist":
                continue
            for length in range(len(parts), 0, -1):
                path = "/".join(parts[1:length])
                target = next((t for t in (path, f"{path}/__init__".lstrip("/")) if t in MODULES), None)
                if target:
                    found.append(target)
                    break
    return found


def test_every_module_is_in_a_room():
    assert {room_of(module) for module in MODULES} == set(ROOMS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_to_lower_rooms(module):
    here = ROOMS.index(room_of(module))
    upward = [target for target in imports(module) if ROOMS.index(room_of(target)) < here]
    assert upward == []


def test_no_modules_import_each_other():
    left = {module: set(imports(module)) - {module} for module in MODULES}
    while free := {module for module, targets in left.items() if not targets & left.keys()}:
        left = {module: targets for module, targets in left.items() if module not in free}
    assert left == {}


@pytest.mark.parametrize("module", [m for m in MODULES if room_of(m) not in ("engine/compiled", "losses")])
def test_heavy_packages_are_imported_where_they_are_used(module):
    for node in tree_of(module).body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        assert not {name.split(".")[0] for name in names} & HEAVY
