"""Papers, numbered in the order in which a text cites them."""

import re

_BETWEEN = re.compile(r";\s+")
_AUTHOR_AND_YEAR = re.compile(r"^(.*?\(\d{4}\))")


class References:
    """The list of papers at the end of a text, as it grows."""

    def __init__(self) -> None:
        """Starts without any."""
        self._listed: dict[str, str] = {}

    def cite(self, *citations: str) -> str:
        """Returns the mark of some papers, such as ` [1, 3]`; nothing where none is named.

        A paper is known by its authors and year: where it is named in short and in full, the list
        has it in full.

        Args:
            citations: Papers, several in one text being parted by semicolons.

        Examples:
            >>> papers = References()
            >>> papers.cite("Holm (1979), Scand. J. Stat. 6, 65-70; Wilson (1927)")
            ' [1, 2]'
            >>> papers.cite("Holm (1979)")
            ' [1]'
            >>> papers.listed()
            ('Holm (1979), Scand. J. Stat. 6, 65-70', 'Wilson (1927)')
        """
        parts = [part.strip() for one in citations for part in _BETWEEN.split(one) if part.strip()]
        numbers = sorted({self._number(part) for part in parts})
        return f" [{', '.join(map(str, numbers))}]" if numbers else ""

    def listed(self) -> tuple[str, ...]:
        """Returns the papers in the order of their numbers."""
        return tuple(self._listed.values())

    def _number(self, paper: str) -> int:
        found = _AUTHOR_AND_YEAR.match(paper)
        key = (found[1] if found else paper).casefold()
        if len(paper) > len(self._listed.get(key, "")):
            self._listed[key] = paper  # in its place, if it has one
        return list(self._listed).index(key) + 1
