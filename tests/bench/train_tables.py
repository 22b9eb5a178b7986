"""Print what `train.py` found, as tables for README.md: python tests/bench/train_tables.py train.jsonl."""

import json
import sys
from collections import Counter
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


def chosen(rows, name):
    """Return the weight of an objective in a cell (one data set, D and batch), and its runs with it."""
    tried = [row for row in rows if row["objective"] == name and not row["final"]]
    weight = best_weight(tried) if tried else 1.0
    return weight, [
        row for row in rows if row["objective"] == name and row["final"] and row["weight"] == weight
    ]


def table(rows):
    """Yield the rows of the table of one cell."""
    yield f"| objective | weight | seeds | {' | '.join(COLUMNS)} | `diagnose`, every seed |"
    yield "|---" * (len(COLUMNS) + 4) + "|"
    for name in OBJECTIVES:
        weight, some = chosen(rows, name)
        if not some:
            continue
        shown = f"{weight:g}" if OBJECTIVES[name].weighted else "–"
        cells = [cell(some, *column) for column in COLUMNS.values()]
        yield f"| {name} | {shown} | {len(some)} | {' | '.join(cells)} | {found_by_all(some)} |"


def relative(cells):
    """Yield the rows of the table of all cells: gen over the least of the cell, geometric mean by batch."""
    batches = sorted({batch for _, _, batch in cells})
    logs = {name: {batch: [] for batch in batches} for name in OBJECTIVES}
    weights = {name: Counter() for name in OBJECTIVES}
    for (_, _, batch), rows in cells.items():
        picked = {name: chosen(rows, name) for name in OBJECTIVES}
        means = {name: np.mean([row["gen"] for row in some]) for name, (_, some) in picked.items() if some}
        for name, mean in means.items():
            logs[name][batch].append(np.log(mean / min(means.values())))
            weights[name][picked[name][0]] += 1
    heads = [f"batch {batch}" for batch in batches]
    yield f"| objective | {' | '.join(heads)} | most frequent weight (cells of {len(cells)}) |"
    yield "|---" * (len(batches) + 2) + "|"
    ran = [name for name in OBJECTIVES if all(logs[name].values())]
    for name in sorted(ran, key=lambda name: sum(map(np.mean, logs[name].values()))):
        means = [f"{np.exp(np.mean(logs[name][batch])):.2f}" for batch in batches]
        weight, count = weights[name].most_common(1)[0]
        shown = f"{weight:g} ({count})" if OBJECTIVES[name].weighted else "–"
        yield f"| {name} | {' | '.join(means)} | {shown} |"


def main():
    rows = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    cells = {}
    for row in rows:
        cells.setdefault((row["data"], row["dim"], row["batch"]), []).append(row)
    cells = {key: some for key, some in cells.items() if any(row["final"] for row in some)}
    for key, some in cells.items():
        print("\n{}, D = {}, batch {}\n".format(*key))
        print("\n".join(table(some)))
    print("\n" + "\n".join(relative(cells)))


if __name__ == "__main__":
    main()
