"""What a report answers to items of a checklist that depends on how each of its runs was judged."""

from collections.abc import Mapping

from fundus_core.backbones.catalogue import SHORTCUT
from fundus_core.io.weights import SCRATCH
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.reports.report_judged import (
    HEAD_ALONE,
    code_in,
    crossings,
    elsewhere,
    is_training_known,
    is_tuned,
    separation,
    source_of,
    way_of,
)
from fundus_core.workflows.reports.report_subject import Subject
from fundus_core.workflows.reports.rerun_settings import share_of_patients

_RESULTS = ("discrimination", "calibration", "operating", "subgroups")


class RunAnswers:
    """Answers of a report, each by the kinds of its runs and what they are cautioned of."""

    def __init__(self, subject: Subject) -> None:
        """Takes the subject of the report."""
        self._subject = subject

    def said(self, present: Mapping[str, str]) -> dict[str, str]:
        """Returns key of an item's answer -> text; empty where nothing can be said.

        Args:
            present: Key -> title of the sections that show figures.
        """
        each = self._subject.each
        titles = [present[key] for key in _RESULTS if key in present]
        results = f"Sections {titles[0]} to {titles[-1]}." if titles else ""
        return {
            "partition": f"Section Methods, Validation. {each(crossings)}".strip(),
            "disjoint": each(lambda run: separation(self._subject, run)),
            "model": f"Sections Models and Methods. {each(self._unknown_training)}".strip(),
            "training": each(self._training),
            "weights": each(_weights),
            "prediction": f"Section Methods. {each(self._prediction)}",
            "imbalance": f"{each(_balance)} Prevalence stands in section Data.".strip(),
            "inside_outside": each(lambda run: self._inside_outside(run, present)),
            "events": "Section Data and the table of AUCs, of the photographs judged.",
            "rerun": each(self._again),
            "subsets": each(_subset),
            "selection": f"{each(self._selection)} This report chose no model by its figures.",
            "ensembles": each(self._ensemble),
            "internal": each(lambda run: _internal(run, results)),
            "external": each(self._external),
        }

    def partly(self) -> frozenset[str]:
        """Returns keys of answers that leave something out, though an item might be answered.

        That is what the report does not hold of those that taught a model, or of its training.
        """
        runs = self._subject.runs
        ways = {way_of(run) for run in runs}
        ids = {run.id for run in runs}
        found: set[str] = set()
        if any(run.kind == "external" and run.trained_as not in ids for run in runs):
            found |= {"partition", "model", "training", "events"}
        if any(source_of(self._subject, run) is None for run in runs):
            found |= {"disjoint", "external"}
        if any(not is_training_known(self._subject, run) for run in runs):
            found |= {"model", "training"}
        if "words" in ways:
            found |= {"model", "prediction"}  # the words are not part of a run
        if "split" in ways or any(share_of_patients(run) != 1 for run in runs):
            found |= {"events"}
        return frozenset(found)

    def _unknown_training(self, run: Run) -> str:
        if way_of(run) == "words":
            return "The words that gave the scores are not part of the run."
        if not is_training_known(self._subject, run):
            return "How the network was trained is not part of the run."
        return ""

    def _training(self, run: Run) -> str:
        if way_of(run) == "words":
            return "Nothing was trained."
        if not is_training_known(self._subject, run):
            return "How the network was trained is not part of the run."
        where = "Section Methods, Classifiers."
        if run.probe == HEAD_ALONE:
            return f"{where} The head alone was trained."
        return where if is_tuned(run) else f"{where} The backbone was not trained further."

    def _prediction(self, run: Run) -> str:
        match way_of(run):
            case "folds":
                return "Held-out scores, pooled over folds."
            case "split":
                return "Scores of the test side of the table's own split."
            case "words":
                return "Scores by descriptions of the classes alone."
            case "elsewhere":
                mean = self._is_mean(run)
                of = ", the mean of the networks of its folds" if mean else ""
                return f"Scores of a model that was fitted before{of}."

    def _ensemble(self, run: Run) -> str:
        way = way_of(run)
        if way == "folds":
            return "None within the figures of cross-validation."
        mean = self._is_mean(run)
        if mean is None:
            return "Whether one network scored, or the mean of several, is not part of the run."
        if mean:
            return "A score is the mean of the networks of the folds."
        return "None: one network scored by words." if way == "words" else "None: one model scored."

    def _is_mean(self, run: Run) -> bool | None:
        """Says whether the scores are the mean of several networks; None where nobody knows."""
        if way_of(run) != "elsewhere" or not is_tuned(run):
            return False
        source = source_of(self._subject, run)
        return None if source is None else len(source.folds) > 1

    def _selection(self, run: Run) -> str:
        way = way_of(run)
        if way == "words":
            return "Nothing was fitted."
        if way == "elsewhere":
            also = ", on photographs it is judged on here (FD022)" if code_in(run, "FD022") else ""
            return f"The model was fitted before{also}."
        if not is_training_known(self._subject, run):
            return "How the epoch was chosen is not part of the run."
        if is_tuned(run):
            return "The epoch by some of the training patients, set aside where there were enough."
        return (
            "Settings of the classifier by inner folds of the training side, where it had patients "
            "enough."
        )

    def _inside_outside(self, run: Run, present: Mapping[str, str]) -> str:
        if run.kind != "external":
            return ""
        said = [f"{one.text} ({one.code})" for one in run.cautions if one.code == "FD015"]
        source = source_of(self._subject, run)
        shown = {one.dataset_id for one in self._subject.runs}
        if source is not None and source.dataset_id in shown - {run.dataset_id}:
            said.append("Section Data describes both data sets.")
            if "differences" in present:
                said.append("Section Differences between models.")
        return " ".join(said)

    def _external(self, run: Run) -> str:
        if run.kind != "external":
            return ""
        if code_in(run, "FD022"):
            return f"This is no external test. {crossings(run)}"
        said = f"Judged on {elsewhere(self._subject, run)}, and marked so in section Models."
        return f"{said} {crossings(run)}".strip()

    def _again(self, run: Run) -> str:
        reason = self._subject.settings[run.id].reason
        if reason:
            return f"Not made again by the program: {reason.rstrip('.')}."
        if run.embeddings.backbone == SHORTCUT:
            return "Section Running it again; there are no weights."
        if run.embeddings.weights == SCRATCH:
            return "Section Running it again; the weights follow from their seed."
        return "Section Running it again; the weights are named with their hash."


def _weights(run: Run) -> str:
    if run.embeddings.backbone == SHORTCUT:
        return "None: the mean colour has no weights."
    if run.embeddings.weights == SCRATCH:
        return "Section Models: random weights, with their seed."
    return "Section Models: name, hash and licence of the weights."


def _balance(run: Run) -> str:
    match way_of(run):
        case "folds":
            return "Folds are stratified by class."
        case "split":
            return "The table's own split was taken as it is."
        case "words":
            return "Nothing was fitted."
        case "elsewhere":
            return "The photographs were taken as they are."


def _subset(run: Run) -> str:
    if way_of(run) == "split":
        return "The labelled photographs of the test side of the table's own split."
    return "The labelled photographs of the data set, or of the part of it that was chosen."


def _internal(run: Run, results: str) -> str:
    if way_of(run) not in {"folds", "split"}:
        return ""
    return f"{results} {crossings(run)}".strip()
