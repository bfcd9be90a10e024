"""Texts without the names of files: those of photographs often are those of patients."""

import re
from collections.abc import Collection
from pathlib import PurePath

NO_NAME = "[file]"
"""Stands in the place of a name."""

_SHORTEST = 4
"""Characters of a name that are looked for; a shorter one stands in too many words."""

_WORD = re.compile(r"\w+")

_PHOTOGRAPH = re.compile(
    r"(?<![\w.])[^\s,;:()\"'<>]+\.(?:jpe?g|jfif|png|tiff?|bmp|webp|gif|ppm|dcm)\b", re.IGNORECASE
)
_PATH = re.compile(r"(?<![\w.:/])(?:~|[A-Za-z]:)?[/\\](?:[^\s,;:()\"'<>]+[/\\])+[^\s,;:()\"'<>]*")


class Discretion:
    """Takes known names out of texts, and whatever looks like the name of a photograph."""

    def __init__(self, paths: Collection[str]) -> None:
        """Learns names that must not be told.

        Args:
            paths: Of photographs and folders.
        """
        self._known: dict[str, set[str]] = {}
        for path in paths:
            place = PurePath(path)
            tokens = _WORD.findall(place.stem)
            for name in {path, place.name, place.stem}:
                if tokens and _tells(name):
                    self._known.setdefault(max(tokens, key=len), set()).add(name)

    def __call__(self, text: str) -> str:
        """Returns the text with `NO_NAME` in the place of each name.

        Examples:
            >>> kept = Discretion(["/data/Jane Doe OD.jpg"])
            >>> kept("2 files repeat Jane Doe OD.jpg, first in /data/x/y.png.")
            '2 files repeat [file], first in [file]'
        """
        words = set(_WORD.findall(text)) & self._known.keys()
        names = {name for word in words for name in self._known[word]}
        for name in sorted(names, key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", NO_NAME, text)
        return _PHOTOGRAPH.sub(NO_NAME, _PATH.sub(NO_NAME, text))


def _tells(name: str) -> bool:
    return len(name) >= _SHORTEST and not name.isdigit() and not name.isalpha()
