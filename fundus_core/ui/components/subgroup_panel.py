"""One model in each group of photographs: menu, forest plot, table, and whether groups differ."""

from collections.abc import Callable, Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fundus_core.plots import subgroups as drawn
from fundus_core.plots.roc import interval_text
from fundus_core.stats.homogeneity import Homogeneity
from fundus_core.stats.proportions import Share
from fundus_core.stats.subgroups import GroupTest, Subgroup
from fundus_core.ui import messages, state, stress_caches, text
from fundus_core.ui.components import downloads
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.workflows.evaluation.subgroups import (
    MEASURED,
    MOST_GROUPS,
    NO_THRESHOLD,
    USUAL_BANDS,
    GroupedRun,
    GroupingColumn,
)
from fundus_core.workflows.models.run_record import Run

_METHODS = (
    "AUCs with Obuchowski's clustered form of DeLong's variance on the logit scale; sensitivity "
    "and specificity with Wilson's interval, clustered by the design effect (Rao and Scott 1992); "
    "patients are the unit of independence where they are known. Equality of AUCs by a chi-square "
    "of their logits with the joint covariance of the groups, from the sums of each patient's "
    "placements; equality of shares by Pearson's chi-square with effective sizes."
)


def subgroup_panel(run: Run, picked: PickedRuns) -> None:
    """Draws the menus and what they lead to.

    Args:
        run: The model looked at.
        picked: Its name and class.
    """
    offered = stress_caches.columns(run.id)
    if not offered:
        st.info(
            f"The table of this data set has no column to group by: none has 2 to {MOST_GROUPS} "
            "different values, or numbers. Add columns such as site, camera, age or sex to the "
            "table and open it again."
        )
        return
    column, bands, threshold = _menus(offered, run)
    with messages.shown_to_user():
        found = stress_caches.subgroups(
            run.id, column.name, picked.class_name, threshold=threshold, bands=bands
        )
    st.markdown(_what_is_shown(found, picked))
    _differences(found)
    _figures(found, picked)
    _table(found, picked)
    st.caption(_how_to_read(found))


def _menus(
    offered: tuple[GroupingColumn, ...], run: Run
) -> tuple[GroupingColumn, int, float | None]:
    """Returns the column, the number of bands, and the threshold that were chosen.

    There is no threshold for scores of words alone, unless one is asked for.
    """
    left, middle, right = st.columns([3, 1, 3])
    column: GroupingColumn = left.selectbox(
        "Group photographs by",
        offered,
        format_func=_column_label,
        key="stress.column",
        help="Columns of the table, and what was measured of the photographs (Shortcuts tab).",
    )
    bands = USUAL_BANDS
    if column.kind == "numbers":
        bands = middle.number_input("Bands", 2, 10, USUAL_BANDS, key="stress.bands")
    if run.kind == "zero_shot" and not right.toggle(
        "Judge by a threshold", help=NO_THRESHOLD, key="stress.judged"
    ):
        return column, int(bands), None
    threshold: float = right.slider(
        "Threshold, the same in every group",
        0.0,
        1.0,
        step=0.001,
        format="%.3f",
        help="Called positive from this score on. It should be fixed before looking at groups.",
        **state.bound("threshold", key="stress.threshold"),
    )
    return column, int(bands), threshold


def _column_label(column: GroupingColumn) -> str:
    name = column.name.removeprefix(MEASURED).replace("_", " ")
    said = f"{name}, measured" if column.name.startswith(MEASURED) else column.name
    return f"{said} (numbers)" if column.kind == "numbers" else f"{said} ({column.n_values})"


def _what_is_shown(found: GroupedRun, picked: PickedRuns) -> str:
    return (
        f"**{text.escaped(picked.names[found.run_id])}** on {_where(found, text.escaped)}, "
        f"for {text.escaped(picked.class_label)}."
    )


def _where(found: GroupedRun, name: Callable[[str], str] = str) -> str:
    """Says how many photographs, of whom, and grouped by what."""
    of = "of unknown patients"
    if found.n_patients is not None:
        of = f"of {text.count(found.n_patients, 'patient')}"
    return f"{text.count(found.n_images, 'photograph')} {of}, by {name(found.column.name)}"


def _differences(found: GroupedRun) -> None:
    """Says whether groups differ, by which test, and what it assumes."""
    result = found.result
    auc, *shares = found.tests
    if auc.result is None:
        st.markdown(f"**Groups cannot be compared by AUC:** {text.escaped(result.reason)}.")
    else:
        st.markdown(f"**Do the AUCs differ between groups?** {_test_sentence(auc.result, auc)}")
    for test in shares:
        if test.result is not None:
            st.markdown(f"**Do the {test.figures} differ?** {_test_sentence(test.result, test)}")
    first = result.auc_test or result.sensitivity_test or result.specificity_test
    if first is not None:
        st.caption(_assumptions(first, found))


def _test_sentence(test: Homogeneity, of: GroupTest) -> str:
    without = f", without {text.escaped(', '.join(of.left_out))}" if of.left_out else ""
    return (
        f"χ² = {test.statistic:.2f} on {test.degrees_of_freedom} "
        f"{'degree' if test.degrees_of_freedom == 1 else 'degrees'} of freedom, "
        f"{text.p_value(test.p_value)} ({text.count(test.n_groups, 'group')}{without})."
    )


def _assumptions(test: Homogeneity, found: GroupedRun) -> str:
    said = "Tests of all groups at once, in which patients, not photographs, are independent"
    if found.n_patients is None:
        said = (
            "Tests of all groups at once, in which photographs are taken as independent "
            "**because patients are unknown**; with two eyes per patient p is too small"
        )
    elif test.shared_units:
        said += (
            f"; {text.count(test.shared_units, 'patient')} with photographs in several groups are "
            "accounted for by the joint covariance"
        )
    return (
        f"{said}. Chi-square holds from some ten patients of each class in every group on; groups "
        f"with fewer than {found.result.fewest} are shown and left out of the tests that need that "
        "class. Three tests are made of "
        "each column, and their p-values are not corrected for one another, nor for other columns "
        "that were looked at."
    )


def _figures(found: GroupedRun, picked: PickedRuns) -> None:
    result = found.result
    left, right = st.columns(2, gap="large")
    with left:
        figure = drawn.auc_by_group(result)
        st.plotly_chart(
            figure, key="stress.aucs", alt=f"AUC of each group. {_aucs_in_words(found)}."
        )
        st.caption("Dotted: all photographs. Grey and open: too few, AUC not tested.")
        _offer(figure, "subgroups-auc", "AUC", found, picked)
    if found.ranks_only:
        right.info(NO_THRESHOLD)
        return
    with right:
        figure = drawn.shares_by_group(result)
        st.plotly_chart(
            figure,
            key="stress.shares",
            alt=f"Sensitivity and specificity of each group. {_shares_in_words(found)}.",
        )
        _offer(figure, "subgroups-shares", "Sensitivity and specificity", found, picked)


def _aucs_in_words(found: GroupedRun) -> str:
    groups = (found.result.overall, *found.result.groups)
    return "; ".join(
        f"{one.name} {'none' if one.auc is None else interval_text(one.auc)}" for one in groups
    )


def _shares_in_words(found: GroupedRun) -> str:
    groups = (found.result.overall, *found.result.groups)
    return "; ".join(
        f"{one.name} {_share(one.sensitivity)} and {_share(one.specificity)}" for one in groups
    )


def _offer(figure: go.Figure, name: str, what: str, found: GroupedRun, picked: PickedRuns) -> None:
    downloads.figure(
        figure,
        name=name,
        caption=f"{what} with 95 % intervals: {picked.names[found.run_id]}, "
        f"{picked.class_label}, {_where(found)}.",
        methods=_METHODS,
        cautions=found.cautions,
    )


def _table(found: GroupedRun, picked: PickedRuns) -> None:
    result = found.result
    at = "" if found.ranks_only else f", at threshold {result.threshold:g}"
    plain = group_frame(found)
    shown = plain.assign(Group=plain["Group"].map(text.escaped))
    faded = [False] + [not one.tested for one in result.groups]
    for column in shown:
        shown[column] = [
            f":gray[{cell}]" if grey and cell else cell
            for cell, grey in zip(shown[column], faded, strict=True)
        ]
    st.table(shown, hide_index=True, alt="Figures of each group.")
    downloads.table(
        plain,
        name="subgroups",
        caption=f"{picked.names[found.run_id]}, {picked.class_label}, {_where(found)}{at}.",
        methods=_METHODS + " Each group against all other photographs with Holm's correction.",
        cautions=found.cautions,
    )


def group_frame(found: GroupedRun) -> pd.DataFrame:
    """Returns a row for all photographs and one per group, as plain text."""
    groups = (found.result.overall, *found.result.groups)
    patients = [one.units for one in groups]
    noun = "photographs" if found.n_patients is None else "patients"
    table = pd.DataFrame(
        {
            "Group": [one.name for one in groups],
            "Photographs": [f"{one.n_images:,}" for one in groups],
            f"With it / without ({noun})": [f"{u.positive} / {u.negative}" for u in patients],
            "AUC (95 % CI)": ["none" if g.auc is None else interval_text(g.auc) for g in groups],
        }
    )
    if not found.ranks_only:
        table["Sensitivity"] = [_share(one.sensitivity) for one in groups]
        table["Specificity"] = [_share(one.specificity) for one in groups]
    if any(one.against_rest for one in groups):
        table["AUC less that of the rest"] = [_rest(one) for one in groups]
        table["p (Holm)"] = [
            text.bare_p(one.against_rest.p_holm) if one.against_rest else "–" for one in groups
        ]
    tests = found.tests
    if any(test.left_out for test in tests):
        table["Not tested"] = ["", *(_too_few(one, tests) for one in found.result.groups)]
    return table


def _too_few(one: Subgroup, tests: Sequence[GroupTest]) -> str:
    """Says which tests leave a group out; empty where none does."""
    figures = [test.figure for test in tests if one.name in test.left_out]
    if len(figures) in {0, len(tests)}:
        return "too few" if figures else ""
    return f"{', '.join(figures)}: too few"


def _share(share: Share | None) -> str:
    return "none" if share is None else f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f})"


def _rest(one: Subgroup) -> str:
    rest = one.against_rest
    return (
        "–" if rest is None else f"{rest.difference:+z.3f} ({rest.low:+z.3f} to {rest.high:+z.3f})"
    )


def _how_to_read(found: GroupedRun) -> str:
    said = ""
    if found.column.kind == "numbers":
        said = "Numbers are cut at quantiles, rounded; the names state the edges. "
    if any(one.against_rest for one in found.result.groups):
        said += (
            "The rest is all photographs outside of the group; the p-value is of the same test on "
            "the logit scale, corrected over all groups. "
        )
    return said + (
        "A difference says that the model orders one group's photographs worse, not why: groups "
        "may differ in severity, image quality or labels. A large p-value does not show that "
        "groups are equal: read the intervals."
    )
