"""Labels to look at again: the list, the photographs, and what the list is not."""

from dataclasses import replace
from typing import Literal

import pandas as pd
import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.ui import label_caches, messages, selection_caches, text, wiring
from fundus_core.ui.components import downloads
from fundus_core.ui.components.gallery import gallery
from fundus_core.ui.components.image_table import SELECTED, greyed
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.ui.components.run_table import averaged_auc_text
from fundus_core.ui.glossary import column_help
from fundus_core.workflows.evaluation.label_quality import METHODS, NOT_PROOF, SCORE, LabelReview
from fundus_core.workflows.models.run_record import Run

View = Literal["suspects", "disputed"]

_VIEWS: dict[View, str] = {
    "suspects": "Scores against the label",
    "disputed": "Models against each other",
}

_WEAK = 0.7
"""Below this AUC the page warns. A convention: at 0.59 the list of the demo found hardly more wrong
labels than chance, at 0.86 most of them (docs/stress.md)."""

_ORDER: dict[View, str] = {
    "suspects": "the least credible first",
    "disputed": "the largest disagreement first",
}
_WIDTH = 110


def label_review_panel(model: Run, picked: PickedRuns) -> None:
    """Draws the labels that models do not believe, and those on which models differ.

    Args:
        model: The one looked at.
        picked: It and others of its target; the reader chooses whether all are asked.
    """
    picked = _asked(model, picked)
    dataset = wiring.dataset(model.dataset_id)
    with messages.shown_to_user():
        review = label_caches.label_review([run.id for run in picked.runs])
    st.markdown(_found(review))
    st.warning(NOT_PROOF, icon=":material/visibility:")
    st.caption(_rests_on(picked))
    view = _pick_view(review)
    shown = review.suspects() if view == "suspects" else review.disputed()
    chosen = _of_class(shown, view, picked.class_name)
    if chosen.empty:
        st.info("No label is on this list.")
        return
    listed = list_frame(chosen, review, picked)
    marked = greyed(listed, chosen["image_id"], selection_caches.chosen().members)
    st.dataframe(
        marked,
        hide_index=True,
        height=320,
        column_config=column_help(listed)
        | {
            "Quality": st.column_config.ProgressColumn(
                format="%.3f",
                min_value=0.0,
                max_value=1.0,
                help="Mean held-out score of the given label (self-confidence); low is suspicious.",
            ),
            "Other photographs": st.column_config.TextColumn(
                help="Labels of the same patient's other photographs."
            ),
        },
        column_order=[*([SELECTED] if marked is not listed else []), *listed.columns],
        alt="Labels to look at again",
    )
    downloads.table(
        listed,
        name=f"labels-{view}",
        caption=f"Labels of {review.target} to look at again, {_ORDER[view]}: {len(listed)} of "
        f"{len(review.table)}. {NOT_PROOF}",
        methods=_methods(picked),
        cautions=review.cautions,
    )
    _photographs(chosen, dataset, view)


def _asked(model: Run, picked: PickedRuns) -> PickedRuns:
    """Draws the switch between all models and the one looked at; returns those to ask.

    Of the others, those by words alone are left out: their scores are no probabilities.
    """
    fitted = tuple(run for run in picked.runs if run.kind != "zero_shot" or run.id == model.id)
    if len(fitted) < len(picked.runs):
        st.caption(
            ":material/info: Models by words alone are not asked: their scores rank photographs "
            "and are no probabilities."
        )
        picked = replace(picked, runs=fitted)
    if len(picked.runs) == 1:
        return picked
    together = st.toggle(
        f"Ask all {len(picked.runs)} models together",
        value=True,
        key="labels.together",
        persist_state="session",
        help="Their scores are averaged, on the photographs that all scored. Otherwise only the "
        "model under stress is asked.",
    )
    return picked if together else replace(picked, runs=(model,))


def list_frame(rows: pd.DataFrame, review: LabelReview, picked: PickedRuns) -> pd.DataFrame:
    """Returns the list as pages and files show it, a column for each model's score."""
    names = [picked.names[run.id] for run in picked.runs]
    table = pd.DataFrame(
        {
            "Place": rows["rank"],
            "Photograph": rows["image_id"],
            "Patient": rows["patient_id"],
            "Eye": rows["eye"],
            "Label": rows["class"],
            "Given": rows["given"],
            "Suggested": rows["suggested"],
            "Quality": rows["quality"],
            "Flagged": rows["flagged"].map({True: "yes", False: "no"}),
            "Models that flag it alone": [f"{n} of {len(names)}" for n in rows["n_flagging"]],
            "Other photographs": rows["other_labels"],
        }
    )
    if len(names) > 1:
        table["Disagreement"] = rows["disagreement"]
        for name, model in zip(names, review.models, strict=True):
            table[f"Score of given label, {name}"] = rows[f"{SCORE}{model}"]
    return table.assign(File=rows["path"])


def _found(review: LabelReview) -> str:
    """Says how many labels are on the list, of what."""
    n_suspects, n_labels = len(review.suspects()), len(review.table)
    said = (
        f"**{n_suspects:,} of {text.count(n_labels, 'label')}** of {text.escaped(review.target)} "
        f"are worth a second look, on {text.count(review.n_images, 'photograph')}"
    )
    if review.n_patients is not None:
        said += f" of {text.count(review.n_patients, 'patient')}"
    said += "."
    if review.n_other:
        said += (
            f" {text.count(review.n_other, 'photograph')} that not all models scored are left out."
        )
    if review.n_gone:
        are = "is" if review.n_gone == 1 else "are"
        gone = text.count(review.n_gone, "photograph")
        said += f" {gone} that {are} no longer in the data set {are} left out."
    if review.skipped:
        names = ", ".join(map(text.escaped, review.skipped))
        said += f" Not looked at, for all photographs have the same label: {names}."
    return said


def _rests_on(picked: PickedRuns) -> str:
    """Names the models with their AUC: of a poor model the list says little."""
    named = "; ".join(f"{picked.names[run.id]}, AUC {_auc(run)}" for run in picked.runs)
    said = f"By held-out scores of {text.escaped(named)}."
    weak = [run for run in picked.runs if run.auc is not None and run.auc.auc < _WEAK]
    if weak:
        said += (
            f" AUC below {_WEAK} for {len(weak)} of {text.count(len(picked.runs), 'model')}: such "
            "a list holds photographs that are hard for the model rather than wrong labels."
        )
    if any(run.n_patients is None for run in picked.runs):
        said += (
            " Patients are unknown: the other eye may have been learned from, with the same wrong "
            "label, which hides errors."
        )
    return said


def _auc(run: Run) -> str:
    return "unknown" if run.auc is None else averaged_auc_text(run)


def _pick_view(review: LabelReview) -> View:
    """Draws the choice between the two lists where there are several models."""
    if len(review.models) == 1:
        return "suspects"
    view: View = st.segmented_control(
        "List",
        list(_VIEWS),
        format_func=_VIEWS.__getitem__,
        default="suspects",
        required=True,
        wrap=True,
        key="labels.view",
        persist_state="session",
    )
    return view


def _of_class(rows: pd.DataFrame, view: View, looked_at: str) -> pd.DataFrame:
    """Draws the menu of diseases where there are several, and returns the rows of one or all."""
    names = ["", *dict.fromkeys(rows["class"])]
    if len(names) <= 2:
        return rows
    chosen = st.selectbox(
        "Label",
        names,
        index=names.index(looked_at) if looked_at in names else 0,
        format_func=lambda name: name or "all",
        key=f"labels.class.{view}.{looked_at}",
    )
    return rows[rows["class"] == chosen] if chosen else rows


def _methods(picked: PickedRuns) -> str:
    return METHODS.format(models=" and ".join(picked.names[run.id] for run in picked.runs))


def _photographs(rows: pd.DataFrame, dataset: FundusDataset, view: View) -> None:
    """Draws the photographs of a list, each once, with what it is given and what is suggested."""
    known = set(dataset.image_ids)
    several = rows["class"].nunique() > 1
    notes: dict[str, str] = {}
    for row in rows.to_dict("records"):
        name = f"{row['class']}: " if several else ""
        said = text.escaped(f"{name}given {row['given']}, suggested {row['suggested']}")
        before = notes.get(str(row["image_id"]))
        notes[str(row["image_id"])] = f"{before}; {said}" if before else said
    shown = [image_id for image_id in notes if image_id in known]
    if len(shown) < len(notes):
        st.caption(f"{len(notes) - len(shown)} of them are no longer in the data set.")
    gallery(dataset, shown, key=f"labels.{view}", notes=notes, per_page=12, width=_WIDTH)
