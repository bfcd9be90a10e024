"""Probes as runs: what is stored, scored again, and refused; those that start from words too."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fundus_core.adapters.bottleneck import BottleneckProbe
from fundus_core.adapters.tip import CacheProbe
from fundus_core.backbones import catalogue
from fundus_core.backbones.base import BackboneSpec, Pooling
from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.domain.recipe import ProbeRecipe
from fundus_core.errors import BackboneError, SaliencyError, TargetError, WeightsError
from fundus_core.io.embedding_store import EmbeddingStore
from fundus_core.io.findings import Finding, Findings, write_findings
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, resolve
from fundus_core.workflows.explanations.explain import explain
from fundus_core.workflows.models import prototypes
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.probe import AdapterRecipe, ProbeChoice, probe_dataset
from fundus_core.workflows.models.probe_words import WordsChoice, words_of
from fundus_core.workflows.models.prototypes import projected
from fundus_core.workflows.models.runs import list_runs, run_predictions, run_probe
from fundus_core.workflows.models.zero_shot import ZeroShotChoice, zero_shot_dataset
from tests.fakes import write_dataset

SPEC = BackboneSpec(
    id="speaking",
    title="Understands words",
    architecture="test_resnet",
    embed_dim=2,
    image_size=32,
    poolings=(Pooling("raw", "raw", 4), Pooling("projected", "projected", 2)),
    pooling="raw",
    weights_files=("speaking.pth",),
    text_tower="flair",
)
CHOICE = BackboneChoice("speaking", precision="fp32")
ADAPTERS = ("tip_adapter", "tip_adapter_f", "clip_adapter")

FINDINGS = Findings(
    "a picture of {}",
    (
        Finding("normal", ("a clear retina",), labels=("grade=0",)),
        Finding("mild", ("a spot or two",), labels=("grade=1",)),
        Finding("much", ("severe bleeding",), labels=("grade=2", "dr")),
        Finding("amd", ("a drusen",)),
    ),
)


class CompassTower:
    """Knows three words by their direction."""

    log_scale = 2.0
    vocabulary = "abc"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns vectors of two numbers."""
        angles = [0.0 if "clear" in t else 90.0 if "severe" in t else 45.0 for t in texts]
        radians = np.radians(angles)
        return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


@pytest.fixture
def photographs(tmp_path: Path) -> FundusDataset:
    """24 photographs of 12 patients, every other one diseased, every third with drusen."""
    folder = write_dataset(tmp_path / "data")
    opened = open_dataset(Workspace(tmp_path / "workspace"), DataSource(folder))
    amd = ["1", "0", "0"] * 8
    targets = (*opened.targets, Target("amd", "binary", ("0", "1"), ("amd",)))
    return replace(opened, table=opened.table.assign(amd=amd), targets=targets)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photographs: FundusDataset) -> Workspace:
    """A workspace with embeddings: the worse the grade, the nearer to 90 degrees."""
    monkeypatch.setitem(catalogue.BACKBONES, "speaking", SPEC)
    monkeypatch.setattr(prototypes, "load_tower", lambda *_, **__: CompassTower())
    workspace = Workspace(tmp_path / "workspace")
    workspace.weights.mkdir(parents=True)
    (workspace.weights / "speaking.pth").write_bytes(b"weights")
    grades = photographs.table["grade"].astype(float).to_numpy()
    noise = np.random.default_rng(0).normal(0, 12, len(grades))
    radians = np.radians(20 + 25 * grades + noise)
    vectors = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
    recipe = resolve(workspace, projected(CHOICE)).recipe
    store = EmbeddingStore(workspace.embeddings, recipe)
    with store.lock():
        store.add(vectors, list(photographs.image_ids), {})
    return workspace


@pytest.fixture
def said(tmp_path: Path) -> WordsChoice:
    """A file of findings in the three words of the tower."""
    write_findings(FINDINGS, tmp_path / "findings.json")
    return WordsChoice(tmp_path / "findings.json")


def choice(probe: str, target: str, words: WordsChoice, **other: object) -> ProbeChoice:
    return ProbeChoice(target, probe, folds=3, words=words, **other)  # type: ignore[arg-type]


def with_split(photographs: FundusDataset, tested: Sequence[str]) -> FundusDataset:
    """Returns the photographs with these patients set aside for testing."""
    is_test = photographs.table["patient_id"].isin(tested)
    return replace(
        photographs,
        table=photographs.table.assign(split=is_test.map({True: "test", False: "train"})),
    )


def distance(vectors: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns how far each vector is from the nearest of the others."""
    differences = vectors[:, None] - others[None]
    return np.asarray(np.linalg.norm(differences, axis=2).min(axis=1))


@pytest.mark.parametrize("probe", ADAPTERS)
@pytest.mark.parametrize("target", ["dr", "grade", "grade=1"])
def test_probe__stored_and_restored_it_scores_the_same(
    place: Workspace, photographs: FundusDataset, said: WordsChoice, probe: str, target: str
) -> None:
    own = with_split(photographs, ["P01", "P02", "P03", "P04", "P05"])

    run = probe_dataset(place, own, "d-1", CHOICE, choice(probe, target, said, use_split=True))

    restored = run_probe(place, run)
    predictions = run_predictions(place, run)
    vectors = EmbeddingStore(place.embeddings, run.embeddings).read(predictions.image_ids).vectors
    np.testing.assert_array_equal(restored.score(vectors), predictions.y_score)
    assert isinstance(restored, BottleneckProbe if probe == "clip_adapter" else CacheProbe)
    assert len(predictions.image_ids) == 10
    assert (run.kind, run.probe, run.embeddings.pooling) == ("probe", probe, "projected")


def test_probe__nobody_set_aside_is_remembered(
    place: Workspace, photographs: FundusDataset, said: WordsChoice
) -> None:
    own = with_split(photographs, ["P02", "P03", "P06", "P07"])

    run = probe_dataset(
        place, own, "d-1", CHOICE, choice("tip_adapter", "dr", said, use_split=True)
    )

    remembered = run_probe(place, run)
    assert isinstance(remembered, CacheProbe)
    set_aside = own.table["split"] == "test"
    stored = EmbeddingStore(place.embeddings, run.embeddings)
    tested = stored.read(list(photographs.table["image_id"][set_aside])).vectors
    learned = stored.read(list(photographs.table["image_id"][~set_aside])).vectors
    nearest = (tested @ remembered.keys.T).max(axis=1)
    assert len(remembered.keys) == 16
    np.testing.assert_allclose(
        np.sort(remembered.keys, axis=0), np.sort(learned, axis=0), atol=1e-6
    )
    assert (nearest < 1 - 1e-9).all()
    assert set(run_predictions(place, run).image_ids) == set(
        photographs.table["image_id"][set_aside]
    )


@pytest.mark.parametrize("target", ["dr", "grade", "grade=2", "dr,amd"])
def test_words_of__by_themselves_give_the_zero_shot_scores(
    place: Workspace, photographs: FundusDataset, said: WordsChoice, target: str
) -> None:
    by_words = zero_shot_dataset(
        place, photographs, "d-1", CHOICE, ZeroShotChoice(target, said.findings)
    )
    expected = run_predictions(place, by_words)
    resolved = resolve(place, projected(CHOICE))

    words = words_of(place, photographs, photographs.target(target), resolved, said)

    stored = EmbeddingStore(place.embeddings, resolved.recipe).read(expected.image_ids)
    alone = CacheProbe(
        expected.task,
        words.text,
        np.zeros((1, 2), np.float32),
        np.zeros((1, int(words.text.answer.max()) + 1), np.float32),
        np.zeros(1, np.float32),
        np.ones(1, np.float32),
    )
    np.testing.assert_allclose(alone.score(stored.vectors), expected.y_score, rtol=1e-6)


def test_probe__scores_photographs_of_another_data_set(
    place: Workspace, photographs: FundusDataset, said: WordsChoice
) -> None:
    run = probe_dataset(place, photographs, "d-1", CHOICE, choice("tip_adapter_f", "dr", said))

    outside = predict(place, run.id, photographs, "d-2")

    assert outside.n_scored == 24
    assert outside.run.auc is not None
    stored = EmbeddingStore(place.embeddings, run.embeddings).read(photographs.image_ids)
    scores = run_probe(place, run).score(stored.vectors)
    np.testing.assert_array_equal(outside.predictions.y_score, scores)


def test_probe__other_words_make_another_run_and_equal_ones_the_same(
    place: Workspace, photographs: FundusDataset, said: WordsChoice, tmp_path: Path
) -> None:
    first = probe_dataset(place, photographs, "d-1", CHOICE, choice("tip_adapter", "dr", said))
    again = probe_dataset(place, photographs, "d-1", CHOICE, choice("tip_adapter", "dr", said))
    much = replace(FINDINGS.findings[2], descriptions=("a spot",))
    write_findings(replace(FINDINGS, findings=(*FINDINGS.findings[:2], much)), tmp_path / "b.json")
    edited = replace(said, findings=tmp_path / "b.json")
    other = probe_dataset(place, photographs, "d-1", CHOICE, choice("tip_adapter", "dr", edited))
    unit = replace(said, prototypes="renormalised")
    labelled = probe_dataset(place, photographs, "d-1", CHOICE, choice("tip_adapter", "dr", unit))

    assert first == again
    assert len({first.id, other.id, labelled.id}) == 3
    assert len(list_runs(place)) == 3
    assert first.label.endswith(", Tip-Adapter")
    assert labelled.label == f"{first.label} (renormalised)"


def test_probe__a_fraction_learns_from_fewer_patients_and_is_tested_on_all(
    place: Workspace, photographs: FundusDataset, said: WordsChoice
) -> None:
    whole, half = (
        probe_dataset(
            place, photographs, "d-1", CHOICE, choice("tip_adapter", "dr", said, fraction=share)
        )
        for share in (1.0, 0.5)
    )

    assert (whole.n_images, half.n_images) == (24, 24)
    assert half.id != whole.id
    assert half.label == f"{whole.label}, 50 % of patients"
    all_remember, half_remember = (run_probe(place, run) for run in (whole, half))
    assert isinstance(all_remember, CacheProbe)
    assert isinstance(half_remember, CacheProbe)
    assert (len(all_remember.keys), len(half_remember.keys)) == (24, 8)


def test_probe__a_backbone_that_understands_no_words_is_refused(
    place: Workspace, photographs: FundusDataset, said: WordsChoice
) -> None:
    asked = choice("tip_adapter", "dr", said)

    with pytest.raises(BackboneError, match="resnet18 was not trained on words") as caught:
        probe_dataset(place, photographs, "d-1", BackboneChoice("resnet18"), asked)
    assert "logistic regression serves any backbone" in caught.value.hint
    with pytest.raises(BackboneError, match="'projected', not 'raw'"):
        probe_dataset(place, photographs, "d-1", replace(CHOICE, pooling="raw"), asked)
    with pytest.raises(WeightsError, match="random weights understands no words"):
        probe_dataset(place, photographs, "d-1", replace(CHOICE, weights="scratch"), asked)


def test_probe__words_that_would_have_no_effect_are_refused(
    place: Workspace, photographs: FundusDataset, said: WordsChoice
) -> None:
    with pytest.raises(TargetError, match="'logistic' reads no words") as caught:
        probe_dataset(place, photographs, "d-1", CHOICE, choice("logistic", "dr", said))

    assert "tip_adapter, tip_adapter_f, clip_adapter" in caught.value.hint


def test_probe__classes_of_which_nothing_is_said_are_named(
    place: Workspace, photographs: FundusDataset
) -> None:
    with pytest.raises(TargetError, match="say nothing of grade=0"):
        probe_dataset(
            place, photographs, "d-1", CHOICE, choice("tip_adapter", "grade", WordsChoice())
        )


def test_explain__a_probe_that_starts_from_words_cannot_be_explained_yet(
    place: Workspace, photographs: FundusDataset, said: WordsChoice
) -> None:
    run = probe_dataset(place, photographs, "d-1", CHOICE, choice("tip_adapter", "dr", said))

    with pytest.raises(SaliencyError, match="no weighted sum of features") as caught:
        explain(place, run.id, photographs.image_ids[0])

    assert "Fit a logistic probe" in caught.value.hint


def test_recipe__that_of_a_probe_without_words_is_found_as_it_was_stored() -> None:
    fields = {"dataset": "d", "embeddings": "e", "target": "dr", "positive": "1"}
    usual = ProbeRecipe(**fields, probe="logistic", folds=5, seed=0)
    told = AdapterRecipe(
        **fields, probe="logistic", folds=5, seed=0, prototypes=("p",), answers=(0,)
    )

    assert usual.fingerprint() == "5495a1cfebf3c494d5c6c5fe48bb3976"
    assert told.fingerprint() != usual.fingerprint()
