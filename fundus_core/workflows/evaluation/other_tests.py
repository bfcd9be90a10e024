"""Use case: is one model better, by other tests than DeLong's and by other numbers than the AUC?

To add a test, add it to `TESTS`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from fundus_core.checks import Caution
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import SingleClassError, TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.fixed_rates import compare_rates_at
from fundus_core.stats.multiplicity import holm
from fundus_core.stats.paired_bootstrap import ResampledTest
from fundus_core.stats.partial_auc import Axis, compare_partial_aucs
from fundus_core.stats.resampled_tests import (
    bootstrap_test,
    permutation_test,
    unpaired_bootstrap_test,
)
from fundus_core.workflows.evaluation.aligned import (
    aligned,
    cautions_of,
    read_compared,
    require_one_question,
    sizes_of,
)
from fundus_core.workflows.evaluation.compare import has_several, untested_class
from fundus_core.workflows.evaluation.curves import HIGH_END, PartialRange, columns, require_range
from fundus_core.workflows.evaluation.viewed import viewed

DEFAULT_TEST = "bootstrap"


@dataclass(frozen=True, slots=True)
class OtherSettings:
    """What tests ask for; each takes what it needs."""

    part: PartialRange = HIGH_END
    """Of partial areas; a rate is fixed at its lower end."""

    n_resamples: int = 2000
    """Resamples, or permutations."""

    seed: int = 0

    @property
    def drawing(self) -> Mapping[str, int]:
        """How to draw."""
        return {"n_resamples": self.n_resamples, "seed": self.seed}


USUAL = OtherSettings()


@dataclass(frozen=True, slots=True)
class OtherTest:
    """A way to compare two models."""

    label: str
    """Name shown to the user."""

    number: Callable[[OtherSettings], str]
    """What is compared, in the middle of a sentence."""

    paired: Callable[[Predictions, Predictions, OtherSettings], ResampledTest]
    """Of the same photographs."""

    unpaired: Callable[[Predictions, Predictions, OtherSettings], ResampledTest] | None = None
    """Of different photographs; None where there is no such test."""

    has_range: bool = False
    """Whether it looks at a part of the curve."""

    has_rate: bool = False
    """Whether it holds a rate at a value."""


@dataclass(frozen=True, slots=True)
class OtherPair:
    """Two models and the test between them."""

    run_a: str
    run_b: str
    label_a: str
    label_b: str
    result: ResampledTest

    p_holm: float
    """p of `result`, corrected over all pairs (Holm 1979)."""


@dataclass(frozen=True, slots=True)
class OtherTests:
    """Several models, all pairs of them tested in one way."""

    test: str
    """Key of `TESTS`."""

    number: str
    """What was compared, in the middle of a sentence."""

    class_name: str
    pairs: tuple[OtherPair, ...]
    n_images: int
    """Photographs compared on; of the first model where the models saw different ones."""

    n_patients: int | None
    sizes: tuple[tuple[int, int | None], ...]
    """Photographs and patients: once where all models scored the same ones, else of each model."""

    paired: bool
    """True when all models scored the same photographs."""

    cautions: tuple[Caution, ...]


def run_test(
    workspace: Workspace,
    references: Sequence[str],
    test: str = DEFAULT_TEST,
    *,
    class_name: str | None = None,
    common: bool = False,
    settings: OtherSettings = USUAL,
) -> OtherTests:
    """Tests all pairs of models in one way; rows are joined by image id, never by position.

    Args:
        workspace: Where runs are.
        references: Run ids, or paths of tables of predictions.
        test: Key of `TESTS`.
        class_name: Of several classes, the one against the rest.
        common: Compare on the photographs that all models scored.
        settings: Of the test.

    Raises:
        DifferentImagesError: If the models scored partly different photographs.
        TargetError: If fewer than two models are named, one is named twice, a class must be
            chosen, the test is unknown, or it needs the same photographs.
        SingleClassError: If there are too few photographs, or patients, of a class; of one of
            several classes fewer than ten patients, see `compare`.
        NoVarianceError: If models differ but no resample differs from another.
    """
    _require_known(test)
    require_range(settings.part)
    read = read_compared(workspace, references)
    models = [viewed(one, class_name, None) for one in read]
    require_one_question(workspace, models)
    models, paired = aligned(models, common=common)
    if has_several(read) and (untested := untested_class(models)):
        raise SingleClassError(
            f"No test on {models[0].predictions.class_names[0]}: {untested}.",
            hint="Choose another class, or a larger set.",
        )
    by = TESTS[test].paired if paired else TESTS[test].unpaired
    if by is None:
        raise TargetError(
            "The models scored different photographs, and there is no test of "
            f"{TESTS[test].number(settings)} for that.",
            hint=f"Take another test (--test {DEFAULT_TEST}), or evaluate both on the same "
            "photographs.",
        )
    tested = [
        (a, b, by(a.predictions, b.predictions, settings)) for a, b in combinations(models, 2)
    ]
    corrected = holm([result.p_value for _, _, result in tested])
    first = models[0].predictions
    return OtherTests(
        test,
        TESTS[test].number(settings),
        first.class_names[0],
        tuple(
            OtherPair(
                a.reference, b.reference, a.predictions.model, b.predictions.model, result, p_holm
            )
            for (a, b, result), p_holm in zip(tested, corrected, strict=True)
        ),
        len(first.y_true),
        first.n_patients,
        sizes_of(models, paired=paired),
        paired,
        cautions_of(models, paired=paired),
    )


def _bootstrap(a: Predictions, b: Predictions, settings: OtherSettings) -> ResampledTest:
    return bootstrap_test(*columns(a), b.y_score[:, 0], patients=a.patient_ids, **settings.drawing)


def _unpaired_bootstrap(a: Predictions, b: Predictions, settings: OtherSettings) -> ResampledTest:
    return unpaired_bootstrap_test(
        *columns(a),
        *columns(b),
        patients_a=a.patient_ids,
        patients_b=b.patient_ids,
        **settings.drawing,
    )


def _permutation(a: Predictions, b: Predictions, settings: OtherSettings) -> ResampledTest:
    return permutation_test(
        *columns(a), b.y_score[:, 0], patients=a.patient_ids, **settings.drawing
    )


def _partial(axis: Axis) -> Callable[[Predictions, Predictions, OtherSettings], ResampledTest]:
    def test(a: Predictions, b: Predictions, settings: OtherSettings) -> ResampledTest:
        return compare_partial_aucs(
            *columns(a),
            b.y_score[:, 0],
            axis=axis,
            start=settings.part.start,
            end=settings.part.end,
            patients=a.patient_ids,
            **settings.drawing,
        )

    return test


def _rate(fixed: Axis) -> Callable[[Predictions, Predictions, OtherSettings], ResampledTest]:
    def test(a: Predictions, b: Predictions, settings: OtherSettings) -> ResampledTest:
        return compare_rates_at(
            *columns(a),
            b.y_score[:, 0],
            fixed=fixed,
            at=settings.part.start,
            patients=a.patient_ids,
            **settings.drawing,
        )

    return test


def _area_over(axis: Axis) -> Callable[[OtherSettings], str]:
    return lambda of: f"the partial AUC over {axis} {of.part.start:g} to {of.part.end:g}"


TESTS: dict[str, OtherTest] = {
    "bootstrap": OtherTest(
        "AUC, bootstrap", lambda of: "the AUC", _bootstrap, unpaired=_unpaired_bootstrap
    ),
    "permutation": OtherTest("AUC, permutation of ranks", lambda of: "the AUC", _permutation),
    "partial-auc": OtherTest(
        "Partial AUC over a range of specificities",
        _area_over("specificity"),
        _partial("specificity"),
        has_range=True,
    ),
    "partial-auc-sensitivity": OtherTest(
        "Partial AUC over a range of sensitivities",
        _area_over("sensitivity"),
        _partial("sensitivity"),
        has_range=True,
    ),
    "sensitivity-at": OtherTest(
        "Sensitivity at a fixed specificity",
        lambda of: f"sensitivity at a specificity of {of.part.start:g}",
        _rate("specificity"),
        has_rate=True,
    ),
    "specificity-at": OtherTest(
        "Specificity at a fixed sensitivity",
        lambda of: f"specificity at a sensitivity of {of.part.start:g}",
        _rate("sensitivity"),
        has_rate=True,
    ),
}
"""Tests by the name that the command line calls them by."""


def _require_known(test: str) -> None:
    if test not in TESTS:
        raise TargetError(f"There is no test {test!r}.", hint=f"Choose one of {', '.join(TESTS)}.")
