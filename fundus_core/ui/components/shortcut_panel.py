"""One model beside what can be measured without looking at the retina, and what is left of it."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from fundus_core.plots import shortcuts as drawn
from fundus_core.plots.roc import interval_text
from fundus_core.stats.stratified import WithinStrata
from fundus_core.ui import messages, outside, stress_caches, text, wiring
from fundus_core.ui.components import downloads, job_progress
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.evaluation.shortcut_strata import USUAL_STRATA, Survival, strata_choices
from fundus_core.workflows.evaluation.shortcuts import ShortcutComparison, ShortcutProbe
from fundus_core.workflows.models.run_record import Run

COMMAND = "shortcuts"
MOST_AT_ONCE = 500
"""Photographs that are measured while the page waits; more are a job."""

_WHAT = (
    "Could the score come from something that is no sign of disease? Each **shortcut** is a small "
    "logistic regression on what can be measured without looking at the retina. A model that is "
    "not better than a shortcut has not been shown to see more than it."
)

_METHODS = (
    "Logistic regressions (ridge, C = 1) on standardised measurements, held out in {folds}; each "
    "AUC against the model's by Obuchowski's clustered paired test (DeLong's where patients are "
    "unknown), Holm's correction over the shortcuts."
)

_STRATA_METHODS = (
    "AUC of pairs of photographs of the same stratum, every pair with the same weight; variance "
    "and that of the difference from each patient's placements (Obuchowski 1997). Strata are "
    "{n} quantiles of the shortcut's held-out score, or of the measurement; or the cameras."
)


def shortcut_panel(run: Run, picked: PickedRuns) -> None:
    """Draws the shortcuts of a model, or the button that measures the photographs.

    Args:
        run: The model looked at.
        picked: Its name and class.
    """
    st.markdown(_WHAT)
    job_progress.watch((COMMAND,))
    job_progress.last_failure((COMMAND,))
    with messages.shown_to_user():
        todo = stress_caches.n_unmeasured(run.id)
        if todo > MOST_AT_ONCE:
            _offer_job(run, picked, todo)
            return
        found = stress_caches.shortcuts(run.id, picked.class_name)
    _verdict(found, picked)
    _probes(found, picked)
    _survival(found, picked)


def _offer_job(run: Run, picked: PickedRuns, todo: int) -> None:
    """Says that photographs must be measured first, and starts it."""
    if job_progress.under_way((COMMAND,)):
        st.info("Photographs are being measured; the figures appear here by themselves.")
        return
    st.info(
        f"{text.count(todo, 'photograph')} must be measured first; each is read once, and the "
        "result is kept."
    )
    argv = [COMMAND, run.id]
    if picked.class_name and run.target.task != "binary":
        argv += ["--class", picked.class_name]
    st.button(
        "Measure the photographs",
        key="stress.measure",
        type="primary",
        icon=":material/play_arrow:",
        disabled=wiring.read_only(),
        on_click=outside.callback(_submit),
        args=(argv, f"Measure {text.count(todo, 'photograph')}"),
    )


def _submit(argv: list[str], title: str) -> None:
    wiring.submit(argv, title)


def _verdict(found: ShortcutComparison, picked: PickedRuns) -> None:
    """Says in words whether the model is better than each shortcut."""
    name = text.escaped(picked.names[found.run_id])
    measured = [one for one in found.probes if one.auc is not None]
    open_ones = [one for one in measured if not one.beaten]
    if open_ones:
        listed = ", ".join(text.escaped(one.label) for one in open_ones)
        st.warning(
            f"**{name} is not shown to be better than: {listed}.** Its AUC may come from "
            "something that is no sign of disease. (FD006)",
            icon=":material/warning:",
        )
    else:
        st.success(
            f"**{name} is better than each of the {len(measured)} shortcuts** (p < 0.05 after "
            "Holm's correction). It may still use them: see below what is left without them.",
            icon=":material/check_circle:",
        )


def _probes(found: ShortcutComparison, picked: PickedRuns) -> None:
    measured = [(one.label, one.auc, one.beaten) for one in found.probes if one.auc]
    figure = drawn.shortcut_forest((picked.names[found.run_id], found.auc), measured)
    said = "; ".join(f"{label} {interval_text(auc)}" for label, auc, _ in measured)
    own = interval_text(found.auc)
    st.plotly_chart(figure, key="stress.shortcuts", alt=f"AUC of the model {own}, of {said}.")
    caption = (
        f"{picked.names[found.run_id]} and its shortcuts, {picked.class_label}, "
        f"{_where(found)}; AUC with 95 % intervals."
    )
    methods = _METHODS.format(folds=found.folds_from)
    downloads.figure(
        figure, name="shortcuts-auc", caption=caption, methods=methods, cautions=found.cautions
    )
    table = probe_frame(found, picked)
    named = table.assign(**{"Learned from": table["Learned from"].map(text.escaped)})
    st.table(named, hide_index=True, alt="Tests against each shortcut.")
    downloads.table(
        table, name="shortcuts", caption=caption, methods=methods, cautions=found.cautions
    )
    st.caption(_folds_sentence(found))


def probe_frame(found: ShortcutComparison, picked: PickedRuns) -> pd.DataFrame:
    """Returns the model and each shortcut, as plain text."""
    rows = [
        {
            "Learned from": f"{picked.names[found.run_id]} (the model)",
            "AUC (95 % CI)": interval_text(found.auc),
            "Model less it (95 % CI)": "–",
            "p": "–",
            "p (Holm)": "–",
        }
    ]
    return pd.DataFrame([*rows, *(_probe_row(one) for one in found.probes)])


def _probe_row(one: ShortcutProbe) -> dict[str, str]:
    test = one.result
    difference = one.reason or "–"
    if test is not None:
        difference = f"{test.difference:+z.3f} ({test.low:+z.3f} to {test.high:+z.3f})"
    return {
        "Learned from": one.label,
        "AUC (95 % CI)": "none" if one.auc is None else interval_text(one.auc),
        "Model less it (95 % CI)": difference,
        "p": "–" if test is None else text.bare_p(test.p_value),
        "p (Holm)": "–" if one.p_holm is None else text.bare_p(one.p_holm),
    }


def _folds_sentence(found: ShortcutComparison) -> str:
    """Says what the shortcuts learned from, and what was measured."""
    learned = {
        "the model's folds": "in the very folds of the model, so that no patient is on both sides",
        "the table's split": "from the training side of the table's own split, as the model did",
        "folds drawn anew": "in folds drawn anew, by patient: they know this data set, which the "
        "model does not, and are harder to beat",
    }[found.folds_from]
    left_out = ""
    if found.n_unreadable:
        left_out = f" {text.count(found.n_unreadable, 'photograph')} could not be read (FD011)."
    by = "patients, not photographs, are independent"
    if found.predictions.patient_ids is None:
        by = "photographs are taken as independent because patients are unknown"
    return (
        f"Shortcuts learned {learned}. Paired tests, two-sided, in which {by}; Holm's correction "
        f"is over all shortcuts of this model.{left_out} Colour, brightness and sharpness are of "
        "the field of view alone, at 480 pixels."
    )


def _survival(found: ShortcutComparison, picked: PickedRuns) -> None:
    """Draws how much of the AUC is left when only photographs alike in a shortcut are compared."""
    st.subheader("What is left without the shortcut?", help=help_for("surviving share"))
    st.markdown(
        "Only photographs that are alike in the shortcut are compared with each other. If the AUC "
        "falls towards 0.5, the model lived on the shortcut; if it stays, it did not need it."
    )
    left, right = st.columns([3, 1])
    choices = strata_choices(found)
    if not choices:
        st.info("No measurement differs between these photographs.")
        return
    n_strata = right.number_input("Strata", 2, 20, USUAL_STRATA, key="stress.strata")
    key = left.selectbox(
        "Compare photographs alike in",
        list(choices),
        format_func=choices.__getitem__,
        key="stress.alike",
        help="Of a family: alike in what it says of the disease (the score of its probe).",
    )
    families = stress_caches.survivals(found.run_id, picked.class_name, n_strata=n_strata)
    chosen = stress_caches.survival(found.run_id, picked.class_name, key, n_strata=n_strata)
    st.markdown(survival_sentence(chosen))
    shown = {one.key: one for one in (*families, chosen)}
    within = [(one.label, one.result) for one in shown.values() if one.result]
    if within:
        _survival_figure(found, picked, within, n_strata)
    st.caption(
        "What is lost was not necessarily a shortcut: a disease that darkens or blurs the "
        "photograph loses part of its true signal. Wide strata leave some of the shortcut in: with "
        "five, about a tenth of what it explains (Cochran 1968)."
    )


def _survival_figure(
    found: ShortcutComparison,
    picked: PickedRuns,
    within: Sequence[tuple[str, WithinStrata]],
    n_strata: int,
) -> None:
    figure = drawn.survival_forest(found.auc, within)
    st.plotly_chart(figure, key="stress.survival", alt="AUC within strata of each shortcut.")
    downloads.figure(
        figure,
        name="shortcuts-survival",
        caption=f"AUC within strata of shortcuts: {picked.names[found.run_id]}, "
        f"{picked.class_label}, {_where(found)}; 95 % intervals.",
        methods=_STRATA_METHODS.format(n=n_strata),
        cautions=found.cautions,
    )


def survival_sentence(one: Survival) -> str:
    """Says how much of the AUC is left within the strata of one shortcut."""
    label = text.escaped(one.label)
    found = one.result
    if found is None:
        return f"**Among photographs alike in {label}** there is no AUC: {text.escaped(one.reason)}"
    share = ""
    if found.surviving is not None:
        share = f" **{found.surviving:.0%}** of what it is above 0.5 survives."
    return (
        f"**Among photographs alike in {label}** ({found.n_strata} strata) the AUC is "
        f"{interval_text(found.auc)}, against {interval_text(found.overall)} over all pairs: "
        f"{found.difference:+z.3f} (95 % CI {found.low:+z.3f} to {found.high:+z.3f}).{share} It "
        f"rests on {text.count(found.n_images, 'photograph')} and "
        f"{text.count(found.n_pairs, 'pair')}."
    )


def _where(found: ShortcutComparison) -> str:
    return text.count(len(found.predictions.image_ids), "photograph")
