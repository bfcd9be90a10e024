"""Use case: what a model of several classes takes for what."""

from dataclasses import dataclass

from fundus_core.checks import Caution
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.confusion import ConfusionMatrix, confusion_matrix
from fundus_core.workflows.evaluation.aligned import cautions_of, read_model
from fundus_core.workflows.evaluation.metrics import MetricResult, decide, measure

SHOWN = ("quadratic_kappa", "accuracy", "balanced_accuracy", "macro_f1")
"""Keys of `METRICS` that stand beside a matrix."""


@dataclass(frozen=True, slots=True)
class ConfusionResult:
    """The confusion matrix of a multi-class model, and what sums it up."""

    run_id: str
    """Run id, or the path of a table."""

    label: str
    matrix: ConfusionMatrix
    metrics: tuple[MetricResult, ...]
    """Those of `SHOWN`, each with an interval or the reason why there is none."""

    predictions: Predictions
    n_patients: int | None
    """None where patients are unknown."""

    cautions: tuple[Caution, ...]


def confusion(
    workspace: Workspace, reference: str, *, n_resamples: int = 2000, seed: int = 0
) -> ConfusionResult:
    """Returns the confusion matrix where the class with the highest score is decided for.

    Args:
        workspace: Where runs are.
        reference: Run id, or path of a table of predictions.
        n_resamples: Of the bootstrap of patients, for the metrics.
        seed: Of the resamples.

    Raises:
        TargetError: If the model is not of several classes that exclude one another.
        StoreError: If there is no such run.
    """
    model = read_model(workspace, reference)
    said = model.predictions
    if said.task != "multiclass":
        raise TargetError(
            f"{said.model} is not of several classes that exclude one another.",
            hint="Look at one class at a threshold (`fundus operating RUN --class CLASS`).",
        )
    decisions = decide(said)
    matrix = confusion_matrix(
        said.y_true, decisions.decided, said.class_names, patients=said.patient_ids
    )
    measured = measure(said, decisions, n_resamples=n_resamples, seed=seed)
    by_name = {result.name: result for result in measured.results}
    return ConfusionResult(
        model.reference,
        said.model,
        matrix,
        tuple(by_name[name] for name in SHOWN),
        said,
        said.n_patients,
        cautions_of([model]),
    )
