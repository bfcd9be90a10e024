"""One photograph that belongs to no data set: taken, prepared, measured, scored."""

import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import ImageError, SaliencyError, StoreError
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.stats.score_maps import fit_platt
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.measured import measure_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.evaluation.calibrated import (
    CalibratedProbability,
    calibrated_probabilities,
)
from fundus_core.workflows.explanations.explain import Explanation, explain
from fundus_core.workflows.models.finetune import finetune_dataset
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import run_predictions, run_probe
from fundus_core.workflows.single import one_photograph
from fundus_core.workflows.single.one_photograph import (
    QUALITIES,
    measurements_of,
    quality_of,
    receive,
    steps_of,
    vector_of,
)
from fundus_core.workflows.single.one_photograph_maps import explain_unkept
from fundus_core.workflows.single.one_photograph_scores import LEARNED, score_photograph
from fundus_core.workflows.single.out_of_distribution import surroundings_of
from tests.fakes import write_dataset, write_photograph
from tests.workflows.evaluation.test_metrics import DISEASES, held_out, stored
from tests.workflows.explanations.test_explain import TUNING

RESNET = BackboneChoice("timm:test_resnet", "scratch", 64, precision="fp32")
FEW = 60
ROTATED = 6
"""EXIF orientation: turned by a quarter."""


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> DataSource:
    """Photographs that tests only read."""
    return DataSource(write_dataset(tmp_path_factory.mktemp("shared") / "data"))


@pytest.fixture
def dataset(place: Workspace, source: DataSource) -> FundusDataset:
    """24 photographs of 12 patients."""
    return open_dataset(place, source)


@pytest.fixture(scope="module")
def probed_once(
    source: DataSource, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, Run]:
    place = Workspace(tmp_path_factory.mktemp("probed") / "workspace")
    dataset, choice = open_dataset(place, source), ProbeChoice("dr", folds=2)
    return place, probe_dataset(place, dataset, dataset_id(source), RESNET, choice)


@pytest.fixture
def probed(place: Workspace, probed_once: tuple[Workspace, Run]) -> Run:
    """A probe for `dr` in two folds."""
    shutil.copytree(probed_once[0].root, place.root, dirs_exist_ok=True)
    return probed_once[1]


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A photograph that no data set holds."""
    return write_photograph(tmp_path / "other.png", (200, 70, 20))


def files(folder: Path) -> set[tuple[Path, int]]:
    return {(path, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def test_receive__keeps_a_photograph_until_it_is_forgotten(other: Path) -> None:
    received = receive(other.read_bytes())
    kept = received.path.read_bytes()

    received.forget()

    assert kept == other.read_bytes()
    assert not received.path.exists()
    assert not received.path.parent.exists()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"<svg onload=alert(1)>", "not a JPEG"),
        (b"\xff\xd8\xff\xe0 cut off", "damaged|ends before"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "damaged"),
    ],
)
def test_receive__what_is_no_photograph_gets_a_sentence(
    data: bytes, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with pytest.raises(ImageError, match=said):
        receive(data)

    assert not list(tmp_path.iterdir())


def test_receive__too_large_a_file_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_photograph, "MAX_MEGABYTES", 0.00001)

    with pytest.raises(ImageError, match="at most"):
        receive(b"\xff\xd8\xff" * 100)


def test_steps_of__turns_a_phone_picture_upright_and_frames_the_field() -> None:
    pixels = np.zeros((100, 160, 3), np.uint8)
    rows, columns = np.mgrid[:100, :160]
    pixels[(rows - 50) ** 2 + (columns - 60) ** 2 < 40**2] = (180, 90, 40)
    exif = Image.Exif()
    exif[0x0112] = ROTATED
    exif[0x010E] = "Jane Doe, 1950"
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", exif=exif, quality=95)
    received = receive(file.getvalue())

    steps = steps_of(received.path, PreprocessRecipe(), 64)

    assert steps.original.shape == (160, 100, 3)
    assert steps.seen.shape == (64, 64, 3)
    assert steps.has_border
    box = steps.box
    assert (box.left, box.right) == (pytest.approx(10, abs=3), pytest.approx(90, abs=3))
    assert (box.top, box.bottom) == (pytest.approx(20, abs=3), pytest.approx(100, abs=3))
    assert (steps.field[box.top, box.left : box.right] > 200).all()
    received.forget()


def test_quality_of__says_where_a_photograph_lies_and_stores_nothing(
    place: Workspace, dataset: FundusDataset, tmp_path: Path
) -> None:
    bright = write_photograph(tmp_path / "bright.png", (255, 250, 240))
    dark = write_photograph(tmp_path / "dark.png", (40, 20, 10))
    before = files(place.root)

    others = measurements_of(place, dataset)
    of_bright, of_dark = (
        {one.name: one for one in quality_of(path, others)} for path in (bright, dark)
    )

    assert list(of_bright) == list(QUALITIES)
    assert of_bright["brightness"].percentile == 100
    assert of_dark["brightness"].percentile == 0
    assert of_dark["brightness"].low < of_dark["brightness"].high < of_bright["brightness"].value
    assert of_bright["red"].n_images == 24
    assert files(place.root) == before


def test_quality_of__equal_photographs_count_half(place: Workspace, tmp_path: Path) -> None:
    for number in range(4):
        write_photograph(tmp_path / "same" / f"{number}.png", (120, 60 + number, 30))
    dataset = open_dataset(place, DataSource(tmp_path / "same"))

    others = measurements_of(place, dataset)
    found = {one.name: one for one in quality_of(tmp_path / "same" / "0.png", others)}

    assert found["red"].percentile == pytest.approx(50)


def test_vector_of__is_that_of_the_stored_embeddings(
    place: Workspace, dataset: FundusDataset, probed: Run
) -> None:
    around = surroundings_of(place, dataset, probed.embeddings)
    path = Path(dataset.table["path"].iloc[3])

    vector = vector_of(place, probed.embeddings, path)

    unit = vector / np.linalg.norm(vector)
    np.testing.assert_allclose(unit, around.directions[3], atol=1e-5)


def test_score_photograph__of_a_new_one_by_the_probe_fitted_on_all(
    place: Workspace, probed: Run, other: Path
) -> None:
    before = files(place.root)

    found = score_photograph(place, probed.id, other, n_resamples=FEW)

    vector = vector_of(place, probed.embeddings, other)
    expected = run_probe(place, probed).score(vector[np.newaxis])[0, 0]
    (one,) = found.classes
    assert one.score == pytest.approx(expected)
    assert not found.held_out
    assert (found.n_images, found.n_patients) == (24, 12)
    assert one.probability is not None
    assert one.low is not None
    assert one.high is not None
    assert 0 <= one.low <= one.high <= 1
    assert files(place.root) == before


def test_score_photograph__of_the_data_set_is_the_held_out_one_calibrated_by_the_other_folds(
    place: Workspace, dataset: FundusDataset, probed: Run
) -> None:
    path = Path(dataset.table["path"].iloc[5])
    said = run_predictions(place, probed)

    found = score_photograph(place, probed.id, path, n_resamples=FEW)

    row = said.image_ids.index(dataset.image_ids[5])
    (elsewhere,) = calibrated_probabilities(place, probed.id, [dataset.image_ids[5]], "1")
    assert isinstance(elsewhere, CalibratedProbability)
    assert found.held_out
    assert found.classes[0].score == said.y_score[row, 0]
    assert found.classes[0].probability == elsewhere.probability.value
    assert (found.n_images, found.n_patients) == (elsewhere.n_images, elsewhere.n_patients)


def test_score_photograph__the_curve_is_that_of_all_held_out_scores(
    place: Workspace, probed: Run, other: Path
) -> None:
    said = run_predictions(place, probed)

    found = score_photograph(place, probed.id, other, n_resamples=FEW)

    by_hand = fit_platt(said.y_true[:, 0], said.y_score[:, 0])
    (one,) = found.classes
    assert one.probability == pytest.approx(by_hand.apply(np.array([one.score]))[0], abs=1e-6)
    assert one.observed == said.y_true.mean()


def test_score_photograph__of_one_that_taught_the_model_says_so(
    place: Workspace, other: Path, tmp_path: Path
) -> None:
    folder = write_dataset(tmp_path / "divided")
    table = pd.read_csv(folder / "labels.csv")
    half = table["patient_id"] < "P06"
    table.assign(split=half.map({True: "train", False: "test"})).to_csv(folder / "labels.csv")
    source, choice = DataSource(folder), ProbeChoice("dr", use_split=True)
    dataset = open_dataset(place, source)
    run = probe_dataset(place, dataset, dataset_id(source), RESNET, choice)
    split = dict(zip(dataset.table["split"], dataset.table["path"], strict=True))

    learned = score_photograph(place, run.id, Path(split["train"]), n_resamples=FEW)
    tested = score_photograph(place, run.id, Path(split["test"]), n_resamples=FEW)
    new = score_photograph(place, run.id, other, n_resamples=FEW)

    assert [one.code for one in learned.cautions] == ["FD022"]
    assert not learned.held_out
    assert tested.held_out
    assert tested.cautions == new.cautions == ()
    (one,) = learned.classes
    assert (one.probability, one.low, one.high) == (None, None, None)
    assert one.reason == "the model learned from this photograph; its score flatters"
    assert 0 <= one.score <= 1
    assert (learned.n_images, learned.n_patients) == (0, None)
    assert new.classes[0].probability is not None


def test_score_photograph__a_model_used_on_what_taught_it_says_so(
    place: Workspace, dataset: FundusDataset, source: DataSource, probed: Run
) -> None:
    used = predict(place, probed.id, dataset, dataset_id(source))
    path = Path(dataset.table["path"].iloc[0])

    found = score_photograph(place, used.run.id, path, n_resamples=FEW)

    assert [one.code for one in found.cautions] == ["FD022"]
    assert not found.held_out
    (one,) = found.classes
    assert one.score == pytest.approx(run_predictions(place, used.run).y_score[0, 0])
    assert (one.probability, one.reason) == (None, LEARNED)
    assert (found.n_images, found.n_patients) == (0, None)


def test_score_photograph__a_model_whose_own_run_is_gone_scores_what_it_has_scored(
    place: Workspace, dataset: FundusDataset, source: DataSource, probed: Run
) -> None:
    used = predict(place, probed.id, dataset, dataset_id(source)).run
    shutil.rmtree(place.runs / probed.id)

    found = score_photograph(place, used.id, Path(dataset.table["path"].iloc[0]), n_resamples=FEW)

    assert found.cautions == ()
    assert 0 <= found.classes[0].score <= 1


def test_score_photograph__of_a_fine_tuned_run_by_the_mean_of_its_networks(
    place: Workspace, dataset: FundusDataset, source: DataSource, other: Path
) -> None:
    run = finetune_dataset(place, dataset, dataset_id(source), RESNET, TUNING)
    before = files(place.root)

    found = score_photograph(place, run.id, other, n_resamples=FEW)

    assert found.n_networks == 2
    assert 0 <= found.classes[0].score <= 1
    assert files(place.root) == before


def test_score_photograph__a_run_without_networks_says_so(place: Workspace, other: Path) -> None:
    stored(place, DISEASES, held_out(DISEASES))

    with pytest.raises(StoreError, match="no probe"):
        score_photograph(place, "run", other, vector=np.zeros(3, np.float32))


def test_explain_unkept__is_the_map_of_explain_and_stores_nothing(
    place: Workspace, probed: Run, other: Path
) -> None:
    before = files(place.root)

    both = [_map_or_refusal(place, probed, other, name) for name in "01"]
    found = next(one for one in both if isinstance(one, Explanation))

    assert files(place.root) == before
    expected = explain(place, probed.id, str(other), class_name=found.class_name)
    np.testing.assert_allclose(found.heat, expected.heat, atol=1e-6)
    assert found.score == pytest.approx(expected.score)


def _map_or_refusal(
    place: Workspace, run: Run, path: Path, class_name: str
) -> Explanation | SaliencyError:
    """Something in a flat photograph speaks for one class or the other, seldom for both."""
    try:
        return explain_unkept(place, run.id, path, class_name=class_name)
    except SaliencyError as refusal:
        return refusal


def test_measurements_of__a_large_unmeasured_set_is_sampled(
    place: Workspace, dataset: FundusDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_photograph, "MEASURED_SAMPLE", 5)

    sampled = measurements_of(place, dataset)
    again = measurements_of(place, dataset)
    measure_dataset(place, dataset)
    complete = measurements_of(place, dataset)

    assert len(sampled["sharpness"]) == 5
    np.testing.assert_array_equal(sampled["red"], again["red"])
    assert len(complete["sharpness"]) == 24
