"""Names from data as labels of a figure."""

from html import escape
from textwrap import wrap

from fundus_core.domain.visible import visible

NO_BREAK = "\u00a0"
"""A space at which a line does not end."""


def in_lines(label: str, width: int) -> str:
    """Returns a label as markup that shows exactly it, broken into lines.

    Args:
        label: As it comes from data; at a no-break space it is not broken.
        width: Longest line in characters.

    Examples:
        >>> in_lines("ResNet-18 <mine>, fine-tuned", 20)
        'ResNet-18 &lt;mine&gt;,<br>fine-tuned'
    """
    lines = wrap(visible(label), width, break_on_hyphens=False)
    return "<br>".join(map(escape, lines)).replace(NO_BREAK, " ")
