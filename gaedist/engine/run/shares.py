"""How many units a range has that is sent to a worker: about ten ranges for each worker, of at least 2 s."""

import math

_RANGES = 10  # for each worker
_LEAST = 2.0  # seconds that a range takes
_MOST = 60.0
_MOST_BYTES = 1 << 25  # of the outputs of a range
_CHANGED = 1.5  # factor between two times of a unit from which shares are computed anew


class Shares:
    """Sizes of ranges, which follow the measured time of a unit.

    Parameters
    ----------
    seconds : float
        About how long a unit takes on one thread.
    size : int
        Bytes of its output.
    """

    def __init__(self, seconds: float, size: int) -> None:
        self.most = max(1, _MOST_BYTES // size)
        self.seconds, self._planned, self._per_thread = seconds, seconds, 1.0

    def plan(self, units: int, threads: int) -> None:
        """Divide the units that are left among all threads, in rounds of equal size."""
        share, self._planned = max(1, units) / max(1, threads), self.seconds
        wanted = min(max(_LEAST / self.seconds, share / _RANGES), _MOST / self.seconds)
        self._per_thread = share / max(1, math.floor(share / wanted))

    def units(self, threads: int) -> int:
        """Return the units of the next range for a worker with so many threads."""
        return max(1, min(self.most, math.ceil(threads * self._per_thread)))

    def learn(self, seconds: float) -> bool:
        """Note how long a unit took on one thread; tell whether to plan anew."""
        self.seconds = seconds
        return not 1 / _CHANGED < seconds / self._planned < _CHANGED
