"""The page of one photograph: what it shows, what it never keeps, and how it refuses."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.ui import text
from fundus_core.ui.components.one_photograph_models import Said, probability_frame
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.single.one_photograph_scores import (
    LEARNED,
    ClassProbability,
    PhotographScore,
)
from tests.fakes import write_dataset, write_photograph
from tests.pages import evaluated

PAGE = evaluated.PAGES / "explain" / "photograph.py"
RESNET = BackboneChoice("timm:test_resnet", "scratch", 64, precision="fp32")


@pytest.fixture
def source(tmp_path: Path) -> DataSource:
    return DataSource(write_dataset(tmp_path / "data"))


@pytest.fixture
def page(workspace: Path, source: DataSource) -> AppTest:
    """The page of 24 photographs of 12 patients, without a model."""
    open_dataset(Workspace(workspace), source)
    return AppTest.from_file(PAGE, default_timeout=120)


@pytest.fixture
def probed(workspace: Path, source: DataSource, page: AppTest) -> Run:
    """A probe for `dr` on them."""
    place = Workspace(workspace)
    dataset = open_dataset(place, source)
    return probe_dataset(place, dataset, dataset_id(source), RESNET, ProbeChoice("dr", folds=2))


@pytest.fixture
def other(tmp_path: Path) -> bytes:
    return write_photograph(tmp_path / "other.png", (200, 70, 20)).read_bytes()


def hand_over(page: AppTest, content: bytes, name: str = "../../name.png") -> AppTest:
    page.run()
    page.get("file_uploader")[0].upload(name, content, "image/png")
    return page.run()


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_it_says_first_that_it_is_no_medical_device(page: AppTest) -> None:
    page.run()

    assert not page.exception
    assert "not a medical device" in page.warning[0].value
    assert "Hand over a photograph" in page.info[-1].value


def test_without_a_data_set_it_says_where_to_open_one(workspace: Path) -> None:
    page = AppTest.from_file(PAGE, default_timeout=60).run()

    assert not page.exception
    assert "Open a data set first" in page.info[0].value


def test_without_a_model_it_shows_steps_and_quality_and_the_next_step(
    page: AppTest, other: bytes
) -> None:
    hand_over(page, other)

    assert not page.exception
    quality = next(one.value for one in page.dataframe if "Percentile" in one.value)
    assert list(quality["Measure"])[:2] == ["Sharpness", "Brightness"]
    assert "No model was fitted" in page.info[-1].value
    assert "Fit a model" in evaluated.texts(page)


def test_every_model_gives_a_probability_with_its_interval(
    page: AppTest, probed: Run, other: bytes, workspace: Path
) -> None:
    before = files(workspace)

    hand_over(page, other)

    assert not page.exception
    table = evaluated.table(page, "Probability").map(text.plain)
    assert list(table["Class"]) == ["dr = 1"]
    assert " to " in table["95 % CI"].iloc[0]
    assert "24 held-out photographs, 12 patients" in table["Rests on"].iloc[0]
    said = evaluated.texts(page) + "".join(one.value for one in page.error)
    assert "Of 24 photographs of the data set" in said
    assert "fewer than 1 %" in said
    new = {path for path, moment in files(workspace).items() if before.get(path) != moment}
    assert all(path.parent.name == "thumbnails" for path in new)


def test_a_photograph_of_the_data_set_is_recognised(
    page: AppTest, probed: Run, source: DataSource
) -> None:
    hand_over(page, (source.path / "images" / "p00_OD.jpg").read_bytes())

    assert not page.exception
    assert any("This very photograph is in" in one.value for one in page.info)
    rests = evaluated.table(page, "Probability")["Rests on"].iloc[0]
    assert text.plain(rests).startswith("its held-out score")


def test_a_photograph_that_taught_a_model_is_said_to_have(
    page: AppTest, workspace: Path, probed: Run, source: DataSource
) -> None:
    place = Workspace(workspace)
    used = predict(place, probed.id, open_dataset(place, source), dataset_id(source)).run

    hand_over(page, (source.path / "images" / "p00_OD.jpg").read_bytes())

    assert not page.exception
    (said,) = [one.value for one in page.warning if "The photograph taught the model" in one.value]
    assert "FD022" in said
    assert text.plain(used.label).partition(",")[0] in text.plain(said)
    rows = evaluated.table(page, "Probability").map(text.plain).set_index("Rests on")
    learned = rows.loc["a photograph that the model learned from"]
    assert learned["Probability"] == "–"
    assert learned["95 % CI"] == LEARNED
    assert learned["Score"].startswith("0.")


@pytest.mark.parametrize(
    "content", [b"", b"<script>alert(1)</script>", b"\xff\xd8\xff\xe0 cut", b"BM" + b"\xff" * 60]
)
def test_a_hostile_file_gets_a_sentence(page: AppTest, content: bytes) -> None:
    hand_over(page, content)

    assert not page.exception
    assert len(page.error) == 1
    assert "Export the photograph" in page.error[0].value or "again" in page.error[0].value


def test_probability_frame__a_model_that_says_nothing_has_a_row_without_figures() -> None:
    run = evaluated.run("a", evaluated.predictions("a", evaluated.GOOD))
    one = ClassProbability("1", 0.7, 0.5, None, None, "too few patients", 0.4)
    score = PhotographScore("a", (one,), False, 1, 12, 3, ())

    table = probability_frame([Said(run, "A", score, ""), Said(run, "B", None, "no weights")])

    assert list(table["Probability"]) == ["0.500", "–"]
    assert table["95 % CI"].iloc[0] == "too few patients"
    assert table["Rests on"].iloc[1] == "no score, see below"


def test_what_is_unlike_is_said_loudly(
    page: AppTest, probed: Run, monkeypatch: pytest.MonkeyPatch, other: bytes
) -> None:
    monkeypatch.setattr(
        "fundus_core.ui.photograph_caches.vector",
        lambda photo, run_id: -np.ones(_width(probed), np.float32),
    )

    hand_over(page, other)

    assert not page.exception
    assert any("Unlike what it was fitted on" in one.value for one in page.error)
    assert any("unlike those that models were fitted on" in one.value for one in page.warning)


def _width(run: Run) -> int:
    from fundus_core.io.embedding_store import EmbeddingStore
    from fundus_core.io.workspace import find_workspace

    store = EmbeddingStore(find_workspace().embeddings, run.embeddings)
    (first, *_) = store.known()
    return store.read([first]).vectors.shape[1]


def test_models_that_were_fitted_elsewhere_have_no_likeness_here(
    page: AppTest, workspace: Path, probed: Run, source: DataSource, tmp_path: Path
) -> None:
    place = Workspace(workspace)
    elsewhere = DataSource(write_dataset(tmp_path / "elsewhere", n_patients=6))
    predict(place, probed.id, open_dataset(place, elsewhere), dataset_id(elsewhere))
    page.query_params["dataset"] = dataset_id(elsewhere)

    hand_over(page, (source.path / "images" / "p00_OD.jpg").read_bytes())

    assert not page.exception
    assert any("no model was fitted on this data set" in one.value for one in page.caption)


def test_likeness_is_to_the_photographs_that_the_data_set_holds_now(
    page: AppTest, probed: Run, other: bytes, source: DataSource, workspace: Path
) -> None:
    hand_over(page, other)
    table = source.path / "labels.csv"
    assert "Of 24 photographs of the data set" in everything(page)
    table.write_text("\n".join(table.read_text().splitlines()[:23]) + "\n", encoding="utf-8")
    open_dataset(Workspace(workspace), source)

    page.run()

    assert not page.exception
    assert "Of 22 photographs of the data set" in everything(page)


def everything(page: AppTest) -> str:
    return evaluated.texts(page) + "".join(one.value for one in page.error)


def test_a_picture_that_looks_unlike_is_said_loudly(page: AppTest, tmp_path: Path) -> None:
    grey = write_photograph(tmp_path / "grey.png", (255, 255, 255)).read_bytes()

    hand_over(page, grey)

    assert not page.exception
    assert "It looks unlike the photographs of" in page.error[0].value
