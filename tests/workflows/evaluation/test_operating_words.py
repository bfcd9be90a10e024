"""What is said of a threshold in sentences."""

import numpy as np
import pytest

from fundus_core.stats.predictive_values import predictive_values
from fundus_core.stats.threshold_rules import RuleChoice
from fundus_core.workflows.evaluation.operating_words import (
    found_sentence,
    rule_text,
    screened_sentence,
)


def called(hits: int, alarms: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns labels and calls of 200 diseased and 400 others."""
    y_true = np.arange(600) < 200
    return y_true, np.concatenate([np.arange(200) < hits, np.arange(400) < alarms])


def test_found_sentence__counts_add_up_to_a_hundred() -> None:
    said = found_sentence(predictive_values(*called(167, 40), 0.05), "patient")

    # 83.5 % are found; Wilson's interval of 167 of 200.
    assert said == (
        "Of 100 patients with the disease, 84 (95 % CI 78 to 88) are found and 16 are missed."
    )


@pytest.mark.parametrize(
    ("hits", "text"), [(200, "100 (95 % CI 98 to 100) are found and 0 are"), (183, "91.5 (")]
)
def test_found_sentence__of_few_missed_is_exact(hits: int, text: str) -> None:
    assert text in found_sentence(predictive_values(*called(hits, 40), 0.05), "photograph")


def test_screened_sentence__is_bayes_in_whole_people() -> None:
    said = screened_sentence(predictive_values(*called(160, 40), 0.05), "patient")

    # 50 of 1000 are diseased, 40 of them called, and a tenth of the 950 others.
    assert said.startswith(
        "Of 1,000 patients screened where 5 % have the disease (50 of them), 135"
    )
    assert said.endswith("are called, of whom 40 have it.")


def test_rule_text__names_number_and_prevalence() -> None:
    said = rule_text(RuleChoice("cost", 10, 0.02))

    assert said.endswith("a miss costing 10 times a false alarm, prevalence 0.02")
