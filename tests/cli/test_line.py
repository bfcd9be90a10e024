"""The whole line from the shell: check, embed, project, probe, compare, predict, explain."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_core.stats.delong import auc_interval
from tests.cli.conftest import Fundus, Probed
from tests.fakes import write_dataset

TINY = ("--backbone", "timm:test_resnet", "--weights", "scratch", "--image-size", "64")


def probe(fundus: Fundus, data: Path, *more: str) -> dict:
    """Fits a probe and returns what it printed."""
    outcome = fundus("probe", data, *TINY, "--target", "dr", "--json", *more)
    assert outcome.exit_code == 0, outcome.stderr
    return outcome.json


def test_check__counts_what_is_there(fundus: Fundus, data: Path) -> None:
    report = fundus("check", data, "--json").json

    assert (report["n_images"], report["n_patients"]) == (24, 12)
    counts = {target["name"]: target["counts"] for target in report["targets"]}
    assert counts["dr"] == {"0": 12, "1": 12}
    assert counts["grade"] == {"0": 12, "1": 8, "2": 4}
    assert report["rejected"] == []


def test_check__names_what_it_rejected(fundus: Fundus, data: Path) -> None:
    (data / "images" / "p00_OD.jpg").write_bytes(b"")
    (data / "images" / "p01_OD.jpg").unlink()

    report = fundus("check", data, "--json").json

    reasons = {Path(row["path"]).name: row["reason"] for row in report["rejected"]}
    assert reasons == {"p00_OD.jpg": "unreadable", "p01_OD.jpg": "missing"}
    assert report["n_images"] == 22
    assert "FD009" in {caution["code"] for caution in report["cautions"]}


def test_probe__the_printed_auc_is_that_of_the_file(fundus: Fundus, data: Path) -> None:
    report = probe(fundus, data)

    table = pd.read_parquet(report["predictions"])
    again = auc_interval(table["y_true"], table["y_score"], patients=table["patient_id"])
    assert report["auc"] == pytest.approx(again.auc, abs=1e-12)
    assert report["auc_low"] == pytest.approx(again.low, abs=1e-12)
    assert report["auc_low"] < report["auc"] < report["auc_high"]
    assert (report["n_images"], report["n_patients"]) == (24, 12)


def test_probe__no_patient_is_in_two_folds(fundus: Fundus, data: Path) -> None:
    report = probe(fundus, data, "--folds", "4")

    table = pd.read_parquet(report["predictions"])
    assert (table.groupby("patient_id")["fold"].nunique() == 1).all()
    assert sum(fold["n_test"] for fold in report["folds"]) == 24
    assert [fold["fold"] for fold in report["folds"]] == [0, 1, 2, 3]


def test_probe__the_mean_colour_stands_beside_it(fundus: Fundus, data: Path) -> None:
    report = probe(fundus, data)

    # The diseased photographs are redder, so the colour alone must tell much of it.
    assert report["baseline"]["auc"] > 0.7
    assert 0 <= report["baseline_p_value"] <= 1


def test_probe__the_same_command_again_is_the_same_run(fundus: Fundus, data: Path) -> None:
    first, again = probe(fundus, data), probe(fundus, data)
    other = probe(fundus, data, "--seed", "1")

    assert first == again
    assert other["run_id"] != first["run_id"]


def test_probe__several_classes_get_an_auc_each(fundus: Fundus, data: Path) -> None:
    outcome = fundus("probe", data, *TINY, "--target", "grade", "--folds", "2", "--json")

    report = outcome.json
    assert set(report["class_aucs"]) == {"0", "1", "2"}
    each = [interval["auc"] for interval in report["class_aucs"].values()]
    assert report["auc"] == pytest.approx(np.mean(each))
    table = pd.read_parquet(report["predictions"])
    assert {"y_true_0", "y_score_2"} <= set(table.columns)


def test_probe__one_class_against_the_rest(fundus: Fundus, data: Path) -> None:
    outcome = fundus("probe", data, *TINY, "--target", "grade=0", "--folds", "3", "--json")

    assert outcome.json["classes"] == ["0"]


def test_probe__knn_is_the_second_probe(fundus: Fundus, data: Path) -> None:
    report = probe(fundus, data, "--probe", "knn")

    assert 0 <= report["auc"] <= 1
    assert "knn" in report["label"]


def test_probe__too_many_folds_say_how_many_there_may_be(fundus: Fundus, data: Path) -> None:
    outcome = fundus("probe", data, *TINY, "--target", "dr", "--folds", "7")

    assert outcome.exit_code == 2
    assert "6 patients; 7 folds need 7" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_probe__a_class_of_one_patient_is_called_as_in_the_table(
    fundus: Fundus, data: Path
) -> None:
    table = pd.read_csv(data / "labels.csv", dtype=str)
    rare = table["patient_id"].eq("P00").map({True: "x", False: "y"})
    table.assign(rare=rare, half=["1", ""] * 12).to_csv(data / "labels.csv", index=False)

    folds = fundus("probe", data, *TINY, "--target", "rare", "--folds", "3")
    half = fundus("probe", data, *TINY, "--target", "half")

    assert (folds.exit_code, half.exit_code) == (2, 2)
    assert "Class 'x' occurs in 1 patient; 3 folds need 3." in folds.stderr
    assert "is '1' in every row that has a value (12 of 24)" in half.stderr


def test_probe__use_split_without_a_split_column_is_refused(fundus: Fundus, data: Path) -> None:
    outcome = fundus("probe", data, *TINY, "--target", "dr", "--use-split")

    assert outcome.exit_code == 2
    assert "no split column" in outcome.stderr


def test_probe__folds_beside_the_own_split_are_refused(fundus: Fundus, data: Path) -> None:
    outcome = fundus("probe", data, *TINY, "--target", "dr", "--use-split", "--folds", "3")

    assert outcome.exit_code == 2
    assert "--folds 3 is not looked at where the table's own split is used" in " ".join(
        outcome.stderr.split()
    )


def test_probe__use_split_tests_on_the_test_side_only(fundus: Fundus, data: Path) -> None:
    table = pd.read_csv(data / "labels.csv")
    table["split"] = np.where(table.index < 16, "train", "test")
    table.to_csv(data / "labels.csv", index=False)

    report = probe(fundus, data, "--use-split")

    assert report["n_images"] == 8
    assert len(report["folds"]) == 1
    assert report["folds"][0]["n_train"] == 16


def test_probe__use_split_with_a_word_that_is_none_is_refused(fundus: Fundus, data: Path) -> None:
    table = pd.read_csv(data / "labels.csv")
    table["split"] = np.where(table.index < 16, "Training", "exclude")
    table.to_csv(data / "labels.csv", index=False)

    outcome = fundus("probe", data, *TINY, "--target", "dr", "--use-split")

    assert outcome.exit_code == 2
    assert "8 of 24 photographs" in outcome.stderr
    assert "'exclude' (8)" in outcome.stderr


def test_check__names_the_columns_that_hidden_names_leave_out(
    fundus: Fundus, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pd.read_csv(data / "labels.csv")
    table["surname"] = table["patient_id"].str.replace("P", "Roe ")
    table.to_csv(data / "labels.csv", index=False)

    shown = fundus("check", data)
    monkeypatch.setenv("FUNDUS_HIDE_IDS", "1")
    hidden = fundus("check", data)

    assert "left out" not in shown.stdout
    assert "  left out while names are hidden, may tell patients apart: surname\n" in hidden.stdout


def test_check__names_the_splits_and_patients_spelt_alike(fundus: Fundus, data: Path) -> None:
    table = pd.read_csv(data / "labels.csv")
    table["split"] = [None] * 2 + ["train"] * 14 + ["exclude"] * 8
    first = str(table.loc[0, "patient_id"])
    table.loc[1, "patient_id"] = first.lower()
    table.to_csv(data / "labels.csv", index=False)

    outcome = fundus("check", data)

    assert "  split: train 14, exclude 8, none 2\n" in outcome.stdout
    assert f"patients spelt alike: {first!r} and {first.lower()!r}\n" in outcome.stdout
    assert "FD021" in outcome.stdout


def test_compare__two_runs_on_the_same_photographs(fundus: Fundus, probed: Probed) -> None:
    first = probed.run_id
    second = probe(fundus, probed.data, "--probe", "knn")["run_id"]

    report = fundus("compare", first, second, "--json").json

    assert {run["run_id"] for run in report["runs"]} == {first, second}
    pair = report["pairs"][0]
    difference = report["runs"][0]["auc"] - report["runs"][1]["auc"]
    assert pair["difference"] == pytest.approx(difference)
    assert pair["p_holm"] == pytest.approx(pair["p_value"])
    assert pair["method"]


def test_predict__another_folder_is_scored_and_tested(
    fundus: Fundus, probed: Probed, tmp_path: Path
) -> None:
    elsewhere = write_dataset(tmp_path / "elsewhere", n_patients=8, side=112)

    report = fundus("predict", probed.run_id, elsewhere, "--json").json

    assert report["n_images"] == report["n_labelled"] == 16
    assert 0 <= report["auc_low"] < report["auc_high"] <= 1
    assert 0 <= report["comparison"]["p_value"] <= 1
    assert len(report["scores"]) == 16
    assert report["n_seen_in_training"] == 0


def test_predict__its_own_photographs_are_called_seen(fundus: Fundus, probed: Probed) -> None:
    report = fundus("predict", probed.run_id, probed.data, "--json").json

    assert report["n_seen_in_training"] == 24


def test_predict__photographs_without_labels_get_scores_only(
    fundus: Fundus, probed: Probed, tmp_path: Path
) -> None:
    elsewhere = write_dataset(tmp_path / "elsewhere", n_patients=4, side=112)
    (elsewhere / "labels.csv").unlink()

    report = fundus("predict", probed.run_id, elsewhere, "--json").json

    assert report["auc"] is None
    assert report["comparison"] is None
    assert len(report["scores"]) == 8


def test_predict__labels_may_stand_in_another_column(
    fundus: Fundus, probed: Probed, tmp_path: Path
) -> None:
    elsewhere = write_dataset(tmp_path / "elsewhere", n_patients=8, side=112)
    table = pd.read_csv(elsewhere / "labels.csv").rename(columns={"dr": "referable"})
    table.to_csv(elsewhere / "labels.csv", index=False)

    unnamed = fundus("predict", probed.run_id, elsewhere, "--json").json
    named = fundus(
        "predict", probed.run_id, elsewhere, "--target-column", "referable", "--json"
    ).json

    assert (unnamed["n_labelled"], unnamed["auc"]) == (0, None)
    assert named["n_labelled"] == 16
    assert named["auc"] is not None


def test_predict__labels_of_other_names_are_a_caution(
    fundus: Fundus, probed: Probed, tmp_path: Path
) -> None:
    elsewhere = write_dataset(tmp_path / "elsewhere", n_patients=8, side=112)
    table = pd.read_csv(elsewhere / "labels.csv")
    table["dr"] = np.where(table["dr"] == 1, "yes", "no")
    table.to_csv(elsewhere / "labels.csv", index=False)

    report = fundus("predict", probed.run_id, elsewhere, "--json").json

    assert report["auc"] is None
    assert [caution["code"] for caution in report["cautions"]] == ["FD010"]


@pytest.mark.parametrize(
    ("words", "n_labelled", "told"),
    [
        (["0", "1"], 16, []),
        (["0", "4"], 8, ["8 of 16 photographs have no amd,dr."]),
        (["no", "yes"], 0, ["Column 'dr' holds no, yes; the model knows 0, 1."]),
    ],
)
def test_predict__of_several_findings_takes_no_other_word_for_healthy(
    fundus: Fundus, data: Path, tmp_path: Path, words: list[str], n_labelled: int, told: list[str]
) -> None:
    elsewhere = write_dataset(tmp_path / "elsewhere", n_patients=8, side=112)
    for folder, written in ((data, ["0", "1"]), (elsewhere, words)):
        table = pd.read_csv(folder / "labels.csv")
        table["amd"] = (table.index // 4) % 2
        table["dr"] = np.where(table["dr"] == 1, written[1], written[0])
        table.to_csv(folder / "labels.csv", index=False)
    several = ("--backbone", "mean_colour", "--target", "amd,dr", "--folds", "3")
    name = fundus("probe", data, *several, "--json").json["run_id"]

    report = fundus("predict", name, elsewhere, "--json").json

    said = [one["text"] for one in report["cautions"] if one["code"] in {"FD008", "FD010"}]
    stored = pd.read_parquet(report["predictions"])
    assert (report["n_labelled"], said) == (n_labelled, told)
    assert len(stored) == (n_labelled or 16)
    assert bool(stored["y_true_dr"].any()) == (words == ["0", "1"])
    assert (report["auc"] is None) == (n_labelled == 0)


def test_explain__writes_an_overlay_per_photograph(
    fundus: Fundus, probed: Probed, tmp_path: Path
) -> None:
    run = probed.run_id
    images = [probed.data / "images" / name for name in ("p01_OD.jpg", "p00_OD.jpg", "p02_OS.jpg")]
    named = [part for image in images for part in ("--image", image)]

    outcome = fundus("explain", run, *named, "--class", "0", "--out", tmp_path / "maps", "--json")

    drawn = [row for row in outcome.json if row["overlay"]]
    assert len(outcome.json) == 3
    assert drawn
    for row in drawn:
        assert row["held_out"] is True
        assert 0 <= row["score"] <= 1
        with Image.open(row["overlay"]) as overlay:
            assert overlay.size == (96, 96)


def test_explain__an_unknown_picture_is_named(fundus: Fundus, probed: Probed) -> None:
    outcome = fundus("explain", probed.run_id, "--image", "nowhere.jpg")

    assert outcome.exit_code == 2
    assert "'nowhere.jpg' is neither a file nor an image id" in outcome.stderr


def test_project__gives_a_point_per_photograph(fundus: Fundus, data: Path) -> None:
    report = fundus("project", data, *TINY, "--method", "pca", "--json").json

    assert len(report["points"]) == len(report["image_ids"]) == 24
    assert 0 < report["trustworthiness"] <= 1


def test_embed__only_new_photographs_are_computed(
    fundus: Fundus, data: Path, tmp_path: Path
) -> None:
    fundus("embed", data, *TINY, "--out", tmp_path / "before")
    shards = set((tmp_path / "workspace" / "embeddings").rglob("*.npy"))
    write_dataset(data, n_patients=14)

    report = fundus("embed", data, *TINY, "--out", tmp_path / "after", "--json").json

    assert report["n_embedded"] == 28
    added = set((tmp_path / "workspace" / "embeddings").rglob("*.npy")) - shards
    assert sum(len(np.load(shard)) for shard in added) == 4


def test_embed__absent_weights_say_which_file_goes_where(
    fundus: Fundus, data: Path, tmp_path: Path
) -> None:
    outcome = fundus("embed", data, "--backbone", "resnet50")

    assert outcome.exit_code == 2
    assert "resnet50.tv_in1k.safetensors" in outcome.stderr
    assert str(tmp_path / "workspace" / "weights") in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_backbones__lists_ids_and_where_weights_go(fundus: Fundus) -> None:
    rows = {row["id"]: row for row in fundus("backbones", "--json").json}

    assert rows["resnet50"]["weights"] == "fetchable"
    assert "resnet50.tv_in1k" in rows["resnet50"]["weights_note"]
    assert rows["resnet50"]["embed_dim"] == 2048


def test_runs__lists_what_was_evaluated(fundus: Fundus, data: Path) -> None:
    assert fundus("runs", "--json").json == []

    run = probe(fundus, data)["run_id"]

    assert [row["run_id"] for row in fundus("runs", "--json").json] == [run]


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "/no/such/folder"),
        ("compare", "nothing", "nobody"),
        ("explain", "nothing", "--image", "x.jpg"),
        ("predict", "nothing", "/no/such/folder"),
        ("jobs", "cancel", "nothing"),
        ("app", "--address", "0.0.0.0"),
        ("embed", "/no/such/folder", "--backbone", "resnet500"),
        ("probe",),
        ("unknown",),
    ],
)
def test_what_the_user_can_mend_ends_with_2_and_no_traceback(
    fundus: Fundus, arguments: tuple[str, ...]
) -> None:
    outcome = fundus(*arguments)

    assert outcome.exit_code == 2
    assert outcome.stderr.strip()
    assert "Traceback" not in outcome.stderr
