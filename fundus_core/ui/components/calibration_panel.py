"""Reliability of several models in one figure, and the figures of one with what each means."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from fundus_core.checks import Caution
from fundus_core.errors import FundusError
from fundus_core.plots.calibration import ReliabilityTrace, reliability_figure
from fundus_core.stats.calibration import Calibration
from fundus_core.stats.reliability import Binning, ReliabilityCurve
from fundus_core.ui import calibration_caches, messages, text
from fundus_core.ui.components import calibration_words as words
from fundus_core.ui.components import downloads
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.workflows.evaluation.calibration import ClassCalibration, ModelCalibration

_BINNINGS: dict[Binning, str] = {"mass": "as many photographs in each", "width": "of equal width"}

_MOST_LINES = 3
"""Models whose logistic curves are all drawn; of more, only that of the model looked at."""


@dataclass(frozen=True, slots=True)
class CalibrationChoice:
    """How the page looks at calibration."""

    n_bins: int
    binning: Binning
    prevalence: float | None
    """For which figures are shown; None for that of the photographs."""


def pick(*, with_prevalence: bool) -> CalibrationChoice:
    """Draws the menus of bins and of the prevalence.

    Args:
        with_prevalence: Whether there is one class for which to ask.
    """
    left, middle, right = st.columns(3)
    n_bins = left.selectbox("Bins", (5, 10, 15, 20), index=1, key="calibration.bins")
    binning = middle.selectbox(
        "Bins are",
        list(_BINNINGS),
        format_func=_BINNINGS.__getitem__,
        key="calibration.binning",
        help="Bins of equal width can hold a handful of photographs only.",
    )
    percent = None
    if with_prevalence:
        percent = right.number_input(
            "Prevalence where it will be used, in %",
            min_value=0.1,
            max_value=99.0,
            value=None,
            step=1.0,
            placeholder="as in these photographs",
            key="calibration.prevalence",
            help="Of 100 photographs there, how many have the class. A hospital's photographs have "
            "more disease than those of a screening programme.",
        )
    return CalibrationChoice(n_bins, binning, None if percent is None else percent / 100)


def calibrations(picked: PickedRuns, choice: CalibrationChoice) -> dict[str, ModelCalibration]:
    """Returns run id -> calibration; says of the others why they have none, and ends if all do."""
    found: dict[str, ModelCalibration] = {}
    for run in picked.runs:
        try:
            found[run.id] = calibration_caches.calibration(
                run.id,
                "" if picked.all_classes else picked.scored_class,
                n_bins=choice.n_bins,
                binning=choice.binning,
                prevalence=choice.prevalence,
            )
        except FundusError as error:
            named = FundusError(f"{picked.names[run.id]}: {error.message}", hint=error.hint)
            messages.show_error(named)
    if not found:
        st.stop()
    return found


def pick_model(found: dict[str, ModelCalibration], names: dict[str, str]) -> str:
    """Returns the run looked at closely: the only one, or the one chosen in a menu."""
    if len(found) == 1:
        return next(iter(found))
    chosen: str = st.selectbox(
        "Figures of", list(found), format_func=names.__getitem__, key="calibration.model"
    )
    return chosen


def reliability(
    found: dict[str, ModelCalibration],
    names: dict[str, str],
    model: str,
    class_label: str,
    cautions: Sequence[Caution],
) -> None:
    """Draws the reliability curves of models on one class, and says how to read them.

    Args:
        found: Run id -> calibration, of one class.
        names: Run id -> name.
        model: Run whose band is drawn.
        class_label: The class.
        cautions: What limits the figure.
    """
    traces = [
        ReliabilityTrace(
            names[run_id],
            one.classes[0].before.curve,
            one.classes[0].before.line.curve
            if run_id == model or len(found) <= _MOST_LINES
            else None,
            one.classes[0].histogram,
            one.classes[0].shifted if run_id == model else None,
            band=run_id == model,
        )
        for run_id, one in found.items()
    ]
    first = found[model].classes[0]
    drawn = reliability_figure(traces, class_label=class_label, prevalence=first.prevalence)
    st.plotly_chart(drawn, key="calibration.figure", alt=_described(found, names))
    st.caption(words.reading(first.before.curve, first.before, several=len(found) > 1))
    downloads.figure(
        drawn,
        name="reliability",
        caption=f"Observed over predicted shares of {class_label}, {first.before.n_images:,} "
        "photographs, with the histogram of predictions below.",
        methods=words.methods(first.before),
        cautions=cautions,
    )


def card(found: ModelCalibration, class_label: str) -> None:
    """Draws the figures of one model on one class, each with a sentence on what it means."""
    one = found.classes[0]
    before = one.before
    st.markdown(words.in_the_large(before, class_label))
    st.markdown(words.slope(before))
    st.markdown(words.errors(before.errors))
    st.markdown(words.brier(before, class_label))
    st.markdown(words.farthest(before.curve, class_label))
    if one.shifted is not None and one.prevalence is not None:
        st.markdown(words.shifted(before.curve, one.shifted, one.prevalence, class_label))
    if before.line.n_at_edge:
        st.caption(words.at_edge(before))


def figures(
    found: dict[str, ModelCalibration], names: dict[str, str], cautions: Sequence[Caution]
) -> None:
    """Draws the table of every model's figures on one class, and the bins behind the curve."""
    rows = [(names[run_id], one.classes[0].before) for run_id, one in found.items()]
    plain = figures_frame(rows, "Model")
    st.table(_escaped(plain), hide_index=True, alt="Calibration figures of each model.")
    st.caption(words.table_sentence(rows[0][1]))
    downloads.table(
        plain,
        name="calibration",
        caption=f"Calibration of {text.count(len(rows), 'model')}.",
        methods=words.methods(rows[0][1]),
        cautions=cautions,
    )
    with st.expander("The bins as a table"):
        bins = pd.concat(
            [
                bins_frame(one.classes[0]).assign(Model=names[run_id])
                for run_id, one in found.items()
            ]
        )
        bins = bins[["Model", *[name for name in bins if name != "Model"]]]
        st.table(_escaped(bins), hide_index=True, alt="Predicted and observed shares of each bin.")
        downloads.table(
            bins,
            name="reliability-bins",
            caption="Predicted and observed shares, bin by bin.",
            methods=words.methods(rows[0][1]),
            cautions=cautions,
        )


def classes(found: ModelCalibration, labels: dict[str, str], cautions: Sequence[Caution]) -> None:
    """Draws the table of all classes of a model, each against the rest, and the top label.

    Args:
        found: Of all classes.
        labels: Class -> how it reads alone.
        cautions: What limits the figures.
    """
    if found.top_label is not None:
        st.markdown(words.top_label(found.top_label))
        sure = ReliabilityTrace("the class decided for", found.top_label.curve)
        drawn = reliability_figure([sure], class_label="the class decided for")
        st.plotly_chart(
            drawn, key="calibration.top", alt="Share of right decisions over the highest score."
        )
        downloads.figure(
            drawn,
            name="top-label",
            caption=f"Share of right decisions over the highest score, {found.n_images:,} "
            "photographs.",
            methods=words.methods(found.classes[0].before),
            cautions=cautions,
        )
    plain = figures_frame([(labels[one.class_name], one.before) for one in found.classes], "Class")
    st.table(_escaped(plain), hide_index=True, alt="Calibration figures of each class.")
    st.caption(words.table_sentence(found.classes[0].before))
    if found.left_out:
        absent = ", ".join(text.escaped(labels[name]) for name in found.left_out)
        st.caption(f"**Left out**, because all photographs or none have them: {absent}.")
    downloads.table(
        plain,
        name="calibration-classes",
        caption=f"Calibration of each class against the rest, {found.n_images:,} photographs.",
        methods=words.methods(found.classes[0].before),
        cautions=cautions,
    )


def figures_frame(rows: Sequence[tuple[str, Calibration]], first: str) -> pd.DataFrame:
    """Returns a row per model or class; plain text, not escaped."""
    found = [one for _, one in rows]
    return pd.DataFrame(
        {
            first: [name for name, _ in rows],
            "Predicted, observed": [
                f"{100 * one.mean_predicted:.1f}\u00a0%, {100 * one.mean_observed:.1f}\u00a0%"
                for one in found
            ],
            "Intercept (95 % CI)": [words.interval(one.line.intercept, 2) for one in found],
            "Slope (95 % CI)": [words.interval(one.line.slope, 2) for one in found],
            "ECE (by chance)": [
                f"{one.errors.ece:.3f} ({one.errors.ece_by_chance:.3f})" for one in found
            ],
            "RMS error (95 % CI)": [
                words.interval(one.errors.root_mean_square, 3) for one in found
            ],
            "Brier (95 % CI)": [words.interval(one.brier, 3) for one in found],
            "Scaled Brier (95 % CI)": [words.interval(one.scaled_brier, 2) for one in found],
        }
    )


def bins_frame(one: ClassCalibration) -> pd.DataFrame:
    """Returns a row per bin of a reliability curve."""
    curve: ReliabilityCurve = one.before.curve
    table = pd.DataFrame(
        {
            "Scores": [
                f"{a:.3f} to {b:.3f}" for a, b in zip(curve.lowest, curve.highest, strict=True)
            ],
            "Photographs": [f"{n:,}" for n in curve.n_images],
            "Predicted": [f"{100 * p:.1f} %" for p in curve.predicted],
            "Observed (95 % CI)": [
                words.share(*three)
                for three in zip(curve.observed, curve.low, curve.high, strict=True)
            ],
        }
    )
    if one.shifted is not None and one.prevalence is not None:
        moved = one.shifted
        table[f"At a prevalence of {100 * one.prevalence:.3g} %"] = [
            words.share(*three) for three in zip(moved.observed, moved.low, moved.high, strict=True)
        ]
    return table


def _escaped(table: pd.DataFrame) -> pd.DataFrame:
    """Returns a table whose names from the data are markdown that shows exactly them."""
    names = [name for name in ("Model", "Class") if name in table]
    return table.assign(**{name: table[name].map(text.escaped) for name in names})


def _described(found: dict[str, ModelCalibration], names: dict[str, str]) -> str:
    """Describes the figure to those who do not see it."""
    said = "; ".join(
        f"{names[run_id]}: slope {words.interval(one.classes[0].before.line.slope, 2)}, "
        f"ECE {one.classes[0].before.errors.ece:.3f}"
        for run_id, one in found.items()
    )
    return f"Reliability curves. {said}."
