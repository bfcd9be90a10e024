"""Two models on all classes of one target: a test per class, and tests of the averages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.errors import NoVarianceError
from fundus_core.stats.classes import averaged_classes, require_names, unit_noun
from fundus_core.stats.delong import AucComparison, compare_paired, compare_unpaired
from fundus_core.stats.inference import TESTED_UNITS
from fundus_core.stats.inputs import (
    IndependentUnits,
    as_label_columns,
    as_patients,
    as_score_columns,
    independent_units,
)
from fundus_core.stats.macro import compare_macro, compare_macro_unpaired
from fundus_core.stats.micro import compare_micro, compare_micro_unpaired

FEWEST_UNITS_TO_TEST = 10
"""Patients (images) with and without a class from which models are tested on it. By patient the
test keeps its level with three or more (docs/statistics); with fewer than ten it finds next to
nothing, and every class tested costs the others power. By image it is DeLong's published one, whose
p needs about that many."""


@dataclass(frozen=True, slots=True)
class ClassTest:
    """Two models on one class."""

    class_name: str

    units: IndependentUnits
    """Patients, or images where patients are unknown; of two separate sets the fewer."""

    result: AucComparison | None
    """None where no test was made."""

    counted: bool
    """Whether the class belongs to the family that is corrected for: whenever it has units enough,
    even where the scores then allow no test."""

    reason: str
    """Why there is no test; empty where there is one."""

    @property
    def p_value(self) -> float:
        """What a correction for several tests takes: 1 where the scores allow no test."""
        return 1.0 if self.result is None else self.result.p_value


@dataclass(frozen=True, slots=True)
class ClassTests:
    """Two models on all classes of a target."""

    classes: tuple[ClassTest, ...]
    """C rows, in the order of the columns."""

    macro: AucComparison | None
    """Over the `averaged` classes; None where no test was made."""

    micro: AucComparison | None
    """Likewise."""

    averaged: tuple[str, ...]
    """The classes that the averages are over: those with two units of each label, of two separate
    sets in both; where there are none, those with one."""

    reason: str
    """Why neither average is tested; empty where units are enough, even if nothing varies."""

    @property
    def n_averaged(self) -> int:
        """How many classes the averages are over."""
        return len(self.averaged)


def compare_classes(
    y_true: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    class_names: Sequence[str],
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    fewest: int = FEWEST_UNITS_TO_TEST,
) -> ClassTests:
    """Tests two models scored on the same images on each of C classes, and on their averages.

    The p-values are not corrected: give those of all `counted` rows, of all pairs of models that
    are looked at, to `multiplicity.holm`.

    Args:
        y_true: Shape (N, C), bool or {0, 1}.
        score_a: Shape (N, C). Higher means more likely of the class.
        score_b: Shape (N, C).
        class_names: C names.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).
        fewest: Classes with fewer units with it or without it are not tested, nor is an average
            over any such class.

    Raises:
        TargetError: If the labels are not columns of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
    """
    labels = as_label_columns(y_true)
    require_names(class_names, labels)
    a = as_score_columns(score_a, shape=labels.shape, model="Model A")
    b = as_score_columns(score_b, shape=labels.shape, model="Model B")
    codes = as_patients(patients, n_images=len(labels))

    def on_class(k: int) -> AucComparison:
        return compare_paired(labels[:, k], a[:, k], b[:, k], patients=codes, confidence=confidence)

    def on_average(average: _Paired, columns: list[int]) -> AucComparison:
        chosen = labels[:, columns], a[:, columns], b[:, columns]
        return average(*chosen, patients=codes, confidence=confidence)

    return _tests(
        class_names,
        [independent_units(positive, codes) for positive in labels.T],
        on_class,
        partial(on_average, compare_macro),
        partial(on_average, compare_micro),
        fewest,
        unit_noun(codes),
    )


def compare_classes_unpaired(
    y_a: ArrayLike,
    score_a: ArrayLike,
    y_b: ArrayLike,
    score_b: ArrayLike,
    class_names: Sequence[str],
    *,
    patients_a: ArrayLike | None = None,
    patients_b: ArrayLike | None = None,
    confidence: float = 0.95,
    fewest: int = FEWEST_UNITS_TO_TEST,
) -> ClassTests:
    """Tests two models on two separate sets of images, e.g. inside and outside, class by class.

    See `compare_classes`; a class takes part only with units enough in both sets.

    Args:
        y_a: Shape (N_a, C), labels of the first set.
        score_a: Shape (N_a, C). Higher means more likely of the class.
        y_b: Shape (N_b, C), labels of the second set.
        score_b: Shape (N_b, C).
        class_names: C names.
        patients_a: Shape (N_a,), one id per image, or None where images count as independent.
        patients_b: Shape (N_b,), likewise.
        confidence: In (0, 1).
        fewest: Classes with fewer units with it or without it in either set are not tested, nor is
            an average over any such class.

    Raises:
        TargetError: If the labels are not columns of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
    """
    labels_a, labels_b = as_label_columns(y_a), as_label_columns(y_b)
    require_names(class_names, labels_a)
    require_names(class_names, labels_b)
    a = as_score_columns(score_a, shape=labels_a.shape, model="Model A")
    b = as_score_columns(score_b, shape=labels_b.shape, model="Model B")
    codes_a = as_patients(patients_a, n_images=len(labels_a))
    codes_b = as_patients(patients_b, n_images=len(labels_b))
    options: _Unpaired = {
        "patients_a": codes_a,
        "patients_b": codes_b,
        "confidence": confidence,
    }

    def on_class(k: int) -> AucComparison:
        return compare_unpaired(labels_a[:, k], a[:, k], labels_b[:, k], b[:, k], **options)

    def macro(columns: list[int]) -> AucComparison:
        return compare_macro_unpaired(
            labels_a[:, columns], a[:, columns], labels_b[:, columns], b[:, columns], **options
        )

    def micro(columns: list[int]) -> AucComparison:
        return compare_micro_unpaired(
            labels_a[:, columns], a[:, columns], labels_b[:, columns], b[:, columns], **options
        )

    noun = "units" if (codes_a is None) != (codes_b is None) else unit_noun(codes_a)
    units = [
        _fewer(independent_units(of_a, codes_a), independent_units(of_b, codes_b))
        for of_a, of_b in zip(labels_a.T, labels_b.T, strict=True)
    ]
    return _tests(class_names, units, on_class, macro, micro, fewest, noun)


def too_few_to_test(units: IndependentUnits, noun: str, fewest: int = FEWEST_UNITS_TO_TEST) -> str:
    """Says why models are not tested on a class; empty where there are units enough.

    Args:
        units: With the class and without it.
        noun: Of the units, in the plural.
        fewest: Of each.
    """
    if units.rarer >= fewest:
        return ""
    return f"{units.too_few(noun)}; a test needs {fewest} of each"


class _Paired(Protocol):
    """A paired test of averages."""

    def __call__(
        self,
        y_true: ArrayLike,
        score_a: ArrayLike,
        score_b: ArrayLike,
        *,
        patients: ArrayLike | None,
        confidence: float,
    ) -> AucComparison: ...


class _Unpaired(TypedDict):
    """What every unpaired test is told besides labels and scores."""

    patients_a: NDArray[np.intp] | None
    patients_b: NDArray[np.intp] | None
    confidence: float


def _tests(
    class_names: Sequence[str],
    units: Sequence[IndependentUnits],
    on_class: Callable[[int], AucComparison],
    macro: Callable[[list[int]], AucComparison],
    micro: Callable[[list[int]], AucComparison],
    fewest: int,
    noun: str,
) -> ClassTests:
    """Makes every test that there are units enough for."""
    TESTED_UNITS.require("fewest units", fewest)
    rows = tuple(
        _test(name, units[index], partial(on_class, index), fewest, noun)
        for index, name in enumerate(class_names)
    )
    columns = averaged_classes(units)
    names = tuple(class_names[column] for column in columns)
    reason = _why_no_average(columns, units, class_names, fewest, noun)
    if reason:
        return ClassTests(rows, None, None, names, reason)
    return ClassTests(
        rows,
        _unless_without_variance(partial(macro, columns)),
        _unless_without_variance(partial(micro, columns)),
        names,
        "",
    )


def _why_no_average(
    columns: Sequence[int],
    units: Sequence[IndependentUnits],
    class_names: Sequence[str],
    fewest: int,
    noun: str,
) -> str:
    """Says why averages are not tested; empty where every class of theirs has units enough."""
    if not columns:
        return f"no class has {noun} with it and without it"
    scarce = min(columns, key=lambda column: units[column].rarer)
    reason = too_few_to_test(units[scarce], noun, fewest)
    return f"{class_names[scarce]}, {reason}" if reason else ""


def _test(
    name: str,
    units: IndependentUnits,
    test: Callable[[], AucComparison],
    fewest: int,
    noun: str,
) -> ClassTest:
    if reason := too_few_to_test(units, noun, fewest):
        return ClassTest(name, units, None, counted=False, reason=reason)
    try:
        return ClassTest(name, units, test(), counted=True, reason="")
    except NoVarianceError as error:
        return ClassTest(name, units, None, counted=True, reason=error.message)


def _unless_without_variance(test: Callable[[], AucComparison]) -> AucComparison | None:
    try:
        return test()
    except NoVarianceError:
        return None


def _fewer(a: IndependentUnits, b: IndependentUnits) -> IndependentUnits:
    return IndependentUnits(
        min(a.positive, b.positive), min(a.negative, b.negative), min(a.total, b.total)
    )
