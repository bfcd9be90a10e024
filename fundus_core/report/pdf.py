"""A report as a PDF, set by typst where it is installed.

Texts reach typst as strings, never as markup, so that nothing in a name is a command.
"""

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from fundus_core.caution_codes import CAUTIONS
from fundus_core.errors import StoreError
from fundus_core.plots.paper.figure import figure_file
from fundus_core.report.content import (
    Block,
    CautionList,
    Facts,
    Figure,
    Heading,
    Listing,
    Pictures,
    Points,
    Report,
    Section,
    Table,
    Words,
)
from fundus_core.report.web_page import COMMAND, FOOTER

_HEAD = """\
#set page(paper: "a4", margin: (x: 22mm, top: 22mm, bottom: 24mm), numbering: "1 / 1",
  footer: context [#set text(7.5pt, fill: luma(90)); #at-footer #h(1fr)
    #counter(page).display("1 / 1", both: true)])
#set text(font: "Libertinus Serif", size: 10pt, lang: "en", hyphenate: true)
#set par(justify: true, leading: 0.62em)
#set heading(numbering: "1.1")
#set table(stroke: none, inset: (x: 3pt, y: 3.2pt))
#show heading.where(level: 1): it => block(above: 1.6em, below: 0.8em, text(14pt, it))
#show heading.where(level: 2): it => block(above: 1.2em, below: 0.6em, text(11pt, it.body))
#show figure.where(kind: table): set figure.caption(position: top)
#show figure.where(kind: table): set block(breakable: true)
#show figure.caption: it => block(width: 100%, align(left, text(8.5pt, it)))
"""


def require_typst() -> None:
    """Raises unless typst is installed.

    Raises:
        StoreError: With the command that installs it.
    """
    if find_spec("typst") is None:
        raise StoreError(
            "A PDF is set by typst, which is not installed.",
            hint="Install it with `pip install typst`, or write HTML and print it from a browser.",
        )


def as_pdf(report: Report) -> bytes:
    """Returns a report as a PDF; no network is used.

    Raises:
        StoreError: If typst is not installed.
    """
    require_typst()
    typst = import_module("typst")  # an extra: it may be absent where types are checked
    with TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "report.typ").write_text(as_typst(report, place), encoding="utf-8")
        made = typst.compile(place / "report.typ", root=place, format="pdf")
    if not isinstance(made, bytes):
        raise TypeError("typst returned several files for one PDF")
    return made


def as_typst(report: Report, folder: Path) -> str:
    """Returns a report in typst's language; writes its figures into a folder.

    Args:
        report: What to write.
        folder: Where figures and photographs go; the text names them without it.
    """
    writer = _Writer(folder)
    said = "\n".join(f"#par({_string(sentence)})" for sentence in report.summary)
    sections = "\n\n".join(writer.section(one) for one in report.sections)
    return "\n".join(
        [
            f"#let at-footer = {_string(FOOTER)}",
            f"#set document(title: {_string(report.title)}, date: none)",
            _HEAD,
            f"#text(20pt, weight: 600, hyphenate: false, {_string(report.title)})",
            f"#par(text(11pt, fill: luma(70), {_string(report.subtitle)}))",
            f"#par(text(8pt, fill: luma(90), {_string(report.made_at)}))",
            "#line(length: 100%, stroke: 0.6pt + luma(120))",
            f"#block(inset: (left: 10pt), stroke: (left: 2pt + luma(120)))[\n{said}\n]",
            sections,
            "",
        ]
    )


def _string(text: str) -> str:
    """Returns a text as a string of typst's language, which escapes as JSON does."""
    shown = "".join(one for one in text if one >= " " or one == "\n")
    return json.dumps(COMMAND.sub(r"\1", shown), ensure_ascii=False)


class _Writer:
    """Writes blocks, and files of figures beside them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = 0

    def section(self, section: Section) -> str:
        """Returns a section under its heading."""
        blocks = "\n".join(self._block(block) for block in section.blocks)
        return f"#heading(level: 1, {_string(section.title)})\n{blocks}"

    def _block(self, block: Block) -> str:
        match block:
            case Words(text, tone):
                size = {"plain": "10pt", "lead": "11pt", "note": "8pt"}[tone]
                return f"#par(text({size}, {_string(text)}))"
            case Points(texts, numbered):
                kind = "enum" if numbered else "list"
                return f"#{kind}({', '.join(map(_string, texts))})" if texts else ""
            case Facts(rows):
                return _facts(rows)
            case Heading(text):
                return f"#heading(level: 2, {_string(text)})"
            case Listing(text):
                return f"#block(text(7.5pt, raw(block: true, {_string(text)})))"
            case CautionList(cautions):
                return _facts(
                    tuple((c.code, f"{c.text} {CAUTIONS.get(c.code, '')}") for c in cautions)
                )
            case Table():
                return _table(block)
            case Figure():
                name = self._file(figure_file(block.drawn, "pdf"), "pdf")
                return (
                    f"#figure(image({_string(name)}, alt: {_string(block.alt)}), "
                    f"caption: {_string(block.caption)})"
                )
            case Pictures():
                return self._pictures(block)

    def _pictures(self, block: Pictures) -> str:
        cells = [
            f"stack(spacing: 3pt, image({_string(self._file(one.jpeg, 'jpg'))}, width: 100%), "
            f"text(7pt, {_string(one.caption)}))"
            for one in block.pictures
        ]
        grid = f"grid(columns: 4, gutter: 8pt, {', '.join(cells)})"
        return f"#figure(kind: image, {grid}, caption: {_string(block.caption)})"

    def _file(self, content: bytes, ending: str) -> str:
        self._files += 1
        name = f"{self._files}.{ending}"
        (self._folder / name).write_bytes(content)
        return name


def _facts(rows: tuple[tuple[str, str], ...]) -> str:
    cells = ", ".join(f"{_string(name)}, {_string(known)}" for name, known in rows)
    return f"#text(9pt, table(columns: (26%, 1fr), {cells}))" if rows else ""


def _table(table: Table) -> str:
    head = ", ".join(f"strong({_string(name)})" for name in table.columns)
    cells = ", ".join(_string(cell) for row in table.rows for cell in row)
    rule = "table.hline(stroke: 0.6pt)"
    inside = f"{rule}, table.header({head}), {rule}, {cells}, {rule}"
    drawn = f"text(8pt, table(columns: {len(table.columns)}, align: left, {inside}))"
    note = f"\n#par(text(7.5pt, fill: luma(80), {_string(table.note)}))" if table.note else ""
    return f"#figure(kind: table, {drawn}, caption: {_string(table.caption)}){note}"
