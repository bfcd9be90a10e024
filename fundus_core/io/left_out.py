"""What lists of results leave out: what is damaged, closed to this user, or not understood."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fundus_core.io.damage import known_damage, known_unread
from fundus_core.io.refused_reading import ASK_ITS_OWNER, all_may_be_read, may_be_read

_NAMED_AT_MOST = 3

_REPAIR = (
    "Run `fundus doctor --repair`: it moves aside what is damaged, and it can be computed again."
)


_CLOSED = "not to be read by this user"

_UNREAD = "described in words that this version does not know"

_MAKE_AGAIN = (
    "A newer version wrote it, or it was edited: open it with the version that wrote it, or repeat "
    "the command that made it."
)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Results that are left out for one reason."""

    names: tuple[str, ...]
    """Relative to the workspace, e.g. `runs/abc`; one at least."""

    reason: str
    next_step: str
    nouns: tuple[str, str] = ("stored result", "stored results")
    """What they are, one and several."""

    def sentences(self, spelled: Callable[[str], str] = str) -> str:
        """Returns what is left out, why, and the next step.

        Args:
            spelled: How a name is written, e.g. so that Markdown leaves it alone.

        Examples:
            >>> LeftOut(("runs/a",), "damaged", "Mend it.").sentences()
            '1 stored result is left out because it is damaged: runs/a. Mend it.'
        """
        number = len(self.names)
        more = f" and {number - _NAMED_AT_MOST} more" if number > _NAMED_AT_MOST else ""
        they, are = ("they", "are") if number > 1 else ("it", "is")
        named = ", ".join(spelled(one) for one in self.names[:_NAMED_AT_MOST]) + more
        return (
            f"{number:,} {self.nouns[number > 1]} {are} left out because {they} {are} "
            f"{self.reason}: {named}. {self.next_step}"
        )


def left_out(root: Path, *stores: str) -> tuple[LeftOut, ...]:
    """Returns what reading has met in a workspace and left out; nothing where all is whole.

    Args:
        root: Of the workspace.
        stores: Its folders, e.g. `runs`, that have been read; none for all of them.
    """
    found = _of_stores(known_damage(root), stores)
    closed = [one for one in found if not all_may_be_read(root / one)]
    folders = [one for one in stores if not may_be_read(root / one)]
    kinds = (
        LeftOut(tuple(one for one in found if one not in closed), "damaged", _REPAIR),
        LeftOut(tuple(closed), _CLOSED, ASK_ITS_OWNER),
        *not_understood(root, *stores),
        LeftOut(
            tuple(folders), _CLOSED, ASK_ITS_OWNER, ("folder of results", "folders of results")
        ),
    )
    return tuple(kind for kind in kinds if kind.names)


def not_understood(root: Path, *stores: str) -> tuple[LeftOut, ...]:
    """Returns what of `left_out` is whole and not understood: one entry, or none.

    Args:
        root: Of the workspace.
        stores: As for `left_out`.
    """
    found = _of_stores(known_unread(root), stores)
    return (LeftOut(found, _UNREAD, _MAKE_AGAIN),) if found else ()


def _of_stores(names: tuple[str, ...], stores: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for one in names if not stores or one.partition("/")[0] in stores)


def hint_with_left_out(hint: str, root: Path, *stores: str) -> str:
    """Returns the next step after something was not found, which may be what was left out."""
    return " ".join([*(one.sentences() for one in left_out(root, *stores)), hint])
