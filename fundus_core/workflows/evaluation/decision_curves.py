"""Use case: what acting on models' probabilities is worth, beside treating all and none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fundus_core.checks import Caution
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.net_benefit import (
    DecisionCurve,
    NetBenefitDifference,
    decision_curve,
    net_benefit_difference,
)
from fundus_core.stats.score_maps import Recalibration
from fundus_core.workflows.evaluation.aligned import (
    ScoredModel,
    aligned,
    cautions_of,
    read_different,
    require_one_question,
)
from fundus_core.workflows.evaluation.calibration import prevalence_shift
from fundus_core.workflows.evaluation.recalibrate import recalibrated


@dataclass(frozen=True, slots=True)
class ModelDecisionCurve:
    """One model's net benefit."""

    run_id: str
    """Run id, or the path of a table."""

    label: str
    curve: DecisionCurve


@dataclass(frozen=True, slots=True)
class DecisionDifference:
    """How much more the first model is worth than another one."""

    run_a: str
    """The first model."""

    run_b: str
    label_a: str
    label_b: str
    result: NetBenefitDifference


@dataclass(frozen=True, slots=True)
class DecisionCurves:
    """Several models on one class."""

    models: tuple[ModelDecisionCurve, ...]
    differences: tuple[DecisionDifference, ...]
    """The first model less each other one; none where they scored different photographs."""

    class_name: str
    recalibration: Recalibration | None
    n_images: int
    """Photographs of the first model."""

    n_patients: int | None
    paired: bool
    """True when all models scored the same photographs."""

    by_words: tuple[str, ...]
    """Labels of the models that words alone gave the scores of, unless these were recalibrated."""

    cautions: tuple[Caution, ...]

    @property
    def no_probabilities(self) -> str:
        """Says whose scores are no probabilities; empty where all may be."""
        if not self.by_words:
            return ""
        return (
            f"Words alone gave the scores of {' and '.join(self.by_words)}: they rank photographs "
            "and are no probabilities, so that no threshold on them is a risk, and the net benefit "
            "says little. Recalibrate them first."
        )


def decision_curve_of(
    workspace: Workspace,
    references: Sequence[str],
    class_name: str | None = None,
    *,
    prevalence: float | None = None,
    recalibration: Recalibration | None = None,
    common: bool = False,
    n_resamples: int = 2000,
    seed: int = 0,
) -> DecisionCurves:
    """Returns decision curves of models on one class, by patient where patients are known.

    Args:
        workspace: Where runs are.
        references: Run ids, or paths of tables of predictions; one or more.
        class_name: Of several classes, the one to decide about; the first by default.
        prevalence: To weigh by; that of the photographs by default.
        recalibration: What is done to every model's scores first, see `recalibrated`.
        common: Use the photographs that all models scored, instead of refusing different ones.
        n_resamples: Of the bootstrap of patients.
        seed: Of the resamples.

    Raises:
        StoreError: If there is no such run.
        TargetError: If no model is named, one is named twice, or does not predict the class.
        DifferentImagesError: If the models scored partly different photographs.
        ScoresError: If the scores of a model are no probabilities.
        SingleClassError: If all photographs are of one kind.
        FundusError: If scores cannot be recalibrated.
    """
    if not references:
        raise TargetError("No model was named.", hint="Name one or more runs.")
    named = read_different(workspace, references)
    read = [_one_class(one, class_name, recalibration) for one in named]
    require_one_question(workspace, read)
    models, paired = aligned(read, common=common) if len(read) > 1 else (read, True)

    def curve(said: Predictions) -> DecisionCurve:
        return decision_curve(
            said.y_true[:, 0],
            said.y_score[:, 0],
            prevalence=prevalence,
            patients=said.patient_ids,
            n_resamples=n_resamples,
            seed=seed,
        )

    found = tuple(
        ModelDecisionCurve(m.reference, m.predictions.model, curve(m.predictions)) for m in models
    )
    first = models[0].predictions
    differences = tuple(
        DecisionDifference(
            models[0].reference,
            other.reference,
            first.model,
            other.predictions.model,
            net_benefit_difference(
                first.y_true[:, 0],
                first.y_score[:, 0],
                other.predictions.y_score[:, 0],
                prevalence=prevalence,
                patients=first.patient_ids,
                n_resamples=n_resamples,
                seed=seed,
            ),
        )
        for other in models[1:]
        if paired
    )
    cautions = cautions_of(models)
    observed = found[0].curve.observed_prevalence
    if prevalence is not None and not np.isclose(prevalence, observed):
        cautions = (*cautions, prevalence_shift(observed, prevalence))
    return DecisionCurves(
        found,
        differences,
        first.class_names[0],
        recalibration,
        len(first.y_true),
        first.n_patients,
        paired,
        tuple(
            one.predictions.model
            for one in models
            if recalibration is None and one.run is not None and one.run.kind == "zero_shot"
        ),
        cautions,
    )


def _one_class(
    model: ScoredModel, class_name: str | None, recalibration: Recalibration | None
) -> ScoredModel:
    """Returns a model with one class, recalibrated if asked for.

    A multi-class model is recalibrated with all of its classes together.
    """
    said = model.predictions
    name = said.class_names[0] if class_name is None else said.class_of(class_name)
    if recalibration is not None and said.task == "multiclass":
        said = recalibrated(said, recalibration).predictions
    said = said.binary(name)
    if recalibration is not None and model.predictions.task != "multiclass":
        said = recalibrated(said, recalibration).predictions
    return replace(model, predictions=said)
