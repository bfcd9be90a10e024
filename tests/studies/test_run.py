"""Running a study: every cell once, whatever happens in between."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from safetensors.torch import save_file

from fundus_core.errors import StudyError
from fundus_core.io.workspace import Workspace
from fundus_core.studies import results
from fundus_core.studies.cells import CellRecord, unfinished
from fundus_core.studies.obstacles import obstacles
from fundus_core.studies.results import study_table
from fundus_core.studies.run import Study, open_study, run_study, run_with_workers
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.runs import list_runs, load_run, run_predictions
from tests.fakes import write_dataset
from tests.studies.conftest import TINY, Ran, ran_in, write_study

Told = list[tuple[str, CellRecord]]


def ran(study: Study) -> Told:
    told: Told = []
    run_study(study, on_cell=lambda cell, record: told.append((cell.title, record)))
    return told


def test_run_study__every_cell_has_its_run_and_none_is_run_twice(tiny: Ran) -> None:
    study = open_study(tiny.place, tiny.file)

    again = ran(study)

    assert [title for title, _ in tiny.told] == [cell.title for cell in study.cells]
    assert {run.id for run in list_runs(tiny.place)} == {record.run_id for _, record in tiny.told}
    assert again == []


def test_run_study__overlapping_studies_share_their_cells(tiny: Ran) -> None:
    beside = tiny.file.with_name("other.yaml")
    axes = {"strategy": ["ft"], "image_size": [64]}

    other = open_study(tiny.place, write_study(beside, title="Other", axes=axes))

    assert len(other.cells) == 2
    assert unfinished(other.files, other.cells) == ()


def test_run_study__a_cell_that_fails_is_told_and_the_others_go_on(
    place: Workspace, study_file: Path
) -> None:
    write_study(
        study_file, axes={"strategy": ["logistic"], "image_size": [64], "fraction": [0.05, 1.0]}
    )

    told = ran(open_study(place, study_file))

    problems = {title: record.problem for title, record in told}
    assert "none of them is" in problems["redness, A, logistic, 64 px, 5 %, draw 0"]
    assert problems["redness, A, logistic, 64 px"] == ""
    table = study_table(open_study(place, study_file))
    assert list(table["status"]) == ["failed", "done"] * 2
    assert "none of them is" in table["problem"][0]


def test_run_study__what_failed_is_tried_again(place: Workspace, study_file: Path) -> None:
    missing = {"name": "A", "backbone": "timm:test_resnet", "weights": "mine.safetensors"}
    write_study(study_file, models=[missing], axes={"strategy": ["logistic"], "image_size": [64]})
    study = open_study(place, study_file)

    (before,) = ran(study)
    (again,) = ran(study)

    assert "mine.safetensors" in before[1].problem
    assert again[1].problem == before[1].problem


def test_run_study__smoke_runs_are_not_among_the_others(place: Workspace, study_file: Path) -> None:
    write_study(study_file, smoke={"photographs": 16, "axes": {"strategy": ["logistic"]}})

    ran(open_study(place, study_file, "smoke"))

    assert list_runs(place) == ()
    assert {run.n_images for run in list_runs(place.smoke)} == {16}


def test_run_study__external_data_is_tested_on_by_every_model(
    place: Workspace, study_file: Path, tmp_path: Path
) -> None:
    write_dataset(tmp_path / "other", n_patients=8)
    outside = {
        "name": "elsewhere", "source": "other", "target": "dr", "role": "external",
        "column": "grade", "map": {"0": "0", "1": "1", "2": "1"},
    }  # fmt: skip
    write_study(study_file, data=[*TINY["data"], outside], models=TINY["models"][:1])

    ran(open_study(place, study_file))

    table = study_table(open_study(place, study_file))
    assert list(table["tested_on"]) == ["held-out patients", "elsewhere"] * 2
    assert list(table["n_images"]) == [24, 16] * 2
    assert table["auc"].notna().all()
    external = load_run(place, table["run_id"][3])
    assert external.trained_as == table["run_id"][2]


def test_run_study__external_labels_are_read_from_the_column_that_the_study_names(
    place: Workspace, study_file: Path, tmp_path: Path
) -> None:
    table = write_dataset(tmp_path / "other", n_patients=8) / "labels.csv"
    pd.read_csv(table).assign(ill=[1, 1, 1, 0] * 4).to_csv(table, index=False)
    data = [
        {**TINY["data"][0], "target": "ill", "column": "grade", "map": {"0": "0", "1": "1"}},
        {"name": "elsewhere", "source": "other", "target": "ill", "role": "external"},
    ]
    axes = {"strategy": ["logistic"], "image_size": [64]}
    write_study(study_file, data=data, models=TINY["models"][:1], axes=axes)

    ran(study := open_study(place, study_file))

    record = study.files.record_of(study.cells[0])
    (external,) = (load_run(place, one) for one in record.external.values())
    assert run_predictions(place, external).y_true[:, 0].sum() == 12


def test_run_study__external_data_are_known_by_what_they_hold_not_by_their_names(
    place: Workspace, study_file: Path, tmp_path: Path
) -> None:
    write_dataset(tmp_path / "other", n_patients=8)
    sets = {"other": 16, "data": 24}

    def named(*names: str) -> Study:
        outside = [
            {"name": name, "source": source, "target": "dr", "role": "external"}
            for name, source in zip(names, sets, strict=True)
        ]
        axes = {"strategy": ["logistic"], "image_size": [64]}
        data, models = [*TINY["data"], *outside], TINY["models"][:1]
        return open_study(place, write_study(study_file, data=data, models=models, axes=axes))

    ((_, record),) = ran(named("B", "C"))

    for names in (("B", "C"), ("C", "B"), ("B2", "C")):
        study = named(*names)
        table = study_table(study)[1:]
        assert list(table["tested_on"]) == list(names)
        assert list(table["n_images"]) == list(sets.values())
        assert unfinished(study.files, study.cells) == ()

    by_name = dict(zip(("C", "B"), record.external.values(), strict=True))  # of an older version
    study = named("B", "C")
    study.files.remember(study.cells[0], replace(record, external=by_name))
    assert list(study_table(study)["n_images"][1:]) == list(sets.values())
    other = {"C": record.external[study.files.external_to(study.cells[0])[1].fingerprint]}
    study.files.remember(study.cells[0], replace(record, external={**other, "B": other["C"]}))
    assert list(study_table(study)["status"]) == ["done", "not run", "done"]
    assert unfinished(study.files, study.cells) == study.cells

    study.files.remember(study.cells[0], record)
    outside, _ = study.files.external_to(study.cells[0])
    asked = predict(place, record.run_id, outside.dataset, outside.id, label_column="grade")
    assert list(study_table(study)["status"]) == ["done"] * 3
    others = {**record.external, outside.fingerprint: asked.run.id}
    study.files.remember(study.cells[0], replace(record, external=others))
    assert list(study_table(study)["status"]) == ["done", "not run", "done"]
    ran(study)
    assert list(study_table(study)["n_images"][1:]) == list(sets.values())


def test_study_table__holds_what_the_runs_hold(tiny: Ran) -> None:
    table = study_table(open_study(tiny.place, tiny.file))

    for _, row in table.iterrows():
        run = load_run(tiny.place, row["run_id"])
        assert run.auc is not None
        assert (row["auc"], row["auc_low"], row["auc_high"]) == (
            run.auc.auc, run.auc.low, run.auc.high,
        )  # fmt: skip
        assert row["balanced_accuracy_low"] <= row["balanced_accuracy"]
    a, b = table[table["strategy"] == "ft"].to_dict("records")
    assert np.isnan(a["difference"])
    assert b["difference"] == pytest.approx(b["auc"] - a["auc"])
    assert b["p_holm"] >= b["p_value"]


def test_study_table__numbers_are_those_of_the_stored_predictions(tiny: Ran) -> None:
    table = study_table(open_study(tiny.place, tiny.file))

    for _, row in table.iterrows():
        scored = pd.read_parquet(tiny.place.runs / row["run_id"] / "predictions.parquet")
        decided = scored.groupby("y_true")["y_score"]
        pairs = [a > b for a in decided.get_group(True) for b in decided.get_group(False)]
        assert row["auc"] == pytest.approx(np.mean(pairs))
        assert (row["n_images"], row["n_patients"]) == (
            len(scored), scored["patient_id"].nunique(),
        )  # fmt: skip
    tests = table.dropna(subset=["p_value"]).sort_values("p_value")
    smaller, larger = tests["p_value"]
    assert list(tests["p_holm"]) == pytest.approx(
        [min(1, 2 * smaller), min(1, max(2 * smaller, larger))]
    )


def test_study_table__says_what_was_not_run(place: Workspace, study_file: Path) -> None:
    table = study_table(open_study(place, study_file))

    assert list(table["status"]) == ["not run"] * 4
    assert table["auc"].isna().all()


def test_study_table__gains_are_relative_to_the_cell_that_is_equal_otherwise(
    place: Workspace, study_file: Path
) -> None:
    write_study(
        study_file,
        gain_over={"model": "A"},
        axes={"strategy": ["logistic", "knn"], "image_size": [64]},
    )
    study = open_study(place, study_file)
    ran(study)

    table = study_table(study).set_index(["model", "strategy"])

    auc, gain = table["auc"].to_dict(), table["relative_gain"].to_dict()
    for strategy in ("logistic", "knn"):
        expected = 100 * (auc["B", strategy] / auc["A", strategy] - 1)
        assert gain["A", strategy] == 0
        assert gain["B", strategy] == pytest.approx(expected)


def test_study_table__every_seed_and_draw_is_compared(place: Workspace, study_file: Path) -> None:
    axes = {
        "strategy": ["logistic", "lp"], "image_size": [64], "seed": [0, 1],
        "fraction": [0.6, 1.0], "draw": [0, 1],
    }  # fmt: skip
    against = {"strategy": "logistic", "fraction": 1.0}
    write_study(
        study_file, models=TINY["models"][:1], axes=axes, training={"epochs": 1, "batch_size": 8},
        against=against, gain_over=against, leave_out=[{"strategy": "lp", "fraction": 0.6}],
    )  # fmt: skip
    study = open_study(place, study_file)
    ran(study)

    table = study_table(study)

    of_base = (table["strategy"] == "logistic") & (table["fraction"] == 1)
    (base,), others = table["auc"][of_base], table[~of_base]
    kinds = list(zip(others["strategy"], others["draw"], others["seed"], strict=True))
    assert kinds == [("logistic", 0, 0), ("logistic", 1, 0), ("lp", 0, 0), ("lp", 0, 1)]
    assert list(others["difference"]) == pytest.approx(list(others["auc"] - base))
    assert list(others["relative_gain"]) == pytest.approx(list(100 * (others["auc"] / base - 1)))
    assert others["p_holm"].min() == pytest.approx(min(1, 4 * others["p_value"].min()))


def test_study_table__over_nothing_there_is_no_gain(
    tiny: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = tiny.file.with_name("gains.yaml")
    study = open_study(tiny.place, write_study(beside, gain_over={"model": "A"}))
    real = results._values

    def without(study: Study, row: Any) -> dict[str, Any]:
        values = real(study, row)
        return values | ({"auc": 0.0} if values["model"] == "A" else {})

    monkeypatch.setattr(results, "_values", without)

    assert study_table(study)["relative_gain"].isna().all()


def test_obstacles__cells_with_a_result_have_none(
    place: Workspace, study_file: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "mine.safetensors"
    write_random_weights(weights, seed=0)
    model = {"name": "A", "backbone": "timm:test_resnet", "weights": weights.name}
    axes = {"strategy": ["logistic"], "image_size": [64]}
    write_study(study_file, models=[model], axes=axes)
    ran(open_study(place, study_file))
    weights.unlink()

    write_study(study_file, models=[model, TINY["models"][1]], axes=axes)
    mixed = open_study(place, study_file)
    write_study(study_file, models=[model], axes={**axes, "strategy": ["logistic", "knn"]})
    more = open_study(place, study_file)

    assert obstacles(mixed) == ()
    assert [one.cell.strategy for one in obstacles(more)] == ["knn"]
    assert [one.cell.strategy for one in obstacles(more, more.cells)] == ["logistic", "knn"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": [{"name": "A", "backbone": "resnet50"}]}, "weights"),
        ({"models": [{"name": "A", "backbone": "timm:test_vit", "weights": "scratch"}]}, ""),
        ({"axes": {"strategy": ["ft"], "image_size": [8]}}, "too small"),
        ({"axes": {"strategy": ["ft"], "head": ["tail"]}}, "no head called 'tail'"),
        ({"axes": {"strategy": ["tip_adapter"]}}, "was not trained on words"),
        ({"models": [{"name": "A", "backbone": "resent50"}]}, "no backbone 'resent50'"),
        (
            {
                "models": [{**TINY["models"][0], "pooling": "puddle"}],
                "axes": {"strategy": ["logistic"]},
            },
            "no pooling 'puddle'",
        ),
        ({"validation": {"folds": 500}}, "500 folds need 500"),
        ({"validation": {"use_split": True}}, "no split column"),
        ({"axes": {"strategy": ["surgical"]}, "options": {"block": "cellar"}}, "cellar"),
        ({"training": {"loss": "ordinal"}}, "does not serve dr"),
        ({"data": [{"name": "d", "source": "data", "target": "cataract"}]}, "cataract"),
    ],
)
def test_obstacles__are_found_before_anything_runs(
    place: Workspace, study_file: Path, change: dict[str, object], message: str
) -> None:
    study = open_study(place, write_study(study_file, **change))

    found = obstacles(study)

    assert bool(found) == bool(message)
    assert all(message in one.error.message for one in found)
    assert not place.runs.exists()


def test_run_with_workers__gives_what_one_process_gives(place: Workspace, tiny: Ran) -> None:
    shared = open_study(place, tiny.file)

    run_with_workers(shared, ["study", str(tiny.file), "--workspace", str(place.root)], workers=2)

    assert unfinished(shared.files, shared.cells) == ()
    _same_scores(place, tiny.place)


def test_run_with_workers__are_no_more_than_the_cells_that_are_left(
    place: Workspace, study_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = open_study(place, study_file)
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(StudyError, match="4 of 4 processes"):
        run_with_workers(study, [], workers=50)


def test_run_with_workers__that_end_well_without_its_cells_are_no_success(
    place: Workspace, study_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = open_study(place, study_file)
    monkeypatch.setattr(sys, "executable", "/bin/true")  # as those that found another file

    with pytest.raises(StudyError, match="changed while it ran, and 4 of 4 cells are left"):
        run_with_workers(study, [], workers=2)


def test_run_study__weights_that_became_others_are_run_again(
    place: Workspace, study_file: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "mine.safetensors"
    write_random_weights(weights, seed=0)
    model = {"name": "A", "backbone": "timm:test_resnet", "weights": weights.name}
    write_study(study_file, models=[model], axes={"strategy": ["logistic"], "image_size": [64]})
    study = open_study(place, study_file)
    ((_, first),) = ran(study)

    write_random_weights(weights, seed=1)
    (between,) = study_table(study)["status"]
    ((_, second),) = ran(study)
    weights.unlink()
    (kept,) = study_table(study)["run_id"]

    assert between == "not run"
    assert second.run_id != first.run_id
    assert kept == second.run_id
    assert unfinished(study.files, study.cells) == ()


def write_random_weights(path: Path, *, seed: int) -> None:
    torch.manual_seed(seed)
    save_file(timm.create_model("test_resnet").state_dict(), path)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One model, trained long enough to be killed meanwhile."""
    training = {**TINY["training"], "epochs": 6}
    folder = tmp_path_factory.mktemp("undisturbed")
    return ran_in(folder, models=TINY["models"][:1], training=training)


@pytest.mark.parametrize("moment", ["first cell", "fine-tuning"])
def test_study__killed_and_run_again_ends_as_if_undisturbed(
    place: Workspace, undisturbed: Ran, moment: str
) -> None:
    study = open_study(place, undisturbed.file)
    command = [sys.executable, "-m", "fundus_core", "study", str(undisturbed.file)]
    process = subprocess.Popen([*command, "--workspace", str(place.root)])
    happened: Callable[[], object] = {
        "first cell": lambda: len(unfinished(study.files, study.cells)) < 2,
        "fine-tuning": lambda: list(place.training.glob("*/fold-0.safetensors")),
    }[moment]
    while not happened():
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    finished = ran(study)

    assert [title for title, _ in finished] == ["redness, A, ft, 64 px"]
    _same_scores(place, undisturbed.place)


def _same_scores(place: Workspace, other: Workspace) -> None:
    runs = {run.id: run for run in list_runs(other)}
    assert {run.id for run in list_runs(place)} == runs.keys()
    for run in list_runs(place):
        ours, theirs = run_predictions(place, run), run_predictions(other, runs[run.id])
        assert np.array_equal(ours.y_score, theirs.y_score), run.id
