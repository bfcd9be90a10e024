"""Maps that are the lesions get the best figures, and what has no map is counted."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError, SaliencyError
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.explanations import explanation_table as tables
from fundus_core.workflows.explanations.explanation_table import (
    MIDDLE,
    Case,
    demo_cases,
    explanation_table,
    table_frame,
)
from fundus_core.workflows.explanations.truth import MaskFiles
from tests.fakes import tiny_predictions

SIDE = 96
N = 6


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    """Six photographs with a lesion in another place each."""
    found = []
    for number in range(N):
        picture = np.full((SIDE, SIDE, 3), 120, np.uint8)
        mask = np.zeros((SIDE, SIDE), np.uint16)
        mask[8 * number : 8 * number + 8, 80:88] = 4
        path, drawn = tmp_path / f"{number}.png", tmp_path / f"mask{number}.png"
        Image.fromarray(picture).save(path)
        Image.fromarray(mask).save(drawn)
        found.append(Case(str(path), f"P{number}", MaskFiles(lesions=drawn)))
    return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A run `good` whose Grad-CAM is the lesion, and whose HiResCAM is even but once."""
    workspace = Workspace(tmp_path)
    table = pd.DataFrame({"image_id": ["x"], "path": ["/nowhere"]})
    monkeypatch.setattr(tables, "load_run", lambda place, run: SimpleNamespace(dataset_id="d"))
    monkeypatch.setattr(
        tables, "stored_dataset", lambda place, name: FundusDataset("d", "", table, ())
    )

    def explained(
        place: Workspace, run_id: str, images: list[str], *, class_name: str | None, method: str
    ) -> list[object]:
        if method == "weighted_attention":
            raise SaliencyError("It has no attention.", hint="Choose Grad-CAM.")
        outcomes: list[object] = []
        for image in images:
            mask = np.asarray(Image.open(Path(image).with_name(f"mask{Path(image).stem}.png"))) > 0
            heat = mask.astype(np.float32) if method == "grad_cam" else np.ones(mask.shape)
            shown = SimpleNamespace(
                heat=heat,
                photograph=np.asarray(Image.open(image)),
                saliency=SimpleNamespace(values=np.zeros((12, 12))),
            )
            lost = method == "hires_cam" and image.endswith("5.png")
            outcomes.append(SaliencyError("Nothing.", hint="Other.") if lost else shown)
        return outcomes

    monkeypatch.setattr(tables, "explain_many", explained)
    return workspace


def test_explanation_table__a_map_that_is_the_lesion_is_perfect(
    place: Workspace, cases: list[Case]
) -> None:
    told: list[int] = []

    rows = explanation_table(
        place,
        ["good"],
        cases,
        methods=("grad_cam", "hires_cam", "weighted_attention"),
        progress=lambda done, total, message: told.append(done),
    )

    middle, perfect, even, refused = rows
    assert (middle.run_id, middle.method) == ("", MIDDLE)
    assert middle.auc.value < 0.5  # every lesion lies at the edge
    assert (perfect.auc.value, perfect.hits.value) == (1.0, 1.0)
    assert perfect.share_over_area.value == pytest.approx(SIDE * SIDE / 64)
    assert perfect.n_photographs == N
    assert (even.auc.value, even.share_over_area.value) == (0.5, pytest.approx(1.0))
    assert (even.n_photographs, even.n_without_map) == (N - 1, 1)
    assert refused.refused == "It has no attention."
    assert refused.auc.value is None
    assert told == [0, 1, 2, 3]


def test_explanation_table__intervals_are_by_patient(place: Workspace, cases: list[Case]) -> None:
    middle, _ = explanation_table(place, ["good"], cases, methods=("grad_cam",))

    assert middle.auc.low < middle.auc.value < middle.auc.high
    assert "patients" in middle.auc.method


def test_explanation_table__a_mask_without_a_lesion_is_refused(
    place: Workspace, cases: list[Case], tmp_path: Path
) -> None:
    Image.fromarray(np.zeros((SIDE, SIDE), np.uint16)).save(tmp_path / "mask0.png")

    with pytest.raises(DataError, match="marks no lesion"):
        explanation_table(place, ["good"], cases, methods=("grad_cam",))


def test_table_frame__has_a_row_each_and_plain_values(place: Workspace, cases: list[Case]) -> None:
    rows = explanation_table(place, ["good"], cases, methods=("grad_cam",))

    frame = table_frame(rows)

    assert list(frame["method"]) == [MIDDLE, "grad_cam"]
    assert frame["AUC"].tolist() == [row.auc.value for row in rows]


def test_demo_cases__are_positive_with_lesions_one_per_patient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    (workspace.demo / "masks").mkdir(parents=True)
    for name, value in (("d0", 2), ("d1", 2), ("d2", 0), ("h0", 2)):
        mask = np.full((8, 8), value, np.uint16)
        Image.fromarray(mask).save(workspace.demo / "masks" / f"{name}.png")
    ids = ["d0", "d1", "d2", "h0"]
    table = pd.DataFrame({"image_id": ids, "mask": [f"masks/{name}.png" for name in ids]})
    said = tiny_predictions("m", ["P0", "P0", "P1", "P2"], d0=0.9, d1=0.8, d2=0.7, h0=0.1)
    dataset = FundusDataset("demo", str(workspace.demo), table, (), synthetic=True)
    monkeypatch.setattr(tables, "load_run", lambda place, run: SimpleNamespace(dataset_id="d"))
    monkeypatch.setattr(tables, "stored_dataset", lambda place, name: dataset)
    monkeypatch.setattr(tables, "run_predictions", lambda place, run: said)

    (case,) = demo_cases(workspace, "run")

    assert case.image in {"d0", "d1"}
    assert case.patient == "P0"
