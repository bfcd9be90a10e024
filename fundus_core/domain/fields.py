"""What fields of choices and recipes hold: Python's own values, and none but the known words."""

from dataclasses import fields
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np

from fundus_core.errors import ParameterError


def plain(value: Any) -> Any:
    """Returns NumPy's numbers, words and truths as the Python values that JSON knows.

    Examples:
        >>> plain(np.int64(3)), plain((np.True_, "x")), plain([np.float32(0.5)])
        (3, (True, 'x'), [0.5])
    """
    if isinstance(value, np.generic):
        return value.item()
    return type(value)(map(plain, value)) if type(value) in {list, tuple} else value


def settle_fields(owner: Any) -> None:
    """Makes the values of a frozen object's fields plain, so that equal ones have one key.

    Args:
        owner: A frozen dataclass, not yet in use. Its fields of type `bool` and `Literal` are
            looked at.

    Raises:
        ParameterError: For the first field that takes none but certain words, or True and False,
            and has something else.
    """
    for each in fields(owner):
        value = plain(getattr(owner, each.name))
        object.__setattr__(owner, each.name, value)
        hint: Any = each.type
        allowed = _allowed(hint)
        if allowed and not any(value is one or _is_word(value, one) for one in allowed):
            words = ", ".join(str(one) for one in allowed if one is not None)
            raise ParameterError(f"{each.name} is {value!r}.", hint=f"Choose one of {words}.")


@cache
def _allowed(hint: Any) -> tuple[Any, ...]:
    """Returns the values that a type names one by one; none where it does not."""
    if hint is bool:
        return (True, False)
    if get_origin(hint) is Literal:
        return get_args(hint)
    parts = get_args(hint) if get_origin(hint) in {Union, UnionType} else ()
    others = tuple(one for one in parts if one is not type(None))
    return (*_allowed(others[0]), None) if len(others) == 1 and _allowed(others[0]) else ()


def _is_word(value: object, known: object) -> bool:
    return isinstance(value, str) and value == known
