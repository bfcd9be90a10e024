"""How numbers and names are written on pages."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from fundus_core.domain.dataset import Target
from fundus_core.domain.visible import visible
from fundus_core.stats.delong import AucInterval

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:^=&\"'])")
_LINKED = re.compile(r"\b(https?(?=:)|www(?=\.))", re.IGNORECASE)
_WORDS = r"[^\W_]+(?:(?: = |: |, |[ _/-]|(?<![wW]{3})\.)[^\W_]+)*"
_UNMARKED = re.compile(rf"{_WORDS}(?: \({_WORDS}\))?")
"""Words, the last of them in brackets or not; what stands between them is no markdown there."""

_JOINER = "\u2060"
"""Takes no room. Browsers get every `http://` and `www.` as a link, also where all is escaped: the
renderer looks for them once more in what it has understood."""

_DATE = re.compile(r"[\w .:+-]{1,40}", re.ASCII)

_MOST_COLUMNS = 4
"""Columns of a target that are all named in a menu."""

_PLURALS = {"class": "classes", "eye": "eyes", "AUC": "AUCs"}


def escaped(label: object) -> str:
    r"""Returns a label as markdown that shows exactly it.

    Labels and file names come from the data. Unescaped, one of the form `![x](http://host/)` makes
    the reader's browser fetch that address; nor does an address in it become a link.

    Examples:
        >>> escaped("![x](host/)")
        '\\!\\[x\\]\\(host\\/\\)'
    """
    flat = _LINKED.sub(rf"\1{_JOINER}", " ".join(visible(str(label)).split()))
    return _MARKDOWN.sub(r"\\\1", flat).replace("/", "\\/")


def field_label(label: object) -> str:
    r"""Returns a label for the name of a field, which screen readers say as it is written.

    Where nothing in it can be taken for markdown, nothing is escaped.

    Examples:
        >>> field_label("dr = 1: no_dr"), field_label("*x*")
        ('dr = 1: no_dr', '\\*x\\*')
        >>> field_label("Pooling of ViT-B/16 (own)")
        'Pooling of ViT-B/16 (own)'
    """
    flat = " ".join(visible(str(label)).split())
    return flat if _UNMARKED.fullmatch(flat) else escaped(label)


def code(label: object) -> str:
    """Returns a label as inline code, for ids, paths and column names.

    Examples:
        >>> code("patient_id")
        '`patient_id`'
    """
    flat = " ".join(visible(str(label)).split()).replace("`", "'")
    return f"`{flat}`" if flat else "(empty)"


def plain(markdown: str) -> str:
    r"""Returns the words of a text that was written for a page: no emphasis, nothing escaped.

    Examples:
        >>> plain("**minus** ViT\\-S and `x_1`")
        'minus ViT-S and x_1'
    """
    bare = markdown.replace("**", "").replace("`", "")
    return re.sub(r"\\(.)", r"\1", bare)


def count(number: int, noun: str) -> str:
    """Returns a number with its noun in singular or plural.

    Examples:
        >>> count(1, "photograph"), count(20000, "photograph"), count(0, "class")
        ('1 photograph', '20,000 photographs', '0 classes')
    """
    return f"{number:,} {noun if number == 1 else _PLURALS.get(noun, noun + 's')}"


def p_value(p: float) -> str:
    """Returns a p-value with the digits that mean something.

    Examples:
        >>> p_value(0.0312), p_value(0.31), p_value(1e-9), p_value(1.0)
        ('p = 0.031', 'p = 0.31', 'p < 0.001', 'p = 1.00')
    """
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def bare_p(p: float) -> str:
    r"""Returns a p-value for a column that is headed p, in one piece.

    Examples:
        >>> bare_p(0.0312), bare_p(1e-9)
        ('0.031', '<\xa00.001')
    """
    return p_value(p).removeprefix("p = ").removeprefix("p ").replace(" ", "\u00a0")


def auc(interval: AucInterval) -> str:
    """Returns an AUC with its interval, as `0.853 (95 % CI 0.801 to 0.894)`."""
    return f"{interval.auc:.3f} ({interval_text(interval)})"


def interval_text(interval: AucInterval) -> str:
    """Returns the interval of an AUC, as `95 % CI 0.801 to 0.894`."""
    level = 100 * interval.confidence
    return f"{level:g} % CI {interval.low:.3f} to {interval.high:.3f}"


def interval_method(interval: AucInterval) -> str:
    """Says what the interval of an AUC rests on, in a sentence of markdown."""
    if interval.method.endswith("exact"):
        return "No variance can be estimated here: the interval is the exact bound on pairs."
    if interval.n_patients is None:
        return (
            "Intervals: DeLong's variance on the logit scale and Student's t, **photographs taken "
            "as independent because patients are unknown**; with two eyes per patient they are too "
            "narrow."
        )
    return (
        "Intervals: Obuchowski's form of DeLong's variance on the logit scale and Student's t, in "
        "which the "
        f"{count(interval.n_patients, 'patient')} are independent, not the photographs."
    )


def class_label(target: Target, class_name: str) -> str:
    """Returns a class in a way that reads alone, see `Target.class_label`."""
    return target.class_label(class_name)


def target_labels(names: Sequence[str]) -> dict[str, str]:
    """Returns target -> its name for menus: of many columns the first, and how many there are more.

    Where two would read the same, all their columns are named.

    Examples:
        >>> target_labels(["dr", "dr,amd,rvo,erm,myopia"])
        {'dr': 'dr', 'dr,amd,rvo,erm,myopia': 'dr, amd, rvo and 2 more'}
    """
    short = {name: _shortened(name.split(",")) for name in names}
    often = Counter(short.values())
    return {name: label if often[label] == 1 else name for name, label in short.items()}


def _shortened(columns: Sequence[str]) -> str:
    if len(columns) <= _MOST_COLUMNS:
        return ",".join(columns)
    first = ", ".join(columns[: _MOST_COLUMNS - 1])
    return f"{first} and {len(columns) - _MOST_COLUMNS + 1} more"


def duration(seconds: float) -> str:
    """Returns a length of time in the two units that matter.

    Examples:
        >>> duration(4.2), duration(75), duration(7325)
        ('4 s', '1 min 15 s', '2 h 2 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def when(moment: datetime | str) -> str:
    """Returns a UTC moment as local date and time to the minute; ISO 8601 strings are read.

    What is no moment, or none that clocks here know, is shown as it is; anything but a date's signs
    could be markup, and is not shown.

    Examples:
        >>> when("9999-12-31T23:59:59-12:00"), when("yesterday"), when("[now](http://host)")
        ('9999-12-31T23:59:59-12:00', 'yesterday', 'not known')
    """
    try:
        parsed = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        return aware.astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        text = str(moment)
        return text if _DATE.fullmatch(text) else "not known"


def shown(value: object) -> str:
    """Returns a table's value for a list of facts: missing values are said to be missing.

    Examples:
        >>> shown(None), shown(float("nan")), shown(0.25), shown("left")
        ('not given', 'not given', '0.25', 'left')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "not given"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
