"""Cells that a spreadsheet shows and does not run, and back again."""

import re

_NUMBER = r"[+-]?\d[\d.,]*"
_INTERVAL = re.compile(rf"{_NUMBER}( ?%)?( \({_NUMBER} to {_NUMBER}\))?")
"""What begins like a formula and is none: a signed number, or one with its interval."""

_FORMULA = r"\s*[=+\-@\uff0b\uff0d\uff1d\uff20]|[\t\r\n]"
"""How cells begin that spreadsheets take for formulas, also in their wide forms."""

_RUNS = re.compile(rf"'*(?:{_FORMULA})")
_GUARDED = re.compile(rf"''*(?:{_FORMULA})")
_AFTER_DELIMITER = re.compile(r"([,;\t|]\s*)(?=[=+\-@\uff0b\uff0d\uff1d\uff20])")


def guarded(text: str) -> str:
    """Returns a text with an apostrophe in front where a spreadsheet would run it.

    Examples:
        >>> guarded("=1+1"), guarded("-0.5"), guarded("glaucoma")
        ("'=1+1", '-0.5', 'glaucoma')
    """
    return f"'{text}" if _RUNS.match(text) and not _INTERVAL.fullmatch(text) else text


def unguarded(text: str) -> str:
    """Takes the apostrophe off again that `guarded` put in front.

    Examples:
        >>> unguarded("'=1+1"), unguarded("'tis")
        ('=1+1', "'tis")
    """
    return text[1:] if _GUARDED.match(text) and not _INTERVAL.fullmatch(text[1:]) else text


def guarded_line(text: str) -> str:
    """Returns a line of remarks, in which a spreadsheet would also look for cells.

    Examples:
        >>> guarded_line("Map of a,=1+1")
        "Map of a,'=1+1"
    """
    return _AFTER_DELIMITER.sub(r"\1'", text)
