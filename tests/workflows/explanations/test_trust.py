"""Lights of stored runs: measured once, kept, and summed up by patient."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError, SaliencyError, TargetError
from fundus_core.explain.macula import MACULA, MACULA_ESTIMATED
from fundus_core.explain.removal import Removal
from fundus_core.explain.sanity import CascadeStep
from fundus_core.explain.trust import OUTSIDE, TrustFigures, TrustLight
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.explanations import trust as trusting
from fundus_core.workflows.explanations.model_trust import (
    NO_MAP,
    model_trust,
    sample_of,
    separation,
    summed_up,
)
from fundus_core.workflows.explanations.trust import trust_of
from fundus_core.workflows.explanations.truth import DISC, VESSELS, MaskFiles, mask_files
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import run_predictions
from tests.fakes import write_dataset

RESNET = BackboneChoice("timm:test_resnet", "scratch", 64, precision="fp32")


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Run]:
    folder = tmp_path_factory.mktemp("probed")
    place, source = Workspace(folder / "workspace"), DataSource(write_dataset(folder / "data"))
    dataset, choice = open_dataset(place, source), ProbeChoice("dr", folds=2)
    return place, probe_dataset(place, dataset, dataset_id(source), RESNET, choice)


@pytest.fixture
def run(probed: tuple[Workspace, Run], place: Workspace) -> Run:
    """A probe of 24 photographs of 12 patients."""
    shutil.copytree(probed[0].root, place.root)
    return probed[1]


def test_trust_of__figures_are_measured_once(
    place: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = run_predictions(place, run).image_ids[:3]
    first = trust_of(place, run.id, ids, n_copies=2)

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(trusting, "trust_figures", refuse)
    again = trust_of(place, run.id, ids, n_copies=2)

    shown = [row for row, light in enumerate(first) if isinstance(light, TrustLight)]
    assert shown
    assert [again[row] for row in shown] == [first[row] for row in shown]
    with pytest.raises(AssertionError, match="measured again"):
        trust_of(place, run.id, ids, n_copies=2, seed=1)


def test_trust_of__heat_beyond_the_field_of_view_is_measured(place: Workspace, run: Run) -> None:
    ids = run_predictions(place, run).image_ids

    lights = trust_of(place, run.id, ids[:4], method="eigen_cam", n_copies=2)

    outside = [light.figures.regions[OUTSIDE] for light in lights if isinstance(light, TrustLight)]
    assert outside
    # The photographs are discs, cropped: the corners make up 1 - pi / 4.
    assert all(one.area == pytest.approx(1 - np.pi / 4, abs=0.06) for one in outside)


def test_trust_of__refuses_what_explain_refuses(place: Workspace, run: Run) -> None:
    with pytest.raises(TargetError, match="no class '7'"):
        trust_of(place, run.id, ["x"], class_name="7")


def test_sample_of__is_drawn_from_the_held_out_and_the_same_for_a_seed(
    place: Workspace, run: Run
) -> None:
    said = run_predictions(place, run)

    ids, patients = sample_of(place, run.id, 10, seed=1)

    assert len(set(ids)) == 10
    assert sample_of(place, run.id, 10, seed=1)[0] == ids
    assert sample_of(place, run.id, 10, seed=2)[0] != ids
    rows = [said.image_ids.index(image_id) for image_id in ids]
    assert list(patients) == list(said.patient_ids[rows])
    assert len(sample_of(place, run.id, 100)[0]) == 24


def test_model_trust__has_a_light_per_photograph(place: Workspace, run: Run) -> None:
    told: list[tuple[int, int]] = []

    found = model_trust(
        place,
        run.id,
        n_photographs=5,
        n_copies=2,
        progress=lambda done, total, message: told.append((done, total)),
    )

    assert len(found.image_ids) == len(found.lights) == len(found.figures) == 5
    assert sum(share.value for share in found.shares.values()) == pytest.approx(1.0)
    assert told[-1] == (5, 5)


def light(colour: str, passed: int) -> TrustLight:
    removal = Removal((0.0, 1.0), (1.0, 0.0), 0.5, (0.6,), 1.0)
    figures = TrustFigures(removal, removal, 1.0, (CascadeStep("head", 0.0),), 1.0, {})
    checks = tuple(trusting.judged(figures).checks)
    failing = tuple(
        type(check)(check.title, number < passed, check.figure)
        for number, check in enumerate(checks)
    )
    return TrustLight(colour, failing, figures)  # type: ignore[arg-type]


def test_summed_up__counts_photographs_and_draws_patients() -> None:
    refused = SaliencyError("Nothing speaks for it.", hint="Look elsewhere.")
    outcomes = [light("green", 4), light("amber", 2)] * 6 + [refused] * 4
    patients = np.array([f"P{row // 2}" for row in range(16)])

    found = summed_up("run", [f"i{row}" for row in range(16)], outcomes, patients)

    assert found.shares["green"].value == pytest.approx(6 / 16)
    assert found.shares[NO_MAP].value == pytest.approx(4 / 16)
    assert found.shares["grey"].value == 0
    assert found.shares["grey"].low is None
    assert found.mean_passed.value == pytest.approx(0.75)
    # Each patient with maps has one green and one amber: drawing patients moves nothing.
    assert found.mean_passed.low is None
    assert "patients" in found.shares["green"].method
    assert np.isnan(found.passed[-1])


def test_separation__is_the_share_of_pairs_and_the_mean_difference() -> None:
    patients = np.array([f"P{row // 2}" for row in range(12)])
    ids = [f"i{row}" for row in range(12)]
    refused = SaliencyError("Nothing speaks for it.", hint="Look elsewhere.")
    better = summed_up("a", ids, [light("green", 4), light("amber", 3)] * 5 + [refused] * 2, None)
    worse = summed_up("b", ids, [light("amber", 1), light("amber", 3)] * 6, None)

    area, difference = separation(better, worse, patients)
    nothing, none = separation(better, better, patients)

    one = [passed for passed in better.passed if not np.isnan(passed)]
    other = worse.passed[:10]
    pairs = [(a > b) + (a == b) / 2 for a in one for b in other]
    assert area.value == pytest.approx(np.mean(pairs))
    assert difference.value == pytest.approx(np.mean(np.subtract(one, other)))
    assert nothing.value == pytest.approx(0.5)
    assert none.value == 0


def test_separation__of_different_samples_is_refused() -> None:
    one = summed_up("a", ["x"], [light("green", 4)], None)
    other = summed_up("a", ["y"], [light("green", 4)], None)
    refused = SaliencyError("Nothing speaks for it.", hint="Look elsewhere.")

    with pytest.raises(DataError, match="different photographs"):
        separation(one, other, None)
    with pytest.raises(DataError, match="None of 1 photographs"):
        separation(one, summed_up("a", ["x"], [refused], None), None)


def test_summed_up__without_any_map_says_so() -> None:
    refused = SaliencyError("Nothing speaks for it.", hint="Look elsewhere.")

    found = summed_up("run", ["a", "b"], [refused, refused], None)

    assert found.lights == (NO_MAP, NO_MAP)
    assert found.mean_passed.value is None
    assert found.mean_passed.reason == "there is no map"


def test_mask_files__are_those_of_the_demo_only(place: Workspace, tmp_path: Path) -> None:
    (place.demo / "masks").mkdir(parents=True)
    marked = np.zeros((8, 8), np.uint16)
    marked[:4, :4], marked[6, 6] = 2, 16
    Image.fromarray(marked).save(place.demo / "masks" / "a.png")
    Image.fromarray(np.eye(8, dtype=np.uint8)).save(place.demo / "masks" / "v.png")
    table = pd.DataFrame(
        {
            "image_id": ["a", "b"],
            "mask": ["masks/a.png", "masks/gone.png"],
            "vessels": ["masks/v.png"] * 2,
        }
    )

    def dataset(*, synthetic: bool) -> FundusDataset:
        return FundusDataset("demo", str(place.demo), table, (), synthetic=synthetic)

    regions = mask_files(dataset(synthetic=True))["a"].regions((16, 16))

    assert {name: int(mask.sum()) for name, mask in regions.items()} == {
        "lesions": 64,
        DISC: 4,
        VESSELS: 32,
    }
    assert mask_files(dataset(synthetic=True))["b"].lesions is None
    assert mask_files(dataset(synthetic=False)) == {}


def test_mask_files__are_those_beside_the_own_table_whatever_the_demo_holds(
    place: Workspace, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    for folder, side in ((place.demo, 2), (other, 4)):
        (folder / "masks").mkdir(parents=True)
        marked = np.zeros((8, 8), np.uint16)
        marked[:side, :side] = 2
        Image.fromarray(marked).save(folder / "masks" / "a.png")
    table = pd.DataFrame({"image_id": ["a"], "mask": ["masks/a.png"]})
    (other / "manifest.csv").touch()

    for source in (other, other / "manifest.csv"):
        found = mask_files(FundusDataset("other", str(source), table, (), synthetic=True))

        assert found["a"].lesions == other / "masks" / "a.png"
        assert found["a"].regions((8, 8))["lesions"].sum() == 16


def test_trust_of__figures_that_another_mask_gave_are_not_taken_for_those_of_the_own(
    place: Workspace, run: Run, tmp_path: Path
) -> None:
    image = run_predictions(place, run).image_ids[0]
    asked = {"method": "eigen_cam", "n_copies": 2}
    masks = {folder: drawn_masks(folder) for folder in (place.demo / "masks", tmp_path / "own")}
    moved = np.zeros((100, 200), np.uint16)
    moved[41:51, 60:70], moved[50, 100] = 16, 2
    Image.fromarray(moved).save(tmp_path / "own" / "mask.png")

    first, second = (
        trust_of(place, run.id, [image], masks={image: one}, **asked)[0] for one in masks.values()
    )

    assert isinstance(first, TrustLight)
    assert isinstance(second, TrustLight)
    assert first.figures.regions[DISC] != second.figures.regions[DISC]


def drawn_masks(folder: Path, **about: object) -> MaskFiles:
    """Returns masks of 200 x 100 pixels: a disc 10 pixels high at (151, 46), and one lesion."""
    marked = np.zeros((100, 200), np.uint16)
    marked[41:51, 146:156], marked[80, 20] = 16, 2
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(marked).save(folder / "mask.png")
    return MaskFiles(folder / "mask.png", **about)  # type: ignore[arg-type]


def test_regions__the_macula_lies_around_the_known_fovea(tmp_path: Path) -> None:
    masks = drawn_masks(tmp_path, fovea=(100.0, 50.0), eye="OD")

    macula = masks.regions((200, 400))[MACULA]  # the photograph is twice as large

    rows, columns = np.nonzero(macula)
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((200, 100), abs=1)
    assert macula.sum() == pytest.approx(np.pi * 20**2, rel=0.05)
    assert masks.macula == "known"


@pytest.mark.parametrize(("eye", "x"), [("OD", 151 - 25), ("OS", 151 + 25)])
def test_regions__where_the_fovea_is_not_known_the_macula_is_said_to_be_estimated(
    tmp_path: Path, eye: str, x: int
) -> None:
    masks = drawn_masks(tmp_path, eye=eye)

    found = masks.regions((100, 200))

    assert MACULA not in found
    rows, columns = np.nonzero(found[MACULA_ESTIMATED])
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((x, 49), abs=0.5)
    assert masks.macula == "estimated"


def test_regions__without_fovea_and_side_nothing_is_said_of_the_macula(tmp_path: Path) -> None:
    masks = drawn_masks(tmp_path)

    assert not {MACULA, MACULA_ESTIMATED} & masks.regions((100, 200)).keys()
    assert (masks.macula, MaskFiles(fovea=(1.0, 1.0)).macula) == ("", "")


def test_trust_of__the_share_of_heat_in_the_macula_is_measured_where_it_is_known(
    place: Workspace, run: Run, tmp_path: Path
) -> None:
    image = run_predictions(place, run).image_ids[0]
    asked = {"method": "eigen_cam", "n_copies": 2}
    masks = drawn_masks(tmp_path, fovea=(100.0, 50.0))

    (without,) = trust_of(place, run.id, [image], masks={image: drawn_masks(tmp_path)}, **asked)
    (known,) = trust_of(place, run.id, [image], masks={image: masks}, **asked)

    assert isinstance(without, TrustLight)
    assert isinstance(known, TrustLight)
    assert MACULA not in without.figures.regions  # not that of another question
    share = known.figures.regions[MACULA]
    assert 0 < share.area < 0.1
    assert 0 <= share.share < 1
    assert known.checks == without.checks  # no check rests on it


def test_mask_files__know_the_fovea_and_the_side_of_the_demo(place: Workspace) -> None:
    (place.demo / "masks").mkdir(parents=True)
    drawn_masks(place.demo / "masks")
    table = pd.DataFrame(
        {
            "image_id": ["a", "b"],
            "mask": ["masks/mask.png"] * 2,
            "fovea_x": ["201.8", None],
            "fovea_y": ["265.5", None],
            "eye": ["OD", None],
        }
    )

    found = mask_files(FundusDataset("demo", str(place.demo), table, (), synthetic=True))

    assert (found["a"].fovea, found["a"].eye) == ((201.8, 265.5), "OD")
    assert (found["b"].fovea, found["b"].eye) == (None, None)
