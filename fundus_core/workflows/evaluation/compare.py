"""Use case: are models different on the same photographs, per patient?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from fundus_core.checks import Caution
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import NoVarianceError, SingleClassError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.class_tests import too_few_to_test
from fundus_core.stats.classes import unit_noun
from fundus_core.stats.contrasts import ContrastTest, all_equal
from fundus_core.stats.delong import (
    AucComparison,
    AucInterval,
    auc_interval,
    compare_paired,
    compare_unpaired,
)
from fundus_core.stats.inputs import IndependentUnits, as_patients, independent_units
from fundus_core.stats.multiplicity import benjamini_hochberg, holm
from fundus_core.workflows.evaluation.aligned import (
    FEWEST_MODELS,
    ScoredModel,
    aligned,
    cautions_of,
    read_compared,
    require_one_question,
    sizes_of,
)
from fundus_core.workflows.evaluation.viewed import viewed


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One model of a comparison."""

    run_id: str
    """Run id, or the path of a table."""

    label: str
    auc: AucInterval


@dataclass(frozen=True, slots=True)
class ComparedPair:
    """Two models of a comparison."""

    run_a: str
    run_b: str
    label_a: str
    label_b: str
    result: AucComparison
    """By patient where patients are known."""

    plain: AucComparison | None
    """DeLong's test of images taken as independent, beside a clustered `result`."""

    p_holm: float
    """p of `result`, corrected over all pairs of this comparison (Holm 1979)."""

    p_bh: float
    """Likewise, for the share of false findings (Benjamini & Hochberg 1995)."""


@dataclass(frozen=True, slots=True)
class JointTest:
    """One test of all models at once."""

    result: ContrastTest | None
    """None where no test was made."""

    reason: str
    """Why there is none; empty where there is one."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several models, each with its AUC, and all pairs of them."""

    runs: tuple[ComparedRun, ...]
    pairs: tuple[ComparedPair, ...]
    """None of them where a class of several has too few patients to be tested on."""

    class_name: str
    n_images: int
    """Photographs compared on; of the first model where the models saw different ones."""

    n_patients: int | None
    sizes: tuple[tuple[int, int | None], ...]
    """Photographs and patients: once where all models scored the same ones, else of each model."""

    units: IndependentUnits
    """Patients, or photographs where patients are unknown, that the figures rest on; of the first
    model where the models saw different ones."""

    paired: bool
    """True when all models scored the same photographs."""

    all_equal: JointTest
    """Have all of them the same AUC? Asked of three models or more."""

    cautions: tuple[Caution, ...]

    aggregate: str | None = None
    """How a patient came by a score, where patients were compared on: key of `AGGREGATES`."""

    untested: str = ""
    """Why there are no pairs; empty where there are."""


def compare(
    workspace: Workspace,
    references: Sequence[str],
    *,
    class_name: str | None = None,
    common: bool = False,
    aggregate: str | None = None,
) -> Comparison:
    """Compares models on one class; rows are joined by image id, never by position.

    Models of the same photographs get the paired test. Models of wholly different photographs get
    the unpaired one. Anything in between is refused unless `common` is set.

    Args:
        workspace: Where runs are.
        references: Run ids, or paths of tables with `y_true`, `y_score` and if possible
            `image_id` and `patient_id`.
        class_name: For several classes, the one to compare on. It is tested under the same
            condition as by `compare_classes`: with ten patients with it and without it.
        common: Compare on the photographs that all models scored.
        aggregate: Key of `AGGREGATES` to compare on patients in place of photographs.

    Raises:
        DifferentImagesError: If the models scored different photographs.
        ScoresError: If patients are to be compared on and are unknown.
        TargetError: If fewer than two models are named, one is named twice, they predict
            different things, or a class must be chosen or is not predicted.
    """
    read = read_compared(workspace, references)
    models = [viewed(one, class_name, aggregate) for one in read]
    require_one_question(workspace, models)
    models, paired = aligned(models, common=common, by_patient=aggregate is not None)
    untested = untested_class(models) if has_several(read) else ""
    return replace(_compared(models, untested, paired=paired), aggregate=aggregate)


def has_several(models: Iterable[ScoredModel]) -> bool:
    """Says whether any of some models predicts several classes."""
    return any(len(one.predictions.class_names) > 1 for one in models)


def untested_class(models: Iterable[ScoredModel]) -> str:
    """Says why models are not tested on one class of several; empty if patients are enough.

    Args:
        models: Of one class.
    """
    reasons = (
        too_few_to_test(_units(one.predictions), unit_noun(one.predictions.patient_ids))
        for one in models
    )
    return next(filter(None, reasons), "")


def statistic_name(tests: Iterable[AucComparison | None]) -> str:
    """Returns what the ratios of difference to standard error are called where they stand together.

    It is t if any of them is held against a t distribution; one without degrees of freedom is held
    against the normal one, which is t with infinitely many. It is z if none is.
    """
    held = [one.degrees_of_freedom for one in tests if one is not None]
    return "z" if all(degrees is None for degrees in held) else "t"


def degrees_text(test: AucComparison) -> str:
    """Returns the degrees of freedom behind a p-value for a table, or that it is a normal one."""
    return "normal" if test.degrees_of_freedom is None else f"{test.degrees_of_freedom:.1f}"


def _compared(models: list[ScoredModel], untested: str, *, paired: bool) -> Comparison:
    runs = tuple(
        ComparedRun(model.reference, model.predictions.model, _interval(model.predictions))
        for model in models
    )
    tested = [
        (a, b, *_test(a.predictions, b.predictions, paired=paired))
        for a, b in (() if untested else combinations(models, 2))
    ]
    p_values = [result.p_value for _, _, result, _ in tested]
    corrected = zip(tested, holm(p_values), benjamini_hochberg(p_values), strict=True)
    pairs = tuple(
        ComparedPair(
            a.reference,
            b.reference,
            a.predictions.model,
            b.predictions.model,
            result,
            plain,
            p_holm,
            p_bh,
        )
        for (a, b, result, plain), p_holm, p_bh in corrected
    )
    first = models[0].predictions
    return Comparison(
        runs,
        pairs,
        first.class_names[0],
        len(first.y_true),
        first.n_patients,
        sizes_of(models, paired=paired),
        _units(first),
        paired,
        JointTest(None, untested) if untested else _all_equal(models, paired=paired),
        cautions_of(models, n_tests=len(pairs), of="pairs of models", paired=paired),
        untested=untested,
    )


def _units(predictions: Predictions) -> IndependentUnits:
    y_true, _ = _columns(predictions)
    return independent_units(y_true, as_patients(predictions.patient_ids, n_images=len(y_true)))


def _all_equal(models: list[ScoredModel], *, paired: bool) -> JointTest:
    """Tests all models at once where there are three or more of the same photographs."""
    if len(models) <= FEWEST_MODELS:
        return JointTest(None, "Two models have one difference, which the pair tests.")
    if not paired:
        return JointTest(None, "One test of all models needs the same photographs for all of them.")
    y_true, _ = _columns(models[0].predictions)
    scores = np.stack([_columns(model.predictions)[1] for model in models])
    patients = models[0].predictions.patient_ids
    try:
        return JointTest(all_equal(y_true, scores, patients=patients), "")
    except (NoVarianceError, SingleClassError) as refusal:
        return JointTest(None, refusal.message)


def _interval(predictions: Predictions) -> AucInterval:
    y_true, y_score = _columns(predictions)
    return auc_interval(y_true, y_score, patients=predictions.patient_ids)


def _test(
    a: Predictions, b: Predictions, *, paired: bool
) -> tuple[AucComparison, AucComparison | None]:
    """Returns the test by patient where they are known, and plain DeLong beside it."""
    (y_a, score_a), (y_b, score_b) = _columns(a), _columns(b)
    clustered = a.patient_ids is not None and (paired or b.patient_ids is not None)
    if paired:
        plain = compare_paired(y_a, score_a, score_b)
        if not clustered:
            return plain, None
        return compare_paired(y_a, score_a, score_b, patients=a.patient_ids), plain
    plain = compare_unpaired(y_a, score_a, y_b, score_b)
    if not clustered:
        return plain, None
    by_patient = compare_unpaired(
        y_a, score_a, y_b, score_b, patients_a=a.patient_ids, patients_b=b.patient_ids
    )
    return by_patient, plain


def _columns(predictions: Predictions) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    return predictions.y_true[:, 0], predictions.y_score[:, 0]
