"""Words that differ in how they are written alone, and may mean the same."""

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

import pandas as pd

from fundus_core.domain.dataset import FundusDataset

_WRITTEN_OUT = re.compile(r"\[U\+[0-9A-F]{4,6}\]")
"""A character that cannot be seen, as `visible` writes it."""

_BLANKS = re.compile(r"(?<!\d)\s+|\s+(?!\d)")
"""Blanks, but those between two numbers: patient "1 1" is not patient 11."""


def suggestion(name: object, known: Iterable[object]) -> str:
    """Returns the end of a sentence about a name that nobody knows: the nearest one, and all.

    Examples:
        >>> suggestion("acu", ["auc", "f1"])
        "did you mean 'auc'? There are auc, f1"
        >>> suggestion("beauty", ["auc", "f1"])
        'there are auc, f1'
    """
    there = [str(one) for one in known]
    near = get_close_matches(str(name), there, n=1)
    guess = f"did you mean {near[0]!r}? There" if near else "there"
    return f"{guess} are {', '.join(there)}"


def spelt_alike(dataset: FundusDataset, column: str) -> list[tuple[str, ...]]:
    """Returns the groups of words in a column that differ in how they are written alone.

    That is in letter case, blanks, characters that cannot be seen, leading zeros or ".0" at the
    end. The groups are those of the words as they were given, in the words that may be shown.
    """
    given, shown = dataset.as_given(), dataset.table
    if column not in shown:
        return []
    words = pd.Series(given[column].dropna().unique(), dtype=object)
    keys = words.map(str).map(_plainly)
    alike = words[keys.duplicated(keep=False)]
    among = given[column].isin(alike)
    shown_as = dict(zip(given.loc[among, column], shown.loc[among, column], strict=True))
    groups = alike.groupby(keys[alike.index], sort=False)
    return [tuple(str(shown_as[word]) for word in group) for _, group in groups]


def _plainly(word: str) -> str:
    """Returns what is left of a word when the ways to write it are taken off."""
    if word.isascii() and word.isalnum() and word[0] != "0":
        return word.lower()
    plain = _WRITTEN_OUT.sub("", unicodedata.normalize("NFKC", word)).strip().casefold()
    plain = re.sub(r"^([+-]?\d+)\.0*$", r"\1", _BLANKS.sub("", plain))
    return re.sub(r"^([+-]?)0+(?=\d)", r"\1", plain)
