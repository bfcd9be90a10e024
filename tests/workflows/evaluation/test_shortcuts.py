"""Shortcuts beside a model: measured once, learned in its folds, and cautioned about."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fundus_core.errors import DataError, TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import auc_interval, compare_paired
from fundus_core.stats.stratified import auc_within_strata
from fundus_core.workflows.data import measured as measuring
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.data.measured import measure_dataset, n_unmeasured, stored_measurements
from fundus_core.workflows.evaluation.shortcut_families import LABELS, features_of
from fundus_core.workflows.evaluation.shortcut_strata import strata_choices, survival_of, survivals
from fundus_core.workflows.evaluation.shortcuts import ShortcutComparison, shortcuts_of
from fundus_core.workflows.models.run_record import Run
from tests.workflows.stressed import N_PATIENTS, stored_run, write_table

Made = tuple[Workspace, Run, ShortcutComparison]


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A weak model on photographs of which the diseased ones are brighter."""
    return made(tmp_path_factory.mktemp("bright"), strength=0.5, shortcut=True)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A good model on photographs that look alike."""
    return made(tmp_path_factory.mktemp("honest"), strength=3.0, shortcut=False)


def made(folder: Path, *, strength: float, shortcut: bool) -> Made:
    place = Workspace(folder / "workspace")
    run = stored_run(place, write_table(folder / "data", shortcut=shortcut), strength=strength)
    return place, run, shortcuts_of(place, run)


def test_shortcuts_of__a_shortcut_that_beats_the_model_is_cautioned_about(bright: Made) -> None:
    _, _, found = bright

    light = next(one for one in found.probes if one.key == "light")
    assert light.auc is not None
    assert light.auc.auc > 0.85
    assert not light.beaten
    (caution,) = [one for one in found.cautions if one.code == "FD006"]
    assert "brightness and sharpness (AUC 0." in caution.text


def test_shortcuts_of__a_model_that_beats_all_of_them_is_not(honest: Made) -> None:
    _, _, found = honest

    assert all(one.beaten for one in found.probes)
    assert "FD006" not in {one.code for one in found.cautions}


def test_shortcuts_of__tests_each_by_patient_and_corrects_by_holm(bright: Made) -> None:
    _, _, found = bright

    said = found.predictions
    tested = [one for one in found.probes if one.result]
    assert [one.key for one in found.probes] == list(LABELS)
    for one in tested:
        expected = compare_paired(
            said.y_true[:, 0],
            said.y_score[:, 0],
            found.scores[one.key],
            patients=said.patient_ids,
        )
        assert one.result == expected
        assert one.p_holm is not None
        assert one.p_holm >= expected.p_value
    smallest = min(tested, key=lambda one: one.result.p_value)  # type: ignore[union-attr]
    assert smallest.result is not None
    assert smallest.p_holm == pytest.approx(min(1.0, len(tested) * smallest.result.p_value))


def test_shortcuts_of__each_probe_learned_from_the_other_folds_alone(bright: Made) -> None:
    _, _, found = bright

    said = found.predictions
    light = found.measured[["brightness", "contrast", "sharpness"]].to_numpy()
    assert found.folds_from == "the model's folds"
    assert said.fold is not None
    for number in range(4):
        test, train = said.fold == number, said.fold != number
        model = make_pipeline(StandardScaler(), LogisticRegression())
        model.fit(light[train], said.y_true[train, 0])
        expected = model.predict_proba(light[test])[:, 1]
        assert found.scores["light"][test] == pytest.approx(expected, abs=2e-3)


def test_shortcuts_of__learns_from_the_training_split_where_the_model_did(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    folder = write_table(tmp_path / "data", shortcut=True)
    run = stored_run(place, folder, folds=1, tested="test")

    found = shortcuts_of(place, run)

    assert found.folds_from == "the table's split"
    assert len(found.predictions.image_ids) == N_PATIENTS
    light = next(one for one in found.probes if one.key == "light")
    assert light.auc is not None
    assert light.auc.auc > 0.85


def test_shortcuts_of__draws_folds_for_a_model_that_learned_elsewhere(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    folder = write_table(tmp_path / "data", shortcut=True)
    run = stored_run(place, folder, folds=0, kind="external")

    found = shortcuts_of(place, run)

    assert found.folds_from == "folds drawn anew"
    assert found.auc == auc_interval(
        found.predictions.y_true[:, 0],
        found.predictions.y_score[:, 0],
        patients=found.predictions.patient_ids,
    )


def test_shortcuts_of__leaves_out_what_cannot_be_read_and_says_so(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    folder = write_table(tmp_path / "data", shortcut=True)
    run = stored_run(place, folder)
    (folder / "images" / "p03_OD.jpg").write_bytes(b"broken")

    found = shortcuts_of(place, run)

    assert found.n_unreadable == 1
    assert len(found.predictions.image_ids) == 2 * N_PATIENTS - 1
    assert "1 of 96 photographs" in next(c.text for c in found.cautions if c.code == "FD011")


def test_measure_dataset__reads_each_photograph_once(
    bright: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, run, _ = bright
    dataset = stored_dataset(place, run.dataset_id)
    monkeypatch.setattr(measuring, "measure", lambda path: pytest.fail("was read again"))

    again = measure_dataset(place, dataset)
    part = measure_dataset(place, dataset.select(dataset.image_ids[:10]))

    assert list(again.table.index) == list(dataset.image_ids)
    assert list(part.table.index) == list(dataset.image_ids[:10])
    assert n_unmeasured(place, dataset) == 0


def test_measure_dataset__says_what_it_would_have_to_read_and_how_far_it_is(
    tmp_path: Path,
) -> None:
    place = Workspace(tmp_path / "workspace")
    run = stored_run(place, write_table(tmp_path / "data", shortcut=False, n_patients=16))
    dataset = stored_dataset(place, run.dataset_id)
    told: list[tuple[int, int]] = []

    before = n_unmeasured(place, dataset)
    assert stored_measurements(place, dataset) is None
    measure_dataset(
        place, dataset, progress=lambda done, total, message: told.append((done, total))
    )

    assert before == 32
    assert told[-1] == (32, 32)
    assert n_unmeasured(place, dataset) == 0


def test_measure_dataset__refuses_where_nothing_can_be_read(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    folder = write_table(tmp_path / "data", shortcut=False, n_patients=16)
    run = stored_run(place, folder)
    for file in (folder / "images").iterdir():
        file.write_bytes(b"broken")

    with pytest.raises(DataError, match="None of the 32 photographs could be read"):
        measure_dataset(place, stored_dataset(place, run.dataset_id))


def test_features_of__leaves_out_what_is_always_the_same_and_marks_what_is_missing() -> None:
    light = ("red", "green", "blue", "brightness", "contrast", "sharpness")
    columns = dict.fromkeys(light, 0.5)
    geometry = ("share", "radius", "x", "y", "aspect", "edges")
    columns |= {f"field_{name}": 0.5 for name in geometry} | {"width": 512.0, "height": 512.0}
    measured = pd.DataFrame(columns, index=range(4)).assign(
        red=[0.1, 0.2, 0.3, 0.4], file_size=5.0, jpeg_quality=[90, np.nan, 80, 90]
    )
    table = pd.DataFrame({"site": ["a"] * 4})

    found = {one.key: one for one in features_of(measured, table)}

    assert found["colour"].values.shape == (4, 1)
    assert found["geometry"].reason == "the same for every photograph"
    assert found["file"].values.tolist() == [[90, 0], [90, 1], [80, 0], [90, 0]]
    assert found["camera"].reason == "the table has no column 'camera'"
    assert found["all together"].values.shape == (4, 3)


def test_survival_of__the_shortcuts_own_score_leaves_nothing_of_itself(bright: Made) -> None:
    _, _, found = bright
    said = replace(found.predictions, y_score=found.measured[["brightness"]].to_numpy())
    as_model = replace(found, predictions=said)

    left = survival_of(as_model, "brightness", n_strata=8)

    assert left.result is not None
    assert left.result.overall.auc > 0.95
    assert left.result.surviving is not None
    assert left.result.surviving < 0.5
    assert len(left.strata) == 8
    assert left.result.n_images < 96  # most strata have one class only


def test_survival_of__names_its_strata_and_agrees_with_the_statistic(honest: Made) -> None:
    _, _, found = honest

    left = survival_of(found, "camera")

    said = found.predictions
    expected = auc_within_strata(
        said.y_true[:, 0],
        said.y_score[:, 0],
        (found.measured["camera"] == "B").to_numpy(dtype=int),
        patients=said.patient_ids,
    )
    assert left.strata == ("A", "B")
    assert left.result == expected
    assert {one.key for one in survivals(found)} == set(found.scores)


def test_survival_of__refuses_what_was_not_measured(honest: Made) -> None:
    _, _, found = honest

    with pytest.raises(TargetError, match="no strata of 'width'"):
        survival_of(found, "width")
    assert "width" not in strata_choices(found)
