"""Imports go downwards only: each module imports nothing that stands above it here."""

import ast
from pathlib import Path

import gaedist

FLOORS = [
    ["__main__"],
    ["cli"],
    ["commands"],
    ["options"],
    ["__init__"],
    ["answers"],
    ["report", "gates", "progress", "interrupts", "sigma_files"],
    ["layouts"],
    ["words", "streams"],
    ["figures"],
    ["scoring", "comparing", "sigmas", "inspecting"],
    ["two_samples"],
    ["rivals", "gaussian"],
    ["discrepancies", "apart"],
    ["findings"],
    ["null", "permutations", "crossed", "normality", "sliced"],
    ["metrics", "laws"],
    ["parameters", "replicates"],
    ["measure", "cache"],
    ["smoothing"],
    ["rules"],
    ["optimize"],
    ["objectives"],
    ["meanfield", "bandwidth", "moments", "limits", "spectra"],
    ["tails"],
    ["projections"],
    ["mixtures"],
    ["covariances"],
    ["variances", "full"],
    ["family"],
    ["engine/__init__"],
    ["engine/couplings", "engine/linear", "engine/plans", "engine/sampled", "engine/small"],
    ["engine/fourier", "engine/gaussians", "engine/hermite", "engine/relabel", "engine/slices"],
    ["engine/driver"],
    ["engine/hermite_terms", "engine/labels", "engine/profile_tiles"],
    ["engine/basis", "engine/hermite_fit", "engine/tiles", "engine/threads"],
    ["engine/hermite_bounds"],
    ["engine/gaussian_tiles", "engine/rows", "engine/jobs"],
    [
        "engine/checkpoints",
        "engine/cpus",
        "engine/matrices",
        "engine/grams",
        "engine/profiles",
        "engine/transport",
        "engine/waves",
    ],
    ["engine/arithmetic", "engine/integrands"],
    ["latents"],
    ["hdf5"],
    ["storage"],
    ["files"],
    ["about", "errors", "version", "targets"],
]
COMPILED = {
    "arithmetic.py",
    "gaussian_tiles.py",
    "grams.py",
    "hermite_terms.py",
    "labels.py",
    "matrices.py",
    "profile_tiles.py",
    "profiles.py",
    "rows.py",
    "tiles.py",
    "transport.py",
    "waves.py",
}
PACKAGE = Path(gaedist.__file__).parent
HEAVY = {"finufft", "numba", "llvmlite", "scipy", "h5py", "threadpoolctl", "rich", "joblib", "platformdirs"}


def imports(module):
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    for node in ast.walk(tree):
        names = [node.module] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            if name.split(".")[0] == "gaedist":
                path = "/".join(name.split(".")[1:])
                target = f"{path}/__init__".lstrip("/") if (PACKAGE / path).is_dir() else path
                if target != module:
                    yield target


def test_every_module_has_a_floor():
    found = {str(path.relative_to(PACKAGE).with_suffix("")) for path in PACKAGE.rglob("*.py")}
    assert found == {module for floor in FLOORS for module in floor}


def test_imports_go_downwards():
    height = {module: k for k, floor in enumerate(FLOORS) for module in floor}
    upward = [
        (module, name) for module, here in height.items() for name in imports(module) if height[name] <= here
    ]
    assert upward == []


def test_heavy_packages_are_imported_where_they_are_used():
    for path in PACKAGE.rglob("*.py"):
        if path.name in COMPILED:
            continue
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & HEAVY, path
