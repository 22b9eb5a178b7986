"""Print what `train.py` found, as tables for README.md: python tests/bench/train_tables.py train.jsonl."""

import json
import sys
from pathlib import Path

import numpy as np
from train import OBJECTIVES, best_weight

COLUMNS = {
    "test MSE": ("mse", "{:.2f} ± {:.2f}"),
    "gen": ("gen", "{:.3f} ± {:.3f}"),
    "rms": ("rms", "{:.2f}"),
    "rank": ("rank", "{:.1f}"),
    "z, Eq. (8)": ("z gaussian", "{:+.1f}"),
    "z, smoothed √D": ("z smoothed", "{:+.0f}"),
    "z, mmd": ("z mmd", "{:+.0f}"),
    "z, SW": ("z sliced-wasserstein", "{:+.0f}"),
    "z, CW": ("z cramer-wold", "{:+.0f}"),
    "z, energy": ("z energy", "{:+.0f}"),
    "z, kl": ("z kl", "{:+.0f}"),
}
"""Heading → key and form of mean and standard deviation over seeds."""


def cell(rows, key, form):
    values = [row[key] for row in rows if row.get(key) is not None]
    if not values:
        return "–"
    return form.format(np.mean(values), np.std(values, ddof=1) if len(values) > 1 else np.nan)


def found_by_all(rows):
    """Return the checks of `diagnose` that find something in the codes of every seed."""
    sets = [set(row.get("found", [])) for row in rows]
    return ", ".join(sorted(set.intersection(*sets))) or "–"


def table(rows):
    """Yield the rows of the table of one data set, D and batch."""
    yield f"| objective | weight | seeds | {' | '.join(COLUMNS)} | `diagnose`, every seed |"
    yield "|---" * (len(COLUMNS) + 4) + "|"
    for name in OBJECTIVES:
        tried = [row for row in rows if row["objective"] == name and not row["final"]]
        weight = best_weight(tried) if tried else 1.0
        some = [
            row for row in rows if (row["objective"], row["final"], row["weight"]) == (name, True, weight)
        ]
        if not some:
            continue
        shown = f"{weight:g}" if OBJECTIVES[name].weighted else "–"
        cells = [cell(some, *column) for column in COLUMNS.values()]
        yield f"| {name} | {shown} | {len(some)} | {' | '.join(cells)} | {found_by_all(some)} |"


def main():
    rows = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    for key in dict.fromkeys((row["data"], row["dim"], row["batch"]) for row in rows if row["final"]):
        some = [row for row in rows if (row["data"], row["dim"], row["batch"]) == key]
        print("\n{}, D = {}, batch {}\n".format(*key))
        print("\n".join(table(some)))


if __name__ == "__main__":
    main()
