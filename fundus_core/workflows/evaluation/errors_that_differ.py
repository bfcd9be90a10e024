"""Use case: the photographs about which one model is right and another one wrong."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.checks import Caution, joined_cautions
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import DifferentImagesError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.discordance import Discordance, discordance
from fundus_core.stats.threshold_rules import RuleChoice
from fundus_core.workflows.evaluation.aligned import (
    ScoredModel,
    aligned,
    distinct_names,
    read_compared,
    read_model,
    require_one_question,
)
from fundus_core.workflows.evaluation.operating import OperatingResult, by_rule
from fundus_core.workflows.evaluation.viewed import viewed
from fundus_core.workflows.models.runs import list_runs


@dataclass(frozen=True, slots=True)
class DifferingErrors:
    """Two models at a threshold each, on the same N photographs."""

    first: OperatingResult
    second: OperatingResult
    overall: Discordance
    with_class: Discordance
    """Of the photographs that have the class: which model misses them."""

    without_class: Discordance
    """Of those that do not: which model raises false alarms."""

    right_first: NDArray[np.bool_]
    """Shape (N,): called rightly by the first; rows are those of `first.predictions`."""

    right_second: NDArray[np.bool_]

    cautions: tuple[Caution, ...]

    @property
    def n_images(self) -> int:
        """N."""
        return len(self.right_first)

    def only_first_right(self) -> list[str]:
        """Returns the photographs that the first model alone calls rightly, surest error first."""
        return self._ordered(self.right_first & ~self.right_second, self.second.predictions)

    def only_second_right(self) -> list[str]:
        """Returns the photographs that the second model alone calls rightly, likewise."""
        return self._ordered(self.right_second & ~self.right_first, self.first.predictions)

    def _ordered(self, rows: NDArray[np.bool_], wrong: Predictions) -> list[str]:
        """Returns ids of rows; those whose wrong score is furthest from the label come first."""
        off = np.abs(wrong.y_true[:, 0] - wrong.y_score[:, 0])
        places = np.flatnonzero(rows)
        places = places[np.argsort(-off[places], kind="stable")]
        return [wrong.image_ids[place] for place in places]


def errors_that_differ(
    workspace: Workspace,
    first: str,
    second: str,
    *,
    class_name: str | None = None,
    common: bool = False,
    choice: RuleChoice | None = None,
) -> DifferingErrors:
    """Holds two models against the same photographs, each at a threshold of its own.

    Thresholds are chosen where they flatter least, as `operating.operate` does: after
    cross-validation each fold's on the other folds.

    Args:
        workspace: Where runs are.
        first: Run id, or path of a table of predictions.
        second: Likewise.
        class_name: Of several classes, the one against the rest.
        common: Compare on the photographs that both models scored.
        choice: Rule and number; Youden's by default.

    Raises:
        DifferentImagesError: If the models scored partly, or altogether, different photographs.
        TargetError: If both are the same model, or a class must be chosen, or is not predicted.
        SingleClassError: If there are not photographs with and without the class.
        StoreError: If there is no such run.
    """
    named = read_compared(workspace, (first, second))
    models = [viewed(one, class_name, None) for one in named]
    require_one_question(workspace, models)
    models, paired = aligned(models, common=common)
    if not paired:
        raise DifferentImagesError(
            "The two models scored no photograph in common, so there is none to differ about.",
            hint="Choose models of the same data set.",
        )
    one, other = (_judged(workspace, model, class_name, choice) for model in models)
    labels = one.predictions.y_true[:, 0]
    right = [result.called == labels for result in (one, other)]
    patients = one.predictions.patient_ids
    overall, with_class, without_class = (
        discordance(
            right[0][rows],
            right[1][rows],
            patients=None if patients is None else patients[rows],
        )
        for rows in (np.ones(len(labels), bool), labels, ~labels)
    )
    names = distinct_names([(result.label, result.run_id) for result in (one, other)])
    return DifferingErrors(
        one,
        other,
        overall,
        with_class,
        without_class,
        right[0],
        right[1],
        joined_cautions(list(zip(names, (one.cautions, other.cautions), strict=True))),
    )


def _judged(
    workspace: Workspace, model: ScoredModel, class_name: str | None, choice: RuleChoice | None
) -> OperatingResult:
    """Returns a model at its threshold; of one trained elsewhere, at the threshold from there."""
    known = {run.id: run for run in list_runs(workspace)}
    run = known.get(model.reference)
    inside = None
    if run is not None and run.trained_as in known:
        inside = viewed(read_model(workspace, run.trained_as), class_name, None)
    return by_rule(model, choice or RuleChoice(), inside=inside)
