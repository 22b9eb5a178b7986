"""What a check gives: parts with a statistic and a p-value each, the effect, and where it is."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gaedist.diagnostics.sample import Sample
from gaedist.null.tails import log_bonferroni


@dataclass(frozen=True)
class Place:
    """Where something is wrong.

    Attributes
    ----------
    kind : str
        ``axis``, ``pair`` of axes, ``direction`` or ``rows``.
    indices : tuple of int
        The axes, the axes with the largest loadings of the direction, or the rows; from 0.
    effect : float
        How much is wrong there, in the unit of the check.
    p_value : float, optional
        The p-value of this place alone.
    loadings : tuple of float
        Of a direction: its components along ``indices``.
    vector : tuple of float, optional
        Of a direction: all of its components, a unit vector.
    """

    kind: str
    indices: tuple[int, ...]
    effect: float
    p_value: float | None = None
    loadings: tuple[float, ...] = ()
    vector: tuple[float, ...] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Part:
    """One statistic of a check, with a p-value for the whole sample.

    Attributes
    ----------
    statistic : float
        Its value.
    log_p : float
        Logarithm of its p-value, adjusted for the axes, pairs, directions or rows it is the most extreme of.
    sentence : str
        What it means if it is significant, in plain words.
    places : tuple of Place
        Where, the strongest first.
    topic : str
        Of several significant parts with one topic, only the strongest is worth a sentence.
    """

    statistic: float
    log_p: float
    sentence: str
    places: tuple[Place, ...] = ()
    topic: str = ""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a check on a sample.

    Attributes
    ----------
    parts : tuple of Part
        Its statistics.
    effect : float
        The size of the departure, in units that a person reads.
    quantity : str
        What ``effect`` is.
    details : dict
        Name → further numbers that describe it.
    sure : int
        How many parts are never significant by chance, and need no adjustment.
    """

    parts: tuple[Part, ...]
    effect: float
    quantity: str
    details: Mapping[str, float] = field(default_factory=dict)
    sure: int = 0

    @property
    def strongest(self) -> Part:
        """The part with the smallest p-value."""
        return min(self.parts, key=lambda part: part.log_p)

    @property
    def log_p(self) -> float:
        """Logarithm of the p-value of all parts together, by Bonferroni's inequality."""
        return float(log_bonferroni(self.strongest.log_p, self._chances))

    @property
    def _chances(self) -> int:
        return max(1, len(self.parts) - self.sure)

    def significant(self, log_alpha: float) -> list[Part]:
        """Return the parts that are significant for themselves, the strongest of each topic first."""
        bound = log_alpha - math.log(self._chances)
        topics: dict[str, Part] = {}
        for part in sorted(self.parts, key=lambda part: part.log_p):
            if part.log_p <= bound:
                topics.setdefault(part.topic, part)
        return list(topics.values())


class PremiseError(Exception):
    """A check that does not apply to this sample: why, in a phrase."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A row of the registry.

    Attributes
    ----------
    name : str
        Its name in options and results.
    asks : str
        The question that it answers.
    meaning : str
        What a finding usually means in an auto-encoder, as a sentence.
    statistic : str
        What it computes.
    null : str
        The null distribution.
    reference : str
        The source.
    run : callable
        Function of a `Sample` that returns the `Outcome`, or raises `PremiseError`.
    explained_by : tuple of str
        Checks whose findings may have this one as a consequence: it is repeated on codes without them.
    adjusted : callable, optional
        Function of a `Sample` that replaces this: log p where what ``explained_by`` asks is left open.
    """

    name: str
    asks: str
    meaning: str
    statistic: str
    null: str
    reference: str
    run: Callable[[Sample], Outcome]
    explained_by: tuple[str, ...] = ()
    adjusted: Callable[[Sample], float] | None = None
