"""Maps that were computed are read, never computed again, and never wrong."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fundus_core.errors import FundusError, SaliencyError, WeightsError
from fundus_core.io.files import write_json
from fundus_core.io.manifest import DataSource
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.explanations.explain import Explanation, explain_many
from fundus_core.workflows.explanations.explained import ModelShelf
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import run_predictions
from tests.fakes import write_dataset

RESNET = BackboneChoice("timm:test_resnet", "scratch", 64, precision="fp32")


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Run]:
    """A probe of 24 photographs of 12 patients."""
    folder = tmp_path_factory.mktemp("evaluated")
    place, source = Workspace(folder / "workspace"), DataSource(write_dataset(folder / "data"))
    dataset = open_dataset(place, source)
    choice = ProbeChoice("dr", folds=2)
    return place, probe_dataset(place, dataset, dataset_id(source), RESNET, choice)


@pytest.fixture
def place(evaluated: tuple[Workspace, Run]) -> Workspace:
    """A workspace in which no map is kept yet."""
    shutil.rmtree(evaluated[0].root / "heat_maps", ignore_errors=True)
    return evaluated[0]


@pytest.fixture
def run(evaluated: tuple[Workspace, Run]) -> Run:
    return evaluated[1]


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise WeightsError("A network was loaded.", hint="It must not be.")

    monkeypatch.setattr(ModelShelf, "model_for", refuse)


def assert_same(again: object, first: object) -> None:
    assert type(again) is type(first)
    if isinstance(first, Explanation) and isinstance(again, Explanation):
        np.testing.assert_array_equal(again.saliency.values, first.saliency.values)
        np.testing.assert_array_equal(again.heat, first.heat)
        for name in ("image_id", "score", "held_out", "y_true", "network_fold", "class_name"):
            assert getattr(again, name) == getattr(first, name)
        for name in ("peak", "layer", "method", "class_name"):
            assert getattr(again.saliency, name) == getattr(first.saliency, name)
    else:
        assert str(again) == str(first)


def test_explain_many__a_second_look_loads_no_network(
    place: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = run_predictions(place, run).image_ids[:6]
    asked = {"method": "grad_cam", "layer": "layer3"}
    first = explain_many(place, run.id, images, class_name="1", **asked)

    forbid(monkeypatch)
    again = explain_many(place, run.id, images, class_name="1", **asked)

    for one, other in zip(again, first, strict=True):
        assert_same(one, other)
    assert any(isinstance(one, SaliencyError) for one in first)  # what shows nothing is kept too


@pytest.mark.parametrize(
    "other", [{"class_name": "0"}, {"method": "eigen_cam"}, {"layer": "layer2"}], ids=str
)
def test_explain_many__another_question_is_not_answered_by_a_kept_map(
    place: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch, other: dict[str, str]
) -> None:
    images = run_predictions(place, run).image_ids
    explain_many(place, run.id, images[:1], class_name="1")

    forbid(monkeypatch)

    with pytest.raises(WeightsError, match="was loaded"):
        explain_many(place, run.id, images[:1], **{"class_name": "1", **other})
    with pytest.raises(WeightsError, match="was loaded"):
        explain_many(place, run.id, images[1:2], class_name="1")


@pytest.mark.parametrize("file", ["grid.npy", "map.json", "artifact.json"])
@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_explain_many__a_damaged_map_is_computed_again(
    place: Workspace, run: Run, file: str, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = run_predictions(place, run).image_ids[0]
    (first,) = explain_many(place, run.id, [image], method="eigen_cam")
    (folder,) = (place.root / "heat_maps").glob("[!.]*")
    kept = (folder / file).read_bytes()
    if damage == "gone":
        (folder / file).unlink()
    else:
        middle = len(kept) // 2
        changed = kept[:middle] + bytes([kept[middle] ^ 1]) + kept[middle + 1 :]
        (folder / file).write_bytes(kept[:middle] if damage == "cut" else changed)

    (again,) = explain_many(place, run.id, [image], method="eigen_cam")

    assert_same(again, first)
    if file != "artifact.json" or damage != "changed":  # a changed remark about it harms nothing
        assert (folder / file).read_bytes() == kept
    forbid(monkeypatch)
    assert_same(explain_many(place, run.id, [image], method="eigen_cam")[0], first)


def test_explain_many__what_an_other_version_wrote_is_computed_again(
    place: Workspace, run: Run
) -> None:
    image = run_predictions(place, run).image_ids[0]
    (first,) = explain_many(place, run.id, [image], method="eigen_cam")
    (folder,) = (place.root / "heat_maps").glob("[!.]*")

    def write(to: Path) -> None:
        (to / "grid.npy").write_bytes((folder / "grid.npy").read_bytes())
        write_json(to / "map.json", {"peak": 3.0})

    ArtifactStore(folder.parent).put(folder.name, {}, write)
    (again,) = explain_many(place, run.id, [image], method="eigen_cam")

    assert_same(again, first)


def test_explain_many__a_question_that_is_refused_leaves_nothing_behind(
    place: Workspace, run: Run
) -> None:
    image = run_predictions(place, run).image_ids[0]

    for asked in ({"layer": "layer9"}, {"minus": "7"}, {"method": "attention_rollout"}):
        with pytest.raises(FundusError):
            explain_many(place, run.id, [image], **asked)

    assert not list((place.root / "heat_maps").glob("[!.]*"))


def test_explain_many__a_second_look_does_not_even_import_torch(place: Workspace, run: Run) -> None:
    image = run_predictions(place, run).image_ids[0]
    explain_many(place, run.id, [image], method="eigen_cam")
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from fundus_core.io.workspace import Workspace\n"
        "from fundus_core.workflows.explanations.explain import explain\n"
        f"explain(Workspace(Path({str(place.root)!r})), {run.id!r}, {image!r}, "
        "method='eigen_cam')\n"
        "assert 'torch' not in sys.modules"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
