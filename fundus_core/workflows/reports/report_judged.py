"""How the runs of a report were judged, in words: what was divided, and what is on both sides."""

from typing import Literal

from fundus_core.errors import FundusError
from fundus_core.finetune.strategies import STRATEGIES
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import (
    OF_BUNDLE,
    photographs_that_taught,
    run_predictions,
)
from fundus_core.workflows.reports.report_subject import Subject
from fundus_core.workflows.reports.rerun_settings import run_that_trained

Way = Literal["folds", "split", "elsewhere", "words"]

HEAD_ALONE = "lp"
"""Key of the strategy that leaves the backbone as it is."""

_CROSSING = ("FD001", "FD004", "FD012", "FD013", "FD021", "FD022", "FD023", "FD025")
"""Cautions that say, or may say, that the same is on both sides."""

_LOOK_ALIKE = "FD013"


def way_of(run: Run) -> Way:
    """Returns what a run was judged on: folds, the table's own split, or all that it scored.

    `elsewhere`: by a model that was fitted before; `words`: with nothing fitted.
    """
    if run.kind == "external":
        return "elsewhere"
    if run.kind == "zero_shot":
        return "words"
    return "split" if len(run.folds) == 1 else "folds"


def judged_alike(subject: Subject) -> tuple[tuple[Run, ...], ...]:
    """Returns the runs in groups, each of those that were judged on the very same photographs.

    Groups stand in the order of their first runs. Figures of different groups are not held against
    each other but by a test that says so.
    """
    found: dict[frozenset[str], list[Run]] = {}
    for run in subject.runs:
        judged = frozenset(run_predictions(subject.workspace, run).image_ids)
        found.setdefault(judged, []).append(run)
    return tuple(tuple(runs) for runs in found.values())


def source_of(subject: Subject, run: Run) -> Run | None:
    """Returns the run that fitted the model: of one judged elsewhere, the one that it used.

    None where that one is no longer here, or is damaged.
    """
    return run_that_trained(subject.workspace, run) if run.kind == "external" else run


def model_of(subject: Subject, run: Run) -> str:
    """Returns the id of the run whose model an external one uses, as it is known where it lies."""
    is_of_bundle = run.trained_as.endswith(OF_BUNDLE) and source_of(subject, run) is None
    if is_of_bundle:
        return f"{run.trained_as.removesuffix(OF_BUNDLE)} in another workspace"
    return run.trained_as


def elsewhere(subject: Subject, run: Run) -> str:
    """Returns which photographs a model that was fitted before is judged on."""
    source = source_of(subject, run)
    if source is None:
        gone = "the run that trained it is not here, or is damaged"
        return f"photographs that may be of its own data set ({gone})"
    own = source.dataset_id == run.dataset_id
    return "photographs of its own data set" if own else "photographs of another data set"


def is_tuned(run: Run) -> bool:
    """Says whether a network was trained by gradient, not a probe fitted on embeddings."""
    return run.kind == "finetune" or run.probe in STRATEGIES


def is_training_known(subject: Subject, run: Run) -> bool:
    """Says whether what a report needs to tell of the training is part of a run."""
    source = source_of(subject, run)
    return not is_tuned(run) or (source is not None and bool(source.recipe))


def code_in(run: Run, *codes: str) -> str:
    """Returns the first of some codes that a run has a caution of; empty where it has none."""
    found = {one.code for one in run.cautions}
    return next((code for code in codes if code in found), "")


def crossings(run: Run) -> str:
    """Returns the cautions of a run that say what may be on both sides, as sentences."""
    said = []
    for one in run.cautions:
        if one.code not in _CROSSING or (one.code == "FD021" and "patient_id" not in one.text):
            continue
        text = one.text
        if one.code == _LOOK_ALIKE:  # its own text names files
            text = "Photographs that look the same are on both sides."
        said.append(f"{text.rstrip('.')} ({one.code}).")
    return " ".join(said)


def separation(subject: Subject, run: Run) -> str:
    """Returns at which level what judged a run is disjoint from what taught it."""
    known = run.n_patients is not None
    match way_of(run):
        case "folds":
            level = "Folds are disjoint by patient."
            unknown = "Folds are disjoint by photograph; patients are unknown (FD003)."
        case "split":
            level = "The table's own split is disjoint by patient."
            if code_in(run, "FD001"):
                level = "The table's own split is not disjoint by patient."
            unknown = (
                "The table's own split is disjoint by photograph; patients are unknown (FD003)."
            )
        case "words":
            level = unknown = "Nothing was fitted, so nothing was divided."
        case "elsewhere":
            level = unknown = _from_its_teachers(subject, run)
    return f"{level if known else unknown} {crossings(run)}".strip()


def _from_its_teachers(subject: Subject, run: Run) -> str:
    """Says whether those that a model is judged on elsewhere are among those that taught it."""
    if code_in(run, "FD022"):
        return "Not disjoint: photographs that taught the model are among those it is judged on."
    if code_in(run, "FD023"):
        return "No photograph taught the model; patients of the same ids did."
    source = source_of(subject, run)
    try:
        taught = None if source is None else photographs_that_taught(subject.workspace, source)
    except FundusError:
        taught = None
    if taught is None:
        return "Which photographs taught the model is not stored here."
    if run.n_patients is None or taught["patient_id"].isna().any():
        return "No photograph taught the model; by patient it is not known."
    return "Neither a photograph nor an id of a patient is among those that taught the model."
