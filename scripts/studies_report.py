"""Writes docs/studies.md: every study that was run, as tables, from what `fundus study` prints.

Run as `make studies-report`, with FUNDUS_REAL_DATA naming the folder of photographs and weights for
the studies of real photographs. Cells that were run before are used again.
"""

import argparse
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fundus_core.io.workspace import Workspace
from fundus_core.plots.paper.figure import figure_file
from fundus_core.plots.study import figure, nothing_to_draw
from fundus_core.studies.document import StudyDocument
from fundus_core.studies.files import STUDIES_FOLDER, StudySize, read_study
from fundus_core.studies.results import convergence, figure_rows, study_table
from fundus_core.studies.run import open_study
from fundus_core.ui.study_wiring import shown_rule
from scripts.command_line import REAL, ROOT, fundus, p_text

WORKSPACE = ROOT / "workspace" / "studies-report"
DOCUMENT = ROOT / "docs" / "studies.md"
PICTURES = ROOT / "docs" / "images"
DOTS = 130
"""Per inch, of the pictures in the document."""

OWN = ROOT / "scripts" / "studies"
INSIDE = "held-out patients"


@dataclass(frozen=True, slots=True)
class Chapter:
    """One study of the document."""

    file: str
    size: StudySize = "full"

    @property
    def path(self) -> Path:
        """Returns the study file, or its name."""
        own = OWN / f"{self.file}.yaml"
        return own if own.is_file() else Path(self.file)

    @property
    def command(self) -> str:
        """Returns what anyone can run."""
        named = self.path.relative_to(ROOT) if self.path.is_file() else self.path
        return f"fundus study {named}" + ("" if self.size == "full" else f" --{self.size}")


REAL_CHAPTERS = (
    Chapter("idrid_starts"),
    Chapter("idrid_strategies"),
    Chapter("idrid_fractions"),
)
DEMO_CHAPTERS = (
    Chapter("flair_hypertensive", "small"),
    Chapter("finetuning_strategies", "small"),
    Chapter("fundus_foundation", "small"),
    Chapter("natural_foundation", "small"),
)

HEADER = """# Studies: grids of experiments, and what ours gave

Made by `make studies-report` (`scripts/studies_report.py`); no figure is typed by hand. Each table
holds figures that the command above it prints. Intervals are 95 %: of AUCs by DeLong, clustered by
patient where patients are known; of all else by the bootstrap of patients, of photographs where
patients are unknown. p-values are of the paired test of the AUC against the reference named in the
table, two-sided, corrected by Holm over all tests of the study: what the command prints as Holm p.

"""

FILE_FORMAT = "study-files.md"


def main() -> None:
    """Runs what is not stored and writes the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="names of studies, joined by commas")
    parser.add_argument("--stored", action="store_true", help="run nothing, only write what is")
    asked = parser.parse_args()
    only = {name for name in asked.only.split(",") if name}
    os.environ.setdefault("FUNDUS_REAL_DATA", str(REAL))
    parts = [HEADER, f"How a study file is written: [{FILE_FORMAT}]({FILE_FORMAT}).\n\n"]
    parts += ["## Real photographs\n\n", _about_idrid()]
    wanted = [one for one in REAL_CHAPTERS if not only or one.file in only]
    parts += [_chapter(one, stored=asked.stored) for one in wanted]
    parts += ["## Synthetic photographs\n\n", _about_demo()]
    wanted = [one for one in DEMO_CHAPTERS if not only or one.file in only]
    parts += [_chapter(one, stored=asked.stored) for one in wanted]
    DOCUMENT.write_text("".join(parts).rstrip() + "\n", encoding="utf-8")


def _about_idrid() -> str:
    return (
        "Photographs of IDRiD (Porwal et al. 2018, CC BY 4.0; not part of this repository), any "
        "diabetic retinopathy, five folds. IDRiD names no patients: intervals and p-values treat "
        "photographs as independent and are too narrow (caution FD003). Everything is at 160 px "
        "with a MobileNet V2, small enough for two CPU cores, so these are not the best figures "
        "these methods can reach.\n\n"
    )


def _about_demo() -> str:
    return (
        "The four studies of the papers on the synthetic demo photographs, whole grids with small "
        "stand-ins for the papers' backbones, few epochs and few pixels: they show that every cell "
        "runs and how results are read. **They say nothing about the papers' models**, nor about "
        "photographs of patients.\n\n"
    )


def _chapter(chapter: Chapter, *, stored: bool) -> str:
    study = read_study(chapter.path, chapter.size)
    size = [] if chapter.size == "full" else [f"--{chapter.size}"]
    how = ["--table"] if stored else ["--skip"]
    found = fundus("study", chapter.path, *size, *how, workspace=WORKSPACE)
    table, cautions = pd.DataFrame(found["rows"]), _cautions(found["cautions"])
    return (
        f"### {study.title}\n\n{study.question} After {study.reference}.\n\n"
        f"```\n{chapter.command}\n```\n\n{_text(study, table)}\n{cautions}{_figures(chapter)}"
    )


def _cautions(found: Sequence[dict[str, str]]) -> str:
    """Returns what limits the figures of a study as a list, as `fundus study` prints it."""
    if not found:
        return ""
    lines = [f"- {one['code']}: {one['text']}\n" for one in found]
    return f"What to know before trusting these figures:\n\n{''.join(lines)}\n"


def _figures(chapter: Chapter) -> str:
    """Draws the figures that the study file asks for, and returns the lines that show them."""
    os.environ.setdefault("FUNDUS_WEIGHTS", str(REAL / "weights"))
    path = chapter.path if chapter.path.is_file() else STUDIES_FOLDER / f"{chapter.file}.yaml"
    opened = open_study(Workspace(WORKSPACE), path, chapter.size)
    table = study_table(opened)
    curves = convergence(opened, table)
    lines = []
    for number, asked in enumerate(opened.document.figures):
        rows = figure_rows(opened, asked, table)
        if why := nothing_to_draw(asked, rows, curves):
            lines.append(f"*{asked.title or asked.kind}*: {why}\n")
            continue
        rule = shown_rule(opened.document, opened.document.against)
        picture = PICTURES / f"study-{chapter.file.replace('_', '-')}-{number + 1}.png"
        drawn = figure(asked, rows, curves, against=rule)
        picture.write_bytes(figure_file(drawn, "png", dots=DOTS))
        title = asked.title or asked.kind
        lines.append(f"![{title}](images/{picture.name})\n*{title}*\n")
    return "\n".join([*lines, ""])


def _text(study: StudyDocument, table: pd.DataFrame) -> str:
    """Returns the tables of one study: one per data set and tested set."""
    done = table[table["status"] == "done"]
    parts = []
    for (data, tested_on), rows in done.groupby(["data", "tested_on"], sort=False):
        where = "" if tested_on == INSIDE else f", tested on {tested_on}"
        n = f"{int(rows['n_images'].iloc[0]):,} photographs"
        patients = rows["n_patients"].iloc[0]
        n += f" of {int(patients):,} patients" if _known(patients) else ""
        parts.append(f"**{data}{where}** ({n})\n\n{_markdown(study, rows)}\n")
    failed = table[table["status"] == "failed"]
    if len(failed):
        first = failed["problem"].iloc[0]
        parts.append(f"{len(failed)} rows have no result, the first because: {first}\n")
    if waiting := int((table["status"] == "not run").sum()):
        parts.append(f"{waiting} of {len(table)} rows were not run yet.\n")
    return "\n".join(parts)


def _markdown(study: StudyDocument, rows: pd.DataFrame) -> str:
    axes = [name for name in AXES if rows[name].nunique(dropna=False) > 1] or ["model"]
    columns = [*axes, *study.metrics[:4]]
    against = ", ".join(f"{name} {value}" for name, value in study.against.items())
    extra = [f"AUC minus {against}"] if against else []
    extra += ["relative gain"] if study.gain_over else []
    lines = [_line([*columns, *extra]), "|" + "---|" * (len(columns) + len(extra))]
    for row in ({str(key): value for key, value in one.items()} for one in rows.to_dict("records")):
        cells = [_value(row[name]) for name in axes]
        cells += [_interval(row, name) for name in study.metrics[:4]]
        cells += [_difference(row)] if against else []
        if study.gain_over:
            gain = row["relative_gain"]
            cells.append(f"{gain:+.1f} %" if _known(gain) else "")
        lines.append(_line(cells))
    return "\n".join(lines) + "\n"


AXES = ("model", "strategy", "head", "image_size", "preprocessing", "fraction", "draw", "seed")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _interval(row: dict[str, Any], name: str) -> str:
    if not _known(row[name]):
        return ""
    if not _known(row[f"{name}_low"]):
        return f"{row[name]:.3f}"
    return f"{row[name]:.3f} ({row[f'{name}_low']:.3f}–{row[f'{name}_high']:.3f})"


def _difference(row: dict[str, Any]) -> str:
    if not _known(row["difference"]):
        return ""
    span = f"{row['difference_low']:+.3f} to {row['difference_high']:+.3f}"
    return f"{row['difference']:+.3f} ({span}), {p_text(row['p_holm'])}"


def _known(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


if __name__ == "__main__":
    main()
