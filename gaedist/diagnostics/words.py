"""Lists and numbers in the sentences of a diagnosis."""

from collections.abc import Sequence

from gaedist.diagnostics.base import Place


def number(value: float) -> str:
    """Write a number to two digits, without an exponent where it is of a usual size."""
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.1e}"
    if 0.1 <= abs(value) < 10:
        return f"{value:.2f}"
    return f"{float(f'{value:.2g}'):g}" if abs(value) < 100 else f"{value:.0f}"


def joined(items: Sequence[str]) -> str:
    """Write a list as a, b and c."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def counted(noun: str, numbers: Sequence[int], more: int = 0) -> str:
    """Write axis 3, axes 3 and 17, or axes 3, 17 and 5 more."""
    plural = {"axis": "axes", "row": "rows"}[noun]
    rest = [f"{more} more"] if more > 0 else []
    return f"{plural if len(numbers) + more > 1 else noun} {joined([*map(str, numbers), *rest])}"


def effects(places: Sequence[Place], more: int = 0) -> str:
    """Write the effects of places, and … for those that are not listed."""
    return ", ".join([*(number(place.effect) for place in places), *(["…"] if more > 0 else [])])


def capitalized(text: str) -> str:
    """Return a sentence with a capital."""
    return text[0].upper() + text[1:]
