"""Use case: what a model does at a threshold, and where the threshold comes from."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fundus_core.checks import FEW_POSITIVES, Caution
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.decisions import Threshold, decide_across_folds, decide_as_inside
from fundus_core.stats.operating import OperatingPoint, point_of_calls
from fundus_core.stats.predictive_values import PredictiveValues, predictive_values
from fundus_core.stats.threshold_rules import RuleChoice, threshold_to_write
from fundus_core.workflows.evaluation.aligned import (
    ScoredModel,
    cautions_of,
    read_model,
    shared_patients,
)
from fundus_core.workflows.evaluation.operating_words import rule_text
from fundus_core.workflows.evaluation.viewed import viewed
from fundus_core.workflows.models.runs import list_runs

Source = Literal["fixed", "other folds", "inside", "same photographs"]
"""Where a threshold comes from.

`fixed`: given beforehand. `other folds`: each fold's from the photographs of all other folds.
`inside`: from the held-out photographs of another run, see `OperatingResult.chosen_on`. `same
photographs`: from the very ones that are judged, which flatters (FD017)."""


MODEL_GONE = "The run that trained the model is not in this workspace, so none comes from it."
"""Why an external run has no threshold from where its model was trained."""


@dataclass(frozen=True, slots=True)
class OperatingResult:
    """What a model does to N photographs, or N patients, at a threshold."""

    run_id: str
    """Run id, or the path of a table."""

    label: str
    class_name: str
    aggregate: str | None
    """Key of `AGGREGATES` by which scores of a patient became one; None for photographs."""

    source: Source
    choice: RuleChoice | None
    """The rule that chose; None for a fixed threshold."""

    thresholds: tuple[Threshold, ...]
    """One per fold, or the one from inside; none where `point` holds the only one."""

    chosen_on: str
    """The run, or table, whose photographs the threshold was chosen on; empty if it was fixed."""

    point: OperatingPoint
    """Counts of photographs, or of patients."""

    predictions: Predictions
    """What was judged: one class, a row per photograph or patient."""

    called: NDArray[np.bool_]
    """Shape (N,): what was called positive."""

    cautions: tuple[Caution, ...]

    @property
    def n_patients(self) -> int | None:
        """Patients, or None where unknown."""
        return self.predictions.n_patients

    @property
    def prevalence(self) -> float:
        """Share of the positive among what was judged, in (0, 1)."""
        return float(self.predictions.y_true.mean())

    @property
    def unit(self) -> str:
        """What is counted."""
        return "photograph" if self.aggregate is None else "patient"

    def values_at(self, prevalence: float) -> PredictiveValues:
        """Returns what calls are worth at a prevalence in (0, 1)."""
        return predictive_values(
            self.predictions.y_true[:, 0],
            self.called,
            prevalence,
            patients=self.predictions.patient_ids,
            confidence=self.point.confidence,
        )


def operate(
    workspace: Workspace,
    reference: str,
    *,
    class_name: str | None = None,
    aggregate: str | None = None,
    choice: RuleChoice | None = None,
    threshold: float | None = None,
    on: str | None = None,
) -> OperatingResult:
    """Returns sensitivity and specificity at a threshold that is given, or chosen by a rule.

    A rule chooses where it flatters least: for `on` it chooses on `reference`; for a run of a model
    that was trained on another data set, on the held-out photographs there; after cross-validation
    on the other folds. Only where there is nothing else it chooses on the very photographs that are
    judged, with a caution.

    Args:
        workspace: Where runs are.
        reference: Run id, or path of a table of predictions.
        class_name: Of several classes, the one against the rest; not needed where there is one.
        aggregate: Key of `AGGREGATES` to judge patients; None to judge photographs.
        choice: Rule and number; Youden's by default.
        threshold: Fixed beforehand, in place of a rule.
        on: Run or table to judge by the threshold that `reference` gives.

    Raises:
        TargetError: If a class must be chosen, or is not predicted, or both a rule and a threshold
            are given.
        ScoresError: If patients are to be judged and are unknown.
        SingleClassError: If there are not photographs of both kinds.
        StoreError: If there is no such run.
    """
    if threshold is not None and (choice or on):
        raise TargetError(
            f"The threshold is given as {threshold:g}, so there is nothing to choose.",
            hint="Leave out either the threshold or the rule.",
        )
    source = viewed(read_model(workspace, reference), class_name, aggregate)
    judged = source if on is None else viewed(read_model(workspace, on), class_name, aggregate)
    if threshold is not None:
        return at_threshold(judged, threshold, aggregate=aggregate)
    inside = source if on is not None else _trained_as(workspace, judged, class_name, aggregate)
    return by_rule(judged, choice or RuleChoice(), aggregate=aggregate, inside=inside)


def at_threshold(
    model: ScoredModel,
    threshold: float,
    *,
    aggregate: str | None = None,
    sought_by: RuleChoice | None = None,
    why: str = "",
) -> OperatingResult:
    """Judges a model at one threshold for all rows.

    Args:
        model: As `viewed` returns it.
        threshold: Scores from here on are called positive.
        aggregate: As `viewed` was given it.
        sought_by: The rule that found the threshold on these very rows; None if it was fixed.
        why: It was sought on these, as a sentence; empty where that was asked for.
    """
    called = model.predictions.y_score[:, 0] >= threshold
    flattered = () if sought_by is None else (_sought_here(model, sought_by, aggregate, why),)
    return _result(
        model,
        called,
        (),
        source="same photographs" if sought_by else "fixed",
        choice=sought_by,
        chosen_on=model.reference if sought_by else "",
        aggregate=aggregate,
        more=flattered,
        threshold=threshold,
    )


def by_rule(
    model: ScoredModel,
    choice: RuleChoice,
    *,
    aggregate: str | None = None,
    inside: ScoredModel | None = None,
) -> OperatingResult:
    """Judges a model by a rule that chooses inside, else across folds, else on the same rows.

    Args:
        model: As `viewed` returns it.
        choice: Rule and number.
        aggregate: As `viewed` was given it.
        inside: Where to choose, viewed likewise; None to choose across folds.
    """
    predictions = model.predictions
    if inside is None and not has_folds(predictions):
        threshold = threshold_to_write(predictions.y_true[:, 0], predictions.y_score[:, 0], choice)
        gone = model.run is not None and model.run.kind == "external"
        why = MODEL_GONE if gone else ""
        return at_threshold(model, threshold, aggregate=aggregate, sought_by=choice, why=why)
    if inside is None:
        decisions = decide_across_folds(
            predictions.y_true, predictions.y_score, predictions.fold, choice=choice
        )
    else:
        decisions = decide_as_inside(
            predictions.y_score,
            inside_true=inside.predictions.y_true,
            inside_score=inside.predictions.y_score,
            choice=choice,
        )
    return _result(
        model,
        decisions.decided[:, 0],
        decisions.thresholds,
        source="other folds" if inside is None else "inside",
        choice=choice,
        chosen_on=(inside or model).reference,
        aggregate=aggregate,
        more=() if inside is None else _shared(model, inside, aggregate),
        threshold=None if inside is None else decisions.thresholds[0].value,
    )


def has_folds(predictions: Predictions) -> bool:
    """Says whether a threshold can be chosen across folds: there are two or more."""
    return predictions.fold is not None and len(np.unique(predictions.fold)) > 1


def _trained_as(
    workspace: Workspace, model: ScoredModel, class_name: str | None, aggregate: str | None
) -> ScoredModel | None:
    """Returns the run that an external one was trained as, viewed likewise, if it is there."""
    runs = {run.id: run for run in list_runs(workspace)}
    run = runs.get(model.reference)
    if run is None or run.trained_as not in runs:
        return None
    return viewed(read_model(workspace, run.trained_as), class_name, aggregate)


def _result(
    model: ScoredModel,
    called: NDArray[np.bool_],
    thresholds: tuple[Threshold, ...],
    *,
    source: Source,
    choice: RuleChoice | None,
    chosen_on: str,
    aggregate: str | None,
    more: tuple[Caution, ...],
    threshold: float | None,
) -> OperatingResult:
    predictions = model.predictions
    point = point_of_calls(
        predictions.y_true[:, 0], called, threshold=threshold, patients=predictions.patient_ids
    )
    return OperatingResult(
        model.reference,
        predictions.model,
        predictions.class_names[0],
        aggregate,
        source,
        choice,
        thresholds,
        chosen_on,
        point,
        predictions,
        called,
        _with_few((*cautions_of([model]), *more), predictions, aggregate),
    )


def _sought_here(
    model: ScoredModel, choice: RuleChoice, aggregate: str | None, why: str
) -> Caution:
    rows = f"{len(model.predictions.y_true)} {_units(aggregate)}"
    return Caution("FD017", f"Sought by {rule_text(choice)} on the same {rows}. {why}".rstrip())


def _shared(model: ScoredModel, inside: ScoredModel, aggregate: str | None) -> tuple[Caution, ...]:
    """Returns cautions if a threshold was chosen on rows, or on patients, that it judges.

    Patients count where their rows are not the same ones.
    """
    ids = model.predictions.image_ids
    known = set(ids) & set(inside.predictions.image_ids)
    apart = model.predictions
    if known:
        apart = apart.select(np.array([one not in known for one in ids]))
    where = "among those that the threshold was chosen on and among those it judges"
    same_people = shared_patients((inside.predictions, apart), where)
    if not known:
        return same_people
    said = f"{len(known)} of {len(set(ids))} {_units(aggregate)} are among those it was chosen on."
    return (Caution("FD017", said), *same_people)


def _with_few(
    cautions: tuple[Caution, ...], predictions: Predictions, aggregate: str | None
) -> tuple[Caution, ...]:
    """Adds that there are few patients of one kind, which photographs did not show."""
    n_positive = int(predictions.y_true.sum())
    rarer = min(n_positive, len(predictions.y_true) - n_positive)
    known = any(one.code == "FD002" for one in cautions)
    if aggregate is None or known or rarer >= FEW_POSITIVES:
        return cautions
    said = f"{n_positive} of {len(predictions.y_true)} patients have it."
    return (*cautions, Caution("FD002", said))


def _units(aggregate: str | None) -> str:
    return "photographs" if aggregate is None else "patients"
