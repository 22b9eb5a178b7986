"""An edit of any module changes the code digest, and everything that outlives a process is keyed by it:
compiled code, checkpoints and simulated null distributions. Stale results are never served.
"""

import importlib.util
import re
import shutil
from pathlib import Path

import numba
import numpy as np
import pytest

import gaedist
from gaedist.engine.compiled.jit import COMPILED_FROM, compiled
from gaedist.engine.run.checkpoints import Checkpoint
from gaedist.null.monte_carlo import simulated
from gaedist.version import code_digest

PACKAGE = Path(gaedist.__file__).parent
ROOMS = sorted({path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")})
KEYED = ("gaedist.engine.compiled.jit", "gaedist.engine.run.program", "gaedist.null.monte_carlo")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the package."""
    return shutil.copytree(
        PACKAGE, tmp_path_factory.mktemp("tree") / "gaedist", ignore=shutil.ignore_patterns("__pycache__")
    )


def digest_of(tree, *part):
    spec = importlib.util.spec_from_file_location("version_of_a_copy", tree / "version.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.code_digest(*part)


@pytest.fixture
def edit(monkeypatch):
    """Let everything that keys by the digest see the one of edited code."""

    def apply():
        for module in KEYED:
            monkeypatch.setattr(f"{module}.code_digest", lambda *part: "edited")

    return apply


def test_a_copy_has_the_same_digest(tree):
    assert digest_of(tree) == code_digest()


@pytest.mark.parametrize("room", ROOMS)
def test_an_edit_in_any_room_changes_the_digest(tree, room):
    module = max((tree / room).glob("*.py"))
    code = module.read_bytes()
    found = set()
    try:
        for edited in (code + b"\n", code + b"#"):
            module.write_bytes(edited)
            found.add(digest_of(tree))
        module.unlink()
        if module.name != "version.py":
            found.add(digest_of(tree))
    finally:
        module.write_bytes(code)
    assert len(found - {code_digest()}) == 2 + (module.name != "version.py")


def test_code_that_moves_between_modules_changes_the_digest(tree):
    names = [tree / "errors.py", tree / "numerics.py"]
    first, second = (path.read_bytes() for path in names)
    try:
        names[0].write_bytes(first + second[:100])
        names[1].write_bytes(second[100:])
        assert digest_of(tree) != code_digest()
    finally:
        names[0].write_bytes(first)
        names[1].write_bytes(second)


@pytest.mark.parametrize("part", COMPILED_FROM)
def test_the_digest_of_a_part_changes_with_that_part_only(tree, part):
    inside, outside = (
        sorted(tree.glob(f"{part}*"))[0] if part.endswith("/") else tree / part,
        tree / "errors.py",
    )
    before = digest_of(tree, part)
    for path, changes in ((inside, True), (outside, False)):
        code = path.read_bytes()
        try:
            path.write_bytes(code + b"#")
            assert (digest_of(tree, part) != before) is changes
        finally:
            path.write_bytes(code)


def test_what_is_compiled_uses_nothing_from_elsewhere():
    """But for the module that compiles, which holds none of it."""
    for path in (PACKAGE / "engine" / "compiled").glob("*.py"):
        if path.name != "jit.py":
            for module in re.findall(r"^\s*(?:from|import) (gaedist[\w.]*)", path.read_text(), re.M):
                assert module.startswith(("gaedist.engine.compiled.", "gaedist.numerics")), (path, module)


def test_nothing_is_compiled_elsewhere():
    found = [path for path in PACKAGE.rglob("*.py") if re.search(r"@(compiled|numba\.)", path.read_text())]
    assert found
    assert {path.parent for path in found} == {PACKAGE / "engine" / "compiled"}


def double(x):
    return 2.0 * x


def test_compiled_code_is_loaded_only_for_the_same_digest(tmp_path, monkeypatch, edit):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def loaded():
        function = compiled(cache=True)(double)
        assert function(1.5) == 3.0
        return sum(function.stats.cache_hits.values()) == 1

    assert [loaded(), loaded()] == [False, True]
    edit()
    assert [loaded(), loaded()] == [False, True]


def test_a_checkpoint_is_resumed_only_for_the_same_digest(tmp_path, edit):
    path = tmp_path / "run.checkpoint"
    checkpoint = Checkpoint(path)
    checkpoint.next_pass([np.zeros(3)], {}).update(1, {})
    checkpoint.write()
    assert Checkpoint(path).next_pass([np.zeros(3)], {}).done == 1
    edit()
    with pytest.raises(gaedist.GaedistError, match="checkpoint of another run: gaedist is"):
        Checkpoint(path).next_pass([np.zeros(3)], {})


class Mean:
    def __init__(self):
        self.key, self.calls = {"statistic": "mean"}, 0

    def of(self, x, run):
        self.calls += 1
        return float(x.mean())


def test_simulated_statistics_are_loaded_only_for_the_same_digest(monkeypatch, edit):
    def calls():
        mean = Mean()
        monkeypatch.setattr("gaedist.null.monte_carlo._computed", {})  # as in another process
        simulated(5, 2, mean, replicates=3, run=gaedist.Run(), stored=True)
        return mean.calls

    assert [calls(), calls()] == [3, 0]
    edit()
    assert [calls(), calls()] == [3, 0]
