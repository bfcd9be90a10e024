"""What a report holds, before it is HTML or PDF: sections of words, tables, figures, pictures.

Every text is plain: nothing in it is markup, whatever the names in the data look like.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import plotly.graph_objects as go

from fundus_core.checks import Caution

Tone = Literal["plain", "lead", "note"]
"""How a paragraph is set: `lead` larger, `note` smaller."""


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Points:
    """A list."""

    texts: tuple[str, ...]
    numbered: bool = False
    """References are."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with what is known of them."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table under its caption."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Each as long as `columns`."""

    note: str = ""
    """How its numbers were made; stands below."""

    def __post_init__(self) -> None:
        """Refuses rows of another length; a mistake of the program."""
        wrong = [row for row in self.rows if len(row) != len(self.columns)]
        if wrong:
            raise ValueError(f"{len(self.columns)} columns, but a row of {len(wrong[0])}")


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as the pages draw it."""

    drawn: go.Figure
    caption: str
    alt: str
    """The same in words, for those who do not see it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One photograph."""

    jpeg: bytes
    """Written from pixels alone: nothing of the original file but what can be seen."""

    caption: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """Photographs side by side."""

    caption: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class CautionList:
    """What limits the figures."""

    cautions: tuple[Caution, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines to be copied."""

    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: str


Block = Words | Points | Facts | Table | Figure | Pictures | CautionList | Listing | Heading


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report under a heading."""

    key: str
    """Unique in a report; letters and hyphens."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report."""

    title: str
    subtitle: str
    made_at: str
    """When, and by which version."""

    summary: tuple[str, ...]
    """Sentences that stand alone; the first says the most."""

    sections: tuple[Section, ...]
    manifest: Mapping[str, Any]
    """Plain values from which `fundus rerun` makes the results again."""

    def section(self, key: str) -> Section | None:
        """Returns a section by its key; None where the report has none."""
        return next((one for one in self.sections if one.key == key), None)


def rewritten(report: Report, write: Callable[[str], str]) -> Report:
    """Returns a report with every text passed through a function; figures and manifest are not."""
    return Report(
        write(report.title),
        write(report.subtitle),
        write(report.made_at),
        tuple(map(write, report.summary)),
        tuple(
            Section(one.key, write(one.title), tuple(_block(block, write) for block in one.blocks))
            for one in report.sections
        ),
        report.manifest,
    )


def _block(block: Block, write: Callable[[str], str]) -> Block:
    match block:
        case Words(text):
            return replace(block, text=write(text))
        case Listing(text) | Heading(text):
            return replace(block, text=write(text))
        case Points(texts):
            return replace(block, texts=tuple(map(write, texts)))
        case Facts(rows):
            return Facts(tuple((write(name), write(known)) for name, known in rows))
        case Table():
            return _table(block, write)
        case Figure():
            return replace(block, caption=write(block.caption), alt=write(block.alt))
        case Pictures():
            pictures = tuple(replace(one, caption=write(one.caption)) for one in block.pictures)
            return Pictures(write(block.caption), pictures)
        case CautionList(cautions):
            return CautionList(tuple(replace(one, text=write(one.text)) for one in cautions))


def _table(table: Table, write: Callable[[str], str]) -> Table:
    return Table(
        write(table.caption),
        tuple(map(write, table.columns)),
        tuple(tuple(map(write, row)) for row in table.rows),
        write(table.note),
    )
