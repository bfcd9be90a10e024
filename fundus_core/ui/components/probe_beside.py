"""A fine-tuned model beside the linear probe of the same backbone: did moving it help?"""

import streamlit as st

from fundus_core.plots.roc import interval_text
from fundus_core.ui import auc_caches, messages, text, wiring
from fundus_core.ui.components import comparison_panel
from fundus_core.workflows.data.datasets import DatasetSummary, source_arguments
from fundus_core.workflows.models.run_record import Run

_PROBE = "logistic"


def probe_beside(run: Run, runs: tuple[Run, ...], summary: DatasetSummary) -> None:
    """Draws a button that compares a fine-tuned model with its probe, and the answer.

    Args:
        run: The fine-tuned model.
        runs: All models of its data set.
        summary: The data set.
    """
    probe = probe_of(run, runs)
    if probe is None:
        _offer_probe(run, summary)
        return
    if not st.button("Compare with its linear probe", icon=":material/balance:"):
        return
    with messages.shown_to_user():
        found = auc_caches.comparison([run.id, probe.id], run.target.scored_classes[0])
    if found.untested:
        st.markdown(comparison_panel.untested_sentence(found))
        return
    (pair,) = found.pairs
    st.markdown(
        f"**{text.escaped(run.target.scored_classes[0])}**: fine-tuned "
        f"{interval_text(found.runs[0].auc)}, probe {interval_text(found.runs[1].auc)}. Difference "
        f"{pair.result.difference:+z.3f} ({pair.result.low:+z.3f} to {pair.result.high:+z.3f}), "
        f"{text.p_value(pair.result.p_value)}."
    )
    st.caption(comparison_panel.method_sentence(found))
    st.caption(comparison_panel.reading_sentence(found))


def probe_of(run: Run, runs: tuple[Run, ...]) -> Run | None:
    """Returns the newest logistic probe of a run's backbone, target and photographs, if any."""
    alike = (
        one
        for one in runs
        if one.kind == "probe"
        and one.probe == _PROBE
        and one.embeddings == run.embeddings
        and one.target == run.target
        and one.n_images == run.n_images
    )
    return next(alike, None)


def _offer_probe(run: Run, summary: DatasetSummary) -> None:
    """Draws a button that fits the probe a fine-tuned model would be compared with."""
    folds = run.recipe.get("folds", len(run.folds))
    validated = ["--folds", str(folds)] if folds else ["--use-split"]
    if not st.button(
        "Fit its linear probe, to compare",
        icon=":material/linear_scale:",
        disabled=wiring.read_only(),
    ):
        return
    with messages.shown_to_user():
        arguments = [
            "probe",
            *source_arguments(summary.source),
            *wiring.embedding_arguments(run.embeddings),
            *("--target", run.target.name, *validated),
            *("--seed", str(run.recipe.get("fold_seed", 0))),
        ]
        wiring.submit(arguments, f"Probe {run.embeddings.backbone}, {run.target.name}")
    st.rerun()
