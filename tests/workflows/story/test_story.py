"""The demo's story: told once, then read; precomputed scores are joined by path or refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_core.errors import DataError, WeightsError
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, stored_dataset
from fundus_core.workflows.data.demo import demo_source, make_demo
from fundus_core.workflows.data.labelled import labelled_photographs
from fundus_core.workflows.explanations.lesions import read_lesions
from fundus_core.workflows.models.precomputed import drawn_with, install, write_precomputed
from fundus_core.workflows.models.runs import run_predictions
from fundus_core.workflows.story.story import fine_tuned, prepare_story, read_story
from fundus_core.workflows.story.story_design import Cell, StoryDesign
from fundus_core.workflows.story.story_store import Story

DESIGN = StoryDesign(
    image_size=96,
    folds=2,
    training=TrainingRecipe(epochs=1, batch_size=16, learning_rate=1e-3),
    n_explained=12,
)
WEIGHTS = "mobilenetv2_100.phantom.safetensors"
NOWHERE = Path("/nowhere")
PROBES = {Cell("scratch", "probe"), Cell("phantom", "probe")}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Story]:
    """A workspace with twelve drawn patients, and their story without fine-tuned networks."""
    import timm
    import torch
    from safetensors.torch import save_file

    workspace = Workspace(tmp_path_factory.mktemp("story"))
    workspace.weights.mkdir()
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = timm.create_model("mobilenetv2_100", num_classes=0)
    save_file(network.state_dict(), workspace.weights / WEIGHTS)
    make_demo(workspace.demo, n_patients=12, image_size=96)
    return workspace, prepare_story(workspace, design=DESIGN, scores=NOWHERE)


def scores_of(workspace: Workspace, folder: Path) -> pd.DataFrame:
    """Writes `about.json` that fits the demo; returns a table that does, in a shuffled order."""
    dataset = stored_dataset(workspace, dataset_id(demo_source(workspace)))
    labelled = labelled_photographs(dataset, dataset.image_ids, DESIGN.validation)
    fold = np.empty(len(labelled.image_ids), np.int64)
    for number, one in enumerate(labelled.folds):
        fold[one.test] = number
    by_id = dataset.table.set_index("image_id").loc[list(labelled.image_ids)]
    table = pd.DataFrame(
        {
            "path": [Path(path).relative_to(workspace.demo).as_posix() for path in by_id["path"]],
            "fold": fold,
            "y_score": np.linspace(0.1, 0.9, len(fold)).round(4),
        }
    )
    story = read_story(workspace)
    assert story is not None
    sha256 = story.runs[Cell("phantom", "probe")].embeddings.weights_sha256
    training = DESIGN.training.to_dict()
    about = {
        "drawn_with": drawn_with(workspace.demo),
        "design": {
            "target": "abnormal",
            "image_size": DESIGN.image_size,
            "folds": 2,
            "seed": 0,
            "training": training,
        },
        "weights_sha256": {"scratch": "", "phantom": sha256},
    }
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")
    return table.sample(frac=1, random_state=0)


def write(table: pd.DataFrame, folder: Path) -> None:
    for start in ("scratch", "phantom"):
        table.to_csv(folder / f"{start}.csv", index=False)


def test_prepare_story__without_scores_it_tells_of_the_probes_and_says_so(
    told: tuple[Workspace, Story],
) -> None:
    _, story = told

    assert set(story.runs) == PROBES
    assert "No precomputed scores" in story.not_fine_tuned
    assert [one.first for one in story.contrasts] == [Cell("phantom", "probe")]
    assert story.contrasts[0].p_holm == pytest.approx(story.contrasts[0].result.p_value)
    assert story.embeddings["scratch"] != story.embeddings["phantom"]


def test_prepare_story__maps_are_measured_on_photographs_of_different_patients_with_lesions(
    told: tuple[Workspace, Story],
) -> None:
    workspace, story = told
    table = stored_dataset(workspace, story.dataset_id).table.set_index("image_id")
    measured = [one.image_id for one in story.lesions.photographs]

    rows = table.loc[measured]

    assert 2 <= len(measured) <= 12
    assert rows["patient_id"].is_unique
    assert (rows["abnormal"] == "1").all()
    assert all(read_lesions(workspace.demo / mask).any() for mask in rows["mask"])
    assert all(0 < one.measured.chance < 1 for one in story.lesions.photographs)
    assert all(path.is_file() for path in story.pictures.values())
    assert set(story.pictures) == set(story.lesions.examples)


def test_prepare_story__a_second_call_stores_nothing_anew(told: tuple[Workspace, Story]) -> None:
    workspace, story = told
    folders = [
        workspace.runs,
        workspace.embeddings,
        workspace.projections,
        workspace.root / "story",
    ]
    before = {p: p.stat().st_mtime_ns for f in folders for p in f.rglob("*") if p.is_file()}

    again = prepare_story(workspace, design=DESIGN, scores=NOWHERE)

    after = {p: p.stat().st_mtime_ns for f in folders for p in f.rglob("*") if p.is_file()}
    assert again == story
    assert {p for p in before if before[p] != after.get(p)} == set()
    assert {p.name for p in set(after) - set(before)} <= {".lock"}


def test_read_story__none_until_it_was_told(tmp_path: Path) -> None:
    assert read_story(Workspace(tmp_path)) is None


def test_prepare_story__weights_that_are_missing_are_named_before_anything_is_embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fundus_core.io.weights.SHIPPED", tmp_path / "none")
    workspace = Workspace(tmp_path)
    make_demo(workspace.demo, n_patients=2, image_size=64)

    with pytest.raises(WeightsError) as refused:
        prepare_story(workspace, design=DESIGN)

    assert WEIGHTS in refused.value.hint
    assert not workspace.embeddings.exists()


def test_prepare_story__precomputed_scores_are_joined_by_path(
    told: tuple[Workspace, Story], tmp_path: Path
) -> None:
    workspace, _ = told
    table = scores_of(workspace, tmp_path)
    write(table, tmp_path)

    story = prepare_story(workspace, design=DESIGN, scores=tmp_path)

    run = story.runs[Cell("phantom", "finetune")]
    said = run_predictions(workspace, run)
    path_of = stored_dataset(workspace, story.dataset_id).table.set_index("image_id")["path"]
    expected = table.set_index("path")["y_score"]
    for image_id, score in zip(said.image_ids, said.y_score[:, 0], strict=True):
        assert score == expected[Path(path_of[image_id]).relative_to(workspace.demo).as_posix()]
    assert run.kind == "finetune"
    assert run.label.endswith("fine-tuned (precomputed)")
    assert story.precomputed
    assert story.not_fine_tuned == ""
    assert len(story.contrasts) == 3
    largest = max(one.result.p_value for one in story.contrasts)
    assert max(one.p_holm for one in story.contrasts) >= largest


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (lambda t: t.iloc[1:], "1 photographs have no row"),
        (lambda t: pd.concat([t, t.iloc[:1].assign(path="images/P9999_OD_1.jpg")]), "P9999"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "several rows"),
        (lambda t: t.assign(fold=1 - t["fold"]), "other folds"),
        (lambda t: t.assign(y_score=t["y_score"] + 0.5), "no probability"),
        (lambda t: t.rename(columns={"y_score": "score"}), "were expected"),
    ],
)
def test_prepare_story__scores_that_do_not_fit_row_by_row_are_refused_in_words(
    told: tuple[Workspace, Story], tmp_path: Path, spoilt: object, said: str
) -> None:
    workspace, _ = told
    table = scores_of(workspace, tmp_path)
    write(spoilt(table), tmp_path)  # type: ignore[operator]

    story = prepare_story(workspace, design=DESIGN, scores=tmp_path)

    assert said in story.not_fine_tuned
    assert set(story.runs) == PROBES


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("drawn_with", "Drawn with: 240 patients, version 1.", "other photographs"),
        ("design", {"target": "dr"}, "other settings"),
        ("weights_sha256", {"scratch": "", "phantom": "0" * 64}, "other weights"),
    ],
)
def test_prepare_story__scores_of_something_else_are_refused(
    told: tuple[Workspace, Story], tmp_path: Path, key: str, value: object, said: str
) -> None:
    workspace, _ = told
    write(scores_of(workspace, tmp_path), tmp_path)
    about = json.loads((tmp_path / "about.json").read_text(encoding="utf-8"))
    (tmp_path / "about.json").write_text(json.dumps({**about, key: value}), encoding="utf-8")

    story = prepare_story(workspace, design=DESIGN, scores=tmp_path)

    assert said in story.not_fine_tuned
    assert set(story.runs) == PROBES


def test_write_precomputed__what_was_fine_tuned_here_is_installed_with_the_same_scores(
    told: tuple[Workspace, Story], tmp_path: Path
) -> None:
    workspace, story = told
    dataset = stored_dataset(workspace, story.dataset_id)
    runs = fine_tuned(workspace, dataset, story.dataset_id, DESIGN)
    by_start = {cell.start: run for cell, run in runs.items()}

    write_precomputed(workspace, dataset, by_start, DESIGN, tmp_path, made={"seconds": 1})
    installed = install(workspace, dataset, story.dataset_id, "phantom", DESIGN, folder=tmp_path)

    original = run_predictions(workspace, by_start["phantom"])
    copy = run_predictions(workspace, installed)
    assert installed.id != by_start["phantom"].id
    assert copy.image_ids == original.image_ids
    assert np.array_equal(copy.y_score, original.y_score)
    assert installed.auc == by_start["phantom"].auc

    kept = prepare_story(workspace, design=DESIGN, fine_tune=True, scores=tmp_path)

    assert not kept.precomputed
    assert kept.runs[Cell("phantom", "finetune")].id == by_start["phantom"].id
    again = prepare_story(workspace, design=DESIGN, scores=tmp_path)
    assert again.runs == kept.runs


def test_read_story__none_once_a_run_of_it_is_gone_and_told_anew_with_equal_figures(
    told: tuple[Workspace, Story],
) -> None:
    workspace, story = told
    run = story.runs[Cell("phantom", "probe")]
    (workspace.runs / run.id / "predictions.parquet").unlink()
    (older,) = run.embeddings.older_fingerprints()
    shutil.copytree(
        workspace.embeddings / run.embeddings.fingerprint(), workspace.embeddings / older
    )

    torn = read_story(workspace)
    again = prepare_story(workspace, design=DESIGN, fresh=True, scores=NOWHERE)

    assert torn is None
    assert not (workspace.embeddings / older).exists()
    assert again.runs[Cell("phantom", "probe")].auc == run.auc
    assert again.lesions == story.lesions


def test_read_lesions__disc_and_cup_are_none_and_the_size_is_that_asked_for(
    tmp_path: Path,
) -> None:
    mask = np.array([[0, 1, 16, 32], [48, 17, 0, 32768]], np.uint16)
    Image.fromarray(mask).save(tmp_path / "mask.png")

    own = read_lesions(tmp_path / "mask.png")
    larger = read_lesions(tmp_path / "mask.png", (4, 8))

    assert own.tolist() == [[False, True, False, False], [False, True, False, True]]
    assert (larger[::2, ::2] == own).all()
    assert (larger[1::2, 1::2] == own).all()


def test_read_lesions__a_missing_mask_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        read_lesions(tmp_path / "gone.png")

    assert "gone.png" in refused.value.message
