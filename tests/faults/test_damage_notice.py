"""What is damaged is named on the pages that leave it out, until it is mended or made anew."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from fundus_core.cli import main
from fundus_core.errors import StoreError
from fundus_core.io.damage import known_damage
from fundus_core.io.manifest import DataSource
from fundus_core.io.sealed import FORMAT
from fundus_core.io.store import MANIFEST, ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.io.workspace_format import STAMP
from fundus_core.workflows.data.datasets import dataset_id
from fundus_core.workflows.data.doctor import diagnose
from fundus_core.workflows.embeddings.project import project_dataset
from fundus_core.workflows.models.run_record import run_to_json
from fundus_core.workflows.models.runs import list_runs, load_run
from tests.conftest import ROOT
from tests.faults.sealing import of_format
from tests.faults.stored import RESNET
from tests.hostile import walked

LEFT_OUT = "left out because"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, DataSource]:
    """A workspace with embeddings, a map and two runs; copied before anything is damaged."""
    folder = tmp_path_factory.mktemp("whole")
    place, source, dataset = walked.furnished(folder)
    project_dataset(place, dataset, RESNET, method="pca")
    return place, source


@pytest.fixture
def place(
    whole: tuple[Workspace, DataSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """A copy that may be damaged; the dashboard's workspace."""
    copy = Path(shutil.copytree(whole[0].root, tmp_path / "workspace"))
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(copy))
    return Workspace(copy)


@pytest.fixture
def source(whole: tuple[Workspace, DataSource]) -> DataSource:
    return whole[1]


def flip(path: Path) -> None:
    """Changes one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def opened(page: str, source: DataSource) -> AppTest:
    """Opens a page of a server that has just been started."""
    st.cache_data.clear()
    st.cache_resource.clear()
    app = AppTest.from_file(str(ROOT / page), default_timeout=60)
    app.query_params["dataset"] = dataset_id(source)
    return app.run()


def told(app: AppTest) -> str:
    """Returns what a page says of damaged results; empty where it says nothing."""
    assert not app.exception, app.exception[0].value
    return " ".join(one.value for one in app.warning if LEFT_OUT in one.value)


@pytest.mark.parametrize(
    ("pattern", "page", "name"),
    [
        (f"runs/*/{MANIFEST}", "pages/evaluate/roc.py", "runs/"),
        (f"runs/*/{MANIFEST}", "pages/model/linear_probe.py", "runs/"),
        (f"runs/*/{MANIFEST}", "pages/data/overview.py", "runs/"),
        (f"runs/*/{MANIFEST}", "pages/about/jobs.py", "runs/"),
        (f"datasets/*/{MANIFEST}", "pages/data/overview.py", "datasets/"),
        (f"datasets/*/{MANIFEST}", "pages/data/images.py", "datasets/"),
        ("embeddings/*/000000.json", "pages/embed/extract.py", "embeddings/"),
        ("embeddings/*/recipe.json", "pages/embed/extract.py", "embeddings/"),
        ("embeddings/*/000000.npy", "pages/embed/map.py", "embeddings/"),
        (f"projections/*/{MANIFEST}", "pages/data/overview.py", "projections/"),
    ],
)
def test_damaged_result__is_named_where_it_would_have_been_listed(
    place: Workspace, source: DataSource, pattern: str, page: str, name: str
) -> None:
    before = told(opened(page, source))
    for file in place.root.glob(pattern):
        flip(file)

    app = opened(page, source)
    words = told(app) or told(app.run())  # what a page opens late is named once it is drawn anew

    assert before == ""
    assert f"`{name}" in words
    assert "fundus doctor --repair" in words


def of_another_version(place: Workspace) -> str:
    """Stores a copy of a run whose photographs became square in a way that nobody knows."""
    run = list_runs(place)[0]
    about = run_to_json(replace(run, id="later"))
    about["embeddings"]["preprocessing"]["fit"] = "fold"
    ArtifactStore(place.runs).put("later", about, lambda folder: None)
    return "later"


@pytest.mark.parametrize("page", ["pages/evaluate/roc.py", "pages/about/jobs.py"])
def test_run_that_nobody_understands__is_named_where_it_would_have_been_listed(
    place: Workspace, source: DataSource, page: str
) -> None:
    name = of_another_version(place)

    words = told(opened(page, source))

    assert f"described in words that this version does not know: `runs/{name}`" in words
    assert "damaged" not in words


def test_run_that_nobody_understands__is_named_by_commands_until_it_is_gone(
    place: Workspace,
) -> None:
    name = of_another_version(place)
    listing = ["runs", "--workspace", str(place.root)]

    found = CliRunner().invoke(main.app, listing)
    with pytest.raises(StoreError, match="There is no run 'later'") as refused:
        load_run(place, name)
    ArtifactStore(place.runs).remove(name)
    after = CliRunner().invoke(main.app, listing)

    assert found.exit_code == after.exit_code == 0
    assert f"this version does not know: runs/{name}. A newer version wrote it" in found.stderr
    assert f"runs/{name}" in refused.value.hint
    assert LEFT_OUT not in after.stderr
    assert all(run.id in found.stdout for run in list_runs(place))


def test_damaged_scores__are_named_with_the_next_step_at_once(
    place: Workspace, source: DataSource
) -> None:
    for file in place.runs.glob("*/predictions.parquet"):
        flip(file)

    app = opened("pages/evaluate/roc.py", source)

    assert not app.exception
    assert "damaged" in app.error[0].value
    assert "fundus doctor" in app.error[0].value.replace("\\", "")
    assert LEFT_OUT in told(app.run())


def test_damaged_result__is_not_named_any_more_once_it_was_moved_aside(
    place: Workspace, source: DataSource
) -> None:
    flip(next(place.runs.glob(f"*/{MANIFEST}")))
    before = told(opened("pages/data/overview.py", source))

    diagnose(place, repair=True)

    assert LEFT_OUT in before
    assert told(opened("pages/data/overview.py", source)) == ""


def test_known_damage__forgets_what_was_stored_anew(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "runs")
    store.put("one", {}, lambda folder: (folder / "a").write_bytes(b"whole"))
    flip(store.root / "one" / "a")

    assert store.get("one") is None
    assert known_damage(tmp_path) == ("runs/one",)
    store.put("one", {}, lambda folder: (folder / "a").write_bytes(b"whole"))

    assert known_damage(tmp_path) == ()
    assert store.get("one") is not None


def test_known_damage__is_of_one_workspace(tmp_path: Path) -> None:
    (tmp_path / "a" / "runs" / "torn").mkdir(parents=True)

    ArtifactStore(tmp_path / "a" / "runs").describe()

    assert known_damage(tmp_path / "a") == ("runs/torn",)
    assert known_damage(tmp_path / "b") == ()


@pytest.mark.parametrize("script", ["app.py", *walked.PAGES])
def test_newer_workspace__is_a_page_that_says_so(
    place: Workspace, source: DataSource, script: str
) -> None:
    (place.root / STAMP).write_text(of_format({}, FORMAT + 1), encoding="utf-8")

    app = opened(script, source)

    assert not app.exception
    if not app.error:  # it reads nothing of the workspace
        assert script == "pages/about/methods.py"
        return
    words = app.error[0].value.replace("\\", "")
    assert "newer version of Fundus Explorer" in words
    assert "Update" in words


@pytest.mark.parametrize("store", ["runs", "datasets"])
def test_newer_result__is_a_page_that_says_so(
    place: Workspace, source: DataSource, store: str
) -> None:
    manifest = next((place.root / store).glob(f"*/{MANIFEST}"))
    manifest.write_text(of_format({"about": {}, "files": {}}, FORMAT + 1), encoding="utf-8")

    app = opened("pages/evaluate/roc.py", source)

    assert not app.exception
    assert "newer version" in app.error[0].value
