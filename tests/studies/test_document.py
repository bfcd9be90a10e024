"""Study files: what they may say, and every mistake named with its place."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from fundus_core.errors import StudyError
from fundus_core.finetune.heads import HEADS
from fundus_core.finetune.strategies import STRATEGIES
from fundus_core.studies.files import StudySize, read_study, shipped_studies, study_path
from fundus_core.studies.grid import expand
from tests.studies.conftest import TINY, write_study

SIZES: tuple[StudySize, ...] = ("full", "small", "smoke")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"networks": []}, "networks: Extra inputs"),
        ({"title": None}, "title: Input should be a valid string"),
        ({"models": []}, "models: List should have at least 1 item"),
        ({"axes": {"strategy": ["sideways"]}}, "axes: .*'sideways' is unknown; there are logistic"),
        ({"axes": {"fraction": "all"}}, "axes.fraction: Input should be a valid list"),
        ({"training": {"epochs": 0}}, "training.epochs: Input should be greater than or equal"),
        ({"metrics": ["beauty"]}, "'beauty' is unknown; there are auc"),
        ({"options": {"pul": 0.1}}, "options: .*pul"),
        ({"leave_out": [{"network": "A"}]}, "'network' is unknown; there are data, model"),
        ({"against": {"weights": "A"}}, "'weights' is unknown"),
        ({"models": [TINY["models"][0]] * 2}, "models: names must differ, there are A, A"),
        ({"data": [{**TINY["data"][0], "role": "external"}]}, "must have the role train"),
    ],
)
def test_read_study__mistakes_are_named_with_their_place(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = write_study(tmp_path / "tiny.yaml", **change)

    with pytest.raises(StudyError, match=message):
        read_study(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [1", "is no YAML"), ("- 1\n- 2", "holds a list"), ("", "holds a NoneType")],
)
def test_read_study__what_is_no_study_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)

    with pytest.raises(StudyError, match=message):
        read_study(path)


def test_read_study__yaml_cannot_make_objects(tmp_path: Path) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_text("title: !!python/object/apply:os.system ['touch /tmp/never']")

    with pytest.raises(StudyError, match="is no YAML"):
        read_study(path)


def test_read_study__missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"nowhere\.yaml cannot be read"):
        read_study(tmp_path / "nowhere.yaml")


def test_read_study__small_size_changes_keys_and_names_its_stand_ins(tmp_path: Path) -> None:
    models = [
        {**TINY["models"][0], "stand_in": {"backbone": "timm:test_vit", "weights": "scratch"}}
    ]
    path = write_study(
        tmp_path / "tiny.yaml",
        models=models,
        small={"training": {"epochs": 7}},
        smoke={"photographs": 12},
    )

    full, small, smoke = (read_study(path, size) for size in SIZES)

    assert (full.training.epochs, small.training.epochs, smoke.training.epochs) == (2, 7, 7)
    assert (full.photographs, small.photographs, smoke.photographs) == (None, None, 12)
    assert small.training.batch_size == full.training.batch_size == 8
    assert full.models[0].shown == "A"
    assert small.models[0].shown == "A (stand-in: timm:test_vit, random weights)"
    assert small.models[0].backbone == "timm:test_vit"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", shipped_studies(), ids=lambda path: path.stem)
def test_shipped_studies__can_be_read_at_every_size(path: Path, size: StudySize) -> None:
    study = read_study(path, size)

    cells = expand(study)
    assert {cell.strategy for cell in cells} <= {"logistic", *STRATEGIES}
    assert {cell.head for cell in cells} <= HEADS.keys()
    assert all(model.stood_in for model in study.models) == (size != "full")
    shown = {figure.kind for figure in study.figures}
    assert shown
    for figure in study.figures:
        wanted = figure.where.get("image_size")
        assert wanted is None or wanted in study.axes.image_size


def test_shipped_studies__are_those_of_the_four_papers() -> None:
    references = {read_study(path).reference.split("arXiv:")[1] for path in shipped_studies()}

    assert references == {"2401.15526", "2406.10050", "2408.08790", "2310.19522"}


def test_shipped_studies__the_papers_grids_are_whole() -> None:
    cells = {path.stem: expand(read_study(path)) for path in shipped_studies()}

    assert len(cells["flair_hypertensive"]) == 2 * 3
    assert len(cells["finetuning_strategies"]) == 3 * 8
    assert len(cells["natural_foundation"]) == 8 * 4 * 2
    foundation = cells["fundus_foundation"]
    at_all = [c for c in foundation if c.fraction == 1 and c.data.name == "demo, north"]
    assert len(at_all) == 4 * 3 * 2
    few = [c for c in foundation if c.fraction == 0.01]
    assert {c.draw for c in few} == {0, 1, 2}
    assert len(few) == 4 * 2 * 3
    assert {c.backbone for c in at_all if c.model.name == "Fundus"} == {
        "jang_fundus_256",
        "jang_fundus_512",
        "jang_fundus_1024",
    }


def test_study_path__shipped_studies_are_found_by_name() -> None:
    assert study_path(Path("natural_foundation")).is_file()
    assert study_path(Path("natural_foundation.yaml")).is_file()


def test_study_path__a_file_of_ones_own_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = Path("natural_foundation.yaml")
    own.write_text(yaml.safe_dump(TINY))

    assert read_study(own).title == "Tiny"
