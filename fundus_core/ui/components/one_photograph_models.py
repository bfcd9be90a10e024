"""What the models say of one photograph: likeness, probability, heat map, nearest cases."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from fundus_core.checks import Caution
from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import FundusError
from fundus_core.plots.overlay import blend
from fundus_core.ui import messages, photograph_caches, text, wiring
from fundus_core.ui.components.gallery import gallery
from fundus_core.workflows.models.run_names import names_by_target
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.single.one_photograph import Received

if TYPE_CHECKING:
    from fundus_core.workflows.single.one_photograph_scores import ClassProbability, PhotographScore
    from fundus_core.workflows.single.out_of_distribution import Distance

NEAREST_CASES = 5
OPACITY = 0.6

_NO_FIGURE = "–"


@dataclass(frozen=True, slots=True)
class Said:
    """What one model says, or why it says nothing."""

    run: Run
    name: str
    score: "PhotographScore | None"
    problem: str


def likeness_panel(photo: Received, dataset_id: str, runs: Sequence[Run]) -> "dict[str, Distance]":
    """Draws, backbone by backbone, whether the photograph is like what models were fitted on.

    Returns:
        Fingerprint of the embeddings -> how far the photograph lies; those not known are left out.
    """
    from fundus_core.workflows.single.out_of_distribution import NOT_SHOWN

    found: dict[str, Distance] = {}
    rows = {run.embeddings.fingerprint(): run for run in reversed(runs) if run.kind != "external"}
    if not rows:
        st.caption(
            "Not known: no model was fitted on this data set. Open the one it was fitted on."
        )
    for fingerprint, run in rows.items():
        label = text.escaped(_backbone_label(run, runs))
        try:
            one = photograph_caches.distance(photo, dataset_id, run.id)
        except FundusError as error:
            st.info(
                f"**{label}**: not known. {text.escaped(error.message)} {text.escaped(error.hint)}",
                icon=":material/visibility_off:",
            )
            continue
        found[fingerprint] = one
        if one.unlike:
            st.error(
                f"**Unlike what it was fitted on: {label}.** {_likeness(one)}",
                icon=":material/warning:",
            )
        else:
            st.markdown(f":material/check: **{label}** raises no warning. {_likeness(one)}")
    if found:
        st.caption(f"{_rule(next(iter(found.values())))} {NOT_SHOWN}")
    return found


def said_of(photo: Received, runs: Sequence[Run]) -> list[Said]:
    """Asks every model; one whose weights are not at hand says so and spoils no other."""
    names = names_by_target(runs)
    said = []
    for run in runs:
        try:
            said.append(Said(run, names[run.id], photograph_caches.score(photo, run.id), ""))
        except FundusError as error:
            said.append(Said(run, names[run.id], None, f"{error.message} {error.hint}"))
    return sorted(said, key=lambda one: one.score is None)


def probabilities_panel(said: Sequence[Said]) -> None:
    """Draws every model's calibrated probability with its interval, a row per class."""
    from fundus_core.workflows.single.one_photograph_scores import MEANING, METHOD

    table = probability_frame(said)
    read_out = [_sentence(row) for row in table.to_dict("records")]
    st.table(table.map(text.escaped), hide_index=True, alt="; ".join(read_out))
    st.caption(
        f"**Probability**: {METHOD} of the held-out scores, with its 95 % interval (bootstrap of "
        f"patients). {MEANING} Scores of a probe fitted on all photographs, and of the mean of a "
        "fine-tuned run's networks, can be somewhat surer than the held-out scores that the curve "
        "rests on."
    )
    for one in said:
        if one.problem:
            st.caption(f":material/info: **{text.escaped(one.name)}**: {text.escaped(one.problem)}")
    messages.cautions(
        [
            Caution(caution.code, f"{one.name}: {caution.text}")
            for one in said
            if one.score
            for caution in one.score.cautions
        ]
    )


def probability_frame(said: Sequence[Said]) -> pd.DataFrame:
    """Returns a row per model and class; a model that says nothing has a row without figures."""
    rows = []
    for one in said:
        about = {"Model": one.name, "Class": one.run.target.name}
        if one.score is None:
            rows.append(about | _row(None) | {"Rests on": "no score, see below"})
            continue
        for each in one.score.classes:
            label = text.class_label(one.run.target, each.class_name)
            rows.append(about | {"Class": label} | _row(each) | {"Rests on": _rests(one.score)})
    return pd.DataFrame(
        rows, columns=["Model", "Class", "Probability", "95 % CI", "Score", "Rests on"]
    )


def looked_panel(
    photo: Received, dataset_id: str, dataset: FundusDataset, runs: Sequence[Run], class_name: str
) -> None:
    """Draws heat maps of models side by side, each above its nearest labelled cases."""
    names = names_by_target(runs)
    with st.grid("auto", min_column_width=240, gap="medium"):
        for run in runs:
            with st.container():
                _map(photo, run, names[run.id], class_name)
                with st.expander("Nearest labelled cases", icon=":material/hub:"):
                    _nearest(photo, dataset_id, dataset, run, class_name)


def _map(photo: Received, run: Run, name: str, class_name: str) -> None:
    try:
        found = photograph_caches.explanation(photo, run.id, class_name)
    except FundusError as error:
        st.markdown(f"**{text.escaped(name)}**")
        st.info(
            f"**No map.** {text.escaped(error.message)} {text.escaped(error.hint)}",
            icon=":material/visibility_off:",
        )
        return
    st.image(
        blend(found.photograph, found.heat, OPACITY),
        alt=f"Heat map of {name} for {class_name} over the photograph, score {found.score:.3f}",
        width="stretch",
    )
    st.markdown(f"**{text.escaped(name)}**")
    rows, columns = found.saliency.values.shape
    st.caption(f"Grad-CAM, {rows} × {columns} cells; score {found.score:.3f}")


def _nearest(
    photo: Received, dataset_id: str, dataset: FundusDataset, run: Run, class_name: str
) -> None:
    try:
        found = photograph_caches.alike(photo, dataset_id, run.id)
    except FundusError as error:
        st.caption(text.escaped(error.message))
        return
    said = wiring.predictions(run.id).binary(class_name)
    label_of = dict(zip(said.image_ids, said.y_true[:, 0], strict=True))
    known = set(dataset.image_ids)
    notes = {
        near.image_id: f"{'with' if label_of[near.image_id] else 'without'} · {near.cosine:.2f}"
        for near in found
        if near.image_id in label_of and near.image_id in known and near.image_id != photo.image_id
    }
    shown = list(notes)[:NEAREST_CASES]
    if not shown:
        st.caption("None of the nearest photographs has a label of this target.")
        return
    gallery(dataset, shown, key=f"photograph.cases.{run.id}", notes=notes, width=70)
    by = "the backbone it started from" if run.kind == "finetune" else "the backbone"
    st.caption(f"Labelled with or without the class · cosine of the centred embeddings, by {by}.")


def _backbone_label(run: Run, runs: Sequence[Run]) -> str:
    fingerprint = run.embeddings.fingerprint()
    labels = [one.label for one in runs if one.embeddings.fingerprint() == fingerprint]
    return min(labels, key=len)


def _likeness(found: "Distance") -> str:
    whose = "of other patients" if found.by_patient else "(patients are unknown)"
    return (
        f"Of {found.n_usual:,} photographs of the data set, {100 * found.share_as_far:.1f} % lie "
        f"as far from those {whose} as this one does from all (distance {found.distance:.3f}, "
        f"limit {found.limit:.3f})."
    )


def _rule(found: "Distance") -> str:
    return (
        "Rule: 1 - cosine to the fifth nearest embedding; called unlike where fewer than 1 % of "
        "the data set's photographs lie as far out. About "
        f"{100 * found.expected_alarms:.0f} in 100 new photographs taken just like those are "
        "called so by chance. A fine-tuned model is judged in the space of the backbone it "
        "started from."
    )


def _row(found: "ClassProbability | None") -> dict[str, str]:
    if found is None:
        return dict.fromkeys(("Probability", "95 % CI", "Score"), _NO_FIGURE)
    ends = (found.low, found.high)
    known = None not in ends
    return {
        "Probability": _NO_FIGURE if found.probability is None else f"{found.probability:.3f}",
        "95 % CI": f"{found.low:.3f} to {found.high:.3f}" if known else found.reason or _NO_FIGURE,
        "Score": f"{found.score:.3f}",
    }


def _rests(score: "PhotographScore") -> str:
    if score.learned_from:
        return "a photograph that the model learned from"
    patients = "" if score.n_patients is None else f", {text.count(score.n_patients, 'patient')}"
    if score.held_out:
        return f"its held-out score; curve: {score.n_images:,} others{patients}"
    by = f"mean of {score.n_networks} networks; " if score.n_networks > 1 else ""
    return f"{by}curve: {score.n_images:,} held-out photographs{patients}"


def _sentence(row: Mapping[Hashable, str]) -> str:
    return (
        f"{row['Model']}, {row['Class']}: probability {row['Probability']}, 95 % CI "
        f"{row['95 % CI']}"
    )
