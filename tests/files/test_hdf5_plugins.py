"""No shared object is loaded because a data file names a filter, unless the user asks for it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from gaedist.files.hdf5_plugins import allow_plugins

SOURCE = """
#include <stdio.h>
#include <stddef.h>
__attribute__((constructor)) static void run(void) { FILE *f = fopen("LOADED", "w"); if (f) fclose(f); }
static size_t same(unsigned a, size_t b, const unsigned *c, size_t n, size_t *d, void **e) { return n; }
static struct {
    int version, id; unsigned can_encode, can_decode; const char *name; void *can_apply, *set_local;
    size_t (*filter)(unsigned, size_t, const unsigned *, size_t, size_t *, void **); }
    info = {1, 32001, 1, 1, "same", NULL, NULL, same};
int H5PLget_plugin_type(void) { return 0; }
const void *H5PLget_plugin_info(void) { return &info; }
"""
"""A filter that changes nothing, and a file that shows that code ran."""

COMMANDS = [("score", "x.h5"), ("compare", "x.h5", "x.h5"), ("sigma", "x.h5"), ("inspect", "x.h5"),
            ("score", "x.npy", "--sigma", "x.h5"), ("score", "x.h5", "--sandbox")]  # fmt: skip


def folders():
    return [h5py.h5pl.get(index) for index in range(h5py.h5pl.size())]


@pytest.fixture
def file_with_a_filter():
    with h5py.File("x.h5", "w") as file:
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_chunk((5, 4))
        settings.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, (1,))
        space = h5py.h5s.create_simple((5, 4))
        made = h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_DOUBLE, space, settings)
        made.write_direct_chunk((0, 0), np.arange(20.0).tobytes())


@pytest.fixture
def plugin(tmp_path):
    """Return an environment in which HDF5 finds a plugin that creates the file LOADED."""
    compiler = shutil.which("cc") or pytest.skip("needs a C compiler")
    folder = tmp_path / "plugins"
    folder.mkdir()
    Path("plugin.c").write_text(SOURCE)
    subprocess.run([compiler, "-shared", "-fPIC", "plugin.c", "-o", folder / "libplugin.so"], check=True)
    return os.environ | {"HDF5_PLUGIN_PATH": str(folder)}


ONE_AFTER_THE_OTHER = """
import json, sys
from gaedist.cli.app import main
for command in json.loads(sys.argv[1]):
    code = main(command)
    print(f"exit code {code}", flush=True)
"""


def run(commands, environment):
    """Run commands in one process with this environment; return what each prints, and its exit code."""
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_THE_OTHER, json.dumps(commands)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    parts = re.split(r"exit code (\d)\n", done.stdout)
    return list(zip(parts[::2], map(int, parts[1::2]), strict=False))


def test_a_file_loads_no_plugin(plugin, file_with_a_filter):
    np.save("x.npy", np.zeros((5, 4)))
    done = run(COMMANDS, plugin)
    assert len(done) == len(COMMANDS)
    for shown, _ in done:
        assert "packed by blosc (HDF5 filter 32001), which is not loaded" in shown
    assert not Path("LOADED").exists()


def test_plugins_that_are_asked_for_unpack_codes(plugin, file_with_a_filter):
    np.save("x.npy", np.arange(20.0).reshape(5, 4))
    commands = [
        (name, *file, "--format", "json")
        for name in ("score", "inspect")
        for file in (["x.h5", "--hdf5-plugins"], ["x.npy"])
    ]
    shown, codes = zip(*run(commands, plugin), strict=True)
    assert codes == (0, 0, 0, 0)
    score, plain_score, report, plain_report = map(json.loads, shown)
    assert score["value"] == plain_score["value"]
    assert report["norm"] == plain_report["norm"]
    assert Path("LOADED").exists()


def test_the_folders_of_plugins_are_restored(file_with_a_filter, refused):
    before = folders()
    refused("x.h5")
    assert folders() == before
    with allow_plugins():
        assert "not loaded" in refused("x.h5")
    assert folders() == before


def test_plugins_of_hdf5plugin_are_used_if_asked_for(monkeypatch, file_with_a_filter, refused):
    imported = []
    monkeypatch.setattr("gaedist.files.hdf5_plugins.import_module", imported.append)
    refused("x.h5")
    assert imported == []
    with allow_plugins():
        refused("x.h5")
    assert imported == ["hdf5plugin"]
    with allow_plugins(), allow_plugins(False):
        refused("x.h5")
    assert imported == ["hdf5plugin"]
