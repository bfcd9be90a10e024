"""The part of a ROC curve that a clinic uses: partial AUCs over a range the reader chooses."""

import pandas as pd
import streamlit as st

from fundus_core.errors import FundusError
from fundus_core.plots.precision_recall import average_text
from fundus_core.stats.fixed_rates import OTHER, FixedRate
from fundus_core.stats.partial_auc import Axis, PartialAuc
from fundus_core.ui import curve_caches, messages, text
from fundus_core.ui.components import downloads
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.workflows.evaluation.curves import AXES, HIGH_END, PartialRange

Found = dict[str, tuple[PartialAuc, FixedRate]]
"""Run id -> its partial AUC, and the other rate at the lower end of the range."""


def partial_area_panel(picked: PickedRuns, aggregate: str | None = None) -> None:
    """Draws the choice of the range, and a table with a row per model.

    Args:
        picked: What the page looks at.
        aggregate: Key of `AGGREGATES` for patients, None for photographs.
    """
    axis, part = pick_range("partial")
    if part is None:
        return
    try:
        found = {
            run.id: curve_caches.partial(run.id, picked.class_name, axis, part, aggregate)
            for run in picked.runs
        }
    except FundusError as error:
        messages.show_error(error)
        return
    st.table(partial_frame(found, picked.names, axis, part), hide_index=True, alt="Partial AUCs.")
    methods = methods_text(next(iter(found.values())))
    where = ", one row per patient" if aggregate else ""
    downloads.table(
        plain_frame(found, picked.names, axis, part),
        name="partial-auc",
        caption=f"Partial AUC over {axis} {part.start:g} to {part.end:g} for "
        f"{picked.class_label}, on {text.count(picked.runs[0].n_images, 'photograph')}{where}.",
        methods=methods,
        cautions=picked.cautions,
    )
    for sentence in notes(found, picked.names):
        st.caption(sentence)
    st.caption(
        f"Mean {OTHER[axis]} over the range is the area divided by its width. Corrected: on "
        "McClish's scale, 0.5 for the chance line and 1 for a perfect curve. "
        f"{text.escaped(methods)} The range, too, should be chosen before looking."
    )


def pick_range(key: str) -> tuple[Axis, PartialRange | None]:
    """Draws the choice of the axis and of the range; None, with a hint, where it has no width.

    Args:
        key: Begins the widgets' keys.
    """
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    axis = left.segmented_control(
        "Range of",
        list(AXES),
        format_func=str.capitalize,
        default=AXES[0],
        required=True,
        wrap=True,
        key=f"{key}.axis",
        persist_state="session",
        help="High specificity matters where false alarms are costly, high sensitivity where "
        "missing the diseased is.",
    )
    start, end = right.slider(
        "From, to",
        0.0,
        1.0,
        (HIGH_END.start, HIGH_END.end),
        step=0.01,
        key=f"{key}.range",
        persist_state="session",
    )
    chosen: Axis = axis or AXES[0]
    if start == end:
        st.info("Choose a range with width: move one end of the slider.")
        return chosen, None
    return chosen, PartialRange(start, end)


def partial_frame(
    found: Found, names: dict[str, str], axis: Axis, part: PartialRange
) -> pd.DataFrame:
    """Returns a row per model as the page shows it."""
    pairs = list(found.values())
    return pd.DataFrame(
        {
            "Model": [text.escaped(names[run_id]) for run_id in found],
            "Partial AUC (95 % CI)": [average_text(area.area) for area, _ in pairs],
            "Corrected (95 % CI)": [
                "below chance" if area.corrected.value is None else average_text(area.corrected)
                for area, _ in pairs
            ],
            f"{OTHER[axis].capitalize()} at {axis} {part.start:g} (95 % CI)": [
                average_text(rate.rate) for _, rate in pairs
            ],
        }
    )


def plain_frame(
    found: Found, names: dict[str, str], axis: Axis, part: PartialRange
) -> pd.DataFrame:
    """Returns the same as numbers, for a file."""
    table = pd.DataFrame({"Model": [names[run_id] for run_id in found]})
    for label, intervals in (
        ("Partial AUC", [area.area for area, _ in found.values()]),
        ("Corrected partial AUC", [area.corrected for area, _ in found.values()]),
        (
            f"{OTHER[axis].capitalize()} at {axis} {part.start:g}",
            [rate.rate for _, rate in found.values()],
        ),
    ):
        table[label] = [one.value for one in intervals]
        table[f"{label}, lower end"] = [one.low for one in intervals]
        table[f"{label}, upper end"] = [one.high for one in intervals]
    return table


def notes(found: Found, names: dict[str, str]) -> list[str]:
    """Returns why intervals or values are missing, a sentence of markdown per model and reason."""
    said = []
    for run_id, (area, rate) in found.items():
        reasons = {area.area.reason, area.corrected.reason, rate.rate.reason} - {""}
        said += [f"{text.escaped(names[run_id])}: {text.escaped(one)}." for one in sorted(reasons)]
    return said


def methods_text(found: tuple[PartialAuc, FixedRate]) -> str:
    """Returns how areas and rates were made, for the methods section of a paper."""
    area, rate = found
    return (
        "Partial area under the empirical ROC curve, raw and corrected (McClish 1989), with "
        f"intervals by {area.area.method}; {rate.measured} at a fixed {rate.fixed}, interpolated, "
        f"by {rate.rate.method}; {area.area.n_resamples} resamples."
    )
