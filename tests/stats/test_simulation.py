"""Do the intervals and tests keep their promise when both eyes of a patient are photographed?

The figures of docs/coverage.md come from the same code, over more settings.
"""

import pytest

from benchmarks import simulate_classes as classes
from benchmarks import simulate_coverage as coverage
from benchmarks.simulate_clustered import INDEPENDENT, SETTINGS, Setting, simulate

REPLICATES = 10_000
"""A share of 5 % is then known to 0.22 %, one of 95 % as well."""


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_simulation__by_patient_keeps_the_level_and_by_image_does_not(setting: Setting) -> None:
    rates = simulate(setting, replicates=REPLICATES)

    assert 0.92 <= rates.clustered_coverage <= 0.97
    assert 0.035 <= rates.clustered_size <= 0.06  # t errs, if at all, on the safe side
    assert 0.04 <= rates.unpaired_size <= 0.06
    assert rates.plain_coverage < 0.92
    assert rates.plain_size > 0.08


@pytest.mark.slow
@pytest.mark.parametrize("setting", INDEPENDENT, ids=str)
def test_simulation__both_forms_keep_the_level_when_eyes_are_independent(setting: Setting) -> None:
    rates = simulate(setting, replicates=REPLICATES)

    assert min(rates.clustered_coverage, rates.plain_coverage) >= 0.92
    assert max(rates.clustered_coverage, rates.plain_coverage) <= 0.97
    assert min(rates.clustered_size, rates.plain_size) >= 0.04
    assert max(rates.clustered_size, rates.plain_size) <= 0.06


@pytest.mark.slow
@pytest.mark.parametrize("setting", classes.SETTINGS, ids=str)
def test_simulation__averages_over_diseases_keep_the_level(setting: classes.Setting) -> None:
    rates = classes.simulate(setting, replicates=4000)

    assert 0.92 <= rates.macro_coverage <= 0.97
    assert 0.92 <= rates.micro_coverage <= 0.97
    assert rates.micro_naive_coverage < 0.92
    assert 0.03 <= rates.macro_size <= 0.07
    assert 0.03 <= rates.micro_size <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell",
    [
        coverage.Cell(30, 0.5, 0.8, images=2),
        coverage.Cell(60, 0.2, 0.8, images=1),
        coverage.Cell(200, 0.1, 0.8, images=2),
        coverage.Cell(500, 0.05, 0.9, images=1),
        coverage.Cell(2000, 0.02, 0.8, images=2),
    ],
    ids=str,
)
def test_simulation__small_samples_keep_the_level_by_the_t_distribution(
    cell: coverage.Cell,
) -> None:
    rates = coverage.simulate(cell, replicates=4000)

    assert 0.92 <= rates.coverage <= 0.975
    assert 0.03 <= rates.size <= 0.062


@pytest.mark.slow
@pytest.mark.parametrize("images", [1, 2])
def test_simulation__with_few_diseased_the_normal_distribution_does_not(images: int) -> None:
    rates = coverage.simulate(coverage.Cell(200, 0.02, 0.8, images), replicates=4000)

    assert rates.normal_coverage < 0.86 < 0.89 < rates.coverage
    assert rates.size < 0.065 < 0.09 < rates.normal_size
