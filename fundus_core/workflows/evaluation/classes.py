"""Use case: models of several diseases at once - each disease, the averages, and differences."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from fundus_core.checks import Caution
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.stats import class_tests
from fundus_core.stats.class_tests import ClassTests
from fundus_core.stats.classes import ClassAucs, average_name
from fundus_core.stats.delong import AucComparison
from fundus_core.stats.multiplicity import holm
from fundus_core.workflows.evaluation.aligned import (
    ScoredModel,
    aligned,
    cautions_of,
    read_compared,
    read_model,
    require_one_question,
    sizes_of,
)
from fundus_core.workflows.evaluation.aucs import aucs_of


@dataclass(frozen=True, slots=True)
class ModelClasses:
    """One model on all of its classes."""

    run_id: str
    """Run id, or the path of a table."""

    label: str
    n_images: int
    n_patients: int | None
    aucs: ClassAucs
    cautions: tuple[Caution, ...]


@dataclass(frozen=True, slots=True)
class AdjustedTest:
    """A test with its place among others."""

    name: str
    """The class, or what the average is called: where it is over fewer classes, with their
    number and names."""

    result: AucComparison | None
    """By patient where patients are known; None where no test was made."""

    p_holm: float | None
    """p of `result` corrected over its family (Holm 1979); None where it is in none, or there is
    no test."""

    reason: str
    """Why there is no test; empty where there is one."""


@dataclass(frozen=True, slots=True)
class ClassPair:
    """Two models on all of their classes."""

    run_a: str
    run_b: str
    label_a: str
    label_b: str

    classes: tuple[AdjustedTest, ...]
    """One per class, in order; corrected over all classes and pairs of the comparison."""

    macro: AdjustedTest
    """Corrected over the pairs of the comparison alone."""

    micro: AdjustedTest
    """Likewise."""

    averaged: tuple[str, ...]
    """The classes that the tests of the averages are over: of different photographs, those that
    both models' photographs have enough of."""


@dataclass(frozen=True, slots=True)
class ClassComparison:
    """Several models on all of their classes, and all pairs of them."""

    class_names: tuple[str, ...]
    models: tuple[ModelClasses, ...]
    pairs: tuple[ClassPair, ...]

    n_tests: int
    """Tests of single classes that Holm's correction is over."""

    n_averaged: int
    """Classes that the tests of the averages are over, of the first pair; see `ClassPair`."""

    n_images: int
    """Photographs compared on; of the first model where the models saw different ones."""

    n_patients: int | None
    sizes: tuple[tuple[int, int | None], ...]
    """Photographs and patients: once where all models scored the same ones, else of each model."""

    paired: bool
    """True when all models scored the same photographs."""

    cautions: tuple[Caution, ...]


def model_classes(workspace: Workspace, reference: str) -> ModelClasses:
    """Returns a model's AUC for every class, with the averages.

    Args:
        workspace: Where runs are.
        reference: A run id, or the path of a table of predictions.

    Raises:
        StoreError: If there is no such run.
        SingleClassError: If no class has both an image with it and one without.
    """
    return _described(read_model(workspace, reference))


def has_several_classes(workspace: Workspace, reference: str) -> bool:
    """Says whether a model predicts more than one class."""
    return len(read_model(workspace, reference).predictions.class_names) > 1


def compare_classes(
    workspace: Workspace, references: Sequence[str], *, common: bool = False
) -> ClassComparison:
    """Compares models on every class they predict; rows are joined by image id.

    One family of tests: all classes with patients enough, of all pairs of models, are corrected
    together by Holm's method. The macro and the micro average answer questions of their own and
    are corrected over the pairs only.

    Args:
        workspace: Where runs are.
        references: Run ids, or paths of tables with columns `y_true_CLASS` and `y_score_CLASS`.
        common: Compare on the photographs that all models scored.

    Raises:
        DifferentImagesError: If the models scored partly different photographs.
        TargetError: If fewer than two models are named, one is named twice, or they predict
            different classes.
        SingleClassError: If no class has both an image with it and one without.
    """
    read = _same_classes(read_compared(workspace, references))
    require_one_question(workspace, read)
    models, paired = aligned(read, common=common)
    couples = list(combinations(models, 2))
    tests = [_tests(a.predictions, b.predictions, paired=paired) for a, b in couples]
    pairs = _adjusted(couples, tests)
    first = _described(models[0])
    n_counted = sum(row.counted for one in tests for row in one.classes)
    return ClassComparison(
        models[0].predictions.class_names,
        tuple(_described(model) for model in models),
        pairs,
        n_counted,
        tests[0].n_averaged,
        first.n_images,
        first.n_patients,
        sizes_of(models, paired=paired),
        paired,
        cautions_of(models, n_tests=n_counted, of="differences", paired=paired),
    )


def _described(model: ScoredModel) -> ModelClasses:
    said = model.predictions
    return ModelClasses(
        model.reference,
        said.model,
        len(said.y_true),
        said.n_patients,
        aucs_of(said),
        model.cautions,
    )


def _same_classes(models: list[ScoredModel]) -> list[ScoredModel]:
    """Returns the models with their classes in the order of the first."""
    names = models[0].predictions.class_names
    for model in models[1:]:
        other = model.predictions.class_names
        if set(other) != set(names):
            raise TargetError(
                f"{models[0].reference} predicts {', '.join(names)}; {model.reference} predicts "
                f"{', '.join(other)}.",
                hint="Compare models of the same classes, or name one that they share (--class, "
                "class_name in Python).",
            )
    return [replace(m, predictions=_ordered(m.predictions, names)) for m in models]


def _ordered(predictions: Predictions, names: tuple[str, ...]) -> Predictions:
    columns = [predictions.class_names.index(name) for name in names]
    return replace(
        predictions,
        class_names=names,
        y_true=predictions.y_true[:, columns],
        y_score=predictions.y_score[:, columns],
    )


def _tests(a: Predictions, b: Predictions, *, paired: bool) -> ClassTests:
    """Returns the tests of a pair, by patient where both know theirs."""
    if paired:
        return class_tests.compare_classes(
            a.y_true, a.y_score, b.y_score, a.class_names, patients=a.patient_ids
        )
    by_patient = a.patient_ids is not None and b.patient_ids is not None
    return class_tests.compare_classes_unpaired(
        a.y_true,
        a.y_score,
        b.y_true,
        b.y_score,
        a.class_names,
        patients_a=a.patient_ids if by_patient else None,
        patients_b=b.patient_ids if by_patient else None,
    )


def _adjusted(
    couples: Sequence[tuple[ScoredModel, ScoredModel]], tests: Sequence[ClassTests]
) -> tuple[ClassPair, ...]:
    """Corrects the p-values of all pairs; classes are one family, each average is its own."""
    of_classes = iter(holm([row.p_value for one in tests for row in one.classes if row.counted]))
    of_macro = iter(holm([one.macro.p_value for one in tests if one.macro]))
    of_micro = iter(holm([one.micro.p_value for one in tests if one.micro]))
    pairs = []
    for (a, b), found in zip(couples, tests, strict=True):
        rows = []
        for row in found.classes:
            p_holm = next(of_classes) if row.counted else None
            rows.append(
                AdjustedTest(row.class_name, row.result, p_holm if row.result else None, row.reason)
            )
        macro, micro = (
            AdjustedTest(
                average_name(name, found.averaged, a.predictions.class_names),
                result,
                next(adjusted) if result else None,
                "" if result else found.reason or "nothing varies",
            )
            for name, result, adjusted in (
                ("macro", found.macro, of_macro),
                ("micro", found.micro, of_micro),
            )
        )
        labels = a.predictions.model, b.predictions.model
        pairs.append(
            ClassPair(a.reference, b.reference, *labels, tuple(rows), macro, micro, found.averaged)
        )
    return tuple(pairs)
