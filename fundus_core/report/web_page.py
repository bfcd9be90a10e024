"""A report as one HTML file that needs no network: no script, no font, no address in it."""

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from html import escape as html_escape
from typing import Any

from fundus_core.caution_codes import CAUTIONS
from fundus_core.domain.visible import visible
from fundus_core.report.content import (
    Block,
    CautionList,
    Facts,
    Figure,
    Heading,
    Listing,
    Picture,
    Pictures,
    Points,
    Report,
    Section,
    Table,
    Words,
)
from fundus_core.report.style import STYLE
from fundus_core.report.svg import inline_svg

MANIFEST_ID = "fundus-manifest"
"""Of the element that holds the manifest."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""A browser that shows the file fetches nothing and runs nothing, whatever stands in it."""

_NUMBER = re.compile(r"[<+\-\N{MINUS SIGN}]?\s?\d.*|none|not tested|\N{EN DASH}|")
_LONGEST_NUMBER = 26

_PERCENT = re.compile(r"(?<=\d) (?=%)|(?<=%) (?=CI\b)|(?<=[<=]) (?=\d)|(?<=\bp) (?=[<=])")
"""Spaces at which a line does not end."""

COMMAND = re.compile(r"`(fundus [\w .=-]+)`")
"""A command line of ours within a sentence."""

_MINUS = re.compile(r"(?<![\w.])-(?=\d)")

FOOTER = (
    "Made by Fundus Explorer. Research software, not a medical device: no figure here is fit to "
    "decide about a patient."
)


def as_html(report: Report) -> str:
    """Returns a report as a whole HTML page; every text in it is shown as it is."""
    body = _Body()
    sections = [body.section(number, one) for number, one in enumerate(report.sections, 1)]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{html_escape(visible(report.title))}</title>",
            f"<style>\n{STYLE}</style>",
            "</head>",
            '<body><div class="sheet">',
            _header(report),
            _summary(report),
            _contents(report),
            "<main>",
            *sections,
            "</main>",
            f"<footer>{escape(FOOTER)}</footer>",
            "</div>",
            f'<script type="application/json" id="{MANIFEST_ID}">',
            script_safe(report.manifest),
            "</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def script_safe(manifest: Mapping[str, Any]) -> str:
    r"""Returns JSON that can stand inside a script element: nothing in it ends the element.

    Examples:
        >>> script_safe({"name": "</script>"})
        '{\n "name": "\\u003c/script\\u003e"\n}'
    """
    text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False)
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def escape(text: str) -> str:
    """Returns a text as HTML that shows it; numbers stay with their signs, commands are set so."""
    shown = _PERCENT.sub("\N{NO-BREAK SPACE}", visible(text))
    return COMMAND.sub(r"<code>\1</code>", html_escape(shown))


def _header(report: Report) -> str:
    return (
        '<header><p class="kicker">Fundus Explorer \N{MIDDLE DOT} Evaluation report</p>'
        f"<h1>{escape(report.title)}</h1>"
        f'<p class="subtitle">{escape(report.subtitle)}</p>'
        f'<p class="made">{escape(report.made_at)}</p></header>'
    )


def _summary(report: Report) -> str:
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in report.summary)
    return f'<section class="abstract" aria-label="Summary">{said}</section>'


def _contents(report: Report) -> str:
    entries = "".join(
        f'<li><a href="#{escape(one.key)}">{escape(one.title)}</a></li>' for one in report.sections
    )
    return f'<nav aria-label="Contents">Contents<ol>{entries}</ol></nav>'


class _Body:
    """Writes sections one after the other, numbering tables and figures through."""

    def __init__(self) -> None:
        self._tables = 0
        self._figures = 0

    def section(self, number: int, section: Section) -> str:
        """Returns a section under its numbered heading."""
        title = f'<span class="number">{number}</span>{escape(section.title)}'
        blocks = "\n".join(self._block(block) for block in section.blocks)
        return f'<section id="{escape(section.key)}"><h2>{title}</h2>\n{blocks}\n</section>'

    def _block(self, block: Block) -> str:
        match block:
            case Words(text, tone):
                kind = "" if tone == "plain" else f' class="{tone}"'
                return f"<p{kind}>{escape(text)}</p>"
            case Points(texts, numbered):
                tag, kind = ("ol", "references") if numbered else ("ul", "points")
                items = "".join(f"<li>{escape(text)}</li>" for text in texts)
                return f'<{tag} class="{kind}">{items}</{tag}>'
            case Facts(rows):
                pairs = "".join(f"<dt>{escape(a)}</dt><dd>{escape(b)}</dd>" for a, b in rows)
                return f"<dl>{pairs}</dl>"
            case Heading(text):
                return f"<h3>{escape(text)}</h3>"
            case Listing(text):
                return f"<pre>{html_escape(visible(text))}</pre>"
            case CautionList(cautions):
                return _cautions(CautionList(cautions))
            case Table():
                self._tables += 1
                return _table(block, self._tables)
            case Figure() | Pictures():
                self._figures += 1
                return _figure(block, self._figures)


def _cautions(listed: CautionList) -> str:
    items = "".join(
        f'<li><span class="code">{escape(one.code)}</span>{escape(one.text)}'
        f'<span class="meaning">{escape(CAUTIONS.get(one.code, ""))}</span></li>'
        for one in listed.cautions
    )
    return f'<ul class="cautions">{items}</ul>'


def _table(table: Table, number: int) -> str:
    kinds = [
        ' class="right"' if place and _is_of_numbers([row[place] for row in table.rows]) else ""
        for place in range(len(table.columns))
    ]
    head = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>'
        for name, kind in zip(table.columns, kinds, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{kind}>{_cell(cell, kind)}</td>" for cell, kind in zip(row, kinds, strict=True)
        )
        + "</tr>"
        for row in table.rows
    )
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<div class="scroll"><table><caption><span class="label">Table {number}.</span> '
        f"{escape(table.caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>{note}"
    )


def _cell(cell: str, kind: str) -> str:
    """Returns what a cell shows; in a column of numbers a hyphen before a digit is a minus."""
    return escape(_MINUS.sub("\N{MINUS SIGN}", cell) if kind else cell)


def _is_of_numbers(cells: list[str]) -> bool:
    """Says whether a column is read better flush right."""
    return any(any(map(str.isdigit, cell)) for cell in cells) and all(
        _NUMBER.fullmatch(cell) and len(cell) <= _LONGEST_NUMBER for cell in cells
    )


def _figure(block: Figure | Pictures, number: int) -> str:
    if isinstance(block, Figure):
        svg = inline_svg(block.drawn, prefix=f"figure-{number}", alt=block.alt)
        inside = f'<div class="drawing">{svg}</div>'
    else:
        inside = f'<div class="pictures">{"".join(map(_picture, block.pictures))}</div>'
    label = f'<span class="label">Figure {number}.</span>'
    return f"<figure>{inside}<figcaption>{label} {escape(block.caption)}</figcaption></figure>"


def _picture(picture: Picture) -> str:
    source = b64encode(picture.jpeg).decode()
    alt = html_escape(f"Fundus photograph: {picture.caption}")
    return (
        f'<div><img src="data:image/jpeg;base64,{source}" alt="{alt}">'
        f"{escape(picture.caption)}</div>"
    )
