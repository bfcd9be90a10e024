"""Models held against a reference with a margin, both ways round."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fundus_core.errors import ScoresError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import compare_paired
from fundus_core.stats.non_inferiority import non_inferiority
from fundus_core.workflows.evaluation.compare import Comparison, compare
from fundus_core.workflows.evaluation.margins import against_margin

PATIENTS = np.repeat([f"p{number:02}" for number in range(60)], 2)
Y_TRUE = np.repeat(np.arange(60) < 25, 2).astype(int)
NOISE = np.random.default_rng(4).normal(size=(3, 120))
SCORES = {
    "good": NOISE[0] + 2.0 * Y_TRUE,
    "alike": NOISE[0] + 2.0 * Y_TRUE + 0.1 * NOISE[1],
    "poor": NOISE[2],
}


@pytest.fixture
def comparison(tmp_path: Path) -> Comparison:
    """Three models of 60 patients; the second hardly differs from the first."""
    paths = []
    for name, score in SCORES.items():
        table = {"y_true": Y_TRUE, "y_score": score, "patient_id": PATIENTS}
        path = tmp_path / f"{name}.csv"
        pd.DataFrame({**table, "image_id": [f"i{row}" for row in range(120)]}).to_csv(path)
        paths.append(str(path))
    return compare(Workspace(tmp_path), paths)


def test_against_margin__every_model_is_held_against_every_other(comparison: Comparison) -> None:
    rows = against_margin(comparison, 0.05)

    names = {(Path(row.run_id).stem, Path(row.reference).stem): row for row in rows}
    assert len(names) == len(rows) == 6
    forth, back = names["alike", "good"], names["good", "alike"]
    assert forth.non_inferiority is not None
    assert back.non_inferiority is not None
    assert forth.non_inferiority.difference == -back.non_inferiority.difference
    assert forth.non_inferiority.low == -back.non_inferiority.high
    by_patient = compare_paired(Y_TRUE, SCORES["alike"], SCORES["good"], patients=PATIENTS)
    expected = non_inferiority(by_patient, margin=0.05)
    assert forth.non_inferiority.p_value == pytest.approx(expected.p_value)
    assert forth.equivalence is not None
    assert forth.equivalence.verdict == "shown"


def test_against_margin__one_reference_leaves_the_others(comparison: Comparison) -> None:
    good = comparison.runs[0].run_id

    rows = against_margin(comparison, 0.05, reference=good)

    assert [row.reference for row in rows] == [good, good]
    verdicts = {row.label: row.non_inferiority.verdict for row in rows if row.non_inferiority}
    assert list(verdicts.values()) == ["shown", "refuted"]


def test_against_margin__says_why_two_perfect_models_elsewhere_have_no_test(
    tmp_path: Path,
) -> None:
    for name in "ab":
        table = {"y_true": [0, 0, 1, 1], "y_score": [0.1, 0.2, 0.8, 0.9]}
        ids = [f"{name}{row}" for row in range(4)]
        pd.DataFrame({**table, "image_id": ids}).to_csv(tmp_path / f"{name}.csv")
    found = compare(Workspace(tmp_path), [str(tmp_path / f"{name}.csv") for name in "ab"])

    rows = against_margin(found, 0.05)

    assert rows[0].non_inferiority is None
    assert "neither varies" in rows[0].reason


def test_against_margin__refuses_a_margin_that_is_none(comparison: Comparison) -> None:
    with pytest.raises(ScoresError, match="margin is 0"):
        against_margin(comparison, 0.0)
