"""The pre-train page: what it starts, and the cards of the weights that were made."""

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.domain.dataset import Target
from fundus_core.phantom.shots import LABEL_COLUMNS
from fundus_core.ui import wiring
from tests.pages import evaluated

PAGE = evaluated.PAGES / "model" / "pretrain.py"
PHANTOM_LABELS = tuple(
    Target(name, "binary", ("0", "1"), (name,)) for name in ("abnormal", *LABEL_COLUMNS.values())
)
AUC = {
    "auc": 0.9, "low": 0.8, "high": 0.95, "standard_error": 0.04, "confidence": 0.95,
    "method": "delong", "n_positive": 20, "n_negative": 30, "n_patients": None,
}  # fmt: skip


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, workspace: Path, started: list[list[str]]) -> AppTest:
    """The page of someone who has a data set with the phantoms' labels."""
    phantoms = evaluated.dataset(targets=PHANTOM_LABELS)
    evaluated.open_dataset(monkeypatch, workspace, phantoms)
    return AppTest.from_file(PAGE, default_timeout=30)


def write_card(workspace: Path, **changes: Any) -> None:
    """Writes weights with a card as `pretrain` does."""
    folder = workspace / "weights"
    folder.mkdir(exist_ok=True)
    (folder / "mine.safetensors").write_bytes(b"weights")
    epoch = {
        "number": 1, "train_loss": 0.9, "validation_loss": 0.8, "learning_rate": 1e-3,
        "seconds": 2.0,
    }  # fmt: skip
    training = {
        "epochs": 3, "batch_size": 32, "learning_rate": 0.001, "weight_decay": 0.01,
        "augmentation": "retina", "patience": 0, "seed": 7,
    }  # fmt: skip
    card = {
        "name": "mine", "initial": "scratch", "dataset": "phantoms", "synthetic": True,
        "n_images": 600, "n_patients": 240, "epochs": [epoch], "best": 1,
        "validation": {"abnormal": AUC}, "device": "cpu", "precision": "fp32", "seconds": 75,
        "recipe": {
            "architecture": "mobilenetv2_100", "image_size": 224, "task": "lesions",
            "labels": ["abnormal", "dr"], "training": training,
        },
    }  # fmt: skip
    (folder / "mine.json").write_text(json.dumps(card | changes))


def press(page: AppTest, label: str) -> None:
    next(one for one in page.button if one.label == label).click().run()


def texts(page: AppTest) -> str:
    return "\n".join(str(one.value) for one in [*page.markdown, *page.warning, *page.code])


def test_weights_are_made_from_the_open_data_set(page: AppTest, started: list[list[str]]) -> None:
    page.run()
    next(one for one in page.text_input if one.label.startswith("Name")).set_value("first").run()

    press(page, "Make the weights")

    assert not page.exception
    said = " ".join(started[0])
    assert said.startswith("pretrain /nowhere --backbone mobilenetv2_")
    assert "--name first --from scratch --task lesions --image-size 256 --epochs 10" in said
    assert "--labels" not in said


def test_name_and_size_are_those_of_the_architecture(
    page: AppTest, started: list[list[str]]
) -> None:
    page.run()

    next(one for one in page.selectbox if one.label == "Architecture").set_value("resnet18").run()
    press(page, "Make the weights")

    said = " ".join(started[0])
    assert "--backbone resnet18 --name resnet18.mine" in said
    assert f"--image-size {BACKBONES['resnet18'].image_size} " in said


def test_all_columns_of_another_data_set_are_proposed(
    page: AppTest, monkeypatch: pytest.MonkeyPatch, workspace: Path
) -> None:
    evaluated.open_dataset(monkeypatch, workspace, evaluated.dataset())
    page.run()
    other = evaluated.dataset(targets=(evaluated.DR, Target("dme", "binary", ("0", "1"), ("dme",))))
    evaluated.open_dataset(monkeypatch, workspace, other)

    page.run()

    menu = next(one for one in page.multiselect if one.label == "Columns to learn")
    assert menu.value == ["dr", "dme"]


def test_columns_of_another_data_set_are_named(
    page: AppTest, started: list[list[str]], monkeypatch: pytest.MonkeyPatch, workspace: Path
) -> None:
    evaluated.open_dataset(monkeypatch, workspace, evaluated.dataset())
    page.run()

    press(page, "Make the weights")

    assert started[0][started[0].index("--labels") + 1] == "dr"


def test_a_file_to_start_from_must_be_named(page: AppTest, started: list[list[str]]) -> None:
    page.run()
    page.segmented_control(key="pretrain.start").set_value("A weights file").run()
    make = next(one for one in page.button if one.label == "Make the weights")
    assert make.disabled

    next(o for o in page.text_input if o.label == "Weights file").set_value("mine.pth").run()
    press(page, "Make the weights")

    assert started[0][started[0].index("--from") + 1] == "mine.pth"


def test_phantoms_are_drawn_and_read_one_after_the_other(
    page: AppTest, started: list[list[str]], workspace: Path
) -> None:
    page.run()
    next(one for one in page.selectbox if one.label == "Learn from").set_value("").run()

    press(page, "Draw and open them")

    assert not page.exception
    assert [line[0] for line in started] == ["demo", "check"]
    assert started[0][1] == started[1][1]
    assert Path(started[0][1]).is_relative_to(workspace)
    assert "--plain" in started[0]


def test_without_a_data_set_phantoms_can_be_drawn(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "datasets", lambda: ())

    page.run()

    assert not page.exception
    assert any(one.label == "Draw and open them" for one in page.button)


def test_the_card_says_what_the_weights_are_and_how_they_were_made(
    page: AppTest, workspace: Path
) -> None:
    write_card(workspace)

    page.run()

    assert not page.exception
    said = texts(page)
    assert "Trained on synthetic photographs only; not for clinical use." in said
    assert "--task lesions --labels abnormal,dr" in said
    assert "--seed 7" in said
    assert page.table[0].value.iloc[0].tolist() == [
        "abnormal",
        "0.900 (0.800 to 0.950)",
        "20",
        "30",
    ]
    assert len(page.get("plotly_chart")) == 1


def test_the_card_does_not_name_the_folder_synthetic_photographs_were_drawn_into(
    page: AppTest, workspace: Path
) -> None:
    write_card(workspace, dataset="bank1")

    page.run()

    assert "600 synthetic photographs of 240 patients at 224 px" in texts(page)
    assert "bank1" not in texts(page)


def test_the_card_names_the_data_set_of_real_photographs(page: AppTest, workspace: Path) -> None:
    write_card(workspace, dataset="idrid", synthetic=False)

    page.run()

    assert "600 photographs of 240 patients of idrid" in texts(page)


@pytest.mark.parametrize("changes", [{"synthetic": False}, {"initial": "imagenet"}])
def test_weights_that_saw_other_photographs_are_not_called_synthetic(
    page: AppTest, workspace: Path, changes: dict[str, Any]
) -> None:
    write_card(workspace, **changes)

    page.run()

    assert "synthetic photographs only" not in texts(page)
    assert "Not for clinical use." in texts(page)


@pytest.mark.usefixtures("without_shipped_weights")
def test_a_card_that_cannot_be_read_is_passed_over(page: AppTest, workspace: Path) -> None:
    write_card(workspace, recipe={"architecture": "x"})

    page.run()

    assert not page.exception
    assert "None yet" in page.info[-1].value


def test_a_data_set_that_another_window_removed_is_said_to_be_gone(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.run()
    monkeypatch.setattr(wiring, "datasets", tuple)

    page.run()

    assert not page.exception
    assert "no longer in this workspace" in page.warning[0].value
