"""Tests between stored runs other than DeLong's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fundus_core.domain.predictions import Predictions
from fundus_core.errors import DifferentImagesError, TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.multiplicity import holm
from fundus_core.stats.resampled_tests import permutation_test
from fundus_core.workflows.evaluation.compare import compare
from fundus_core.workflows.evaluation.curves import PartialRange
from fundus_core.workflows.evaluation.other_tests import TESTS, OtherSettings, run_test
from tests.workflows.evaluation.test_metrics import DISEASES, DR, PATIENTS, held_out, stored

FEW = OtherSettings(PartialRange(0.5, 1.0), n_resamples=200)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """Three models of the same photographs, in different orders."""
    workspace = Workspace(tmp_path)
    for seed, name in enumerate(("good", "poor", "third")):
        said = held_out(DR, seed=seed)
        said = replace(said, y_score=said.y_score - 0.2 * seed * said.y_true)
        rows = np.random.default_rng(seed).permutation(80)
        stored(workspace, DR, said.select(rows), run_id=name)
    return workspace


def _others(said: Predictions) -> Predictions:
    """The same scores of other photographs, of other patients."""
    ids = tuple(f"other {one}" for one in said.image_ids)
    return replace(said, image_ids=ids, patient_ids=np.char.add("Q", PATIENTS))


@pytest.mark.parametrize("test", TESTS)
def test_run_test__every_test_says_what_it_compared_how_and_under_which_assumptions(
    place: Workspace, test: str
) -> None:
    found = run_test(place, ["good", "poor"], test, settings=FEW)

    (pair,) = found.pairs
    assert found.paired
    assert (found.n_images, found.n_patients) == (80, 40)
    assert "patients" in pair.result.method
    assert "independent of each other" in pair.result.assumptions
    assert pair.p_holm == pair.result.p_value
    assert pair.result.difference > 0


def test_run_test__numbers_are_named_with_their_range() -> None:
    names = [TESTS[key].number(FEW) for key in ("partial-auc", "specificity-at")]

    assert names == [
        "the partial AUC over specificity 0.5 to 1",
        "specificity at a sensitivity of 0.5",
    ]


def test_run_test__joins_rows_by_photograph(place: Workspace) -> None:
    good, poor = (held_out(DR, seed=seed) for seed in (0, 1))

    found = run_test(place, ["good", "poor"], "permutation", settings=FEW).pairs[0].result

    expected = permutation_test(
        good.y_true[:, 0],
        good.y_score[:, 0],
        (poor.y_score - 0.2 * poor.y_true)[:, 0],
        patients=PATIENTS,
        n_resamples=200,
    )
    assert found.difference == expected.difference
    by_formula = compare(place, ["good", "poor"]).pairs[0].result
    assert found.difference == pytest.approx(by_formula.difference)


def test_run_test__corrects_over_all_pairs(place: Workspace) -> None:
    found = run_test(place, ["good", "poor", "third"], settings=FEW)

    p_values = [pair.result.p_value for pair in found.pairs]
    assert [pair.p_holm for pair in found.pairs] == holm(p_values)
    assert len(found.pairs) == 3


def test_run_test__of_different_photographs_is_unpaired_where_there_is_such_a_test(
    place: Workspace,
) -> None:
    stored(place, DR, _others(held_out(DR)), run_id="elsewhere")

    found = run_test(place, ["poor", "elsewhere"], settings=FEW)

    assert not found.paired
    assert found.pairs[0].result.method == "bootstrap of patients, stratified, unpaired"
    with pytest.raises(TargetError, match="sensitivity at a specificity") as refusal:
        run_test(place, ["poor", "elsewhere"], "sensitivity-at", settings=FEW)
    assert "--test bootstrap" in refusal.value.hint


def test_run_test__of_partly_different_photographs_asks_for_the_common_ones(
    place: Workspace,
) -> None:
    stored(place, DR, held_out(DR, seed=5).select(np.arange(60)), run_id="fewer")

    with pytest.raises(DifferentImagesError, match="80, 60"):
        run_test(place, ["good", "fewer"], settings=FEW)
    assert run_test(place, ["good", "fewer"], common=True, settings=FEW).n_images == 60


def test_run_test__refuses_what_it_cannot_do(place: Workspace) -> None:
    for run_id in ("diseases", "others"):
        stored(place, DISEASES, held_out(DISEASES), run_id=run_id)

    with pytest.raises(TargetError, match="no test 'delong'") as refusal:
        run_test(place, ["good", "poor"], "delong")
    assert "permutation" in refusal.value.hint
    with pytest.raises(TargetError, match="1 model was named"):
        run_test(place, ["good"])
    with pytest.raises(TargetError, match="dr, amd, rvo"):
        run_test(place, ["diseases", "others"], settings=FEW)
