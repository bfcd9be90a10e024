"""Texts from data as text: what cannot be seen, or moves what is beside it, is written out."""

import json
import re

from fundus_core.errors import ParameterError

_UNSEEN = re.compile(
    "\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control characters (but tab and line end), marks that turn the direction of what follows,
characters without width (but the joiners that scripts need), and halves of characters."""


def visible(text: str) -> str:
    r"""Returns a text in which every character that cannot be seen is named in brackets.

    A file called "gpj.exe" behind a mark that turns the direction reads as a photograph; an escape
    sequence changes what a terminal shows.

    Examples:
        >>> visible("photo\u202egpj.exe")
        'photo[U+202E]gpj.exe'
        >>> visible("\x1b[2J")
        '[U+001B][2J'
        >>> visible("été, 眼底")
        'été, 眼底'
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def require_text(name: str, text: str, longest: int) -> None:
    """Refuses a text that cannot be written down: too long, or with halves of characters.

    A terminal in another encoding gives such halves.

    Args:
        name: Of what the text is, for the message.
        text: What was given.
        longest: Characters that it may have.

    Raises:
        ParameterError: With what is wrong.
    """
    if len(text) > longest:
        raise ParameterError(
            f"The {name} has {len(text):,} characters; {longest:,} can be kept.",
            hint="Write a shorter one.",
        )
    if any("\ud800" <= one <= "\udfff" for one in text):
        raise ParameterError(
            f"The {name} {visible(text)!r} holds bytes that are no characters.",
            hint="Write it again, in UTF-8.",
        )


def visible_json(text: str) -> str:
    r"""Returns JSON whose strings hold the same characters, those that cannot be seen as escapes.

    Examples:
        >>> visible_json('{"name": "a\u202eb"}')
        '{"name": "a\\u202eb"}'
    """
    return _UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text)
