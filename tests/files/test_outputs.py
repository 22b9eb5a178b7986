"""No input and no other output of a command is overwritten, whatever its name, and codes never by text."""

import os
import shutil
import subprocess
import sys
from itertools import cycle
from pathlib import Path

import h5py
import numpy as np
import pytest

from gaedist import GaedistError
from gaedist.files.outputs import CODE_SUFFIXES, check_outputs, check_text_output


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder with codes under several names, σ, and an HDF5 file, none with a known suffix."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("codes", "other"):
        np.save(f"{name}.npy", rng.normal(size=(30, 3)))
        Path(f"{name}.npy").rename(name)
    np.save("sigma.npy", np.ones(30))
    Path("sigma.npy").rename("sigma")
    with h5py.File("h5", "w") as file:
        file["train"] = rng.normal(size=(30, 3))
    Path("link").symlink_to("codes")
    os.link("codes", "hard")
    Path("sub").mkdir()
    Path("loop").symlink_to("loop")
    return tmp_path


def contents():
    return {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}


SAME = ["codes", "./codes", "sub/../codes", "link", "hard", "{folder}/codes"]

COMMANDS = [
    ["score", "codes"],
    ["score", "other", "codes"],
    ["score", "other", "none", "codes"],
    ["score", "other", "--sigma", "codes"],
    ["score", "other", "--sigma", "1", "--sigma", "codes"],
    ["compare", "codes", "other"],
    ["compare", "other", "codes"],
    ["compare", "other", "other", "--sigma", "codes"],
    ["compare", "other", "other", "--sigma-b", "codes"],
    ["inspect", "codes"],
    ["inspect", "other", "codes"],
]


# each command with two names; which file a name is does not depend on the command
NAMED = [(command, SAME[(k + j) % len(SAME)]) for k, command in enumerate(COMMANDS) for j in (0, 3)]


@pytest.mark.parametrize(("command", "name"), NAMED)
@pytest.mark.parametrize("option", ["-o", "--checkpoint"])
def test_an_input_is_never_overwritten(gaedist, folder, command, name, option):
    if option == "--checkpoint" and command[0] == "inspect":
        return
    before = contents()
    code, out, err = gaedist(*command, option, name.format(folder=folder))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"is an input of this command and would be overwritten. Give another file with {option}." in err
    assert contents() == before


def test_datasets_are_inputs_by_their_file(gaedist):
    before = contents()
    for command in (["score", "h5::train"], ["inspect", "h5"], ["compare", "other", "h5::train"]):
        code, _, err = gaedist(*command, "-o", "h5")
        assert (code, "is an input of this command" in err) == (2, True)
    assert contents() == before


def test_sigma_does_not_replace_an_input(gaedist):
    shutil.copy("codes", "a.npy")
    shutil.copy("sigma", "s.npy")
    Path("b.npy").symlink_to("a.npy")
    before = contents()
    for command in (["a.npy", "-o", "b.npy"], ["a.npy", "--sigma", "s.npy", "-o", "./s.npy"]):
        code, _, err = gaedist("sigma", *command)
        assert (code, "is an input of this command" in err) == (2, True)
    assert contents() == before


def test_two_outputs_are_two_files(gaedist):
    before = contents()
    code, _, err = gaedist("score", "codes", "-o", "new", "--checkpoint", "sub/../new")
    assert code == 2
    assert "sub/../new: is the file of -o and would be overwritten" in err
    assert contents() == before


def test_a_file_that_does_not_exist_yet_is_known_by_its_path():
    check_outputs({"-o": Path("a"), "--checkpoint": Path("b")}, ["codes", "c"])
    check_outputs({"-o": Path("a"), "--checkpoint": None}, ["codes", "-", ""])
    with pytest.raises(GaedistError, match="is an input"):
        check_outputs({"-o": Path("sub/../a")}, ["a"])


def test_a_device_may_be_input_and_output():
    check_outputs({"-o": Path("/dev/null")}, ["/dev/null"])


def test_names_of_rules_and_numbers_are_not_files_of_sigma(gaedist):
    for name in ("median", "1"):
        assert gaedist("score", "codes", "--sigma", name, "-o", name)[0] == 0
        assert gaedist("score", "codes", "--sigma", name, "-o", name)[0] == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("score - -o codes < codes", "codes: is an input of this command"),
        pytest.param(
            "score codes >> codes", "standard output is an input of this command", marks=pytest.mark.slow
        ),
        ("score - < codes >> codes", "standard output is an input of this command"),
        ("inspect other codes >> link", "standard output is an input of this command"),
    ],
)
def test_standard_streams_are_files_as_well(line, message):
    before = contents()
    done = subprocess.run(
        f"{sys.executable} -m gaedist {line}", shell=True, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"gaedist: {message}")
    assert contents() == before


TEXTS = ["score", "codes"], ["compare", "codes", "other"], ["inspect", "codes"], ["metrics"]
SUFFIXES = [*CODE_SUFFIXES, ".NPY", ".H5"]


@pytest.mark.parametrize(
    ("suffix", "command"),
    [*((SUFFIXES[0], command) for command in TEXTS), *zip(SUFFIXES[1:], cycle(TEXTS), strict=False)],
)
def test_text_does_not_get_the_name_of_a_file_of_codes(gaedist, suffix, command):
    name = f"out{suffix}"
    code, out, err = gaedist(*command, "-o", name)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"{name}: the results are text" in err
    assert not Path(name).exists()


def test_text_does_not_replace_a_file_of_codes_under_any_name(gaedist):
    before = contents()
    np.savez("z.npz", a=np.ones(3))
    Path("text").symlink_to("z.npz")
    for name in ("other", "sigma", "h5", "text"):
        code, _, err = gaedist("score", "codes", "-o", name)
        assert (code, err.count("\n")) == (2, 1)
        assert "codes" in err
    assert before.items() <= contents().items()


def test_other_names_are_free():
    Path("old.txt").write_text("text")
    for name in ("old.txt", "new.json", "new", "npy", "/dev/null", "sub/x.npy.json"):
        check_text_output(Path(name))


def test_a_loop_of_links_is_one_line(gaedist):
    for command in (
        ["score", "codes", "-o", "loop"],
        ["score", "codes", "--checkpoint", "loop"],
        ["inspect", "loop", "-o", "new"],
    ):
        code, _, err = gaedist(*command)
        assert (code, err.count("\n")) == (2, 1)
        assert "loop: " in err
