"""Which of several ids somebody means who gives the beginning of one."""

import re
from collections.abc import Iterable

_WHOLE = re.compile(r".+-[0-9a-f]{8}")
"""An id that ends in digits of its recipe, as runs and trained segmenters have them."""

_MADE_OF_IT = re.compile(r"-(on-.+|[0-9a-f]{6}(-.+)?|(.+-)?bundle)")
"""What follows a whole id in those that are made of it; a recipe's eight digits do not."""


def meant(given: str, ids: Iterable[str]) -> tuple[str, ...]:
    """Returns the ids that somebody may mean, in their order: one of them is clear.

    A whole id means itself alone. It is no beginning of the longer ids that are made of it, for
    the use of a model on other photographs, or for another data set of the same name: these would
    answer for it once it is gone.

    Args:
        given: What was typed, or noted elsewhere.
        ids: All there are, those included that cannot be read: else what is left would be meant.

    Examples:
        >>> meant("a-probe", ["a-probe-0123abcd", "b-probe-0123abcd"])
        ('a-probe-0123abcd',)
        >>> meant("a-probe-0123abcd", ["a-probe-0123abcd-on-other-4567cdef"])
        ()
        >>> meant("a-visit-20250101", ["a-visit-20250101-89abcdef"])
        ('a-visit-20250101-89abcdef',)
    """
    there = tuple(dict.fromkeys(ids))
    if given in there:
        return (given,)
    begun = (one for one in there if given and one.startswith(given))
    is_whole = _WHOLE.fullmatch(given) is not None
    return tuple(
        one for one in begun if not (is_whole and _MADE_OF_IT.fullmatch(one[len(given) :]))
    )
