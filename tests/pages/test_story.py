"""The demo's story: told, not yet told, and what it does not claim."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.explain.lesions import LesionShare
from fundus_core.io.workspace import Workspace
from fundus_core.projections import Projection
from fundus_core.ui import wiring
from fundus_core.ui.components import story_panel
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.demo import demo_source
from fundus_core.workflows.explanations.lesions import ExplainedPhotograph, LesionStudy
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.story.story_design import CELLS, Cell
from fundus_core.workflows.story.story_store import Story, contrasts_of
from tests.pages import evaluated, opened

PAGE = evaluated.PAGES / "data" / "story.py"
ABNORMAL = Target("abnormal", "binary", ("0", "1"), ("abnormal",))


@pytest.fixture
def page(workspace: Path) -> AppTest:
    """The page as it opens."""
    return AppTest.from_file(PAGE, default_timeout=30)


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines of the jobs that the page starts; none is run."""
    lines: list[list[str]] = []

    def note(argv: Sequence[str], title: str) -> None:
        lines.append(list(argv))

    monkeypatch.setattr(wiring, "submit", note)
    return lines


def demo() -> FundusDataset:
    """The twelve photographs with the columns of the demo."""
    table = evaluated.dataset().table
    table["abnormal"] = table["dr"]
    table["diagnosis"] = np.where(table["dr"] == "1", "diabetic_retinopathy", "normal")
    return replace(
        evaluated.dataset(targets=(ABNORMAL,)), table=pd.DataFrame(table), synthetic=True
    )


def study() -> LesionStudy:
    """Two photographs: on d0 the map lies on the lesions, on d2 it does not."""
    good = LesionShare(0.4, 0.1, 0.6, 0.3, True)
    poor = LesionShare(0.05, 0.15, 0.2, 0.35, False)
    return LesionStudy(
        "phantom.probe",
        (
            ExplainedPhotograph("d0", "diabetic_retinopathy", 0.9, good, 0.2),
            ExplainedPhotograph("d2", "amd", 0.4, poor, 0.1),
        ),
        n_without_lesion=3,
        n_without_map=0,
        examples=("d0", "d2"),
    )


@pytest.fixture
def tell(
    monkeypatch: pytest.MonkeyPatch, workspace: Path, submitted: list[list[str]]
) -> Callable[..., None]:
    """Makes the page find a story of the given models."""

    def told(cells: Sequence[Cell] = CELLS, *, label: str = "", missing: str = "") -> None:
        evaluated.open_dataset(monkeypatch, workspace, demo())
        runs: dict[Cell, Run] = {}
        for cell in cells:
            scores = evaluated.GOOD if cell.start == "phantom" else evaluated.POOR
            stored = evaluated.store(
                workspace,
                cell.key,
                evaluated.predictions(cell.key, scores),
                label=f"{cell.key}{label}",
                target=ABNORMAL,
            )
            kind = "probe" if cell.way == "probe" else "finetune"
            runs[cell] = replace(stored, kind=kind)  # type: ignore[arg-type]
        picture = workspace / "example.png"
        Image.new("RGB", (16, 16), (120, 60, 30)).save(picture)
        found = contrasts_of(Workspace(workspace), runs)
        story = Story(
            "tiny-1",
            12,
            6,
            runs,
            {"scratch": "one", "phantom": "two"},
            tuple(replace(one, p_holm=p) for one, p in zip(found, (0.001, 0.2, 1.0), strict=False)),
            study(),
            {"d0": picture, "d2": picture},
            missing,
        )
        monkeypatch.setattr(wiring, "story", lambda: story)
        points = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
        projection = Projection("tsne", tuple(evaluated.PATIENTS), points, 0.9, 3)
        monkeypatch.setattr(wiring, "projection", lambda *named: projection)

    return told


def test_a_story_shows_maps_curves_differences_and_lesions(
    page: AppTest, tell: Callable[..., None]
) -> None:
    tell()

    page.run()

    assert not page.exception
    said = evaluated.texts(page)
    assert {metric.label: metric.value for metric in page.metric}["Labelled abnormal"] == "6"
    assert "**Pre-training, linear probe**: raises the AUC against Scratch" in said
    assert "**Fine-tuning the pre-trained network**: no difference" in said
    assert "corrected by Holm over the 3 differences" in said
    assert "40 % of the heat on lesions, 10 % by chance" in said
    assert "**1 of 2**" in said
    assert len(page.get("plotly_chart")) == 3
    assert page.info[0].value.startswith("**Synthetic photographs.**")


def test_what_it_does_not_show_is_said(page: AppTest, tell: Callable[..., None]) -> None:
    tell()

    page.run()

    said = evaluated.texts(page)
    assert "Nothing about real eyes" in said
    assert "3 photographs labelled abnormal without a lesion" in said


def test_scores_that_came_along_are_called_precomputed(
    page: AppTest, tell: Callable[..., None]
) -> None:
    tell(label=", fine-tuned (precomputed)")

    page.run()

    assert not page.exception
    assert "were trained beforehand" in evaluated.texts(page)


def test_without_fine_tuned_networks_the_reason_and_the_way_are_said(
    page: AppTest, tell: Callable[..., None], submitted: list[list[str]]
) -> None:
    tell([cell for cell in CELLS if cell.way == "probe"], missing="The scores are of others.")

    page.run()
    page.button(key="story.fine_tune").click().run()

    assert not page.exception
    assert any("The scores are of others" in info.value for info in page.info)
    assert "over the 1 difference above" in evaluated.texts(page)
    assert submitted == [["story", "--fine-tune"]]


def test_everything_can_be_computed_again(
    page: AppTest, tell: Callable[..., None], submitted: list[list[str]]
) -> None:
    tell()

    page.run()
    page.button(key="story.fresh").click().run()

    assert submitted == [["story", "--fresh", "--fine-tune"]]


def test_before_anything_was_drawn_one_click_tells_the_story(
    page: AppTest, submitted: list[list[str]]
) -> None:
    page.run()
    page.button(key="story.prepare").click().run()

    assert not page.exception
    assert any("were not drawn yet" in info.value for info in page.info)
    assert submitted == [["story"]]


def test_a_damaged_story_counts_as_not_told(
    page: AppTest, workspace: Path, submitted: list[list[str]]
) -> None:
    name = dataset_id(demo_source(Workspace(workspace)))
    (workspace / "story" / name).mkdir(parents=True)
    (workspace / "story" / name / "artifact.json").write_text("{", encoding="utf-8")

    page.run()

    assert not page.exception
    assert "story.prepare" in [button.key for button in page.button]


def test_comes_first__only_where_the_demo_is_all_there_is(workspace: Path, tmp_path: Path) -> None:
    place = Workspace(workspace)
    nothing = story_panel.comes_first()
    opened.write_source(place.demo)
    open_dataset(place, demo_source(place))
    alone = story_panel.comes_first()

    opened.open_photographs(workspace, tmp_path / "own")

    assert not nothing
    assert alone
    assert not story_panel.comes_first()
