"""Each photograph is explained by the model that scored it while it was held out."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.recipe import Fit, PreprocessRecipe
from fundus_core.errors import DataError, SaliencyError, TargetError
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.explanations import explain as explaining
from fundus_core.workflows.explanations import map_store
from fundus_core.workflows.explanations.explain import (
    Explanation,
    explain,
    explain_many,
    layers_of,
    write_overlay,
)
from fundus_core.workflows.explanations.explained import (
    Asked,
    ExplainedModel,
    ModelShelf,
)
from fundus_core.workflows.explanations.explained_photographs import Subject, subjects_of
from fundus_core.workflows.models.finetune import FinetuneChoice, finetune_dataset
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import run_predictions
from tests.explain.networks import FakeBackbone, RednessNetwork, random_probe
from tests.fakes import write_dataset, write_photograph
from tests.pages.evaluated import GOOD, predictions
from tests.pages.evaluated import run as evaluated_run

RESNET = BackboneChoice("timm:test_resnet", "scratch", 64, precision="fp32")
VIT = BackboneChoice("timm:test_vit", "scratch", 64, precision="fp32")
TRAINING = TrainingRecipe(
    epochs=1, batch_size=8, learning_rate=1e-3, augmentation="none", precision="fp32"
)
TUNING = FinetuneChoice(Validation("dr", folds=2), training=TRAINING)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def source(tmp_path: Path) -> DataSource:
    return DataSource(write_dataset(tmp_path / "data"))


@pytest.fixture
def dataset(place: Workspace, source: DataSource) -> FundusDataset:
    """24 photographs of 12 patients."""
    return open_dataset(place, source)


def tuned(
    place: Workspace,
    dataset: FundusDataset,
    source: DataSource,
    choice: FinetuneChoice = TUNING,
    backbone: BackboneChoice = RESNET,
) -> Run:
    return finetune_dataset(place, dataset, dataset_id(source), backbone, choice)


def probed(place: Workspace, dataset: FundusDataset, source: DataSource, target: str) -> Run:
    choice = ProbeChoice(target, folds=2)
    return probe_dataset(place, dataset, dataset_id(source), RESNET, choice)


def of_either_class(
    place: Workspace, run: Run, images: list[str], **asked: str
) -> list[Explanation]:
    """Explains each photograph for the class that something in it speaks for."""
    both = [explain_many(place, run.id, images, class_name=name, **asked) for name in "10"]
    shown = [
        [one for one in pair if isinstance(one, Explanation)] for pair in zip(*both, strict=True)
    ]
    assert all(shown), both
    return [pair[0] for pair in shown]


@pytest.mark.parametrize(
    ("strategy", "head", "backbone"),
    [
        ("ft", "linear", RESNET),
        ("lora", "linear", VIT),
        ("lp", "two-layer", RESNET),
        ("ft", "cosine", VIT),
    ],
)
def test_explain_many__a_fine_tuned_run_by_the_network_that_held_the_photograph_out(
    place: Workspace,
    dataset: FundusDataset,
    source: DataSource,
    strategy: str,
    head: str,
    backbone: BackboneChoice,
) -> None:
    run = tuned(place, dataset, source, replace(TUNING, strategy=strategy, head=head), backbone)
    said = run_predictions(place, run)
    images = [dataset.image_ids[row] for row in (0, 7, 1, 12, 3)]

    found = of_either_class(place, run, images)

    assert [one.image_id for one in found] == images
    rows = [said.image_ids.index(image) for image in images]
    expected = [
        said.y_score[row, 0] if one.class_name == "1" else 1 - said.y_score[row, 0]
        for row, one in zip(rows, found, strict=True)
    ]
    assert [one.score for one in found] == pytest.approx(expected, abs=1e-5)
    assert [one.network_fold for one in found] == [said.fold[row] for row in rows]
    assert len({one.network_fold for one in found}) == 2
    assert all(one.held_out for one in found)


def test_explain__a_photograph_from_elsewhere_by_the_first_network(
    place: Workspace, dataset: FundusDataset, source: DataSource, tmp_path: Path
) -> None:
    run = tuned(place, dataset, source)
    elsewhere = write_photograph(tmp_path / "new.jpg", (200, 20, 70))

    (found,) = of_either_class(place, run, [str(elsewhere)])

    assert found.network_fold == 0
    assert not found.held_out
    assert found.y_true is None


@pytest.mark.parametrize("method", ["weighted_attention", "integrated_gradients"])
def test_explain__other_methods_of_a_fine_tuned_transformer(
    place: Workspace, dataset: FundusDataset, source: DataSource, method: str
) -> None:
    run = tuned(place, dataset, source, backbone=VIT)

    (found,) = of_either_class(place, run, [dataset.image_ids[0]], method=method)

    assert (found.saliency.method, found.saliency.layer) == (method, "")


def test_explain_many__refuses_a_head_that_reads_places(
    place: Workspace, dataset: FundusDataset, source: DataSource
) -> None:
    run = tuned(place, dataset, source, replace(TUNING, strategy="lp", head="deit-tiny"))

    with pytest.raises(SaliencyError, match=r"'deit-tiny'.* reads places") as refusal:
        explain_many(place, run.id, [dataset.image_ids[0]])

    assert "linear head" in refusal.value.hint


def test_explain_many__refuses_networks_that_were_not_kept(
    place: Workspace, dataset: FundusDataset, source: DataSource
) -> None:
    run = tuned(place, dataset, source, replace(TUNING, keep_weights=False))

    with pytest.raises(SaliencyError, match="weights were not kept") as refusal:
        explain_many(place, run.id, [dataset.image_ids[0]])

    assert "--no-checkpoint" in refusal.value.hint


def test_target__of_two_classes_is_the_difference_of_their_logits(
    place: Workspace, dataset: FundusDataset, source: DataSource
) -> None:
    run = probed(place, dataset, source, "grade")
    model = ModelShelf(place, run).model_for(subjects_of(place, run, [dataset.image_ids[0]])[0])
    embeddings = torch.from_numpy(random_probe(3 * 96).reshape(3, 96))

    both = model.target(Asked("2", "0"))(embeddings)

    two, zero = (model.target(Asked(name))(embeddings) for name in "20")
    torch.testing.assert_close(both, two - zero)
    assert (two - zero).abs().max() > 0


def test_target__of_the_negative_class_is_the_negative_logit(
    place: Workspace, dataset: FundusDataset, source: DataSource
) -> None:
    run = probed(place, dataset, source, "dr")
    model = ModelShelf(place, run).model_for(subjects_of(place, run, [dataset.image_ids[0]])[0])
    embeddings = torch.from_numpy(random_probe(3 * 96).reshape(3, 96))

    negative, positive = (model.target(Asked(name))(embeddings) for name in "01")

    torch.testing.assert_close(negative, -positive)


@pytest.mark.parametrize(
    "recipe",
    [
        *(PreprocessRecipe(crop=crop, fit=fit) for crop in (True, False) for fit in get_args(Fit)),
        PreprocessRecipe(clahe=True),
        PreprocessRecipe(decoder="exact"),
    ],
    ids=str,
)
@pytest.mark.parametrize(("x", "y"), [(700, 480), (1050, 760)])
def test_explain__the_overlay_lies_on_the_original_photograph(
    x: int, y: int, recipe: PreprocessRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, columns = np.mgrid[:1200, :1800]
    pixels = np.zeros((1200, 1800, 3), np.uint8)
    pixels[np.hypot(rows - 600, columns - 880) < 520] = 110
    pixels[y - 40 : y + 40, x - 40 : x + 40] = (250, 20, 20)
    path = tmp_path / "lit.jpg"
    Image.fromarray(pixels).save(path, quality=95)
    run = evaluated_run("lit", predictions("lit", GOOD))
    run = replace(run, embeddings=replace(run.embeddings, image_size=96, preprocessing=recipe))
    backbone = FakeBackbone(RednessNetwork(), 96)
    model = ExplainedModel(run, backbone, lambda embeddings: embeddings, None)
    subject = Subject("lit", path, None, None)
    monkeypatch.setattr(explaining, "explainable_run", lambda place, run_id: run)
    monkeypatch.setattr(explaining, "subjects_of", lambda place, run, images: [subject])
    monkeypatch.setattr(map_store, "ModelShelf", lambda place, run: Shelf(model))

    found = explain(Workspace(tmp_path), "lit", "lit")

    height, width = found.heat.shape
    assert (height, width) == found.photograph.shape[:2] == (683, 1024)
    heat = np.nan_to_num(found.heat) ** 2
    middle_y = (heat.sum(axis=1) @ (np.arange(height) + 0.5)) / heat.sum() * 1200 / height
    middle_x = (heat.sum(axis=0) @ (np.arange(width) + 0.5)) / heat.sum() * 1800 / width
    cell = 1800 / 12  # of the coarsest: the whole photograph, padded
    assert abs(middle_x - x) < 0.3 * cell
    assert abs(middle_y - y) < 0.3 * cell


class Shelf:
    """Holds one model for whatever is asked."""

    def __init__(self, model: ExplainedModel) -> None:
        self.model_for = lambda subject: model


def test_explain_many__a_class_less_itself_is_refused(
    place: Workspace, dataset: FundusDataset, source: DataSource
) -> None:
    run = probed(place, dataset, source, "grade")

    with pytest.raises(TargetError, match="'2' less itself"):
        explain_many(place, run.id, [dataset.image_ids[0]], class_name="2", minus="2")


def test_explain_many__any_layer_of_the_menu_can_be_shown(
    place: Workspace, dataset: FundusDataset, source: DataSource
) -> None:
    run = probed(place, dataset, source, "dr")
    early, *_, usual = layers_of(place, run.id)

    (found,) = of_either_class(place, run, [dataset.image_ids[0]], layer=early.layer.name)
    (last,) = of_either_class(place, run, [dataset.image_ids[0]])

    assert found.saliency.layer == early.layer.name
    assert found.saliency.values.shape == early.grid
    assert last.saliency.layer == usual.layer.name
    assert early.grid[0] > usual.grid[0]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"layer": "layer9"}, "from a layer 'layer9'"),
        ({"layer": "layer2", "method": "occlusion"}, "at the whole network, not at a layer"),
        ({"method": "gradcam"}, "no saliency method 'gradcam'"),
        ({"class_name": "7"}, "no class '7'"),
        ({"minus": "7"}, "no class '7'"),
    ],
)
def test_explain_many__what_cannot_be_asked_is_refused(
    place: Workspace,
    dataset: FundusDataset,
    source: DataSource,
    asked: dict[str, str],
    reason: str,
) -> None:
    run = probed(place, dataset, source, "dr")

    with pytest.raises((SaliencyError, TargetError), match=reason) as refusal:
        explain_many(place, run.id, [dataset.image_ids[0]], **asked)

    assert refusal.value.hint


def test_explain__an_unknown_photograph_is_named(
    place: Workspace, dataset: FundusDataset, source: DataSource
) -> None:
    run = probed(place, dataset, source, "dr")

    with pytest.raises(DataError, match=r"'nowhere\.jpg' is neither"):
        explain(place, run.id, "nowhere.jpg")


def test_write_overlay__methods_do_not_overwrite_one_another(
    place: Workspace, dataset: FundusDataset, source: DataSource, tmp_path: Path
) -> None:
    run = probed(place, dataset, source, "dr")
    image = dataset.image_ids[0]

    for method in ("grad_cam", "eigen_cam"):
        (found,) = of_either_class(place, run, [image], method=method)
        path = write_overlay(found, tmp_path / "maps")
        with Image.open(path) as overlay:
            assert overlay.size == (96, 96)

    assert len(list((tmp_path / "maps").iterdir())) == 2


def test_write_overlay__is_not_named_after_a_file_whose_name_is_hidden(
    place: Workspace,
    dataset: FundusDataset,
    source: DataSource,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = probed(place, dataset, source, "dr")
    (found,) = of_either_class(place, run, [dataset.image_ids[0]], method="grad_cam")
    named = replace(found, path=Path("SECRET_NAME.jpg"))

    monkeypatch.setenv("FUNDUS_HIDE_IDS", "1")
    assert "SECRET" not in write_overlay(named, tmp_path / "maps").name
    monkeypatch.delenv("FUNDUS_HIDE_IDS")
    assert "SECRET" in write_overlay(named, tmp_path / "maps").name
