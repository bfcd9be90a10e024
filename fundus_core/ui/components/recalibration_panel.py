"""What recalibration by the other folds would do to one model."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from fundus_core.checks import Caution
from fundus_core.errors import FundusError
from fundus_core.plots.calibration import ReliabilityTrace, reliability_figure
from fundus_core.stats.score_maps import RECALIBRATORS, Recalibration
from fundus_core.ui import calibration_caches, messages, text
from fundus_core.ui.components import calibration_words as words
from fundus_core.ui.components import downloads
from fundus_core.ui.components.calibration_panel import CalibrationChoice, figures_frame
from fundus_core.workflows.evaluation.calibration import ModelCalibration
from fundus_core.workflows.evaluation.recalibrate import RecalibratedModel


def pick_method() -> Recalibration:
    """Draws the menu of recalibrations."""
    chosen: Recalibration = st.selectbox(
        "Recalibration",
        list(RECALIBRATORS),
        format_func=lambda name: RECALIBRATORS[name].label,
        key="calibration.method",
        help="Platt scaling fits two numbers, temperature scaling one, isotonic regression a step "
        "curve that wants many photographs.",
    )
    return chosen


def before_and_after(
    run_id: str,
    class_name: str,
    class_label: str,
    choice: CalibrationChoice,
    method: Recalibration,
    cautions: Sequence[Caution],
) -> None:
    """Draws one model before and after, or says why it cannot be recalibrated.

    Args:
        run_id: Of the model.
        class_name: One class against the rest.
        class_label: How it reads alone.
        choice: Bins.
        method: Key of `RECALIBRATORS`.
        cautions: What limits the figures.
    """
    try:
        found = calibration_caches.calibration(
            run_id,
            class_name,
            n_bins=choice.n_bins,
            binning=choice.binning,
            recalibration=method,
        )
    except FundusError as error:
        messages.show_error(error)
        return
    one, by = found.classes[0], found.recalibration
    if one.after is None or by is None:
        st.info(f"Not recalibrated: {text.escaped(one.no_after)}")
        return
    st.markdown(folds_sentence(by, known=found.n_patients is not None))
    _draw(found, class_label, by, cautions)


def folds_sentence(by: RecalibratedModel, *, known: bool) -> str:
    """Says which folds taught the maps, and what that does to the AUC.

    Args:
        by: What was done.
        known: Whether patients are.
    """
    folds = (
        f"the {by.n_folds} folds of its cross-validation"
        if by.folds_from == "cross-validation"
        else f"{by.n_folds} folds made for this, for the model has none"
    )
    disjoint = (
        "No patient is in two folds (verified)."
        if known
        else "Patients are unknown, so one may be in two folds."
    )
    said = (
        f"{by.method_label[:1].upper()}{by.method_label[1:]}, in {folds}: what a fold's scores "
        f"become is learned from the other folds' held-out scores only. {disjoint} "
    )
    if by.renormalised:
        said += "Classes are mapped one against the rest and divided by their sum. "
    flat = sum(one.flat for one in by.maps)
    if flat:
        said += (
            f"**In {flat} of {len(by.maps)} maps the other folds would have turned the order "
            "round**: there all scores become equal. "
        )
    kept = (
        "Within a fold the order of scores, and so its AUC, stays"
        if RECALIBRATORS[by.method].strictly_monotone and not flat and not by.renormalised
        else "Scores that differed can become equal"
    )
    return said + (
        f"{kept}; the pooled AUC goes from {by.auc_before:.3f} to {by.auc_after:.3f}, because each "
        "fold has its own map."
    )


def _draw(
    found: ModelCalibration, class_label: str, by: RecalibratedModel, cautions: Sequence[Caution]
) -> None:
    one = found.classes[0]
    if one.after is None:
        return
    sides = (("as it is", one.before), (f"after {by.method_label}", one.after))
    drawn = reliability_figure(
        [ReliabilityTrace(name, side.curve, side.line.curve) for name, side in sides],
        class_label=class_label,
    )
    methods = (
        f"{by.method_label[:1].upper()}{by.method_label[1:]}, fitted on the held-out scores of the "
        f"other folds ({by.n_folds} folds, {by.folds_from}). {words.methods(one.before)} Intervals "
        "take the fitted maps as given."
    )
    figure_place, table_place = st.columns([3, 2], gap="large")
    with figure_place:
        st.plotly_chart(
            drawn, key="calibration.after", alt="Reliability before and after recalibration."
        )
        downloads.figure(
            drawn,
            name="recalibration",
            caption=f"Reliability before and after {by.method_label}, {found.n_images:,} "
            "photographs.",
            methods=methods,
            cautions=cautions,
        )
    with table_place:
        plain = _sides(figures_frame(list(sides), "Scores"))
        st.table(plain, hide_index=True, alt="Calibration before and after.")
        st.caption("Intervals take the fitted maps as given.")
        downloads.table(
            plain,
            name="recalibration-figures",
            caption=f"Calibration before and after {by.method_label}.",
            methods=methods,
            cautions=cautions,
        )


def _sides(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the table turned over: a row per figure, a column before and one after."""
    turned = table.set_index("Scores").T
    turned.columns.name = None
    return turned.rename_axis("Figure").reset_index()
