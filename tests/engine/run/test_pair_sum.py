"""The provenance of a value from several sums: what is unusual in any of them, and the largest rounding."""

from gaedist.engine import BY_PAIRS, Provenance

SERIES = Provenance("fourier", rounding=3e-13)
SINGLE = Provenance(precision="single", rounding=1e-7)


def test_one_sum_or_equal_sums_keep_their_provenance():
    for part in (BY_PAIRS, SERIES, SINGLE):
        assert Provenance.of_several(part) == Provenance.of_several(part, part) == part


def test_unusual_methods_and_precisions_prevail_in_any_order():
    expected = Provenance("fourier", "single", 1e-7)
    assert Provenance.of_several(BY_PAIRS, SERIES, SINGLE) == expected
    assert Provenance.of_several(SINGLE, BY_PAIRS, SERIES) == expected
