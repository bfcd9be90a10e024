"""Segmentation from the shell: what is printed, written, refused."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from fundus_core.cli.segment import segment_app
from fundus_core.errors import FundusError
from tests.segmentation.drawn import SIDE, write_drawings

TINY = ("--network", "wnet", "--size", "64", "--patch", "32", "--patches", "2", "--epochs", "1")
LONGER = ("--epochs", "6", "--learning-rate", "0.01")
QUIET = ("--batch-size", "4", "--precision", "fp32")

Segment = Callable[..., dict]


@pytest.fixture
def segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Segment:
    """Runs `fundus segment ARGS --json` in a workspace of its own; returns what it prints."""
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(tmp_path / "workspace"))

    def run(*arguments: object) -> dict:
        done = CliRunner().invoke(segment_app, [*map(str, arguments), "--json"])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return run


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_drawings(tmp_path / "data")


def test_train__scores_the_patients_that_folds_hold_out(segment: Segment, table: Path) -> None:
    report = segment("train", table, *TINY, *QUIET, "--folds", "2", *LONGER)

    held_out = report["held_out"]
    assert (report["n_networks"], report["n_held_out"]) == (2, 12)
    assert (held_out["n_images"], held_out["n_patients"], held_out["n_learned"]) == (12, 6, 0)
    assert [row["score"] for row in held_out["scores"]][:3] == ["dice", "iou", "sensitivity"]
    assert held_out["scores"][0]["low"] <= held_out["scores"][0]["mean"]
    assert Path(report["folder"], "networks.safetensors").is_file()
    assert [one["model"] for one in segment("models")["trained"]] == [report["model"]]


def test_train__on_the_tables_split_scores_its_test_photographs(
    segment: Segment, table: Path
) -> None:
    report = segment("train", table, *TINY, *QUIET, "--use-split")

    assert report["held_out"]["n_images"] == 4
    assert report["learned"] == 8


def test_score__two_models_with_a_paired_test(segment: Segment, table: Path) -> None:
    report = segment("score", "frangi", table, "--against", "masks:second")

    frangi, second = report["models"]
    dice = next(row for row in report["comparison"] if row["score"] == "dice")
    assert (frangi["title"], second["title"]) == (
        "Frangi's filter, Otsu's threshold",
        "observer of second",
    )
    assert dice["difference"] == pytest.approx(dice["mean_a"] - dice["mean_b"])
    assert 0 <= dice["p_value"] <= 1
    assert dice["n_patients"] == 6
    assert len(frangi["photographs"]) == 12


def test_predict__writes_marks_and_the_joined_table(
    segment: Segment, table: Path, tmp_path: Path
) -> None:
    report = segment(
        "predict", "frangi", table, "--out", tmp_path / "out", "--table-out", tmp_path / "m.csv"
    )

    written = pd.read_csv(tmp_path / "m.csv")
    mark = np.asarray(Image.open(tmp_path / "out" / "vessel" / "p0_0.png"))
    assert report["n_images"] == len(report["measures"]) == len(written) == 12
    assert {"image_id", "patient_id", "vessel_density", "vessel_tortuosity"} <= set(written)
    assert written["vessel_density"].tolist() == pytest.approx(
        [row["vessel_density"] for row in report["measures"]]
    )
    assert mark.shape == (SIDE, SIDE)


def test_lines_for_people_name_interval_method_and_test(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(tmp_path / "workspace"))

    done = CliRunner().invoke(
        segment_app, ["score", "frangi", str(table), "--against", "masks:second"]
    )

    assert "95 % CI" in done.stdout
    assert "bootstrap of patients" in done.stdout
    assert "Wilcoxon" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("score", "nobody"), "no model 'nobody'"),
        (("score", "frangi", "--masks", "nothing"), "has a mask"),
        (("score", "frangi", "--channels", "vessel=x"), "no channel"),
        (("score", "wnet-vessel"), "not on this machine"),
        (("train", "--loss", "mse", "--network", "wnet"), "no loss called 'mse'"),
        (("train", "--folds", "9", "--network", "wnet"), "9 folds"),
        (("train", "--network", "unet"), "no network called 'unet'"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    segment: Segment, table: Path, arguments: tuple[str, ...], message: str
) -> None:
    command, *rest = arguments
    model = [rest.pop(0)] if command == "score" else []

    with pytest.raises(FundusError, match=message) as refusal:
        segment(command, *model, table, *rest)

    assert refusal.value.hint
