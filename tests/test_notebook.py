"""`import fundus_core as fundus`: the notebook runs, and its figures are those of the pages."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from streamlit.testing.v1 import AppTest

import fundus_core as fundus
from fundus_core.errors import DataError, StoreError
from fundus_core.io.workspace import Workspace
from fundus_core.ui import wiring
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from tests.pages import evaluated, opened

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


@pytest.fixture
def place(workspace: Path, tmp_path: Path) -> fundus.Photographs:
    """Eight photographs, opened."""
    name = opened.open_photographs(workspace, tmp_path / "photographs")
    return fundus.Photographs(
        Workspace(workspace), name, stored_dataset(Workspace(workspace), name)
    )


def read_notebook() -> NotebookNode:
    """Returns the example notebook."""
    notebook: NotebookNode = nbformat.read(NOTEBOOK, nbformat.NO_CONVERT)  # type: ignore[no-untyped-call]
    return notebook


def outputs(notebook: NotebookNode) -> list[set[str]]:
    """Returns the kinds of what each cell of code shows, for cells that show something."""
    shown = [
        {kind for one in cell.outputs if "data" in one for kind in one.data}
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    return [kinds for kinds in shown if kinds]


@pytest.mark.timeout(400)
def test_notebook__runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=":")
    notebook = read_notebook()
    small = notebook.cells[1].source.replace("N_PATIENTS = 60", "N_PATIENTS = 20")
    assert small != notebook.cells[1].source
    notebook.cells[1].source = small

    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()

    shown = outputs(notebook)
    assert sum("application/vnd.plotly.v1+json" in kinds for kinds in shown) == 3
    assert sum("text/html" in kinds for kinds in shown) >= 4  # tables
    assert sum("image/png" in kinds for kinds in shown) == 1
    assert b"</html>" in (tmp_path / "notebook-demo" / "report.html").read_bytes()


def test_notebook__is_kept_without_what_it_showed() -> None:
    notebook = read_notebook()

    assert not outputs(notebook)


def test_import__loads_nothing_that_is_slow() -> None:
    said = "import sys, fundus_core; print(sorted({'numpy', 'pandas', 'torch'} & set(sys.modules)))"

    done = subprocess.run(
        [sys.executable, "-c", said], capture_output=True, text=True, cwd=ROOT, check=True
    )

    assert done.stdout.strip() == "[]"


def test_package__knows_its_names_and_no_others() -> None:
    assert {"open_data", "draw_demo", "Photographs", "comparison_table"} <= set(dir(fundus))
    with pytest.raises(AttributeError, match="no attribute 'opendata'"):
        fundus.opendata  # noqa: B018


def test_paths__an_empty_one_is_not_the_current_folder(
    place: fundus.Photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    for call in (
        lambda: fundus.open_data(""),
        lambda: fundus.open_data(tmp_path / "photographs", workspace=" "),
        lambda: fundus.draw_demo(""),
        lambda: place.report([], ""),
    ):
        with pytest.raises(DataError, match="The path is empty"):
            call()


def test_report__is_written_over_nothing_that_is_needed(
    place: fundus.Photographs, tmp_path: Path
) -> None:
    fundus.open_data(tmp_path / "photographs", place.workspace.root)
    beside = tmp_path / "photographs" / "notes.html"
    mine = tmp_path / "mine.html"
    for path in (beside, mine):
        path.write_text("needed", encoding="utf-8")

    for out, replace, said in (
        (mine, False, "is there already; replace=True writes over it"),
        (beside, True, "is not written over: it belongs to the data set"),
        (place.workspace.root / "new.html", True, "lies in the workspace"),
        (tmp_path / "report.docx", True, "ends in neither"),
    ):
        with pytest.raises(StoreError, match=said):
            place.report([], out, replace=replace)

    assert {path.read_text(encoding="utf-8") for path in (beside, mine)} == {"needed"}


def test_draw_demo__takes_no_folder_that_holds_other_things(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("needed", encoding="utf-8")

    with pytest.raises(StoreError, match="replace=True writes over"):
        fundus.draw_demo(tmp_path, n_patients=1, side=64)

    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_draw_demo__draws_into_no_workspace_that_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(tmp_path / "usual"))
    photographs = tmp_path / "photographs"
    opened.write_source(photographs)
    fundus.open_data(photographs, tmp_path / "first")
    fundus.open_data(photographs, tmp_path / "second")

    for place in ("usual/x", "first/runs/x", "second/runs/x"):
        with pytest.raises(StoreError, match=f"lies in the workspace .*{place.split('/')[0]}"):
            fundus.draw_demo(tmp_path / place, n_patients=1, side=64)
    with pytest.raises(StoreError, match="it lies in the data set photographs"):
        fundus.draw_demo(photographs / "more", n_patients=1, side=64)

    assert not (tmp_path / "first" / "runs" / "x").exists()


def test_draw_demo__serves_a_script_that_guards_nothing(tmp_path: Path) -> None:
    """28 photographs are enough for two processes, none of which may run the script again."""
    script = tmp_path / "script.py"
    script.write_text(
        "import fundus_core as fundus\n"
        "print('once')\n"
        "fundus.draw_demo('drawn', n_patients=12, side=64)\n",
        encoding="utf-8",
    )

    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "once\n", "")
    assert len(list((tmp_path / "drawn" / "images").iterdir())) >= 24


def test_photographs__a_workspace_that_was_moved_is_not_made_again(
    place: fundus.Photographs, tmp_path: Path
) -> None:
    place.workspace.root.rename(tmp_path / "moved")

    for call in (
        lambda: place.embed("mean_colour"),
        lambda: place.map_figure("mean_colour", method="pca"),
        lambda: place.probe("mean_colour", "disease"),
        lambda: place.finetune("mobilenetv2_phantom", "disease"),
        lambda: place.explain("run", "image"),
    ):
        with pytest.raises(StoreError, match="is no longer there"):
            call()

    assert not place.workspace.root.exists()


def test_report__is_written_into_no_workspace_that_is_open(
    place: fundus.Photographs, tmp_path: Path
) -> None:
    photographs = tmp_path / "others"
    opened.write_source(photographs)
    fundus.open_data(photographs, tmp_path / "second")

    with pytest.raises(StoreError, match=r"lies in the workspace .*second"):
        place.report([], tmp_path / "second" / "report.html")


def test_open_data__gives_the_table_and_what_was_rejected(workspace: Path, tmp_path: Path) -> None:
    source = opened.write_source(tmp_path / "photographs")
    (tmp_path / "photographs" / "photo0.png").write_bytes(b"no picture")

    data = fundus.open_data(source.path, workspace)

    assert len(data.table) == opened.N_PHOTOGRAPHS - 1
    assert list(data.rejected["path"].map(lambda path: Path(path).name)) == ["photo0.png"]
    assert "FD009" in {caution.code for caution in data.cautions}


def test_roc_figure__draws_the_curves_of_the_page(
    monkeypatch: pytest.MonkeyPatch, workspace: Path
) -> None:
    evaluated.open_dataset(monkeypatch, workspace)
    for name, scores in (("good", evaluated.GOOD), ("poor", evaluated.POOR)):
        evaluated.store(workspace, name, evaluated.predictions(name, scores))
    page = AppTest.from_file(evaluated.PAGES / "evaluate" / "roc.py", default_timeout=60)
    page.query_params["run"] = ["good", "poor"]

    figure = json.loads(of_runs(workspace).roc_figure(["good", "poor"]).to_json())

    page.run()
    drawn = json.loads(page.get("plotly_chart")[0].proto.spec)
    assert curves(figure) == curves(drawn)
    assert len(curves(figure)) == 4


def test_comparison_table__has_a_row_per_pair_with_the_difference(
    monkeypatch: pytest.MonkeyPatch, workspace: Path
) -> None:
    evaluated.open_dataset(monkeypatch, workspace)
    for name, scores in (("good", evaluated.GOOD), ("poor", evaluated.POOR)):
        evaluated.store(workspace, name, evaluated.predictions(name, scores))

    found = fundus.comparison_table(of_runs(workspace).compare(["good", "poor"]))

    (row,) = found.to_dict("records")
    assert (row["model_a"], row["model_b"]) == ("good", "poor")
    assert row["difference"] == pytest.approx(34 / 36 - auc(evaluated.POOR))
    assert row["low"] < row["difference"] < row["high"]
    assert row["p_holm"] == row["p"]


def test_map_figure__refuses_a_column_that_is_not_there(place: fundus.Photographs) -> None:
    opened.store_embeddings(place.workspace.root, place.dataset.image_ids)

    with pytest.raises(DataError, match="no column 'severity'"):
        place.map_figure("mobilenetv2_phantom", method="pca", colour_by="severity")


def test_embed__takes_options_or_a_whole_choice_but_not_both(place: fundus.Photographs) -> None:
    choice = BackboneChoice("mobilenetv2_phantom", weights="scratch", image_size=64)

    by_choice = place.embed(choice)

    by_options = place.embed("mobilenetv2_phantom", weights="scratch", image_size=64)
    assert by_options.fingerprint == by_choice.fingerprint
    assert np.array_equal(by_options.vectors, by_choice.vectors)
    with pytest.raises(TypeError, match="image_size"):
        place.embed(choice, image_size=32)


def of_runs(workspace: Path) -> fundus.Photographs:
    """Returns the data set of `evaluated`, whose photographs are nowhere."""
    return fundus.Photographs(Workspace(workspace), "tiny-1", wiring.dataset("tiny-1"))


def curves(figure: dict[str, list[dict[str, object]]]) -> list[object]:
    """Returns the curves and bands of the two models, which the page marks a threshold on."""
    return [
        (trace["name"], trace["x"], trace["y"])
        for trace in figure["data"]
        if str(trace.get("name")).startswith(("good:", "poor:")) and trace["mode"] == "lines"
    ]


def auc(scores: dict[str, float]) -> float:
    """Returns the share of pairs of a diseased and a healthy photograph in the right order."""
    diseased = [score for name, score in scores.items() if name.startswith("d")]
    healthy = [score for name, score in scores.items() if name.startswith("h")]
    return float(np.mean([[d > h for h in healthy] for d in diseased]))
