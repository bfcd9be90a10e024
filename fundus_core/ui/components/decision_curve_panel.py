"""Decision curves of several models, and what one threshold means."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from fundus_core.checks import Caution
from fundus_core.plots.decision_curve import PER, DecisionTrace, decision_figure
from fundus_core.stats.net_benefit import Band, DecisionCurve
from fundus_core.stats.resampling import FEWEST_UNITS
from fundus_core.stats.score_maps import RECALIBRATORS
from fundus_core.ui import text
from fundus_core.ui.components import downloads
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.evaluation.decision_curves import DecisionCurves

INTRODUCTION = (
    "From which risk on would you act - refer, treat, call back? Whoever acts from 20 % on holds "
    "one missed disease to be as bad as four false alarms. **Net benefit** counts true positives "
    "and takes off false alarms at that rate. A model is worth using at a threshold where its "
    "curve lies above both treating all and treating none."
)


def pick_thresholds() -> tuple[tuple[float, float], float]:
    """Draws the sliders of the range that is drawn and of the threshold that is marked.

    Returns:
        The lowest and the highest threshold, and the marked one, in (0, 1).
    """
    left, right = st.columns(2)
    low, high = left.slider(
        "Thresholds drawn, in %",
        1,
        99,
        (1, 60),
        key="calibration.thresholds",
        help=help_for("threshold probability"),
    )
    at = right.slider(
        "Act from this risk on, in %", 1, 99, 20, key="calibration.at", help=help_for("net benefit")
    )
    return (low / 100, high / 100), at / 100


def decision_panel(
    found: DecisionCurves,
    names: dict[str, str],
    model: str,
    class_label: str,
    cautions: Sequence[Caution],
) -> None:
    """Draws the curves, and says what the models are worth at one threshold.

    Args:
        found: Of one class.
        names: Run id -> name.
        model: Run whose band is drawn and whose threshold is read.
        class_label: The class.
        cautions: What limits the figures.
    """
    between, at = pick_thresholds()
    looked_at = next((one for one in found.models if one.run_id == model), found.models[0])
    traces = [
        DecisionTrace(names[one.run_id], one.curve, band=one is looked_at) for one in found.models
    ]
    drawn = decision_figure(traces, between=between, at=at)
    st.plotly_chart(drawn, key="calibration.decision", alt=_described(found, names, at))
    curve = looked_at.curve
    st.caption(
        f"Shaded: {100 * curve.confidence:g} % band of {text.escaped(names[looked_at.run_id])}, "
        f"each threshold on its own, by {curve.method}. Dotted: the threshold below."
        if not curve.reason
        else f"No band: {text.escaped(curve.reason)}."
    )
    methods = f"{methods_sentence(found)} {found.no_probabilities}".strip()
    if found.no_probabilities:
        st.warning(text.escaped(found.no_probabilities))
    downloads.figure(
        drawn,
        name="decision-curve",
        caption=f"Net benefit of treating {class_label} by predicted probability, per {PER} "
        f"photographs, at a prevalence of {100 * curve.prevalence:.3g} %; {found.n_images:,} "
        "photographs.",
        methods=methods,
        cautions=cautions,
    )
    st.markdown(reading(curve, at, names[looked_at.run_id], class_label))
    plain = threshold_frame(found, names, at)
    shown = plain.assign(Model=plain["Model"].map(text.escaped))
    st.table(shown, hide_index=True, alt="Net benefit of each model at the threshold.")
    st.caption(table_sentence(found, names))
    downloads.table(
        plain,
        name="net-benefit",
        caption=f"Net benefit per {PER} photographs at a threshold of {100 * at:.0f} %.",
        methods=methods,
        cautions=cautions,
    )


def reading(curve: DecisionCurve, at: float, name: str, class_label: str) -> str:
    """Says in plain words what a model is worth at a threshold.

    Args:
        curve: The model's.
        at: The threshold, one of the curve's.
        name: Of the model.
        class_label: The class.
    """
    row = row_of(curve, at)
    worth = PER * curve.model.value[row]
    everyone = PER * curve.treat_all.value[row]
    gain = PER * curve.over_all.value[row]
    disease = text.escaped(class_label)
    said = (
        f"**Acting from {100 * at:.0f} % on, by {text.escaped(name)}:** of {PER} photographs at a "
        f"prevalence of {100 * curve.prevalence:.3g} %, net benefit is "
        f"{_ends(curve.model, row)}: "
    )
    said += (
        f"worth as much as finding {worth:.1f} with {disease} without a false alarm. "
        if worth > 0
        else "no better than acting on no one. "
    )
    if everyone <= 0:
        return said + "Treating everyone would do more harm than good at this threshold."
    fewer = gain * (1 - at) / at
    if gain > 0:
        low, doubt = curve.over_all.low[row], ""
        if np.isnan(low):
            doubt = " Without an interval a gain is not shown."
        elif low <= 0:
            doubt = " The interval reaches below zero, so a gain is not shown."
        return said + (
            f"Against treating everyone ({everyone:+z.1f}) this is {_ends(curve.over_all, row)} "
            f"more: like {fewer:.1f} fewer false alarms, with no more disease missed.{doubt}"
        )
    return said + (
        f"Against treating everyone ({everyone:+z.1f}) it gains nothing: "
        f"{_ends(curve.over_all, row)}."
    )


def threshold_frame(found: DecisionCurves, names: dict[str, str], at: float) -> pd.DataFrame:
    """Returns a row per model, and treating all and none, at a threshold; plain text."""
    against = {one.run_b: one.result.difference for one in found.differences}
    rows = []
    for one in found.models:
        row = row_of(one.curve, at)
        difference = against.get(one.run_id)
        rows.append(
            {
                "Model": names[one.run_id],
                f"Net benefit per {PER} (95 % CI)": _ends(one.curve.model, row),
                "More than treating all (95 % CI)": _ends(one.curve.over_all, row),
                "First model less this one (95 % CI)": "–"
                if difference is None
                else _ends(difference, row),
                "Of the best possible": f"{one.curve.model.value[row] / one.curve.prevalence:.0%}",
            }
        )
    first = found.models[0].curve
    everyone = f"{PER * first.treat_all.value[row_of(first, at)]:+z.1f}"
    for name, value in (("treat all", everyone), ("treat none", "0")):
        rows.append(
            {
                column: {"Model": name, f"Net benefit per {PER} (95 % CI)": value}.get(column, "–")
                for column in rows[0]
            }
        )
    table = pd.DataFrame(rows)
    return table if found.differences else table.drop(columns="First model less this one (95 % CI)")


def table_sentence(found: DecisionCurves, names: dict[str, str]) -> str:
    """Says what the columns are, and what was resampled."""
    said = (
        f"Intervals: {found.models[0].curve.method}, each threshold on its own; reading off the "
        "threshold that looks best flatters a model. There is none where fewer than "
        f"{FEWEST_UNITS} patients would be treated differently by what is compared. The best "
        "possible net benefit is the prevalence (standardised net benefit). "
    )
    if found.differences:
        first = text.escaped(names[found.models[0].run_id])
        said += f"The first model is {first}; differences are of the same photographs."
    elif len(found.models) > 1:
        said += "The models scored different photographs, so there are no differences."
    return said


def methods_sentence(found: DecisionCurves) -> str:
    """Returns how the curves were made, for the methods section of a paper."""
    curve = found.models[0].curve
    unit = "photographs" if found.n_patients is None else "patients"
    scores = (
        ""
        if found.recalibration is None
        else f" Scores were recalibrated by {RECALIBRATORS[found.recalibration].label}, fitted on "
        "the other folds."
    )
    return (
        "Decision curve analysis (Vickers & Elkin 2006) on predicted probabilities, at a "
        f"prevalence of {100 * curve.prevalence:.3g} % (observed "
        f"{100 * curve.observed_prevalence:.3g} %); pointwise {100 * curve.confidence:g} % "
        f"intervals by {curve.method}, drawn from all; {unit} count as independent.{scores}"
    )


def row_of(curve: DecisionCurve, at: float) -> int:
    """Returns the row of the threshold nearest to one."""
    return int(np.abs(curve.thresholds - at).argmin())


def _ends(band: Band, row: int) -> str:
    """Returns a value per 100 photographs with its interval, where it has one."""
    value, low, high = (PER * one[row] for one in (band.value, band.low, band.high))
    return f"{value:+z.1f}" if np.isnan(low) else f"{value:+z.1f} ({low:+z.1f} to {high:+z.1f})"


def _described(found: DecisionCurves, names: dict[str, str], at: float) -> str:
    """Describes the figure to those who do not see it."""
    said = "; ".join(
        f"{names[one.run_id]} {_ends(one.curve.model, row_of(one.curve, at))}"
        for one in found.models
    )
    return f"Decision curves. Net benefit per {PER} at a threshold of {at:.0%}: {said}."
