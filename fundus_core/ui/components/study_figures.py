"""The figures that a study file asks for, each with how to read it."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.checks import Caution
from fundus_core.plots.study import figure, nothing_to_draw
from fundus_core.plots.study_names import finished, metric_title, named, value_text, varied
from fundus_core.studies.document import FigurePart, StudyDocument
from fundus_core.studies.results import figure_rows
from fundus_core.studies.run import Study
from fundus_core.ui import messages, study_caches, text
from fundus_core.ui.components import downloads
from fundus_core.ui.components.study_results import (
    clustering,
    judged_sentence,
    resampled,
    taught_sentence,
    with_synthetic,
)
from fundus_core.ui.study_wiring import StudyChoice, figures_of, rule_text, shown_rule

READING = {
    "heat map": "Each field is a row's setting with a column's; brighter is higher, on the scale "
    "beside it. Point at an empty field to read why it is empty.",
    "curve": "Each line follows one model; colours tell models apart, dashes what else differs.",
    "forest": "Each row is a cell. Whether two of them differ is not read from intervals that "
    "overlap, but from the paired test in the table.",
    "convergence": "The further left a line falls and has its ring, the fewer epochs it needs. "
    "Losses compare within one data set only.",
}
"""Kind of figure -> how to read it."""


def study_figures(choice: StudyChoice, document: StudyDocument, table: pd.DataFrame) -> None:
    """Draws the figures of a study as far as there are results.

    Args:
        choice: Which study.
        document: What its file says.
        table: Its results.
    """
    figures = figures_of(choice, document)
    if not figures:
        st.caption("The study file asks for no figure that these photographs could fill.")
        return
    with messages.shown_to_user():
        study, curves = study_caches.study(choice), study_caches.study_curves(choice)
        found = study_caches.study_cautions(choice)
    for number, asked in enumerate(figures):
        st.subheader(_title(asked))
        rows = figure_rows(study, asked, table)
        if why := nothing_to_draw(asked, rows, curves):
            st.caption(why)
            continue
        drawn = figure(asked, rows, curves, against=shown_rule(document, document.against))
        st.plotly_chart(drawn, key=f"studies.figure.{number}", alt=_in_words(asked, rows))
        reading = reading_sentence(asked, rows, document)
        st.caption(reading)
        downloads.figure(
            drawn,
            name=f"{choice.path.stem}-{choice.size}-{number}",
            caption=f"{document.title}: {_title(asked)}. {text.plain(reading)}",
            methods=methods_sentence(rows, document),
            cautions=with_synthetic(choice, document, _of_rows(found, rows)),
        )
        if asked.kind == "curve" and asked.x == "image_size":
            _costs(study, finished(rows, asked.metric), asked.metric)


def methods_sentence(rows: pd.DataFrame, document: StudyDocument) -> str:
    """Says how the values of a figure are made.

    Args:
        rows: Results it shows.
        document: What the study file says.
    """
    return (
        f"{judged_sentence(document, rows)} Intervals of AUCs by DeLong{clustering(rows)}; others "
        f"by the BCa bootstrap of {resampled(rows)}. Models and thresholds are taken as given."
    )


def _of_rows(found: Sequence[Caution], rows: pd.DataFrame) -> list[Caution]:
    """Returns those of a study's cautions that some of these rows have."""
    codes = set(", ".join(rows["cautions"]).split(", "))
    return [one for one in found if one.code in codes]


def _in_words(asked: FigurePart, rows: pd.DataFrame) -> str:
    """Returns a figure for those who do not see it."""
    values = rows[asked.metric].dropna() if asked.metric in rows else pd.Series(dtype=float)
    if values.empty:
        return _title(asked)
    return (
        f"{_title(asked)}: {metric_title(asked.metric)} from {values.min():.3f} to "
        f"{values.max():.3f} in {text.count(len(values), 'row')}; the table holds each."
    )


def reading_sentence(asked: FigurePart, rows: pd.DataFrame, document: StudyDocument) -> str:
    """Says how to read a figure, and of how many rows it lacks the result."""
    said = READING[asked.kind]
    reference = text.escaped(rule_text(document, document.against))
    if asked.kind == "heat map" and asked.metric == "auc" and reference:
        said += (
            f" An asterisk marks what differs from the cell of {reference}, p < 0.05 after Holm's "
            "correction."
        )
    if asked.kind == "forest" and reference and asked.metric != "relative_gain":
        said += f" The open square and the dotted line are {reference}."
    if asked.metric == "relative_gain" and document.gain_over:
        over = ", ".join(f"{name} {value}" for name, value in document.gain_over.items())
        said += (
            f" Gains are in percent over {text.escaped(over)}, and no interval is known of them."
        )
    missing = int((rows["status"] != "done").sum())
    if missing:
        said += f" {missing:,} of {text.count(len(rows), 'row')} have no result."
    return said + taught_sentence(rows)


def resolution_frame(study: Study, rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Returns what each size of the input costs, beside what it brings.

    Args:
        study: Opened.
        rows: Results to show.
        metric: Column of values.
    """
    backbones = {
        tuple(cell.values()[axis] for axis in ("model", "image_size")): cell.backbone
        for cell in study.cells
    }
    plain = {model.shown: model.name for model in study.document.models}
    apart = [name for name in varied(rows) if name != "image_size"] or ["model"]
    sides = [None if pd.isna(side) else int(side) for side in rows["image_size"]]
    models = [plain.get(name, name) for name in rows["model"]]
    found = [backbones[key] for key in zip(models, sides, strict=True)]
    return pd.DataFrame(
        {
            "Cell": [
                text.escaped(named({name: row[name] for name in apart}))
                for _, row in rows.iterrows()
            ],
            "Side, px": ["own" if side is None else str(side) for side in sides],
            f"{metric_title(metric)} (95 % CI)": [
                value_text(row, metric) for _, row in rows.iterrows()
            ],
            "Tokens": [
                "–" if (tokens := patch_tokens(backbone, side)) is None else f"{tokens:,}"
                for backbone, side in zip(found, sides, strict=True)
            ],
            "Seconds": [f"{seconds:,.0f}" for seconds in rows["seconds"]],
            "Largest memory, MB": [f"{megabytes:,.0f}" for megabytes in rows["peak_mb"]],
        }
    )


def patch_tokens(backbone: str, side: int | None) -> int | None:
    """Returns how many patches a transformer makes of an input; None for other networks.

    Args:
        backbone: Id of the catalogue; of other names the size of a patch is not known.
        side: Of the input in pixels; None for the backbone's own.

    Examples:
        >>> patch_tokens("deit_base", 224), patch_tokens("dinov2_base", 448)
        (196, 1024)
        >>> patch_tokens("resnet50", 224) is None
        True
    """
    spec = backbone_spec(backbone)
    if spec.size_multiple <= 1:
        return None
    return ((side or spec.image_size) // spec.size_multiple) ** 2


def _costs(study: Study, rows: pd.DataFrame, metric: str) -> None:
    """Draws what sizes of the input cost."""
    st.table(resolution_frame(study, rows, metric), hide_index=True)
    st.caption(
        "Seconds and the largest memory are of the whole cell, all folds together, when it was run "
        "first; a probe on embeddings that were stored takes little. Tokens are the patches that a "
        "transformer sees; other networks have none."
    )


def _title(asked: FigurePart) -> str:
    if asked.title:
        return asked.title
    if asked.kind == "convergence":
        return "How fast they learn"
    return metric_title(asked.metric)
