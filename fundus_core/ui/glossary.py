"""What terms mean, for the help beside them: one source for pages and documents.

The source is `fundus_core/ui/glossary.md`, which comes with the program; `docs/glossary.md` is the
same file, and a test says so.
"""

import re
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).with_name("glossary.md")
"""Tables with the columns Word, Means, Not."""

_BORDER = re.compile(r"(?<!\\)\|")
"""Between two cells; a bar that belongs to a cell has a backslash before it."""

_MARKS = re.compile(r"\(`[^`]*`\)|\*\*|`")
_ALIASES = {
    "sensitivity": "operating point",
    "specificity": "operating point",
    "confidence interval": "interval",
    "95 % CI": "interval",
    "expected calibration error": "calibration error (ECE)",
    "t-sne": "map",
    "umap": "map",
}
"""Other words for what has an entry, in lower case."""


def help_for(term: str) -> str:
    """Returns what a term means, for the `help` of a widget.

    Args:
        term: A word of the glossary, or one of several that share an entry; upper and lower case
            do not matter.

    Raises:
        KeyError: If the glossary does not have it: a page named a term that nobody has explained.

    Examples:
        >>> help_for("AUC")
        'area under the ROC curve'
    """
    return _meanings()[_ALIASES.get(term.lower(), term.lower()).lower()]


def terms() -> dict[str, str]:
    """Returns all words of the glossary with what they mean, in its order."""
    return dict(_rows())


@cache
def _meanings() -> dict[str, str]:
    """Returns meaning by word in lower case; a row of several words stands for each of them."""
    found: dict[str, str] = {}
    for word, meaning in _rows():
        for name in (word, *re.split(r",| / ", word)):
            found.setdefault(name.strip().lower(), meaning)
    return found


def _rows() -> list[tuple[str, str]]:
    """Reads the rows of all tables: word and meaning as plain text."""
    rows = []
    for line in SOURCE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in _BORDER.split(line.strip().strip("|"))]
        if not line.startswith("|") or len(cells) < 2 or set(cells[0]) <= {"-", " "}:
            continue
        if cells[0] != "Word":
            rows.append((_plain(cells[0]), _plain(cells[1])))
    return rows


def _plain(cell: str) -> str:
    return " ".join(_MARKS.sub("", cell).split())
