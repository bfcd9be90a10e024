"""Memory that the system does not give: a sentence in place of a traceback."""

import contextlib
import errno
from collections.abc import Iterator

from fundus_core.errors import MemoryLimitError

_SAID = (
    "cannot allocate memory",
    "can't allocate memory",
    "failed to allocate",
    "failed to map segment",  # of the loader of libraries
    "insufficient memory",
    "out of memory",
    "can't start new thread",  # there is no room for its stack
)
_NO_LACK = "static tls block"
"""What the loader calls memory here is a table of fixed size."""

_MOST_CAUSES = 10


@contextlib.contextmanager
def lack_of_memory_explained() -> Iterator[None]:
    """Turns memory that ran out, also while a library was loaded, into a sentence.

    Raises:
        MemoryLimitError: If that is the cause. Every other error is left as it is.
    """
    try:
        yield
    except (MemoryError, ImportError, OSError, RuntimeError) as error:
        if not memory_ran_out(error):
            raise
        raise memory_limit_error(error) from error


def memory_ran_out(error: BaseException) -> bool:
    """Says whether an error, or one that led to it, means that the system gave no more memory.

    Nothing is imported for it: that would take memory.
    """
    cause: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if cause is None:
            return False
        if isinstance(cause, MemoryError) or getattr(cause, "errno", None) == errno.ENOMEM:
            return True
        said = str(cause).lower()
        if any(words in said for words in _SAID) and _NO_LACK not in said:
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def memory_limit_error(error: BaseException) -> MemoryLimitError:
    """Returns the sentence about memory that ran out, with what the system said, if anything."""
    said = str(error).strip().partition("\n")[0]
    return MemoryLimitError(
        f"The memory ran out{f': {said}' if said else ''}.",
        hint="Close other programs, or raise the limit that this one has (ulimit -v), and start it "
        "again: what was finished is stored.",
    )
