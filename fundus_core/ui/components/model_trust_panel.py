"""May the maps of a model be read as a rule? Lights of a random sample, and two models compared."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from fundus_core.errors import FundusError
from fundus_core.explain.methods import METHODS
from fundus_core.explain.trust import NOT_SHOWN
from fundus_core.plots.trust import lights_figure
from fundus_core.stats.bootstrap import Interval
from fundus_core.ui import explain_caches, messages, text, wiring
from fundus_core.ui.components import downloads, job_progress
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.ui.components.saliency_choice import Drawing, asked_of
from fundus_core.ui.components.trust_light import METHODS_TEXT
from fundus_core.workflows.explanations.explained import Asked
from fundus_core.workflows.explanations.measured_trust import TrustComparison
from fundus_core.workflows.explanations.model_trust import NO_MAP, ModelTrust
from fundus_core.workflows.models.run_record import Run

COMMAND = "explain"
SAMPLES = (20, 40, 100)

_WHAT = (
    "The lights of photographs drawn at random from those that the model held out: a light per map "
    "says whether that map may be read, their shares say whether this model's maps may be read as "
    f"a rule. “{NO_MAP}”: nothing in the photograph speaks for the class."
)
_METHODS = f"Shares with 95 % intervals by the bootstrap of patients. {METHODS_TEXT}"


def model_trust_panel(picked: PickedRuns, drawing: Drawing) -> None:
    """Draws what was measured of the chosen models, and offers to measure the others.

    Args:
        picked: The models and the class.
        drawing: The method and the layers that are asked for.
    """
    job_progress.watch((COMMAND,))
    job_progress.last_failure((COMMAND,))
    own = [run for run in picked.runs if run.kind != "external"]
    with st.expander(
        "May the maps of these models be read?", icon=":material/fact_check:", key="grad_cam.models"
    ):
        st.markdown(_WHAT)
        if drawing.minus:
            st.caption("Tested are maps of the class itself, nothing subtracted.")
        if len(own) < len(picked.runs):
            st.caption(
                "Models of another data set are tested on the photographs that they held out there."
            )
        asked = {run.id: sample_question(run, picked.class_name, drawing) for run in own}
        found = _found(own, picked, asked)
        own = [run for run in own if run.id in found]
        known = {run_id: one for run_id, one in found.items() if one is not None}
        if known:
            _measured(known, picked, drawing)
        _compared([run for run in own if run.id in known], picked, asked)
        _offer(own, found, picked, asked)


def _found(
    runs: Sequence[Run], picked: PickedRuns, asked: Mapping[str, Asked]
) -> dict[str, ModelTrust | None]:
    """Returns what was measured of each model; says of which none can be."""
    found: dict[str, ModelTrust | None] = {}
    for run in runs:
        try:
            found[run.id] = explain_caches.measured(run.id, asked[run.id])
        except FundusError as error:
            st.caption(f"**{text.escaped(picked.names[run.id])}**: {text.escaped(error.message)}")
    return found


def sample_question(run: Run, class_name: str, drawing: Drawing) -> Asked:
    """Returns what maps of a sample are asked for: as drawn, with nothing subtracted."""
    one = asked_of(run, class_name, drawing)
    return Asked(one.class_name, "", one.method, one.layer)


def sample_arguments(run_id: str, asked: Asked, n_photographs: int) -> list[str]:
    """Returns the command line that tests the maps of a sample of a model's photographs."""
    layer = ["--layer", asked.layer] if asked.layer else []
    how = ["--class", asked.class_name, "--method", asked.method, *layer]
    return [COMMAND, run_id, "--sample", str(n_photographs), *how]


def _measured(known: Mapping[str, ModelTrust], picked: PickedRuns, drawing: Drawing) -> None:
    models = [(picked.names[run_id], one) for run_id, one in known.items()]
    drawn = lights_figure([(name, one.shares) for name, one in models])
    st.plotly_chart(
        drawn,
        key="grad_cam.lights",
        alt="Share of each light among the tested maps of each model; the table below holds the "
        "same numbers.",
    )
    caption = (
        f"Trust lights of heat maps for {picked.class_label}, {METHODS[drawing.method].label}, of "
        "held-out photographs drawn at random."
    )
    downloads.figure(
        drawn, name="model-lights", caption=caption, methods=_METHODS, cautions=picked.cautions
    )
    table = lights_frame(models)
    st.table(table.map(text.escaped).rename(columns=text.escaped), hide_index=True)
    downloads.table(
        table,
        name="model-lights-table",
        caption=caption,
        methods=_METHODS,
        cautions=picked.cautions,
    )
    st.caption(NOT_SHOWN)


def lights_frame(models: Sequence[tuple[str, ModelTrust]]) -> pd.DataFrame:
    """Returns a row per model: photographs, the share of each light, and of checks passed."""
    rows = [
        {
            "Model": name,
            "Photographs": f"{len(one.image_ids):,}",
            **{light.capitalize(): share_text(share) for light, share in one.shares.items()},
            "Checks passed, mean": share_text(one.mean_passed),
        }
        for name, one in models
    ]
    return pd.DataFrame(rows)


def share_text(interval: Interval) -> str:
    """Returns a share with its interval; a dash where there is none."""
    if interval.value is None:
        return "–"
    if interval.low is None or interval.high is None:
        return f"{interval.value:.0%}"
    return f"{interval.value:.0%} ({interval.low:.0%}–{interval.high:.0%})"


def _compared(runs: Sequence[Run], picked: PickedRuns, asked: Mapping[str, Asked]) -> None:
    """Draws the comparison of the first two models that were measured."""
    if len(runs) < 2:
        return
    one, other = runs[0].id, runs[1].id
    try:
        found = explain_caches.compared((one, other), (asked[one], asked[other]))
    except FundusError as error:
        messages.show_error(error)
        return
    if found is None:
        return
    st.markdown(comparison_sentence(found, picked.names[one], picked.names[other]))
    if len(runs) > 2:
        st.caption("Compared are the first two; the order is that of the menu of models.")


def comparison_sentence(found: TrustComparison, one: str, other: str) -> str:
    """Says in markdown whose maps pass more checks, on the same photographs."""
    first, second = text.escaped(one), text.escaped(other)
    area, difference = found.area, found.difference
    return (
        f"On the {text.count(found.n_photographs, 'photograph')} with a map of both, a map of "
        f"**{first}** passes a larger share of the checks than one of **{second}** in "
        f"{_with_interval(area, '.2f')} of all pairs (0.5: the lights tell nothing; ties count "
        "half); on the same photograph the share is "
        f"{_with_interval(difference, '+.2f')} higher."
    )


def _with_interval(found: Interval, form: str) -> str:
    if found.value is None:
        return f"an unknown share ({text.escaped(found.reason)})"
    if found.low is None or found.high is None:
        return f"**{found.value:{form}}** (no interval: {text.escaped(found.reason)})"
    return f"**{found.value:{form}}** (95 % CI {found.low:{form}} to {found.high:{form}})"


def _offer(
    runs: Sequence[Run],
    found: Mapping[str, ModelTrust | None],
    picked: PickedRuns,
    asked: Mapping[str, Asked],
) -> None:
    """Offers to test a sample of those models that were not tested on so many yet."""
    if not runs or job_progress.under_way((COMMAND,)):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        n_photographs = st.selectbox(
            "Photographs", SAMPLES, index=1, key="grad_cam.sample", width=140
        )
        n_known = {run_id: len(one.image_ids) for run_id, one in found.items() if one is not None}
        missing = [run for run in runs if n_known.get(run.id, 0) < min(n_photographs, run.n_images)]
        how_many = text.count(n_photographs, "photograph"), text.count(len(missing), "model")
        clicked = st.button(
            f"Test {how_many[0]} of {how_many[1]}" if missing else "All are tested",
            icon=":material/play_arrow:",
            disabled=not missing,
            key="grad_cam.sample.start",
            help="Some hundred forward passes per photograph, as a job. What was tested before is "
            "used again.",
        )
    if clicked:
        with messages.shown_to_user():
            for run in missing:
                title = f"Test heat maps of {picked.names[run.id]}"
                wiring.submit(sample_arguments(run.id, asked[run.id], n_photographs), title)
        st.rerun()
