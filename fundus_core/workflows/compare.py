"""Use case: are models different on the same photographs, per patient?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_core.checks import CAUTIONS, Caution
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import DifferentImagesError, TargetError
from fundus_core.io.predictions import TABLE_SUFFIXES, read_predictions
from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import (
    AucComparison,
    AucInterval,
    auc_interval,
    compare_paired,
    compare_unpaired,
)
from fundus_core.stats.multiplicity import holm
from fundus_core.workflows.runs import load_run, run_predictions

FEWEST_MODELS = 2


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


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several models, each with its AUC, and all pairs of them."""

    runs: tuple[ComparedRun, ...]
    pairs: tuple[ComparedPair, ...]
    class_name: str
    n_images: int
    """Photographs compared on; of the first model where the models saw different ones."""

    n_patients: int | None
    paired: bool
    """True when all models scored the same photographs."""

    cautions: tuple[Caution, ...]


@dataclass(frozen=True, slots=True)
class _Model:
    reference: str
    predictions: Predictions
    cautions: tuple[Caution, ...]


def compare(
    workspace: Workspace,
    references: Sequence[str],
    *,
    class_name: str | None = None,
    common: bool = False,
) -> Comparison:
    """Compares models on one class; rows are joined by image id, never by position.

    Models of the same photographs get the paired test. Models of wholly different photographs get
    the unpaired one. Anything in between is refused unless `common` is set.

    Args:
        workspace: Where runs are.
        references: Run ids, or paths of tables with `y_true`, `y_score` and if possible
            `image_id` and `patient_id`.
        class_name: For several classes, the one to compare on; the first by default.
        common: Compare on the photographs that all models scored.

    Raises:
        DifferentImagesError: If the models scored different photographs.
        TargetError: If fewer than two models are named, or they predict different things.
    """
    if len(references) < FEWEST_MODELS:
        raise TargetError(
            f"{len(references)} model was named; a comparison needs at least {FEWEST_MODELS}.",
            hint="Name two or more runs or tables of predictions.",
        )
    models = [_read(workspace, reference, class_name) for reference in references]
    models = _with_ids(models)
    models, paired = _aligned(models, common=common)
    return _compared(models, paired=paired)


def _read(workspace: Workspace, reference: str, class_name: str | None) -> _Model:
    if Path(reference).suffix.lower() in TABLE_SUFFIXES:
        predictions = read_predictions(Path(reference))
        return _Model(reference, _one_class(predictions, class_name), ())
    run = load_run(workspace, reference)
    predictions = _one_class(run_predictions(workspace, run), class_name)
    return _Model(run.id, predictions, run.cautions)


def _one_class(predictions: Predictions, class_name: str | None) -> Predictions:
    if class_name is not None and predictions.task == "binary":
        class_name = None
    if class_name is not None and class_name not in predictions.class_names:
        raise TargetError(
            f"{predictions.model} does not predict {class_name!r}; it predicts "
            f"{', '.join(predictions.class_names)}.",
            hint="Choose a class that all models predict.",
        )
    return predictions.binary(class_name)


def _with_ids(models: list[_Model]) -> list[_Model]:
    """Names rows by their number where no table names them and all tables agree in labels."""
    nameless = [not model.predictions.image_ids for model in models]
    if not any(nameless):
        return models
    first = models[0].predictions.y_true
    same = all(np.array_equal(model.predictions.y_true, first) for model in models)
    if not (all(nameless) and same):
        raise DifferentImagesError(
            "The tables do not name their photographs, and their labels differ row by row.",
            hint="Add an image_id column to every table, so that rows can be joined.",
        )
    ids = tuple(f"row {row}" for row in range(len(first)))
    return [replace(m, predictions=replace(m.predictions, image_ids=ids)) for m in models]


def _aligned(models: list[_Model], *, common: bool) -> tuple[list[_Model], bool]:
    """Returns the models with equal rows where they share photographs, and whether they do."""
    sets = [set(model.predictions.image_ids) for model in models]
    shared = set.intersection(*sets)
    if all(not (a & b) for a, b in combinations(sets, 2)):
        return models, False
    if any(ids != shared for ids in sets) and not (common and shared):
        counts = ", ".join(str(len(ids)) for ids in sets)
        raise DifferentImagesError(
            f"The models were evaluated on {counts} photographs; {len(shared)} are the same.",
            hint="Evaluate them on the same photographs, or compare on the common ones: --common "
            "on the command line, a switch on the page.",
        )
    order = [image_id for image_id in models[0].predictions.image_ids if image_id in shared]
    aligned = [replace(m, predictions=_in_order(m.predictions, order)) for m in models]
    _require_equal_labels(aligned)
    return _with_shared_patients(aligned), True


def _in_order(predictions: Predictions, order: list[str]) -> Predictions:
    row_of = {image_id: row for row, image_id in enumerate(predictions.image_ids)}
    return predictions.select(np.array([row_of[image_id] for image_id in order], np.intp))


def _require_equal_labels(models: list[_Model]) -> None:
    first = models[0].predictions
    for model in models[1:]:
        differing = int((model.predictions.y_true != first.y_true).sum())
        if differing:
            raise DifferentImagesError(
                f"{differing} of {len(first.image_ids)} photographs have another label in "
                f"{model.reference} than in {models[0].reference}.",
                hint="Compare models of the same target and the same table.",
            )


def _with_shared_patients(models: list[_Model]) -> list[_Model]:
    """Gives all models the patients that any of them knows: rows are equal by now."""
    known = next((p for m in models if (p := m.predictions.patient_ids) is not None), None)
    return [replace(m, predictions=replace(m.predictions, patient_ids=known)) for m in models]


def _compared(models: list[_Model], *, paired: bool) -> Comparison:
    runs = tuple(
        ComparedRun(model.reference, model.predictions.model, _interval(model.predictions))
        for model in models
    )
    tested = [
        (a, b, *_test(a.predictions, b.predictions, paired=paired))
        for a, b in combinations(models, 2)
    ]
    corrected = holm([result.p_value for _, _, result, _ in tested])
    pairs = tuple(
        ComparedPair(
            a.reference,
            b.reference,
            a.predictions.model,
            b.predictions.model,
            result,
            plain,
            float(p_holm),
        )
        for (a, b, result, plain), p_holm in zip(tested, corrected, strict=True)
    )
    first = models[0].predictions
    return Comparison(
        runs,
        pairs,
        first.class_names[0],
        len(first.y_true),
        None if first.patient_ids is None else len(np.unique(first.patient_ids)),
        paired,
        _cautions(models),
    )


def _cautions(models: list[_Model]) -> tuple[Caution, ...]:
    found = {caution.code: caution for model in models for caution in model.cautions}
    if any(model.predictions.patient_ids is None for model in models):
        found.setdefault("FD003", Caution("FD003", CAUTIONS["FD003"]))
    return tuple(found[code] for code in sorted(found))


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
