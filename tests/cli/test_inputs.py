"""Commands take layouts, patterns, folders and --stack; JSON says how to repeat a row, errors what to run.

Points that are not independent have values without p-values, in every command.
"""

import json
import shlex
from pathlib import Path

import h5py
import numpy as np
import pytest

import gaedist as library

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(100, 3, 4, 4))
POSITIONS = ["--layout", "positions"]
EVERY = [*POSITIONS, "--positions", "all"]


@pytest.fixture(autouse=True)
def _files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("my images.npy", IMAGES)
    np.save("flat.npy", RNG.normal(size=(80, 3)))
    with h5py.File("run.h5", "w") as file:
        for k in (10, 2, 1):
            file[f"epoch_{k}/z"] = RNG.normal(size=(50, 3))
    Path("folder").mkdir()
    for k in (10, 2, 1):
        np.save(f"folder/e_{k}.npy", RNG.normal(size=(40, 3)))


@pytest.fixture
def rows_of(gaedist):
    def run(*arguments):
        code, out, err = gaedist(*arguments, "--format", "json")
        assert (code, err) == (0, "")
        return [json.loads(line) for line in out.splitlines()]

    return run


def test_json_says_how_a_row_can_be_repeated(rows_of):
    for options in (["--layout", "vectors"], POSITIONS, [*POSITIONS, "--channels", "last"], EVERY):
        (row,) = rows_of("score", "my images.npy", *options, "--seed", 5)
        again = [word for key in ("layout", "channels", "positions", "seed") for word in _option(row, key)]
        (same,) = rows_of("score", row["file"], *again)
        assert {**row, "seconds": 0} == {**same, "seconds": 0}
    assert list(row)[:6] == ["file", "dataset", "layout", "channels", "positions", "seed"]
    (row,) = rows_of("score", "run.h5::*/z", "--stack")
    assert (row["file"], row["dataset"], row["stack"], row["n"]) == ("run.h5", "*/z", 3, 150)
    (row,) = rows_of("compare", "run.h5::*", "folder", "--stack")
    assert [row[key] for key in ("stack_a", "stack_b", "n", "m")] == [3, 3, 150, 120]
    assert not {"layout", "stack", "seed"} & rows_of("score", "flat.npy")[0].keys()


def _option(row, key):
    return [] if row.get(key) is None else [f"--{key}", row[key]]


def test_rows_are_in_natural_order(rows_of, gaedist):
    names = [f"epoch_{k}/z" for k in (1, 2, 10)]
    assert [row["dataset"] for row in rows_of("score", "run.h5::*")] == names
    twice = ["--dataset", "epoch_10/z", "--dataset", "epoch_?/z"]
    assert [row["dataset"] for row in rows_of("score", "run.h5", *twice)] == [names[2], *names[:2]]
    files = [f"folder/e_{k}.npy" for k in (1, 2, 10)]
    assert [row["file"] for row in rows_of("score", "folder")] == files
    assert [row["file"] for row in rows_of("diagnose", "folder")] == files
    assert [row["file"] for row in rows_of("inspect", "folder")] == files
    assert [row["dataset"] for row in rows_of("inspect", "run.h5::epoch_*")] == names
    out = gaedist("score", files[2], files[0], "flat.npy", files[1], "--format", "table")[1]
    found = [line.split()[0] for line in out.splitlines() if line.partition(" ")[0].endswith(".npy")]
    assert found == [files[0], files[1], "flat.npy", files[2]]


def test_no_p_value_for_points_that_are_not_independent(rows_of, gaedist):
    why = "16 positions of each item are points, which are not independent: no p-value holds."
    for row in rows_of("score", "my images.npy", *EVERY, "--metric", "all"):
        assert row["value"] is not None
        assert (row["z"], row["p_value"], row["p_bound"], row["effect"]) == (None,) * 4
        assert row["verdict"] == "No verdict"
        assert row["null"]["note"].startswith(why)
    (row,) = rows_of("score", "my images.npy", *EVERY)
    assert (row["p_combined"], row["companion"]["p_value"], row["companion"]["z"]) == (None,) * 3
    (row,) = rows_of("compare", "my images.npy", "flat.npy", *EVERY, "--permutations", 9)
    assert (row["p_value"], row["null"]["mean"]) == (None, None)
    assert row["null"]["note"].startswith(why)
    (row,) = rows_of("diagnose", "my images.npy", *EVERY)
    assert row["verdict"].startswith(f"No verdict: {why}")
    assert {check["p_value"] for check in row["checks"]} == {None}
    assert all(check["note"].startswith(why) for check in row["checks"])
    code, _, err = gaedist("score", "my images.npy", *EVERY, "--fail-p", 0.01)
    assert code == 2
    assert f"--fail-p cannot be evaluated: {why}" in err
    code, _, err = gaedist("diagnose", "my images.npy", *EVERY, "--fail-p", 0.01)
    assert code == 2
    assert f"--fail-p cannot be evaluated: {why}" in err
    (row,) = rows_of("score", "my images.npy", *POSITIONS)
    assert row["p_value"] is not None


def test_values_of_all_positions_are_those_of_the_points(rows_of):
    points = np.moveaxis(IMAGES, 1, -1).reshape(-1, 3)
    for row in rows_of("score", "my images.npy", *EVERY, "--metric", "kl", "--metric", "energy"):
        assert row["value"] == library.score(points, metric=row["metric"]).value
    (row,) = rows_of("inspect", "my images.npy", *EVERY)
    assert row["norm"] == pytest.approx((points**2).sum() / points.size, rel=1e-12)


def test_both_samples_of_a_comparison_have_their_own_positions(rows_of):
    np.save("a.npy", np.broadcast_to(np.arange(500.0)[:, np.newaxis], (200, 500, 1)))
    np.save("b.npy", np.load("a.npy"))
    (row,) = rows_of("compare", "a.npy", "b.npy", *POSITIONS, "--quiet")
    assert row["value"] > 0  # it would be 0 for the same


@pytest.mark.parametrize("command", ["score", "diagnose", "sigma", "compare"])
def test_the_command_in_an_error_runs(gaedist, command):
    files = ["my images.npy", "flat.npy"][: 1 + (command == "compare")]
    code, out, err = gaedist(command, *files, "--seed", 3, "--format", "json")
    assert (code, out, err.count("\n")) == (2, "", 1)
    commands = err.partition("Use: ")[2].rstrip(".\n").split(") or ")
    assert len(commands) == 3
    for text, dim in zip(commands, (48, 3, 4), strict=True):
        shown = shlex.split(text.partition(" (")[0])
        assert shown[:2] == ["gaedist", command]
        assert "--seed" in shown
        if command == "compare" and dim != 3:  # flat.npy has three dimensions
            continue
        code, out, _ = gaedist(*shown[1:])
        assert (code, json.loads(out)["dim"]) == (0, dim)


def test_the_command_in_an_error_is_for_the_array_that_needs_it(gaedist):
    with h5py.File("run.h5", "a") as file:
        file["images"] = IMAGES
    code, out, err = gaedist("score", "run.h5::*", "flat.npy", "--format", "value")
    assert (code, out.count("\n"), err.count("\n")) == (2, 5, 1)
    assert err.startswith("gaedist: run.h5::images: the array has 4 axes, 100 × 3 × 4 × 4; ")
    assert "Use: gaedist score run.h5::images --format value --layout vectors (100 points" in err


def test_many_vectors_without_stack(gaedist):
    with h5py.File("v.h5", "w") as file:
        for k in range(30):
            file[str(k)] = np.zeros(4)
    code, _, err = gaedist("score", "v.h5::*")
    assert code == 2
    assert err == (
        "gaedist: v.h5: 30 arrays with 1 axis each; latent codes have two, (points, dimensions). "
        "Use: gaedist score 'v.h5::*' --stack (30 points of 4 dimensions).\n"
    )


def test_usable_arrays_are_processed_and_others_reported(gaedist):
    with h5py.File("run.h5", "a") as file:
        file["epoch_2/name"] = "x"
        file["epoch_3/z"] = np.full((5, 3), np.nan)
    for command, end in (("score", "\n" * 5), ("diagnose", "\n" * 5)):
        code, out, err = gaedist(command, "run.h5::epoch_*", "--format", "value")
        assert (code, "\n" * out.count("\n")) == (2, end)
        assert [line.partition(": ")[2].partition(":  ")[0].split(": ")[0] for line in err.splitlines()] == [
            "run.h5::epoch_2/name",
            "run.h5::epoch_3/z",
        ]
    code, out, err = gaedist("sigma", "run.h5::epoch_2/*", "--stack", "--format", "json")
    assert (code, json.loads(out)["n"], err.count("\n")) == (2, 50, 2)


def test_commands_that_take_one_sample(gaedist):
    for words in (["compare", "flat.npy", "run.h5::*"], ["sigma", "run.h5::*"]):
        code, _, err = gaedist(*words)
        assert code == 2
        assert err == (
            "gaedist: run.h5::*: stands for several samples (run.h5::epoch_1/z, run.h5::epoch_2/z, …), and "
            "one is needed here. Name one, or join them by --stack.\n"
        )
    assert gaedist("sigma", "run.h5::epoch_1/*")[0] == 0


def test_notes(gaedist):
    err = gaedist("score", "flat.npy", "--stack", "--format", "value")[2]
    assert err == "gaedist: flat.npy: --stack found one array to join. Name a folder, or PATH::PATTERN.\n"
    np.save("last.npy", np.moveaxis(IMAGES, 1, -1))
    err = gaedist("score", "last.npy", *POSITIONS, "--format", "value")[2]
    assert err == "gaedist: last.npy: channels are taken first, 4 of them. For 3 add --channels last.\n"


def test_an_output_in_a_folder_of_codes_is_no_input(gaedist):
    before = Path("folder/e_1.npy").read_bytes()
    code, _, err = gaedist("sigma", "folder", "--stack", "-o", "folder/e_1.npy")
    assert (code, Path("folder/e_1.npy").read_bytes()) == (2, before)
    assert "is an input of this command and would be overwritten" in err
