"""A simulated null distribution is that of samples scored one by one, for any number of processes. It is
computed once for a command, and cached under a key of everything it depends on and nothing else.
"""

import json
from concurrent.futures import BrokenExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist

from gaedist import GaedistError, Run, score, scores
from gaedist.metrics.options import ScoreOptions
from gaedist.metrics.significance import Statistic
from gaedist.null import monte_carlo
from gaedist.null.monte_carlo import REPLICATES, seconds_to_simulate
from gaedist.smoothing.optimize import Score

CASES = {
    "a number": {"sigma": 1.0},
    "a number in a family": {"sigma": 0.7, "covariance": "radial"},
    "a rule": {"sigma": "mean-field"},
    "a rule in a family": {"sigma": "mean-field", "covariance": "radial"},
    "a bandwidth of n": {"sigma": "silverman"},
    "a bandwidth of the codes": {"sigma": "median"},
    "a search": {"sigma": "best"},
    "smoothed": {"sigma": 0.6, "target": "smoothed"},
    "smoothed, unbiased": {"sigma": 0.6, "target": "smoothed", "estimator": "u"},
    "smoothed, by the codes": {"sigma": "median", "target": "smoothed"},
}


def sample(n, dim, seed=1):
    return np.random.default_rng(seed).normal(size=(n, dim))


def by_hand(shape, replicates, seed=0, **options):
    """Score the samples of the documented seeds (seed, k, 1) one by one."""
    samples = [np.random.default_rng((seed, k, 1)).normal(size=shape) for k in range(replicates)]
    return np.array([score(x, null="none", **options).value for x in samples])


def simulate(x, replicates, **options):
    """Score with simulated samples by one distance: of fewer than ten points, a companion needs them too."""
    return score(x, null="monte-carlo", replicates=replicates, **{"estimator": "v"} | options)


@pytest.fixture
def counted(monkeypatch):
    """Record the replicates that this process computes."""
    made, one = [], monte_carlo._one

    def counting(*arguments):
        made.append(arguments[-1])
        return one(*arguments)

    monkeypatch.setattr("gaedist.null.monte_carlo._one", counting)
    return made


@pytest.mark.parametrize("case", CASES)
def test_p_value_and_moments_agree_with_samples_scored_one_by_one(case):
    options = CASES[case]
    values = by_hand((12, 3), 11, seed=5, **options)
    seen = set()
    for seed, scale in enumerate((0.3, 0.95, 1.0, 1.05, 2.0)):
        x = scale * sample(12, 3, seed)
        result = simulate(x, 11, run=Run(seed=5), **options)
        value = score(x, null="none", **options).value
        assert result.value == value
        above, below = 1 + (values >= value).sum(), 1 + (values <= value).sum()
        hits = above if "target" in options else 2 * min(above, below)
        assert result.p_value == min(1, hits / 12)
        assert (result.null.method, result.null.replicates) == ("monte-carlo", 11)
        assert_allclose([result.null.mean, result.null.sd], [values.mean(), values.std(ddof=1)], rtol=1e-10)
        assert_allclose(result.excess, value - values.mean(), rtol=1e-9, atol=1e-14)
        assert_allclose(result.z, result.excess / values.std(ddof=1), rtol=1e-9)
        seen.add(result.p_value)
    assert len(seen) > 1


@pytest.mark.parametrize("case", ["a number", "smoothed"])
def test_p_values_of_a_value_in_the_middle_and_at_the_ends(case):
    options, shape = CASES[case], (12, 3)
    values = by_hand(shape, 10, **options)
    candidates = [sample(*shape, seed) for seed in range(1, 60)]
    middle = next(
        x for x in candidates if (values > score(x, null="none", **options).value).sum() == 5
    )  # as many above as below
    top = np.random.default_rng((0, int(values.argmax()), 1)).normal(size=shape)
    bottom = np.random.default_rng((0, int(values.argmin()), 1)).normal(size=shape)
    found = [simulate(x, 10, **options).p_value for x in (middle, top, bottom, 10 * top)]
    # a code equal to a replicate counts as equally extreme
    expected = {"smoothed": [6 / 11, 2 / 11, 1, 1 / 11], "a number": [1, 4 / 11, 4 / 11, 2 / 11]}
    assert found == expected[case]


@pytest.mark.parametrize(
    ("dim", "sigma", "target"),
    [(2, 1.0, "normal"), (8, 0.7, "smoothed"), pytest.param(256, 3.0, "smoothed", marks=pytest.mark.slow)],
)
def test_simulated_moments_agree_with_the_exact_ones(dim, sigma, target):
    x = sample(40, dim)
    exact, found = (
        score(x, sigma=sigma, target=target, null=null, replicates=count)
        for null, count in (("closed-form", None), ("monte-carlo", 400))
    )
    assert abs(found.null.mean - exact.null.mean) < 4 * exact.null.sd / 20  # four standard errors
    assert 0.75 < found.null.sd / exact.null.sd < 1.35  # about as many
    assert abs(found.p_value - exact.p_value) < 4 * 0.5 / 20  # four, at p = ½


def test_a_saturated_distance_is_assessed_by_its_varying_terms():
    def varying(x):
        """Eq. (8) without 1 + 1/n, in whose rounding it would be lost."""
        kernel = np.exp(-cdist(x, x, "sqeuclidean") / 4)
        pairs = kernel[~np.eye(len(x), dtype=bool)].sum() / len(x) ** 2
        return pairs - 2 * np.exp(-(x**2).sum(axis=1) / 4).mean()

    values = np.array([varying(np.random.default_rng((0, k, 1)).normal(size=(30, 256))) for k in range(60)])
    for scale in (0.9, 1.0, 1.2):
        x = scale * sample(30, 256)
        result = simulate(x, 60)
        assert result.saturated
        assert_allclose(result.null.sd, values.std(ddof=1), rtol=1e-9)
        assert_allclose(result.z, (varying(x) - values.mean()) / values.std(ddof=1), rtol=1e-9)
        above, below = 1 + (values >= varying(x)).sum(), 1 + (values <= varying(x)).sum()
        assert result.p_value == min(1, 2 * min(above, below) / 61)


def test_values_whose_squares_underflow_have_a_spread():
    result = simulate(sample(5, 3000), 19, sigma=0.5, target="normal")
    assert 0 < result.null.sd < 1e-170
    assert 0 < result.p_value <= 1


def test_values_that_are_equal_in_double_precision_give_no_p_value():
    result = simulate(sample(5, 3000), 5, sigma=0.5, covariance="spherical")
    assert (result.p_value, result.z, result.null.sd) == (None, None, None)
    assert result.null.note.startswith("all simulated values are equal in double precision")


def test_999_samples_are_simulated_by_default(monkeypatch):
    monkeypatch.setattr("gaedist.null.monte_carlo._one", lambda *arguments: float(arguments[-1]))
    assert score(sample(4, 2), null="monte-carlo").null.replicates == REPLICATES == 999


def test_each_sigma_has_its_own_null_distribution():
    x = sample(12, 3)
    found = scores(x, [0.5, "median"], null="monte-carlo", replicates=7)
    for sigma, result in zip((0.5, "median"), found, strict=True):
        alone = simulate(x, 7, sigma=sigma)
        assert (result.p_value, result.null) == (alone.p_value, alone.null)


def test_another_seed_simulates_other_samples():
    x = sample(12, 3)
    means = [simulate(x, 7, run=Run(seed=seed)).null.mean for seed in (0, 1, 0)]
    assert means[0] == means[2] != means[1]


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("a.npy", "b.npy", "c.npy")):
        np.save(name, sample(9, 2, seed + 1))
    np.save("longer.npy", sample(10, 2))


def test_files_of_one_size_share_replicates(gaedist, files, counted, own_cache):
    command = ["score", "a.npy", "b.npy", "c.npy", "--sigma", 1, "--null", "monte-carlo", "--replicates", 6]
    code, out, err = gaedist(*command, "--format", "json", "--no-cache")
    assert (code, err) == (0, "")
    assert counted == list(range(6))
    assert len({json.loads(line)["null"]["mean"] for line in out.splitlines()}) == 1
    gaedist("score", "longer.npy", *command[4:], "--no-cache")
    assert counted == 2 * list(range(6))
    assert list(own_cache.iterdir()) == []


def test_replicates_are_kept_from_command_to_command(gaedist, files, counted, own_cache, monkeypatch):
    command = ["score", "a.npy", "--sigma", 1, "--null", "monte-carlo", "--replicates", 6, "--format", "json"]
    outs = []
    for _ in range(2):
        monkeypatch.setattr("gaedist.null.monte_carlo._computed", {})  # as in another process
        outs.append(json.loads(gaedist(*command)[1]))
    assert counted == list(range(6))
    assert outs[0]["null"] == outs[1]["null"]
    assert outs[0]["p_value"] == outs[1]["p_value"]
    assert len(list(own_cache.iterdir())) == 1


def test_cache_false_neither_writes_nor_reads(counted, own_cache, monkeypatch):
    x = sample(9, 2)
    simulate(x, 6, cache=False)
    assert list(own_cache.iterdir()) == []
    simulate(x, 6)
    assert len(counted) == 6  # from the memory of this process
    monkeypatch.setattr("gaedist.null.monte_carlo._computed", {})
    simulate(x, 6)
    assert len(counted) == 12
    monkeypatch.setattr("gaedist.null.monte_carlo._computed", {})
    simulate(x, 6, cache=False)
    assert len(counted) == 18


@pytest.mark.parametrize("text", ["{", '{"values": ["a"]}', "[" * 200_000, "not json", None])
def test_replicates_are_computed_again_where_their_entry_is_damaged(counted, own_cache, monkeypatch, text):
    x = sample(9, 2)
    before = simulate(x, 6)
    (entry,) = own_cache.iterdir()
    good = entry.read_bytes()
    if text is None:
        entry.unlink()
        entry.mkdir()
    else:
        entry.write_text(text)
    monkeypatch.setattr("gaedist.null.monte_carlo._computed", {})
    after = simulate(x, 6)
    assert len(counted) == 12
    assert (after.p_value, after.null) == (before.p_value, before.null)
    assert entry.is_dir() if text is None else entry.read_bytes() == good


def test_a_cache_that_cannot_be_written_stops_nothing(own_cache, monkeypatch):
    (own_cache / "file").write_text("")
    monkeypatch.setattr("gaedist.null.cache.folder", lambda: own_cache / "file" / "below")
    assert simulate(sample(9, 2), 6).p_value is not None


def test_every_setting_is_in_the_key(own_cache, monkeypatch):
    x, base = sample(9, 2), {"sigma": 0.5, "target": "smoothed"}

    def entries(codes=x, replicates=6, **options):
        simulate(codes, replicates, **options)
        return len(list(own_cache.iterdir()))

    assert entries(**base) == entries(**base) == 1
    count = 1
    for changes in (
        {"codes": sample(8, 2)},
        {"codes": sample(9, 3)},
        {"replicates": 7},
        {"run": Run(seed=1)},
        {"sigma": np.nextafter(0.5, 1)},
        {"sigma": "median"},
        {"sigma": "silverman"},
        {"target": "normal"},
        {"target": "normal", "covariance": "radial"},
        {"target": "normal", "covariance": "spherical"},
        {"target": "normal", "sigma": "mean-field"},
        {"target": "normal", "sigma": "mean-field-approx"},
        {"estimator": "u"},
    ):
        count += 1
        assert entries(**{**base, **changes}) == count, changes
    for name in ("gaedist.null.monte_carlo.__version__", "numpy.__version__"):
        monkeypatch.setattr(name, "0.0.0")
        count += 1
        assert entries(**base) == count, name


def test_what_does_not_change_the_numbers_is_not_in_the_key(own_cache):
    x = sample(9, 2)
    for sigma in (1, 1.0, np.float32(1), np.array(1.0)):
        simulate(x, 6, sigma=sigma)
        simulate(2 * x, 6, sigma=sigma, run=Run(threads=1, note=print))
    assert len(list(own_cache.iterdir())) == 1


def test_progress_counts_replicates():
    seen = []
    simulate(sample(9, 2), 6, run=Run(progress=lambda *counts: seen.append(counts)))
    assert seen[-6:] == [(k, 6) for k in range(1, 7)]


@pytest.fixture
def scattered(monkeypatch):
    """Send every replicate but the first to another process, each by itself."""
    monkeypatch.setattr("gaedist.engine.run.run.available_threads", lambda: 2)
    for name, value in {"_PATIENCE": 0, "_TRIAL": 1, "_CHUNK": 1e-9}.items():
        monkeypatch.setattr(f"gaedist.null.monte_carlo.{name}", value)


@pytest.mark.parametrize("options", [{"sigma": 0.8}, {"sigma": "mean-field", "covariance": "radial"}])
def test_processes_do_not_change_values(counted, scattered, monkeypatch, options):
    x, seen = sample(20, 2), []
    alone = simulate(x, 12, run=Run(threads=1, seed=3), cache=False, **options)
    assert counted == list(range(12))
    monkeypatch.setattr("gaedist.null.monte_carlo._computed", {})
    run = Run(threads=2, seed=3, progress=lambda *counts: seen.append(counts))
    both = simulate(x, 12, run=run, cache=False, **options)
    assert counted == [*range(12), 0]  # the others in other processes
    assert (both.null, both.p_value, both.z) == (alone.null, alone.p_value, alone.z)
    assert seen[-12:] == [(k, 12) for k in range(1, 13)]


def test_large_samples_stay_in_this_process(counted, scattered, monkeypatch):
    monkeypatch.setattr("gaedist.null.monte_carlo._SMALL", 19)
    simulate(sample(20, 2), 5, run=Run(threads=2), cache=False)
    assert counted == list(range(5))


def test_ctrl_c_during_the_search_for_a_replicates_sigma_ends_the_run(monkeypatch, own_cache):
    x = sample(9, 2)

    class Interrupted(Score):
        def __call__(self, covariances):
            if not np.array_equal(self.samples[0], x):
                raise KeyboardInterrupt
            return super().__call__(covariances)

    monkeypatch.setattr("gaedist.smoothing.optimize.Score", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulate(x, 5, sigma="optimize")
    assert list(own_cache.iterdir()) == []


def test_nothing_is_simulated_after_ctrl_c_ended_the_search_for_sigma(monkeypatch, counted):
    class Interrupted(Score):
        def __call__(self, covariances):
            raise KeyboardInterrupt

    monkeypatch.setattr("gaedist.smoothing.optimize.Score", Interrupted)
    result = simulate(sample(9, 2), 5, sigma="optimize")
    assert result.sigma.interrupted
    assert (result.null.method, result.null.note) == ("none", "the search for σ was interrupted.")
    assert counted == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"null": "monte-carlo", "replicates": 0}, "replicates must be a whole number, at least 2; got 0"),
        ({"null": "monte-carlo", "replicates": -3}, "got -3"),
        ({"replicates": 9}, "add --null monte-carlo"),
        ({"null": "none", "replicates": 9}, "add --null monte-carlo"),
        ({"null": "closed-form", "replicates": 9}, "add --null monte-carlo"),
        ({"null": "monte-carlo", "sigma": np.ones(9)}, "so no sample of N"),
        ({"null": "monte-carlo", "sigma": [1.0] * 9}, "Leave out --null monte-carlo"),
    ],
)
def test_invalid_replicates_are_refused(options, message):
    with pytest.raises(GaedistError, match=message):
        score(sample(9, 2), **options)


def test_a_killed_process_is_reported_in_one_line(monkeypatch):
    def broken(*arguments, **settings):
        raise BrokenExecutor

    monkeypatch.setattr("gaedist.null.monte_carlo._PATIENCE", 0.0)
    monkeypatch.setattr("gaedist.null.monte_carlo._TRIAL", 1)
    monkeypatch.setattr("joblib.Parallel", broken)
    with pytest.raises(GaedistError, match=r"a process that simulates samples has ended.*fewer --threads\.$"):
        score(sample(20, 2), null="monte-carlo", replicates=12, run=Run(threads=2))


# How long a simulation takes


def time_of(n, dim=3, replicates=50, sigma=0.7):
    statistic = Statistic("gaussian", ScoreOptions(sigma=sigma))
    return seconds_to_simulate(n, dim, statistic, replicates=replicates, run=Run(), stored=True)


def test_the_time_is_that_of_a_few_replicates(counted, monkeypatch):
    ticks = iter(np.cumsum([0, 0.3, 0, 0.1, 0, 0.2]))
    monkeypatch.setattr(monte_carlo.time, "perf_counter", lambda: next(ticks))
    assert time_of(20) == pytest.approx(50 * 0.1)  # the fastest
    assert len(counted) == 3


def test_replicates_of_many_points_are_timed_on_fewer(monkeypatch):
    sizes = []
    monkeypatch.setattr(monte_carlo, "_one", lambda n, *rest: sizes.append(n))
    ticks = iter(np.arange(99.0))
    monkeypatch.setattr(monte_carlo.time, "perf_counter", lambda: next(ticks))
    assert time_of(10_240) == pytest.approx(50 * 100)  # one second for a tenth of the points
    assert sizes == [1024]  # no more after so long


def test_values_that_are_there_take_no_time(counted, monkeypatch):
    x = sample(20, 3)
    simulate(x, 50, sigma=0.7)
    made = len(counted)
    assert time_of(20) == 0
    monkeypatch.setattr(monte_carlo, "_computed", {})
    assert time_of(20) == 0  # from the user's cache folder
    assert len(counted) == made
    assert time_of(20, sigma=0.8) > 0
