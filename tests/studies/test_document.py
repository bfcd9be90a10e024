"""Study files: what they may say, and every mistake named with its place."""

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from fundus_core.domain.recipe import (
    HIGHEST_SEED,
    LARGEST_BATCH,
    LARGEST_SIDE,
    MOST_EPOCHS,
    MOST_FOLDS,
    SMALLEST_SIDE,
)
from fundus_core.errors import StudyError
from fundus_core.finetune.heads import HEADS
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.strategies import STRATEGIES, StrategyOptions
from fundus_core.splits import FEWEST_FOLDS
from fundus_core.studies.document import (
    AxesPart,
    DataPart,
    FigurePart,
    ModelPart,
    OptionsPart,
    StudyDocument,
    TrainingPart,
)
from fundus_core.studies.files import StudySize, read_study, shipped_studies, study_path
from fundus_core.studies.grid import expand
from tests.conftest import ROOT
from tests.studies.conftest import TINY, write_study

SIZES: tuple[StudySize, ...] = ("full", "small", "smoke")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"networks": []}, "study: the key 'networks' is unknown; there are title, question"),
        ({"model": []}, "the key 'model' is unknown; did you mean 'models'[?]"),
        ({"axes": {"seeds": [0]}}, "axes: the key 'seeds' is unknown; did you mean 'seed'[?]"),
        ({"data": [{**TINY["data"][0], "tabel": "a"}]}, "data.0: .* did you mean 'table'[?]"),
        ({"title": 2024}, "title: .*; write 2024 between quotes"),
        ({"title": None}, "title: Input should be a valid string"),
        ({"models": []}, "models: List should have at least 1 item"),
        ({"axes": {"strategy": ["sideways"]}}, "axes: .*'sideways' is unknown; there are logistic"),
        ({"axes": {"fraction": "all"}}, "axes.fraction: Input should be a valid list"),
        ({"training": {"epochs": 0}}, "training: The epochs must be .* from 1 to 100,000 but is 0"),
        ({"metrics": ["beauty"]}, "'beauty' is unknown; there are auc"),
        ({"options": {"pul": 0.1}}, "options: the key 'pul' is unknown; did you mean 'pull'[?]"),
        (
            {"options": {"still_norms": "maybe"}},
            "options.still_norms: Input should be a valid bool",
        ),
        ({"options": {"lora_rank": 0}}, "options: The lora rank must be .* but is 0"),
        ({"training": {"optimiser": "adamq"}}, "'adamq' is unknown; did you mean 'adam"),
        ({"training": {"augmentation": "x"}}, "augmentation: 'x' is unknown"),
        ({"training": {"rate_schedule": "x"}}, "rate_schedule: 'x' is unknown"),
        (
            {"models": [{**TINY["models"][0], "normalisation": "imagnet"}]},
            "models.0: normalisation: 'imagnet' is unknown; did you mean 'imagenet'[?]",
        ),
        ({"training": {"loss": "x"}}, "loss: 'x' is unknown; there are auto"),
        ({"leave_out": [{"network": "A"}]}, "'network' is unknown; there are data, model"),
        ({"against": {"weights": "A"}}, "'weights' is unknown"),
        ({"models": [TINY["models"][0]] * 2}, "models: 'A' is named twice"),
        ({"data": TINY["data"] * 2}, "data: 'redness' is named twice"),
        ({"data": [{**TINY["data"][0], "name": ""}]}, "data.0.name: .* at least 1 character"),
        ({"data": [{**TINY["data"][0], "name": "held-out patients"}]}, "what tables call"),
        ({"metrics": ["auc", "auc"]}, "metrics: 'auc' is named twice"),
        ({"axes": {"seed": [1, 1]}}, "axes: .*seed: 1 is named twice"),
        ({"axes": {"fraction": [1, 1.0]}}, "fraction: 1.0 is named twice"),
        ({"axes": {"image_size": [None, None]}}, "the backbone's own size is named twice"),
        ({"axes": {"preprocessing": [{"crop": False}, {}]}}, "preprocessing: 'usual' is named"),
        ({"leave_out": [{"model": []}]}, "leave_out.0.model.*at least 1 item"),
        ({"data": [{**TINY["data"][0], "role": "external"}]}, "must have the role train"),
    ],
)
def test_read_study__mistakes_are_named_with_their_place(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = write_study(tmp_path / "tiny.yaml", **change)

    with pytest.raises(StudyError, match=message):
        read_study(path)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("part", "key"),
    [
        ("training", "learning_rate"),
        ("training", "weight_decay"),
        ("training", "clip"),
        ("training", "epochs"),
        ("validation", "folds"),
        ("options", "pull"),
        ("axes", "fraction"),
        ("axes", "seed"),
        ("against", "fraction"),
    ],
)
def test_read_study__numbers_that_are_none_are_refused(
    tmp_path: Path, part: str, key: str, value: float
) -> None:
    given = [value] if part == "axes" else value

    with pytest.raises(StudyError, match=rf"{part}\.{key}.*finite number"):
        read_study(write_study(tmp_path / "tiny.yaml", **{part: {key: given}}))


@pytest.mark.parametrize(
    ("part", "key", "outside", "inside"),
    [
        ("axes", "fraction", [0.0, 1.5, -0.1], [0.01, 1.0]),
        ("axes", "image_size", [SMALLEST_SIDE - 1, LARGEST_SIDE + 1], [SMALLEST_SIDE, None]),
        ("axes", "draw", [-1, HIGHEST_SEED + 1], [0, HIGHEST_SEED]),
        ("axes", "seed", [-1, HIGHEST_SEED + 1], [0, HIGHEST_SEED]),
        ("validation", "seed", [-1, HIGHEST_SEED + 1], [0, HIGHEST_SEED]),
        ("validation", "folds", [FEWEST_FOLDS - 1, MOST_FOLDS + 1], [FEWEST_FOLDS, MOST_FOLDS]),
        ("training", "epochs", [0, MOST_EPOCHS + 1], [1, MOST_EPOCHS]),
        ("training", "batch_size", [1, LARGEST_BATCH + 1], [2, LARGEST_BATCH]),
        ("options", "layer_decay", [0.0, 1.1], [0.5, 1.0]),
        ("options", "pull", [-0.1], [0.0, 5]),
        ("options", "lora_alpha", [0.0], [1]),
    ],
)
def test_read_study__numbers_have_the_bounds_that_commands_have(
    tmp_path: Path, part: str, key: str, outside: list[Any], inside: list[Any]
) -> None:
    def study(value: Any) -> Path:
        given = [value] if part == "axes" else value
        return write_study(tmp_path / "tiny.yaml", **{part: {key: given}})

    for value in inside:
        read_study(study(value))
    for value in outside:
        with pytest.raises(
            StudyError, match=rf"{part}.*{key.replace('_', '.')}.*(must be|should be)"
        ):
            read_study(study(value))


@pytest.mark.parametrize(
    ("part", "recipe", "apart"),
    [
        (TrainingPart, TrainingRecipe, {"seed", "precision", "loss", "keep_weights"}),
        (OptionsPart, StrategyOptions, set()),
    ],
)
def test_study_document__has_a_key_for_every_setting(
    part: type[BaseModel], recipe: type[Any], apart: set[str]
) -> None:
    settings = {field.name for field in fields(recipe)}

    assert settings ^ part.model_fields.keys() == apart


def test_read_study__refusals_name_the_page_that_lists_the_keys(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as refused:
        read_study(write_study(tmp_path / "tiny.yaml", networks=[]))

    page = "docs/study-files.md"
    assert page in refused.value.hint
    said = (ROOT / page).read_text(encoding="utf-8")
    for part in (StudyDocument, DataPart, ModelPart, AxesPart, TrainingPart, FigurePart):
        assert [key for key in part.model_fields if key not in said] == ["stood_in"] * (
            part is ModelPart
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "is no YAML that can be read: .*in line 1"),
        ("- 1\n- 2", "holds a list"),
        ("", "holds a NoneType"),
        ("title: a\nquestion: b\ntitle: c\n", "key 'title' is written 2 times, in .* 1, 3"),
    ],
)
def test_read_study__what_is_no_study_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)

    with pytest.raises(StudyError, match=message):
        read_study(path)


def test_read_study__yaml_cannot_make_objects(tmp_path: Path) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_text("title: !!python/object/apply:os.system ['touch /tmp/never']")

    with pytest.raises(StudyError, match=r"the tag .*python/object.* is not for study files"):
        read_study(path)


def test_read_study__other_text_than_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("title: Für".encode("latin-1"))

    with pytest.raises(StudyError, match=r"latin\.yaml is no text in UTF-8: byte 9 "):
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
