"""Pictures are the same bits for the same data, without dates, whatever the user's style; labels do not
overlap at 3 and at 300 files; every panel draws any sample, into the user's axes, and opens no window.
"""

import re
import subprocess
import sys
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

import gaedist
from gaedist import GaedistError
from gaedist.diagnostics.contrast import contrast
from gaedist.engine import Run
from gaedist.plots import comparison, diagnosis, scores, sigma, style, trend

PANELS = list(diagnosis.PANELS)


def sample(n=200, dim=4, seed=0):
    return np.random.default_rng(seed).standard_normal((n, dim))


@pytest.fixture(scope="module")
def diagnosed():
    x = sample(300)
    x[:, 1] *= 1.4
    return gaedist.diagnose(x)


def rendered(draw, kind):
    with style.styled():
        return style.rendered([draw()], kind)


@pytest.mark.parametrize("kind", style.SUFFIXES)
def test_the_same_bits_whatever_the_style_of_the_user(diagnosed, kind):
    def draw():
        figure = style.new_figure(6, 3)
        for ax, panel in zip(figure.subplots(1, 2), ("radius", "correlations"), strict=True):
            diagnosis.PANELS[panel](ax, diagnosed.profile)
        return figure

    first = rendered(draw, kind)
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "savefig.dpi": 30}):
        assert rendered(draw, kind) == first
    assert not re.search(rb"CreationDate|<dc:date>|tIME", first)


def overlaps(labels):
    """Tell whether neighbouring labels of an axis overlap."""
    boxes = [label.get_window_extent() for label in labels if label.get_text()]
    return any(a.overlaps(b) for a, b in pairwise(boxes))


LONG = "latents_of_a_very_long_name_step{:07d}_ema"


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("{}", 3),
        (LONG, 300),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in (("{}", 300), (LONG, 3))),
    ],
)
def test_names_of_files_do_not_overlap(count, name):
    points = [
        trend.Point("run", k, 1 / (k + 1), 900.0 / (k + 1) - 2, 0.1, (0.05, 0.2), (-2, 3))
        for k in range(count)
    ]
    with style.styled():
        figure = trend.trend(
            [("kl", points), ("mmd", points)], [name.format(k) for k in range(count)], "*.npy"
        )
        figure.draw_without_rendering()
        for ax in figure.axes:
            turned = ax.get_xticklabels()[0].get_rotation() > 0
            assert turned or not overlaps(ax.get_xticklabels())
            assert not overlaps(ax.get_yticklabels())
            box = ax.get_xticklabels()[0].get_window_extent()
            assert box.x0 >= 0


@pytest.mark.parametrize("dim", [1, pytest.param(4, marks=pytest.mark.slow), 300])
def test_labels_of_a_page_do_not_overlap(dim):
    with style.styled():
        figure = diagnosis.page(
            gaedist.diagnose(sample(150, dim)).profile, "x" * 300 + ".npy", "Found: nothing"
        )
        figure.draw_without_rendering()
        width = figure.get_figwidth() * figure.dpi
        for ax in figure.axes:
            if ax.axison:
                assert not overlaps(ax.get_xticklabels())
                assert not overlaps(ax.get_yticklabels())
        assert figure._suptitle.get_window_extent().x1 < width


def test_infinite_scores_are_drawn_to_the_edge():
    x = sample(60) * [1, 1, 0, 1]
    found = [result.scored for result in gaedist.scores(x, metric="all")]
    assert any(some.z is not None and np.isinf(some.z) for some in found)
    with style.styled():
        scores.metrics(found, "x").draw_without_rendering()
        points = [trend.Point("run", k, np.inf, z) for k, z in enumerate((np.inf, 3.0, None))]
        trend.trend([("kl", points)], ["a", "b", "c"], "*").draw_without_rendering()


@pytest.mark.parametrize(
    "ends", [(206.0, 253.0), (-800.0, -790.0), (31.0, 31.0), (-40.0, 3e5), (1e200, 2e200)]
)
def test_any_range_of_z_has_ticks(ends):
    points = [trend.Point("run", k, 1.0, z) for k, z in enumerate(ends)]
    with style.styled():
        figure = trend.trend([("kl", points)], ["a", "b"], "*")
        figure.draw_without_rendering()
        low, high = figure.axes[1].get_ylim()
        assert sum(low <= tick <= high for tick in figure.axes[1].get_yticks()) >= 2


def test_a_distribution_too_skewed_for_an_axis_is_a_text():
    ax = gaedist.score(sample(100, 512), sigma=1).plot(Figure().add_subplot())
    assert [text.get_text().partition(" to be")[0] for text in ax.texts] == [
        "The null distribution is too skewed"
    ]


def test_long_names_lose_their_middle():
    name = style.short("folder/" + "a" * 200 + "_step100.npy")
    assert len(name) <= 80
    assert name.startswith("folder/a")
    assert name.endswith("_step100.npy")


def test_names_are_not_mathematics():
    with style.styled():
        figure = scores.nulls([gaedist.score(sample(), metric="kl").scored], "a$b$_x^2.npy")
        figure.draw_without_rendering()
        assert figure._suptitle.get_text() == r"a\$b\$_x^2.npy"


SAMPLES = {
    "1x1": sample(1, 1),
    "1x3": sample(1, 3),
    "2x2": sample(2, 2),
    "60x1": sample(60, 1),
    "flat axis": sample(60, 5) * [1, 1, 0, 1, 1],
    "zeros": np.zeros((20, 3)),
    "far": 1e90 * sample(50, 3),
    "40x60": sample(40, 60),
}


@pytest.mark.parametrize(
    "x",
    [
        pytest.param(x, id=name, marks=pytest.mark.slow if name in ("1x3", "2x2", "60x1", "40x60") else [])
        for name, x in SAMPLES.items()
    ],
)
def test_every_panel_draws_any_sample(x):
    result = gaedist.diagnose(x)
    for panel in PANELS:
        ax = Figure((3, 3)).add_subplot()
        assert result.plot(ax, panel=panel) is ax
        ax.figure.draw_without_rendering()


def test_results_draw_into_given_axes(tmp_path):
    x, y = sample(), sample(seed=1)
    np.save(tmp_path / "x.npy", x)
    results = [
        gaedist.score(x),
        gaedist.score(x, metric="kl", null="none"),
        gaedist.score(x, metric="kl", null="monte-carlo", replicates=19, cache=False),
        gaedist.compare(x, y),
        gaedist.compare(x, y, permutations=19),
        gaedist.sigma(x),
        gaedist.diagnose(x),
        *gaedist.inspect(tmp_path / "x.npy"),
    ]
    for result in results:
        ax = Figure().add_subplot()
        assert result.plot(ax) is ax
        assert ax.has_data() or ax.texts
        assert result.plot().figure is not ax.figure


def test_an_unknown_panel_is_named():
    with pytest.raises(GaedistError, match="panel must be one of radius, means"):
        gaedist.diagnose(sample()).plot(panel="nothing")


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(GaedistError, match=r"pip install 'gaedist\[plot\]'"):
        gaedist.score(sample()).plot()


@pytest.mark.parametrize("family", ["spherical", "radial", "diagonal", "full"])
def test_sigma_lies_on_the_mean_field(family):
    found = gaedist.sigma(sample(40), covariance=family)
    profile, curves = found.profile, list(found.profile.curves.values())
    assert rendered(lambda: sigma.page(profile, "x", found.described), ".svg")
    if family in ("spherical", "radial"):
        for curve, sigmas in zip(curves, profile.sigmas.values(), strict=False):
            expected = np.interp(profile.radii, profile.grid, curve)
            np.testing.assert_allclose(sigmas[:, 1], expected, rtol=1e-3)
    np.testing.assert_allclose(curves[-1], 1 + profile.grid**2 / 8, rtol=1e-12)


def test_a_comparison_of_many_metrics():
    x, y = sample(60), sample(50, seed=2) + 0.3
    found = [result.scored for result in gaedist.compares(x, y, metric="all", permutations=19)]
    figure = comparison.page(found, contrast(x, y, Run()), ("a", "b"), "60 and 50 × 4")
    figure.draw_without_rendering()
    assert len(figure.axes) == 3
    figure = comparison.page(
        [gaedist.compare(x[:, :1], y[:, :1]).scored], contrast(x[:, :1], y[:, :1], Run()), ("a", "b"), ""
    )
    figure.draw_without_rendering()
    assert len(figure.axes) == 2


def test_scoring_loads_no_pictures_and_pictures_open_no_window():
    script = """
import sys
from gaedist.cli.app import main
main(["score", "data/digits_pca.npy", "--metric", "kl"])
loaded = [m for m in sys.modules if m.split(".")[0] == "matplotlib" or m.startswith("gaedist.plots")]
import gaedist
gaedist.score([[0.0, 1.0]] * 3).plot()
print(loaded, "matplotlib.pyplot" in sys.modules, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[] False"
