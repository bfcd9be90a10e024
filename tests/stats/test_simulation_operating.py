"""Do the intervals at a threshold keep their promise when both eyes of a patient are photographed?

The figures of docs/statistics.md come from the same code, over more settings.
"""

import pytest

from benchmarks.simulate_clustered import EDGES, SETTINGS, Setting
from benchmarks.simulate_operating import CHOICES, simulate, simulate_choice

REPLICATES = 2000
"""A share of 95 % is then known to 0.5 %."""


@pytest.mark.slow
@pytest.mark.parametrize("setting", [*SETTINGS, *EDGES], ids=str)
def test_simulation__at_a_fixed_threshold_intervals_by_patient_keep_the_level(
    setting: Setting,
) -> None:
    found = simulate(setting, replicates=REPLICATES)

    for coverage in (found.sensitivity, found.positive, found.negative):
        assert 0.92 <= coverage <= 0.98
    assert found.sensitivity_by_image < found.sensitivity


@pytest.mark.slow
@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_simulation__across_folds_the_choice_flatters_nobody(choice) -> None:
    found = simulate_choice(SETTINGS[1], choice, replicates=1000)

    assert abs(found.excess_folds) < 0.015
    assert found.excess_here > 0.025
    assert min(found.sensitivity_folds, found.specificity_folds) >= 0.9
