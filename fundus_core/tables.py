"""Tables of results as files: CSV for other programs, LaTeX for a paper.

Both carry what a table means without the page: its caption, how its numbers were made, and every
caution that limits them.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fundus_core.caution_codes import CAUTIONS
from fundus_core.checks import Caution
from fundus_core.io.files import write_atomically
from fundus_core.io.spreadsheet_cells import guarded, guarded_line

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
)


@dataclass(frozen=True, slots=True)
class About:
    """What a reader must know of a table or figure that stands alone."""

    caption: str
    """What is shown, of what."""

    methods: str
    """How it was made, in words that can stand in a paper."""

    cautions: tuple[Caution, ...] = ()

    def lines(self) -> list[str]:
        """Returns the caption, the methods and each caution with its meaning, a line each."""
        said = [self.caption, self.methods]
        said += [f"{one.code}: {one.text} {CAUTIONS.get(one.code, '')}" for one in self.cautions]
        return [" ".join(line.split()) for line in said if line.strip()]


def safe_csv(table: pd.DataFrame) -> str:
    r"""Returns a table as CSV that a spreadsheet shows and does not run.

    A cell of text, or a name of a column, that begins like a formula gets an apostrophe in front;
    numbers are untouched. `fundus_core.io.tables.read_table` takes the apostrophes off again.

    Examples:
        >>> safe_csv(pd.DataFrame({"label": ["=1+1", "+0.1 (-0.2 to +0.4)"], "score": [-0.5, 1]}))
        "label,score\n'=1+1,-0.5\n+0.1 (-0.2 to +0.4),1.0\n"
    """
    safe = table.copy()
    for column in range(safe.shape[1]):
        if not pd.api.types.is_numeric_dtype(safe.dtypes.iloc[column]):
            shown = safe.iloc[:, column].map(_shown_only, na_action="ignore")
            safe.isetitem(column, list(shown))
    safe.columns = pd.Index([str(_shown_only(str(name))) for name in safe.columns])
    return safe.to_csv(index=False, lineterminator="\n")


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Writes `safe_csv` of a table; the file appears when it is whole.

    Raises:
        StoreError: If the disk is full, or the place may not be written to.
    """
    text = safe_csv(table)
    write_atomically(path, lambda file: file.write(text.encode()))


def _shown_only(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    # The writer does not quote a carriage return, which would then begin a row.
    return guarded(cell).replace("\r\n", "\n").replace("\r", "\n")


def as_csv(table: pd.DataFrame, about: About) -> str:
    """Returns a table as CSV under lines that begin with `#` and say what it is.

    Read it with `pandas.read_csv(file, comment="#")` or R's `read.csv(file, comment.char = "#")`.

    Examples:
        >>> print(as_csv(pd.DataFrame({"AUC": [0.9]}), About("One model.", "DeLong.")))
        # One model.
        # DeLong.
        AUC
        0.9
        <BLANKLINE>
    """
    head = "".join(f"# {guarded_line(line)}\n" for line in about.lines())
    return head + safe_csv(table)


def as_latex(table: pd.DataFrame, about: About, *, label: str = "") -> str:
    """Returns a table for LaTeX with the package booktabs: numbers right, text left.

    Args:
        table: Numbers are printed with three decimals, whole ones as they are.
        about: The caption goes above, all else below the table.
        label: To refer to it by; the prefix "tab:" is added.
    """
    numeric = [pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes]
    rows = [
        " & ".join(_cell(value) for value in row) + r" \\"
        for row in table.itertuples(index=False, name=None)
    ]
    caption, *notes = about.lines()
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{_escaped(caption)}}}",
            *([rf"\label{{tab:{label}}}"] if label else []),
            r"\centering",
            rf"\begin{{tabular}}{{{''.join('r' if one else 'l' for one in numeric)}}}",
            r"\toprule",
            " & ".join(_escaped(str(name)) for name in table.columns) + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            *([r"\par\footnotesize " + _escaped(" ".join(notes))] if notes else []),
            r"\end{table}",
            "",
        ]
    )


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return "--"
    if isinstance(value, float):
        return _escaped(f"{value:.3f}").replace("-", "$-$")
    return _escaped(str(value))


def _escaped(text: str) -> str:
    r"""Returns a text that LaTeX prints as it is.

    Examples:
        >>> print(_escaped("50 % of a_b"))
        50 \% of a\_b
    """
    return text.translate(_LATEX)
