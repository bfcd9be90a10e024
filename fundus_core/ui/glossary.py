"""What terms mean, for the help beside them: one source for pages and documents.

The source is `fundus_core/ui/glossary.md`, which comes with the program; `docs/glossary.md` is the
same file, and a test says so.
"""

import re
from collections.abc import Hashable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

SOURCE = Path(__file__).with_name("glossary.md")
"""Tables with the columns Word, Means, Not."""

_BORDER = re.compile(r"(?<!\\)\|")
"""Between two cells; a bar that belongs to a cell has a backslash before it."""

_MARKS = re.compile(r"\(`[^`]*`\)|\*\*|`")
_ALIASES = {
    "sensitivity": "operating point",
    "specificity": "operating point",
    "confidence interval": "interval",
    "95 % ci": "interval",
    "expected calibration error": "calibration error (ECE)",
    "t-sne": "map",
    "umap": "map",
    "coverage": "embedding",
    "model": "run",
    "rejected": "rejected row",
    "quality": "label quality (self-confidence)",
    "flagged": "flagged label",
    "mean colour": "shortcut baseline",
    "auc of each fold": "fold",
    "held-out auc": "AUC",
}
"""Other words for what has an entry, in lower case."""

WORDS_OF: Mapping[str, tuple[str, ...]] = {
    "Start": ("backbone", "run", "AUC", "interval", "study"),
    "Overview": ("photograph", "patient", "eye", "target", "split", "rejected row", "caution"),
    "Images": ("image id", "selection", "query", "undecided", "field of view"),
    "The demo's story": ("phantom", "linear probe", "fine-tuning", "AUC", "interval", "heat map"),
    "Extract": ("backbone", "weights", "embedding", "pooling", "fit", "layout"),
    "Map": ("map", "trustworthiness", "selection", "density", "example", "Procrustes alignment"),
    "Agreement": (
        "CKA",
        "shared neighbours",
        "Procrustes alignment",
        "trustworthiness",
        "jackknife",
    ),
    "Linear probe": ("linear probe", "target", "fold", "out-of-fold", "AUC", "shortcut baseline"),
    "Fine-tune": ("fine-tuning", "strategy", "head", "fraction", "drift", "learning curves"),
    "Studies": ("study", "cell", "run", "stand-in", "AUC", "interval", "contrast", "Holm"),
    "Zero-shot": ("zero-shot", "text tower", "finding", "prompt", "prototype"),
    "Pre-train": ("upstream task", "pre-training", "weights card", "phantom"),
    "ROC": (
        *("AUC", "interval", "clustered", "threshold", "rule", "operating point", "prevalence"),
        *("predictive value", "likelihood ratio", "natural frequencies", "level", "partial AUC"),
        *("simultaneous band", "prevalence line"),
    ),
    "Compare models": (
        *("AUC", "interval", "clustered", "Holm", "non-inferior", "margin", "power"),
        *("design effect", "permutation test"),
    ),
    "Calibration": (
        *("calibration", "reliability curve", "calibration in the large", "calibration slope"),
        *("calibration error", "Brier score", "recalibration", "threshold probability"),
        *("net benefit", "decision curve"),
    ),
    "Stress": (
        *("subgroup", "band", "shortcut", "stratum", "surviving share", "label quality"),
        *("flagged label",),
    ),
    "Report": ("run", "level", "prevalence", "interval", "caution"),
    "Explain": (
        *("saliency map", "trust light", "displaced copy", "deletion", "ROAD"),
        *("weight randomisation", "attention rollout", "macula"),
    ),
    "One photograph": ("score", "calibrated probability", "interval of the calibration curve"),
    "Vessels": ("segmentation", "channel", "mask", "segmenter", "Dice", "clDice", "observer"),
    "Jobs": ("embedding", "run", "study"),
    "Methods": ("linear probe", "fine-tuning", "clustered", "caution"),
}
"""Page, by its name in the menu -> the words that a reader of it may look for."""


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


def column_help(names: Iterable[Hashable]) -> dict[Any, Any]:
    """Returns what `st.dataframe` takes as `column_config`: help on each column that is a term.

    Args:
        names: Of columns; plurals, and what stands in brackets behind a term, are understood.

    Examples:
        >>> sorted(column_help(["Patients", "AUC (95 % CI)", "Seconds"]))
        ['AUC (95 % CI)', 'Patients']
    """
    found = {name: meaning_of(str(name)) for name in names}
    return {name: st.column_config.Column(help=said) for name, said in found.items() if said}


def meaning_of(name: str) -> str | None:
    """Returns what the name of a column or of a figure means, or None where it is no term."""
    word = name.partition(" (")[0].strip()
    for term in (name, word, word.removesuffix("s")):
        try:
            return help_for(term)
        except KeyError:
            continue
    return None


def words_of(page: str) -> dict[str, str]:
    """Returns the words of a page, by its name in the menu, with what they mean."""
    return {word: help_for(word) for word in WORDS_OF.get(page, ())}


def terms() -> dict[str, str]:
    """Returns all words of the glossary with what they mean, in its order."""
    return dict(_rows())


@cache
def _meanings() -> dict[str, str]:
    """Returns meaning by word in lower case; a row of several words stands for each of them."""
    found: dict[str, str] = {}
    for word, meaning in _rows():
        for name in (word, word.partition(" (")[0], *re.split(r",| / ", word)):
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
    return " ".join(_MARKS.sub("", cell).replace(r"\|", "|").split())
