"""What a data set is made of, as bars."""

from html import escape

import pandas as pd
import plotly.graph_objects as go

from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.plots import palette

NO_LABEL = "no label"
WHOLE = "all photographs"
SPLIT_ORDER = ("train", "val", "test")
"""Splits come in this order; all others after them."""


def class_counts(dataset: FundusDataset, target: Target) -> pd.DataFrame:
    """Returns how many photographs each class of a target has, in each split.

    Returns:
        One row per class in the order of the target, then one for rows without label if there are
        any; one column per split, or `WHOLE` where the table has no splits. For multi-label
        targets a photograph counts once for every class it has.
    """
    splits = dataset.table["split"]
    sides = splits.where(splits.notna(), "no split" if splits.notna().any() else WHOLE)
    columns = dataset.table[list(target.columns)]
    if target.task == "multilabel":
        long = [(columns[name] == "1").map({True: name, False: None}) for name in target.columns]
    else:
        long = [columns.iloc[:, 0].where(columns.iloc[:, 0].notna(), NO_LABEL)]
    parts = [
        values.groupby([values, sides.loc[values.index]]).size().unstack(fill_value=0)
        for values in (part.dropna() for part in long)
        if len(values)
    ]
    counts = pd.concat(parts) if parts else pd.DataFrame()
    order = [*target.classes, *([NO_LABEL] if NO_LABEL in counts.index else [])]
    known = [split for split in SPLIT_ORDER if split in counts.columns]
    columns_in_order = [*known, *(split for split in counts.columns if split not in known)]
    return counts.reindex(index=order, columns=columns_in_order).fillna(0).astype(int)


def class_bars(dataset: FundusDataset, target: Target) -> go.Figure:
    """Draws the photographs per class, stacked by split, with their numbers."""
    counts = class_counts(dataset, target)
    figure = go.Figure()
    for number, split in enumerate(counts.columns):
        figure.add_trace(
            go.Bar(
                y=[escape(str(name)) for name in counts.index],
                x=counts[split],
                name=escape(str(split)),
                orientation="h",
                marker={"color": palette.colour(number)},
                text=[count or "" for count in counts[split]],
                textangle=0,
                hovertemplate="%{y}, %{fullData.name}: %{x}<extra></extra>",
            )
        )
    palette.themed(figure)
    figure.update_layout(
        barmode="stack",
        height=90 + 34 * len(counts),
        margin={"l": 10, "r": 10, "t": 10, "b": 40},
        showlegend=len(counts.columns) > 1,
        legend={"orientation": "h", "y": -0.35, "traceorder": "normal"},
    )
    figure.update_xaxes(title="photographs", rangemode="tozero")
    figure.update_yaxes(
        title=escape(target.name), type="category", autorange="reversed", automargin=True
    )
    return figure
