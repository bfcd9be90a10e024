"""Figures for print as part of an HTML page."""

import re
import xml.etree.ElementTree as ElementTree

import plotly.graph_objects as go

from fundus_core.plots.paper.figure import figure_file

_XLINK = "{http://www.w3.org/1999/xlink}href"
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_PICTURE = "data:image/png;base64,"
"""Begins the scale of a colour bar, the one picture inside a figure."""

_LEFT_OUT = {"metadata", "style", "title", "desc", "script"}
"""`style` would hold for the whole page; the words stand in caption and alternative text."""


def inline_svg(figure: go.Figure, *, prefix: str, alt: str) -> str:
    """Returns a figure as an `<svg>` element that disturbs nothing else on its page.

    Ids are the prefix and a number, so that equal figures give equal text; the page decides on the
    width, knowing the natural one; nothing is looked up by an address.

    Args:
        figure: As the page of the dashboard draws it.
        prefix: Of ids; different for each figure of a page.
        alt: The figure in words.
    """
    root = ElementTree.fromstring(figure_file(figure, "svg"))
    _strip(root)
    ids = {
        one.attrib["id"]: f"{prefix}-{number}"
        for number, one in enumerate(root.iter())
        if "id" in one.attrib
    }
    used = _used(root)
    for element in root.iter():
        element.attrib = {
            name: value
            for key, old in element.attrib.items()
            if (pair := _attribute(key, old, ids, used)) is not None
            for name, value in [pair]
        }
    widest = float(root.attrib.pop("width").removesuffix("pt"))
    root.attrib.pop("height")
    root.attrib |= {"role": "img", "aria-label": alt, "style": f"--natural: {widest:.0f}pt"}
    return ElementTree.tostring(root, encoding="unicode")


def _strip(element: ElementTree.Element) -> None:
    """Takes name spaces off names and drops what belongs to a file of its own."""
    element.tag = element.tag.rpartition("}")[2]
    for child in list(element):
        if child.tag.rpartition("}")[2] in _LEFT_OUT:
            element.remove(child)
        else:
            _strip(child)


def _used(root: ElementTree.Element) -> set[str]:
    """Returns the ids that something refers to."""
    found = {one.attrib[_XLINK].removeprefix("#") for one in root.iter() if _XLINK in one.attrib}
    for element in root.iter():
        for value in element.attrib.values():
            found |= set(_REFERENCE.findall(value))
    return found


def _attribute(key: str, value: str, ids: dict[str, str], used: set[str]) -> tuple[str, str] | None:
    """Returns an attribute with ids of the page's own; None for an id that nothing refers to."""
    if key == "id":
        return (key, ids[value]) if value in used else None
    if key == _XLINK:
        is_within = value.startswith("#")
        if not is_within and not value.startswith(_PICTURE):
            return None
        return "href", f"#{ids[value[1:]]}" if is_within else value
    if key == "version":
        return None
    return key, _REFERENCE.sub(lambda found: f"url(#{ids[found[1]]})", value)
