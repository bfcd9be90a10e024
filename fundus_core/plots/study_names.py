"""What figures of a study call its metrics, its cells and what tells them apart.

A table of results has a row per cell of the study and data set the cell's model is tested on; see
`fundus_core.studies.results.study_table` for its columns.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from fundus_core.domain.axes import AXES
from fundus_core.stats.scores import METRICS

RELATIVE_GAIN = "relative_gain"
"""The one column of values that is in percent and has no interval."""

_OF_ALL = ("accuracy", "quadratic_kappa", "hrdc_score", "seconds", "peak_mb")
"""Columns of values that are no means over classes, at least of photographs with one class each."""

SCENARIO = "scenario"
"""Strategy and head together, as rows or columns of a heat map."""

SETTINGS = (*AXES, "tested_on")
"""Columns that tell the rows of a table apart, from slow to fast."""

REPEATS = ("draw", "seed")
"""Settings that repeat an experiment and change nothing that is asked about."""

_SETTINGS = {
    "data": "Data set",
    "fraction": "Share of the training patients",
    "image_size": "Side of the input, px",
    "tested_on": "Tested on",
    SCENARIO: "Scenario",
}


def metric_title(metric: str) -> str:
    """Returns what an axis calls a metric.

    Examples:
        >>> metric_title("auc"), metric_title("quadratic_kappa"), metric_title("relative_gain")
        ('AUC', 'Quadratic kappa', 'Relative gain, %')
    """
    label = METRICS[metric].label if metric in METRICS else metric.replace("_", " ")
    return f"{label[:1].upper()}{label[1:]}{', %' if metric == RELATIVE_GAIN else ''}"


def setting_title(column: str) -> str:
    """Returns what an axis calls a setting.

    Examples:
        >>> setting_title("image_size"), setting_title("strategy")
        ('Side of the input, px', 'Strategy')
    """
    return _SETTINGS.get(column, column[:1].upper() + column[1:].replace("_", " "))


def number_text(metric: str, value: float) -> str:
    """Returns a value of a metric as figures write it.

    Examples:
        >>> number_text("auc", 0.91234), number_text("relative_gain", -3.14)
        ('0.912', '-3.1 %')
    """
    return f"{value:+z.1f} %" if metric == RELATIVE_GAIN else f"{value:.3f}"


def setting_text(column: str, value: Any) -> str:
    """Returns a setting so that it reads alone, without the name of its column.

    Examples:
        >>> setting_text("fraction", 0.05), setting_text("image_size", 512.0)
        ('5 %', '512 px')
        >>> setting_text("head", "linear"), setting_text("draw", 2), setting_text("model", "DINO")
        ('linear head', 'draw 2', 'DINO')
    """
    if pd.isna(value):
        return "own size" if column == "image_size" else "none"
    written = {
        "fraction": lambda: f"{100 * value:g} %",
        "image_size": lambda: f"{value:g} px",
        "head": lambda: f"{value} head",
        "draw": lambda: f"draw {value:g}",
        "seed": lambda: f"seed {value:g}",
        "tested_on": lambda: f"tested on {value}",
    }
    return written[column]() if column in written else str(value)


def with_scenario(table: pd.DataFrame) -> pd.DataFrame:
    """Returns a table with a column of strategy and head together."""
    if SCENARIO in table:
        return table
    heads = [setting_text("head", head) for head in table["head"]]
    both = zip(table["strategy"], heads, strict=True)
    return table.assign(**{SCENARIO: [f"{strategy}, {head}" for strategy, head in both]})


def values_of(table: pd.DataFrame, column: str) -> list[Any]:
    """Returns the different values of a column in the order of the table; missing ones as None."""
    found = (None if pd.isna(value) else value for value in table[column])
    return list(dict.fromkeys(found))


def rows_with(table: pd.DataFrame, wanted: Mapping[str, Any]) -> pd.DataFrame:
    """Returns the rows that have these values; None stands for a missing one."""
    keep = pd.Series(data=True, index=table.index)
    for column, value in wanted.items():
        keep &= table[column].isna() if value is None else table[column] == value
    return table[keep]


def varied(table: pd.DataFrame, *, but: Collection[str] = ()) -> tuple[str, ...]:
    """Returns the settings of which a table has more than one value.

    Args:
        table: Rows of results.
        but: Settings that are not asked about.
    """
    return tuple(
        column
        for column in SETTINGS
        if column not in but and column in table and len(values_of(table, column)) > 1
    )


def groups_of(
    table: pd.DataFrame, columns: Sequence[str]
) -> list[tuple[dict[str, Any], pd.DataFrame]]:
    """Returns the rows that agree in some columns together, in the order of the table."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for place, values in enumerate(zip(*(table[column] for column in columns), strict=True)):
        key = tuple(None if pd.isna(value) else value for value in values)
        found.setdefault(key, []).append(place)
    if not columns:
        return [({}, table)] if len(table) else []
    return [
        (dict(zip(columns, key, strict=True)), table.iloc[places]) for key, places in found.items()
    ]


def named(settings: Mapping[str, Any]) -> str:
    """Returns settings as a name.

    Examples:
        >>> named({"model": "DINO", "image_size": 224, "head": "deit"})
        'DINO, 224 px, deit head'
    """
    return ", ".join(setting_text(column, value) for column, value in settings.items())


def bounds(row: "pd.Series[Any] | Mapping[str, Any]", metric: str) -> tuple[float, float] | None:
    """Returns the 95 % interval of a row's metric, or None where it has none."""
    low, high = row.get(f"{metric}_low"), row.get(f"{metric}_high")
    return None if low is None or pd.isna(low) or pd.isna(high) else (float(low), float(high))


def value_text(row: "pd.Series[Any] | Mapping[str, Any]", metric: str) -> str:
    """Returns a row's value with its interval, if it has them, and over how few classes it is.

    Examples:
        >>> value_text({"auc": 0.912, "auc_low": 0.87, "auc_high": 0.941}, "auc")
        '0.912 (0.870 to 0.941)'
        >>> value_text({"f1": 1.0}, "f1"), value_text({"f1": float("nan")}, "f1")
        ('1.000, no interval', 'none')
        >>> value_text({"auc": 0.912, "averaged": "1 of 3 classes"}, "auc")
        '0.912, no interval; 1 of 3 classes'
    """
    if pd.isna(row[metric]):
        return "none"
    value, found = number_text(metric, float(row[metric])), bounds(row, metric)
    over = f"; {row['averaged']}" if row.get("averaged") and metric not in _OF_ALL else ""
    if found is None:
        return f"{value}, no interval{over}"
    return f"{value} ({number_text(metric, found[0])} to {number_text(metric, found[1])}){over}"


def finished(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Returns the rows that were run and have a value of a metric."""
    return table[(table["status"] == "done") & table[metric].notna()]
