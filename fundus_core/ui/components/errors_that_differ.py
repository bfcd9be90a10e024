"""Photographs that one model calls rightly and another one wrongly, counted and shown."""

import pandas as pd
import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import FundusError
from fundus_core.stats.discordance import Discordance
from fundus_core.ui import difference_caches, messages, text
from fundus_core.ui.components import downloads
from fundus_core.ui.components.error_gallery import still_listed
from fundus_core.ui.components.gallery import gallery
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.workflows.evaluation.errors_that_differ import DifferingErrors
from fundus_core.workflows.evaluation.operating import OperatingResult
from fundus_core.workflows.evaluation.operating_words import threshold_text

PER_PAGE = 12

METHODS = (
    "Each model calls at a threshold of its own, chosen by Youden's index on the other folds (on "
    "the held-out photographs of the run it was trained as, for a model from elsewhere). The test "
    "swaps the two models patient by patient in every possible way and is exact; with a photograph "
    "per patient it is McNemar's (1947). Thresholds are taken as given. A large p does not show "
    "that two models are equally good."
)


def errors_that_differ(picked: PickedRuns, dataset: FundusDataset, *, common: bool = False) -> None:
    """Draws where two of the picked models differ: counts, an exact test, and the photographs.

    Args:
        picked: Two models or more, one class.
        dataset: Where the photographs are listed.
        common: Compare on the photographs that both models scored.
    """
    st.subheader("Errors that differ")
    first, second = _pick_pair(picked)
    if first == second:
        st.info("Choose two different models to see where they differ.")
        return
    try:
        found = difference_caches.errors_that_differ(
            first, second, picked.class_name, common=common
        )
    except FundusError as error:
        messages.show_error(error)
        return
    names = (picked.names[first], picked.names[second])
    st.markdown(summary_sentence(found, names))
    _counts(found, names, picked)
    _photographs(found, names, dataset)


def summary_sentence(found: DifferingErrors, names: tuple[str, str]) -> str:
    """Says in markdown how often two models differ, and what the test says."""
    whole = found.overall
    unit = "patient by patient" if whole.by_patient else "photographs as independent"
    return (
        f"Of {text.count(found.n_images, 'photograph')}, exactly one of the two is right about "
        f"**{whole.n_differ:,}**: {text.escaped(names[0])} alone about {whole.n_only_first:,}, "
        f"{text.escaped(names[1])} alone about {whole.n_only_second:,}; both are wrong about "
        f"{whole.n_both_wrong:,}. Difference in the share called rightly "
        f"{100 * whole.difference:+z.1f} percentage points, {text.p_value(whole.p_value)} ({unit})."
    )


def counts_frame(found: DifferingErrors, names: tuple[str, str], class_label: str) -> pd.DataFrame:
    """Returns a row per kind of photograph: how often either model is right, and the test."""
    parts = {
        "All": found.overall,
        f"With {class_label}": found.with_class,
        f"Without {class_label}": found.without_class,
    }
    return pd.DataFrame([{"Photographs": kind} | _row(one, names) for kind, one in parts.items()])


def _row(counts: Discordance, names: tuple[str, str]) -> dict[str, object]:
    row: dict[str, object] = {
        "Both right": counts.n_both_right,
        f"Only {names[0]} right": counts.n_only_first,
        f"Only {names[1]} right": counts.n_only_second,
        "Both wrong": counts.n_both_wrong,
    }
    if counts.n_patients_first is not None:
        row["Patients, first better"] = counts.n_patients_first
        row["Patients, second better"] = counts.n_patients_second or 0
    return row | {"p": text.bare_p(counts.p_value)}


def _pick_pair(picked: PickedRuns) -> tuple[str, str]:
    """Draws the menus of two models; the first two of those picked to begin with."""
    ids = [run.id for run in picked.runs]
    left, right = st.columns(2)
    chosen = [
        place.selectbox(
            label, ids, index=index, format_func=picked.names.__getitem__, key=f"differ.{index}"
        )
        for place, label, index in ((left, "One model", 0), (right, "Another model", 1))
    ]
    return chosen[0], chosen[1]


def _counts(found: DifferingErrors, names: tuple[str, str], picked: PickedRuns) -> None:
    table = counts_frame(found, names, picked.class_label)
    shown = counts_frame(found, ("the first", "the second"), picked.class_label)
    shown["Photographs"] = shown["Photographs"].map(text.escaped)
    st.table(
        shown.astype(str),
        hide_index=True,
        alt=text.plain(summary_sentence(found, names)),
    )
    sources = "; ".join(
        f"{text.escaped(name)} {_threshold(result)}"
        for name, result in zip(names, (found.first, found.second), strict=True)
    )
    st.caption(
        f"Thresholds: {sources}. With the class, only one right means that the other misses "
        "it; without, that the other raises a false alarm. The three p-values are of one question "
        "asked in three ways; they are not corrected for that."
    )
    downloads.table(
        table,
        name="errors-that-differ",
        caption=f"Calls of {names[0]} and {names[1]} on {found.n_images:,} photographs, "
        f"{picked.class_label}.",
        methods=METHODS,
        cautions=picked.cautions_with(found.cautions),
    )


def _threshold(result: OperatingResult) -> str:
    value = threshold_text(result.point.threshold, result.thresholds)
    flattered = ", **sought on these very photographs**" * (result.source == "same photographs")
    return f"{value}{flattered}"


def _photographs(found: DifferingErrors, names: tuple[str, str], dataset: FundusDataset) -> None:
    ids = {
        f"Only {names[0]} is right": found.only_first_right(),
        f"Only {names[1]} is right": found.only_second_right(),
    }
    kinds = list(ids)
    kind = st.segmented_control(
        "Photographs",
        range(len(kinds)),
        format_func=lambda one: f"{text.escaped(kinds[one])} ({len(ids[kinds[one]]):,})",
        default=0,
        required=True,
        wrap=True,
        key="differ.kind",
    )
    listed = still_listed(ids[kinds[kind]], dataset)
    if not listed:
        st.caption("There is none.")
        return
    st.caption("The surest of the wrong calls first; under each, both scores and the label.")
    gallery(dataset, listed, key=f"differ.{kind}", notes=notes(found), per_page=PER_PAGE)


def notes(found: DifferingErrors) -> dict[str, str]:
    """Returns image id -> both models' scores and the label."""
    first, second = found.first.predictions, found.second.predictions
    return {
        image_id: f"{one:.2f} / {other:.2f} · {'with' if positive else 'without'}"
        for image_id, one, other, positive in zip(
            first.image_ids,
            first.y_score[:, 0],
            second.y_score[:, 0],
            first.y_true[:, 0],
            strict=True,
        )
    }
