"""A manifest from a stranger is read as what it must be, or refused in words."""

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fundus_core.errors import DataError, FundusError
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.strategies import StrategyOptions
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.reports.rerun import rerun
from fundus_core.workflows.reports.rerun_manifest import Manifest, drawing_of
from fundus_core.workflows.reports.rerun_place import FOLDER
from fundus_core.workflows.reports.rerun_reading import read_manifest
from fundus_core.workflows.reports.rerun_record import manifest_of
from tests.workflows.reported import opened, probed

Place = tuple[str | int, ...]

TRAINED = {
    "dataset": "0" * 32,
    "folds": 3,
    "fold_seed": 0,
    "head": "linear",
    "loss": "auto",
    "options": {name: getattr(StrategyOptions(), name) for name in ("pull", "block", "lora_rank")},
    "training": {"epochs": 1, "batch_size": 8, "learning_rate": 0.001, "seed": 0},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("reading") / "workspace")


@pytest.fixture(scope="module")
def source(place: Workspace) -> DataSource:
    return opened(place, place.root.parent / "photographs")


@pytest.fixture(scope="module")
def values(place: Workspace, source: DataSource) -> dict[str, Any]:
    """A manifest of a probe, and of a fine-tuned run that was never trained."""
    manifest = manifest_of(place, [probed(place, source)], title="", options={})
    found: dict[str, Any] = json.loads(json.dumps(manifest.to_dict()))
    found["data"][0]["drawn_with"] = ""
    found["runs"].append(
        found["runs"][0] | {"id": "tuned", "kind": "finetune", "recipe": copy.deepcopy(TRAINED)}
    )
    return found


def changed(values: dict[str, Any], place: Place, value: Any) -> dict[str, Any]:
    """Returns the values with another one at a place."""
    found = copy.deepcopy(values)
    at: Any = found
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    return found


def read(values: Any, folder: Path) -> Manifest:
    path = folder / "manifest.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    return read_manifest(path)


def places(value: Any, at: Place = ()) -> list[Place]:
    """Returns the places of all values within a value."""
    if isinstance(value, dict):
        return [at, *(one for key, each in value.items() for one in places(each, (*at, key)))]
    if isinstance(value, list):
        return [at, *(one for row, each in enumerate(value) for one in places(each, (*at, row)))]
    return [at]


def test_read_manifest__reads_what_was_written(values: dict[str, Any], tmp_path: Path) -> None:
    manifest = read(values, tmp_path)

    assert json.loads(json.dumps(manifest.to_dict())) == values


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        (("runs", 0, "validation", "seed"), -1, "-1 is not between 0 and 4294967295"),
        (("runs", 0, "validation", "seed"), 2**32, "4294967296 is not between"),
        (("runs", 0, "validation", "folds"), 1, "1 is not between 2 and"),
        (("runs", 0, "validation", "fraction"), 0, r"a share of 0\.0"),
        (("runs", 0, "validation", "fraction"), 1.5, r"a share of 1\.5"),
        (("runs", 0, "validation"), None, "does not say how"),
        (("runs", 0, "data"), "elsewhere", "'elsewhere', which is not in it"),
        (("runs", 0, "kind"), "magic", "'magic' is not a kind of run"),
        (("runs", 0, "kind"), "external", "uses '', which is no model before it"),
        (("runs", 1, "id"), "", "several of its runs|probe"),
        (("runs", 0, "embeddings", "image_size"), 400_000, "400000 is not between 1 and 4096"),
        (("runs", 0, "embeddings", "seed"), -1, "-1 is not between"),
        (("runs", 0, "embeddings", "std"), [0, 1, 1], "a deviation of 0.0"),
        (("runs", 0, "embeddings", "mean"), [0, 1], "not enough values"),
        (
            ("runs", 0, "embeddings", "architecture_args"),
            [["a", [1]]],
            "stands where a number must",
        ),
        (("runs", 0, "embeddings", "preprocessing", "fit"), "fold", "'fold' is not a way"),
        (("runs", 0, "embeddings", "preprocessing", "crop"), "yes", "true or false"),
        (("runs", 1, "recipe", "training", "epochs"), 10**9, "1000000000 is not between"),
        (("runs", 1, "recipe", "training", "by"), 5, "'by' is not a setting"),
        (("runs", 1, "recipe", "options", "pull"), "1", "'1' stands where a number must"),
        (("data", 0, "columns", "by"), 5, "'by' is not a column"),
        (("data", 0, "table"), "../labels.csv", "no name of a table"),
        (("data", 0, "table"), "/etc/passwd", "no name of a table"),
        (("versions",), [1], "stands where versions must"),
        (("runs",), [], "it is of no run"),
        (("reported",), [], "does not say which runs were reported"),
        (("reported",), ["another"], "'another' is not a run that is in it"),
        (("runs", 0, "target"), "abnormal", "is of 'abnormal', and was validated on 'dr'"),
        (("runs", 0, "kind"), "zero_shot", "words gave"),
        (("runs", 0, "method"), "tip_adapter", "words gave"),
        (("runs", 0, "auc"), 10**400, "stands where a number must"),
        (("runs", 0, "n_images"), -1, "-1 is not between 0"),
        (("runs", 0, "cautions"), "FD003", "stands where a list must"),
        (("runs", 0, "embeddings", "mean"), [10**400, 0, 0], "stands where a number must"),
        (("runs", 0, "embeddings", "architecture_args"), [["a", float("nan")]], "a number must"),
        (("runs", 0, "embeddings", "weights"), "../../../**/*", "is no name of weights"),
        (("runs", 0, "embeddings", "weights"), "/etc/passwd", "is no name of weights"),
        (("runs", 0, "embeddings", "weights"), "..", "is no name of weights"),
        (("runs", 0, "embeddings", "weights"), "a\\b", "is no name of weights"),
        (("runs", 0, "embeddings", "weights"), "a\0b", "is no name of weights"),
        (("data", 0, "n_images"), -5, "-5 is not between 0"),
        (("data", 0, "n_patients"), -5, "-5 is not between 0"),
        (("options",), {"by": 5}, "options make no sense: by"),
        (("options",), {"by": "site"}, "options make no sense: by"),
        (("options",), {"prevalences": ["x"]}, "options make no sense: prevalences"),
        (("options",), {"prevalences": 0.5}, "options make no sense: prevalences"),
        (("options",), {"images": True}, "options make no sense: images"),
        (("options",), {"aggregate": "loudest"}, "options make no sense: aggregate"),
        (("options",), {"colour": "red"}, "options make no sense: colour"),
    ],
)
def test_read_manifest__refuses_in_words(
    values: dict[str, Any], tmp_path: Path, where: Place, value: Any, said: str
) -> None:
    if where == ("runs", 1, "id"):
        value = values["runs"][0]["id"]

    with pytest.raises(DataError, match=said):
        read(changed(values, where, value), tmp_path)


def test_read_manifest__refuses_a_data_set_that_no_run_is_of(
    values: dict[str, Any], tmp_path: Path
) -> None:
    more = changed(values, ("data",), [*values["data"], values["data"][0] | {"id": "more"}])

    with pytest.raises(DataError, match="'more' is not a data set of any of its runs"):
        read(more, tmp_path)


def test_read_manifest__an_external_run_is_no_model(values: dict[str, Any], tmp_path: Path) -> None:
    first = values["runs"][0]
    outside = first | {"id": "e1", "kind": "external", "trained_as": first["id"]}
    further = outside | {"id": "e2", "trained_as": "e1"}

    assert len(read(values | {"runs": [first, outside]}, tmp_path).runs) == 2
    with pytest.raises(DataError, match="uses 'e1', which is no model before it"):
        read(values | {"runs": [first, outside, further]}, tmp_path)


def test_read_manifest__words_with_a_reason_are_read(
    values: dict[str, Any], tmp_path: Path
) -> None:
    told = values["runs"][0] | {"kind": "zero_shot", "validation": None, "reason": "words gave it"}

    (run,) = read(values | {"runs": [told]}, tmp_path).runs

    assert run.reason == "words gave it"


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.none(), max_size=1),
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_read_manifest__whatever_stands_anywhere_is_read_or_refused(
    values: dict[str, Any], tmp_path: Path, data: st.DataObject
) -> None:
    where = data.draw(st.sampled_from([one for one in places(values) if one]))
    value = data.draw(ODD)

    with suppress(DataError):  # any other exception fails the test
        assert isinstance(read(changed(values, where, value), tmp_path), Manifest)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_rerun__of_whatever_was_read_says_what_is_wrong_and_leaves_nothing(
    values: dict[str, Any], source: DataSource, tmp_path: Path, data: st.DataObject
) -> None:
    only = values | {"runs": values["runs"][:1]}
    inside = [one for one in places(only) if one[:1] in {("runs",), ("data",)} and len(one) > 2]
    where = data.draw(st.sampled_from(inside))
    elsewhere = Workspace(tmp_path / "elsewhere")
    left = sorted((elsewhere.root / FOLDER).glob("*"))
    value, done = data.draw(ODD), None

    with suppress(FundusError):  # any other exception fails the test
        done = rerun(elsewhere, read(changed(only, where, value), tmp_path), data={"": source})

    new = set((elsewhere.root / FOLDER).glob("*")) - set(left)
    assert len(new) == (0 if done is None else 1)


def test_rerun__leaves_no_folder_of_an_attempt_that_failed(
    values: dict[str, Any], source: DataSource, tmp_path: Path
) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere")
    manifest = read(
        changed(values | {"runs": values["runs"][:1]}, ("runs", 0, "method"), "magic"), tmp_path
    )

    with pytest.raises(Exception, match="magic"):
        rerun(elsewhere, manifest, data={"": source})

    assert list((elsewhere.root / FOLDER).iterdir()) == []


@pytest.mark.parametrize(
    "line",
    [
        "Drawn with: 0 patients, 64 pixels, seed 3, healthy share usual, without planted problems, "
        "version 2.",
        "Drawn with: 8 patients, 10 pixels, seed 3, healthy share usual, without planted problems, "
        "version 2.",
        "Drawn with: 8 patients, 64 pixels, seed 3, healthy share ..., without planted problems, "
        "version 2.",
    ],
)
def test_drawing_of__takes_no_drawing_that_cannot_be(line: str) -> None:
    assert drawing_of(line) is None


def test_training__every_setting_has_a_kind_that_can_be_read() -> None:
    for recipe in (TrainingRecipe(), StrategyOptions()):
        kinds = {type(value) for value in recipe.to_dict().values()}
        assert kinds <= {int, float, str, bool}
