"""Whether values that somebody else wrote are of the types that this program writes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pandas as pd

_MOST_SHOWN = 60
"""Characters of a wrong value that a message has."""

_CELLS = {"string", "empty", "boolean", "integer", "floating"}
"""Kinds of cells that a data set's table may have in a column."""


def require_type(value: object, hint: Any, what: str) -> None:
    """Raises ValueError unless a value is of a type, with all that is in it.

    Args:
        value: Of the program, or plain values as JSON has them: lists for tuples, and objects for
            frozen values.
        hint: As fields of frozen values have it.
        what: Begins the message.
    """
    if hint is Any:
        return
    kind, parts = get_origin(hint), get_args(hint)
    if kind in {Union, UnionType}:
        _require_one_of(value, parts, what)
    elif kind is Literal:
        _require(value in parts, value, what)
    elif kind is tuple:
        _require_items(value, parts, what)
    elif kind is dict:
        _require(isinstance(value, Mapping), value, what)
        for name, item in dict(value).items():  # type: ignore[call-overload]
            require_type(name, parts[0], f"a name in {what}")
            require_type(item, parts[1], f"{what}, {str(name)[:_MOST_SHOWN]}")
    elif is_dataclass(hint):
        _require_fields(value, hint, what)
    else:
        _require(_is_plain(value, kind or hint), value, what)


def require_ids(column: "pd.Series[Any]", what: str) -> None:
    """Raises ValueError unless a column is of text, each once."""
    require_text(column, what, missing=False)
    if column.duplicated().any():
        raise ValueError(f"{what} {column[column.duplicated()].iloc[0]!r} more than once")


def require_text(column: "pd.Series[Any]", what: str, *, missing: bool = True) -> None:
    """Raises ValueError unless a column is of text; cells may be empty if `missing`."""
    wrong = [one for one in column if not isinstance(one, str)]
    wrong = [one for one in wrong if not (missing and pd.api.types.is_scalar(one) and pd.isna(one))]
    if wrong:
        _require(False, wrong[0], what)


def require_cells(column: "pd.Series[Any]", what: str) -> None:
    """Raises ValueError unless a column is of words or of numbers."""
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind not in _CELLS:
        raise ValueError(f"{what} of the kind {kind!r}")


def _require(is_right: bool, value: object, what: str) -> None:
    if not is_right:
        raise ValueError(f"{what}: {str(value)[:_MOST_SHOWN]!r} ({type(value).__name__})")


def _require_one_of(value: object, parts: tuple[Any, ...], what: str) -> None:
    if value is None and NoneType in parts:
        return
    others = [one for one in parts if one is not NoneType]
    if len(others) == 1:
        require_type(value, others[0], what)
    else:
        _require(any(_is_plain(value, one) for one in others), value, what)


def _require_items(value: object, parts: tuple[Any, ...], what: str) -> None:
    _require(isinstance(value, Sequence) and not isinstance(value, str), value, what)
    items = list(value)  # type: ignore[call-overload]
    kinds = [parts[0]] * len(items) if parts[1:] == (Ellipsis,) else list(parts)
    _require(len(kinds) == len(items), value, what)
    for item, kind in zip(items, kinds, strict=True):
        require_type(item, kind, what)


def _require_fields(value: object, hint: Any, what: str) -> None:
    """Looks at the fields of a frozen value, or at those of an object of JSON."""
    hints = get_type_hints(hint)
    if isinstance(value, Mapping):
        given = dict(value)
        optional = {
            one.name
            for one in fields(hint)
            if one.default is not MISSING or one.default_factory is not MISSING
        }
        _require(set(hints) - optional <= set(given) <= set(hints), value, what)
    else:
        _require(isinstance(value, hint), value, what)
        given = {name: getattr(value, name) for name in hints}
    for name, item in given.items():
        require_type(item, hints[name], f"{what}, {name}")


def _is_plain(value: object, hint: Any) -> bool:
    if hint is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and math.isfinite(value)  # type: ignore[arg-type]
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
