"""How numbers are written in a report."""

from fundus_core.stats.bootstrap import Interval
from fundus_core.stats.delong import AucInterval

NONE = "\N{EN DASH}"
"""In a table, where there is no figure."""


def count(number: int, noun: str, plural: str = "") -> str:
    """Returns a number with its noun.

    Examples:
        >>> count(1, "eye"), count(1200, "patient"), count(2, "class", "classes")
        ('1 eye', '1,200 patients', '2 classes')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def p_text(p: float | None) -> str:
    """Returns a p-value with the digits that mean something.

    Examples:
        >>> p_text(0.0312), p_text(0.31), p_text(1e-9), p_text(None)
        ('0.031', '0.31', '< 0.001', '–')
    """
    if p is None:
        return NONE
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def auc_text(found: AucInterval | None) -> str:
    """Returns an AUC with its interval."""
    if found is None:
        return "none"
    return f"{found.auc:.3f} ({found.low:.3f} to {found.high:.3f})"


def ends(low: float, high: float) -> str:
    """Returns the ends of an interval in three decimals."""
    return f"{low:.3f} to {high:.3f}"


def interval(found: Interval, digits: int = 3, *, signed: bool = False) -> str:
    """Returns a number with its interval; one without it says so."""
    sign = "+" if signed else ""
    if found.value is None:
        return "none"
    if found.low is None or found.high is None:
        return f"{found.value:{sign}.{digits}f} (no interval)"
    low, high = f"{found.low:{sign}.{digits}f}", f"{found.high:{sign}.{digits}f}"
    return f"{found.value:{sign}.{digits}f} ({low} to {high})"


def percent(share: float) -> str:
    """Returns a share as a percentage.

    Examples:
        >>> percent(0.5493), percent(0.0004)
        ('54.9 %', '0.04 %')
    """
    return f"{100 * share:.1f} %" if share >= 0.001 or share == 0 else f"{100 * share:.2g} %"


def listed(parts: list[str]) -> str:
    """Returns parts as a phrase.

    Examples:
        >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
        ('a', 'a and b', 'a, b and c')
    """
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def sentence(text: str) -> str:
    """Returns a text that begins with a capital and ends with a full stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""
