"""The AUC of a fold is over the classes of the whole run's average, as `fundus metrics` has it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fundus_core.cli.model import print_run
from fundus_core.domain.predictions import Predictions
from fundus_core.io.workspace import Workspace
from fundus_core.ui.components.run_table import fold_frame
from fundus_core.workflows.evaluation.metrics import decide, measure
from fundus_core.workflows.models.figures_of_today import with_folds_of
from fundus_core.workflows.models.fold_figures import FoldAuc, averaged_columns, fold_auc
from fundus_core.workflows.models.run_names import averaged_text
from fundus_core.workflows.models.run_record import FoldResult, Run
from fundus_core.workflows.models.runs import list_runs, load_run
from tests.pages.evaluated import DISEASES, diseased, graded, run, store

FOLD = np.arange(30) % 3
"""Of each of 30 patients; every third one, from the first, has amd: all are in fold 0."""


def held_out(*, spread: bool) -> Predictions:
    """Three diseases in three folds; in folds 1 and 2 nobody has amd, or one if `spread`."""
    of_patient = FOLD.copy()
    if spread:
        of_patient[[3, 6, 1, 20]] = 1, 2, 0, 0
    return replace(diseased("a model", 1.0, 4), fold=np.repeat(of_patient, 2))


def of_fold(said: Predictions, number: int) -> FoldAuc:
    return fold_auc(said.select(said.fold == number), averaged_columns(said))


def as_stored_before(said: Predictions) -> Run:
    """Returns a run as an older version stored it, with other AUCs of its folds."""
    folds = tuple(FoldResult(number, 0.123, 40, 20, 7, 10, None) for number in range(3))
    return replace(run("old", said, target=DISEASES), folds=folds)


def test_fold_auc__is_that_of_metrics_where_a_class_has_one_patient_in_the_fold() -> None:
    said = held_out(spread=True)
    measured = measure(said, decide(said), n_resamples=20)
    (by_fold,) = [one.folds for one in measured.results if one.name == "auc"]

    found = [of_fold(said, number) for number in range(3)]

    assert [one.auc for one in found] == pytest.approx(by_fold)
    assert {(one.n_averaged, one.lacking) for one in found} == {(2, ())}
    for number, one in enumerate(found):
        rows = said.fold == number
        alone = [roc_auc_score(said.y_true[rows, k], said.y_score[rows, k]) for k in (0, 1)]
        assert one.auc == pytest.approx(np.mean(alone))


def test_fold_auc__of_a_fold_that_lacks_an_averaged_class_is_none_with_its_name() -> None:
    said = held_out(spread=False)

    assert of_fold(said, 1) == FoldAuc(None, 2, ("amd",))
    assert of_fold(said, 0) == FoldAuc(None, 2, ("amd",))  # all of its patients have it


def test_fold_auc__of_grades_is_over_all_of_them() -> None:
    said = replace(graded("grades", 3), fold=np.arange(12) // 6)
    rows = said.fold == 1
    alone = [roc_auc_score(said.y_true[rows, k], said.y_score[rows, k]) for k in range(3)]

    found = of_fold(said, 1)

    assert (found.auc, found.n_averaged) == (pytest.approx(np.mean(alone)), 3)


def test_print_run__says_over_how_many_classes_and_why_a_fold_has_no_auc(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spread, apart = (
        with_folds_of(as_stored_before(said), said)
        for said in (held_out(spread=True), held_out(spread=False))
    )

    print_run(spread)
    print_run(apart)

    told = capsys.readouterr().out
    assert averaged_text(spread) == "2 of 3 classes"
    assert "macro average of the AUCs of 2 of 3 classes" in told
    assert f"fold 1: AUC {spread.folds[0].auc:.3f} (2 of 3 classes), 20 photographs" in told
    assert "fold 2: AUC none (all its photographs have, or all lack, amd), 20 photo" in told


def test_fold_frame__names_the_classes_for_want_of_which_there_is_no_auc() -> None:
    said = held_out(spread=False)

    table = fold_frame(with_folds_of(as_stored_before(said), said))

    assert list(table["AUC of 2 of 3 classes"]) == ["–", "–", "–"]
    assert list(table["No AUC for want of"]) == ["amd", "amd", "amd"]


def test_fold_frame__says_which_strength_nobody_chose() -> None:
    folds = (
        FoldResult(0, 0.8, 40, 20, 7, 10, 0.1, inner_folds=4),
        FoldResult(1, 0.7, 40, 20, 7, 10, 1.0, inner_folds=0),
        FoldResult(2, 0.7, 40, 20, 7, 10, 1.0),
    )

    table = fold_frame(replace(as_stored_before(held_out(spread=True)), folds=folds))

    assert list(table["Strength chosen inside"]) == [
        "0.1",
        "1 (not chosen: too few patients)",
        "1",
    ]


def test_load_run__of_an_older_version_has_the_folds_of_today(tmp_path: Path) -> None:
    said = held_out(spread=True)
    store(tmp_path, "old", said, target=DISEASES, baseline=False)
    place = Workspace(tmp_path)

    found = load_run(place, "old")

    assert [one.auc for one in found.folds] == [of_fold(said, one.fold).auc for one in found.folds]
    assert {one.n_averaged for one in found.folds} == {2}
    assert list_runs(place) == (found,)
    assert (found.folds[0].strength, found.folds[0].n_train) == (0.1, 6)
