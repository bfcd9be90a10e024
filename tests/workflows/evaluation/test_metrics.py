"""Metrics of stored runs: pooled and by fold, where thresholds come from, and the cache."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from fundus_core.domain.dataset import Target
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import SingleClassError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.operating import operating_point, youden_threshold
from fundus_core.stats.scores import METRICS
from fundus_core.workflows.evaluation import metrics as workflow
from fundus_core.workflows.evaluation.aucs import overall_auc
from fundus_core.workflows.evaluation.metrics import RunMetrics, run_metrics
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import load_run, save_run
from tests.fakes import tiny_recipe

Kind = Literal["probe", "finetune", "external", "zero_shot"]

DR = Target("dr", "binary", ("0", "1"), ("dr",))
GRADE = Target("grade", "multiclass", ("0", "1", "2"), ("grade",))
STAGE = Target("stage", "multiclass", ("mild", "none", "severe"), ("stage",))
DISEASES = Target("dr,amd,rvo", "multilabel", ("dr", "amd", "rvo"), ("dr", "amd", "rvo"))

PATIENTS = np.repeat([f"P{number:02d}" for number in range(40)], 2)
FOLD = np.arange(80) // 2 % 4
FEW = 100
"""Resamples, where intervals do not matter."""


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def held_out(target: Target, *, seed: int = 0, fold: np.ndarray | None = FOLD) -> Predictions:
    """Returns scores of 80 photographs of 40 patients; rvo is had by a single patient."""
    generator = np.random.default_rng(seed)
    patient = np.arange(80) // 2
    if target.task == "multiclass":
        y_true = (patient // 4 % 3)[:, None] == np.arange(3)
    else:
        y_true = np.stack([patient // 4 % 2 == 1, patient // 4 % 3 == 0, patient == 7], axis=1)
        y_true = y_true[:, : len(target.scored_classes)]
    y_score = np.clip(0.3 * y_true + 0.7 * generator.random(y_true.shape), 0, 1)
    return Predictions(
        "model",
        target.task,
        target.scored_classes,
        tuple(f"i{row:02d}" for row in range(80)),
        y_true,
        y_score,
        PATIENTS,
        fold,
    )


def stored(
    place: Workspace,
    target: Target,
    predictions: Predictions,
    *,
    run_id: str = "run",
    kind: Kind = "probe",
    trained_as: str = "",
    labels: bool = True,
) -> Run:
    """Stores a run as the workflows do, and returns it as it is read."""
    recipe = tiny_recipe()
    run = Run(
        id=run_id,
        kind=kind,
        label="model",
        dataset_id="tiny-1",
        dataset_name="tiny",
        synthetic=False,
        target=target,
        probe="logistic",
        embeddings=recipe,
        weights_path=None,
        n_images=80,
        n_patients=40,
        auc=overall_auc(predictions) if labels else None,
        class_aucs={},
        baseline_auc=None,
        baseline_p=None,
        folds=(),
        cautions=(),
        created_at="2026-01-01T12:00:00+00:00",
        trained_as=trained_as,
    )
    save_run(place, run, predictions)
    return load_run(place, run_id)


def values(found: RunMetrics) -> dict[str, float | None]:
    return {result.name: result.pooled.value for result in found.results}


def test_run_metrics__pools_the_folds_and_gives_each_fold_without_interval(
    place: Workspace,
) -> None:
    said = held_out(DR)
    run = stored(place, DR, said)

    found = run_metrics(place, run)

    results = {result.name: result for result in found.results}
    assert list(results) == list(METRICS)
    assert run.auc is not None
    assert results["auc"].pooled.value == pytest.approx(run.auc.auc)
    assert results["auc"].pooled.low == pytest.approx(run.auc.low, abs=0.03)
    assert found.folds == (0, 1, 2, 3)
    of_folds = [overall_auc(said.select(fold == FOLD)).auc for fold in range(4)]
    assert results["auc"].folds == pytest.approx(of_folds)
    assert np.mean(of_folds) != pytest.approx(run.auc.auc)
    assert (found.n_images, found.n_patients) == (80, 40)
    assert results["auc"].pooled.method == "BCa bootstrap of patients, stratified"
    assert results["auc"].pooled.n_resamples == 2000


def test_run_metrics__decides_each_fold_on_the_threshold_of_the_others(place: Workspace) -> None:
    said = held_out(DR)

    found = run_metrics(place, stored(place, DR, said), n_resamples=FEW)

    y_true, score = said.y_true[:, 0], said.y_score[:, 0]
    chosen = {
        fold: youden_threshold(y_true[fold != FOLD], score[fold != FOLD]) for fold in range(4)
    }
    assert {one.fold: one.value for one in found.thresholds} == pytest.approx(chosen)
    assert found.rules == ("other folds",)
    first = next(result for result in found.results if result.name == "sensitivity")
    for fold, value in zip(found.folds, first.folds, strict=True):
        rows = fold == FOLD
        point = operating_point(y_true[rows], score[rows], chosen[fold])
        assert value == pytest.approx(point.sensitivity)


def test_run_metrics__asked_again_are_read_and_equal(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [
        stored(place, target, held_out(target), run_id=target.name)
        for target in (DR, GRADE, STAGE, DISEASES)
    ]
    first = [run_metrics(place, run, n_resamples=FEW) for run in runs]
    monkeypatch.setattr(workflow, "measure", None)  # calling it would fail

    again = [run_metrics(place, run, n_resamples=FEW) for run in runs]

    assert again == first


def test_run_metrics__are_made_anew_for_other_predictions_or_settings(place: Workspace) -> None:
    run = stored(place, DR, held_out(DR))
    before = run_metrics(place, run, n_resamples=FEW)

    reseeded = run_metrics(place, run, n_resamples=FEW, seed=1)
    again = stored(place, DR, held_out(DR, seed=1))
    after = run_metrics(place, again, n_resamples=FEW)

    assert reseeded.results[0].pooled.value == before.results[0].pooled.value
    assert reseeded.results[0].pooled.low != before.results[0].pooled.low
    assert after.results[0].pooled.value != before.results[0].pooled.value


def test_run_metrics__that_were_damaged_on_disk_are_made_anew(place: Workspace) -> None:
    run = stored(place, DR, held_out(DR))
    before = run_metrics(place, run, n_resamples=FEW)
    (file,) = place.metrics.glob("*/metrics.json")
    file.write_text("{}", encoding="utf-8")

    after = run_metrics(place, run, n_resamples=FEW)

    assert after == before


def test_run_metrics__outside_apply_the_threshold_of_the_inside_untouched(
    place: Workspace,
) -> None:
    inside, outside = held_out(DR), held_out(DR, seed=1, fold=None)
    stored(place, DR, inside)
    run = stored(place, DR, outside, run_id="run-on-x", kind="external", trained_as="run")
    flipped = replace(outside, y_true=~outside.y_true)
    other = stored(place, DR, flipped, run_id="run-on-y", kind="external", trained_as="run")

    found, of_other = (run_metrics(place, one, n_resamples=FEW) for one in (run, other))

    chosen = youden_threshold(inside.y_true[:, 0], inside.y_score[:, 0])
    assert [(one.fold, one.value, one.rule) for one in found.thresholds] == [
        (None, pytest.approx(chosen), "inside")
    ]
    assert of_other.thresholds == found.thresholds
    point = operating_point(outside.y_true[:, 0], outside.y_score[:, 0], chosen)
    assert values(found)["specificity"] == pytest.approx(point.specificity)
    assert found.folds == ()


def test_run_metrics__outside_without_the_run_inside_fall_back_and_say_so(
    place: Workspace,
) -> None:
    outside = held_out(DR, fold=None)
    run = stored(place, DR, outside, run_id="run-on-x", kind="external", trained_as="run")

    found = run_metrics(place, run, n_resamples=FEW)

    assert found.rules == ("one half",)


def test_run_metrics__with_nothing_to_choose_on_decide_at_one_half(place: Workspace) -> None:
    said = held_out(DR, fold=np.zeros(80, int))

    found = run_metrics(place, stored(place, DR, said), n_resamples=FEW)

    assert found.rules == ("one half",)
    assert found.folds == ()
    accuracy = np.mean((said.y_score >= 0.5) == said.y_true)
    assert values(found)["accuracy"] == pytest.approx(accuracy)


def test_run_metrics__of_grades_have_a_kappa_and_of_names_a_reason(place: Workspace) -> None:
    grades = run_metrics(place, stored(place, GRADE, held_out(GRADE)), n_resamples=FEW)
    names = run_metrics(
        place, stored(place, STAGE, held_out(STAGE), run_id="names"), n_resamples=FEW
    )

    kappa = next(result for result in names.results if result.name == "quadratic_kappa")
    assert values(grades)["quadratic_kappa"] is not None
    assert (kappa.pooled.value, kappa.folds) == (None, (None,) * 4)
    assert "no order" in kappa.pooled.reason
    assert grades.rules == ("highest score",)
    assert values(names)["balanced_accuracy"] == values(grades)["balanced_accuracy"]
    assert "f1" not in values(grades)


def test_run_metrics__of_several_labels_say_what_averages_are_over(place: Workspace) -> None:
    said = held_out(DISEASES)

    found = run_metrics(place, stored(place, DISEASES, said), n_resamples=FEW)

    assert found.averaged == ("dr", "amd")
    assert values(found)["auc"] == pytest.approx(overall_auc(said).auc)
    # One patient has rvo: of the three other folds nothing could be learned for his.
    rules = {(one.fold, one.column): one.rule for one in found.thresholds}
    assert rules[7 % 4, 2] == "one half"
    assert rules[7 % 4, 0] == "other folds"


def test_run_metrics__of_a_fold_that_lacks_a_class_are_none(place: Workspace) -> None:
    said = held_out(DR)
    y_true = said.y_true & (FOLD != 2)[:, None]

    found = run_metrics(place, stored(place, DR, replace(said, y_true=y_true)), n_resamples=FEW)

    by_name = {result.name: result.folds for result in found.results}
    assert by_name["auc"][2] is None
    assert by_name["sensitivity"][2] is None
    assert by_name["specificity"][2] is not None
    assert None not in by_name["accuracy"]


def test_run_metrics__without_patients_count_images_as_independent(place: Workspace) -> None:
    run = stored(place, DR, replace(held_out(DR), patient_ids=None))

    found = run_metrics(place, run, n_resamples=FEW)

    assert found.n_patients is None
    assert found.results[0].pooled.method == "BCa bootstrap of images, stratified"


def test_run_metrics__without_labels_are_refused(place: Workspace) -> None:
    said = replace(held_out(DR, fold=None), y_true=np.zeros((80, 1), bool))
    run = stored(place, DR, said, kind="external", labels=False)

    with pytest.raises(SingleClassError, match="Run run has no labels of both kinds"):
        run_metrics(place, run)


def test_frame__has_a_row_per_metric_and_a_column_per_fold(place: Workspace) -> None:
    run = stored(place, STAGE, held_out(STAGE))

    table = run_metrics(place, run, n_resamples=FEW).frame().set_index("metric")

    folds = ["fold_1", "fold_2", "fold_3", "fold_4"]
    assert list(table.columns) == ["label", "value", "low", "high", "reason", *folds]
    assert table.loc["auc", "low"] < table.loc["auc", "value"] < table.loc["auc", "high"]
    assert table.loc["quadratic_kappa", ["value", "low", *folds]].isna().all()
    assert set(table[["value", "low", "high", *folds]].dtypes) == {np.dtype(float)}


@pytest.mark.parametrize("target", [DR, DISEASES])
def test_run_metrics__words_alone_give_no_threshold(place: Workspace, target: Target) -> None:
    run = stored(place, target, held_out(target, fold=None), kind="zero_shot")

    found = run_metrics(place, run, n_resamples=FEW)
    again = run_metrics(place, run, n_resamples=FEW)

    assert {name for name, value in values(found).items() if value is not None} == {
        "auc",
        "average_precision",
    }
    reasons = {one.pooled.reason for one in found.results if METRICS[one.name].needs == "decisions"}
    assert reasons == {"words alone give no threshold"}
    assert (found.thresholds, found.rules) == ((), ())
    assert again == found


def test_run_metrics__of_words_alone_the_highest_class_decides(place: Workspace) -> None:
    run = stored(place, GRADE, held_out(GRADE, fold=None), kind="zero_shot")

    found = run_metrics(place, run, n_resamples=FEW)

    assert values(found)["macro_f1"] is not None
    assert found.rules == ("highest score",)
