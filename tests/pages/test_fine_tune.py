"""The fine-tune page: what it starts, what it shows while it runs, and what it lists."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.finetune.curves import CURVE_FILE, LearningCurves, write_curves
from fundus_core.finetune.state import Epoch
from fundus_core.io.workspace import Workspace
from fundus_core.ui import auc_caches, picture_caches, wiring
from fundus_core.workflows.models.runs import save_run
from tests.pages import evaluated

PAGE = evaluated.PAGES / "model" / "fine_tune.py"
GRAD_CAM = evaluated.PAGES / "explain" / "grad_cam.py"

CURVES = LearningCurves(
    "tiny, fine-tuned", 3, ((Epoch(1, 0.9, 0.8, 1e-3, 1.0), Epoch(2, 0.5, 0.6, 1e-4, 1.0)),)
)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, workspace: Path, started: list[list[str]]) -> AppTest:
    """The page as it opens on a data set with a target."""
    evaluated.open_dataset(monkeypatch, workspace)
    return AppTest.from_file(PAGE, default_timeout=30)


def store_fine_tuned(workspace: Path, curves: LearningCurves = CURVES) -> None:
    scores = evaluated.predictions("tuned", evaluated.GOOD)
    run = replace(evaluated.run("tuned", scores), kind="finetune", probe="ft")
    save_run(Workspace(workspace), run, scores, curves=curves)


def choose(page: AppTest, label: str, value: object) -> None:
    widgets = [*page.selectbox, *page.multiselect, *page.radio, *page.number_input]
    next(one for one in widgets if one.label == label).set_value(value).run()


def start(page: AppTest) -> None:
    next(one for one in page.button if one.label.startswith("Fine-tune")).click().run()


@pytest.mark.usefixtures("without_shipped_weights")
def test_a_training_is_started_for_each_of_the_chosen_backbones(
    page: AppTest, started: list[list[str]]
) -> None:
    page.run()
    choose(page, "Backbones", ["resnet18", "mobilenetv2_100"])
    choose(page, "Folds", 3)
    choose(page, "Epochs", 4)
    choose(page, "Augmentation", "paper")

    start(page)

    assert not page.exception
    assert [line[:4] for line in started] == [
        ["finetune", "/nowhere", "--backbone", "resnet18"],
        ["finetune", "/nowhere", "--backbone", "mobilenetv2_100"],
    ]
    said = " ".join(started[0])
    assert "--target dr --strategy ft --seed 0 --folds 3 --epochs 4" in said
    assert "--learning-rate 0.0003 --augmentation paper" in said
    assert "--weights scratch" in said


def test_the_mean_colour_is_not_offered(page: AppTest) -> None:
    page.run()

    offered = next(one for one in page.multiselect if one.label == "Backbones").options
    assert not [name for name in offered if "shortcut" in name]


def test_the_work_is_told_before_it_is_begun(page: AppTest) -> None:
    page.run()
    choose(page, "Folds", 3)

    assert any("up to 360 photographs" in one.value for one in page.caption)


def test_without_a_backbone_nothing_can_be_started(page: AppTest) -> None:
    page.run()

    choose(page, "Backbones", [])

    assert next(one for one in page.button if one.label.startswith("Fine-tune")).disabled


@pytest.mark.usefixtures("without_shipped_weights")
def test_a_strategy_is_handed_over_with_its_settings(
    page: AppTest, started: list[list[str]]
) -> None:
    page.run()
    choose(page, "Backbones", ["resnet18"])
    choose(page, "Strategy", "l2-sp")
    choose(page, "Pull", 0.5)

    start(page)

    (line,) = started
    at = line.index("--strategy")
    assert line[at : at + 4] == ["--strategy", "l2-sp", "--pull", "0.5"]


@pytest.mark.usefixtures("without_shipped_weights")
def test_a_picture_shows_which_blocks_move_when(page: AppTest) -> None:
    page.run()
    choose(page, "Backbones", ["resnet18"])
    choose(page, "Strategy", "g-lf")
    choose(page, "Epochs", 5)
    next(one for one in page.toggle if "blocks move" in one.label).set_value(True).run()

    assert not page.exception
    (chart,) = page.get("plotly_chart")
    trace = json.loads(chart.proto.spec)["data"][0]
    assert trace["y"] == ["stem", "layer1", "layer2", "layer3", "layer4", "head"]
    assert [sum(value is not None for value in row) for row in trace["z"]] == [1, 2, 3, 4, 5, 5]


def test_augmented_versions_are_drawn_when_they_are_asked_for(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def versions(image_id: str, path: str, augmentation: str) -> np.ndarray:
        asked.append(augmentation)
        return np.zeros((6, 8, 8, 3), np.uint8)

    monkeypatch.setattr(picture_caches, "augmented_versions", versions)
    page.run()
    assert asked == []

    next(one for one in page.toggle if "augment" in one.label).set_value(True).run()

    assert not page.exception
    assert asked == ["retina"]
    assert len(page.get("image")) == 6


def test_curves_of_the_training_under_way_are_drawn_and_those_of_old_ones_are_not(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = SimpleNamespace(
        id="1", title="Fine-tune", argv=("finetune",), device="cpu", state="running",
        is_finished=False, progress=None, started_at=datetime.now(UTC),
    )  # fmt: skip
    monkeypatch.setattr(wiring, "jobs", lambda: SimpleNamespace(list=lambda: (job,)))
    old = Workspace(workspace).training / "old" / CURVE_FILE
    write_curves(old, CURVES)
    os.utime(old, (0, 0))

    page.run()
    before = len(page.get("plotly_chart"))
    write_curves(Workspace(workspace).training / "new" / CURVE_FILE, CURVES)
    page.run()

    assert not page.exception
    assert before == 0
    assert len(page.get("plotly_chart")) == 1


def test_fine_tuned_models_are_listed_with_how_they_learned(page: AppTest, workspace: Path) -> None:
    store_fine_tuned(workspace)
    evaluated.store(workspace, "probe", evaluated.predictions("probe", evaluated.POOR))

    page.run()

    assert not page.exception
    assert list(page.dataframe[0].value["Model"]) == ["tuned"]
    assert len(page.get("plotly_chart")) == 1
    assert any("`fundus predict`" in one.value for one in page.caption)


def test_a_model_says_which_of_its_parts_moved_and_how_far(page: AppTest, workspace: Path) -> None:
    def epoch(number: int) -> Epoch:
        rates, drift = {"stem": 0.0, "head": 1.0}, {"stem": 0.0, "head": 0.2 * number}
        return Epoch(number, 0.5, 0.6, 1e-3, 1.0, rates, drift)

    store_fine_tuned(workspace, replace(CURVES, folds=((epoch(1), epoch(2)),)))

    page.run()

    assert not page.exception
    _, moved = page.get("plotly_chart")
    trace = json.loads(moved.proto.spec)["data"][0]
    assert trace["y"] == ["stem", "head"]


def press(page: AppTest, label: str) -> None:
    next(one for one in page.button if label in one.label).click().run()


def test_a_model_is_compared_with_its_linear_probe_in_two_clicks(
    page: AppTest, workspace: Path
) -> None:
    store_fine_tuned(workspace)
    evaluated.store(workspace, "probe", evaluated.predictions("probe", evaluated.POOR))
    page.run()

    press(page, "Compare with its linear probe")

    assert not page.exception
    (said,) = [one.value for one in page.markdown if "Difference" in one.value]
    compared = auc_caches.comparison(["tuned", "probe"], "1")
    assert f"{compared.pairs[0].result.difference:+.3f}" in said
    assert f"{compared.runs[0].auc.auc:.3f}" in said


def test_a_model_without_a_probe_offers_to_fit_it(
    page: AppTest, workspace: Path, started: list[list[str]]
) -> None:
    store_fine_tuned(workspace)
    page.run()

    press(page, "Fit its linear probe")

    assert not page.exception
    (line,) = started
    assert line[0] == "probe"
    assert "--target dr" in " ".join(line)


@pytest.mark.usefixtures("without_shipped_weights")
def test_optimiser_loss_and_share_of_patients_are_handed_over(
    page: AppTest, started: list[list[str]]
) -> None:
    page.run()
    choose(page, "Backbones", ["resnet18"])
    choose(page, "Optimiser", "sgd")
    choose(page, "After the warm-up, the rate", "constant")
    choose(page, "Loss", "ordinal")
    next(one for one in page.select_slider if one.label == "Training patients").set_value(10).run()

    start(page)

    said = " ".join(started[0])
    assert "--optimiser sgd --rate-schedule constant --loss ordinal --fraction 0.1" in said


def test_without_a_model_the_page_says_when_results_appear(page: AppTest) -> None:
    page.run()

    assert not page.exception
    assert "None yet" in page.info[0].value


def test_without_a_target_there_is_nothing_to_learn(
    page: AppTest, monkeypatch: pytest.MonkeyPatch, workspace: Path
) -> None:
    evaluated.open_dataset(monkeypatch, workspace, evaluated.dataset(targets=()))

    page.run()

    assert not page.exception
    assert "no target column" in page.info[0].value


def test_explain_leaves_networks_that_were_not_kept_out_and_says_so(
    page: AppTest, workspace: Path
) -> None:
    store_fine_tuned(workspace)
    other = AppTest.from_file(GRAD_CAM, default_timeout=30)

    other.run()

    assert not other.exception
    assert "some fine-tuned networks were not kept" in other.info[0].value
