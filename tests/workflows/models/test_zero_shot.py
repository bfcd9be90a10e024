"""Zero-shot scores as a run, prototypes kept as files, and a search by words."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from fundus_core.backbones import catalogue
from fundus_core.backbones.base import BackboneSpec, Pooling
from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.errors import BackboneError, DataError, StoreError, TargetError, WeightsError
from fundus_core.io.embedding_store import EmbeddingStore
from fundus_core.io.findings import Finding, Findings, read_findings, write_findings
from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import auc_interval
from fundus_core.workflows.data.text_search import known_search, search_text
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, resolve
from fundus_core.workflows.evaluation.compare import compare
from fundus_core.workflows.models import prototypes
from fundus_core.workflows.models.prototypes import (
    Reading,
    TowerAt,
    projected,
    prototypes_of,
    tower_of,
    understands_words,
    write_prototypes,
)
from fundus_core.workflows.models.questions import question_of
from fundus_core.workflows.models.runs import list_runs, run_predictions, run_probe
from fundus_core.workflows.models.zero_shot import ZeroShotChoice, save_findings, zero_shot_dataset
from fundus_core.workflows.weights.teacher_tables import store_teachers, table_of_teachers

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

MULTILABEL = Target("dr,amd", "multilabel", ("dr", "amd"), ("dr", "amd"))
GRADES = {"h0": "0", "h1": "0", "m0": "1", "m1": "1", "s0": "2", "s1": "2"}
ANGLES = {"h0": 0, "h1": 20, "m0": 40, "m1": 55, "s0": 70, "s1": 90}
"""Direction of each photograph's embedding: healthy ones near 0 degrees, severe ones near 90."""


class CompassTower:
    """Knows three words by their direction, and counts how often it was asked."""

    log_scale = 2.0
    vocabulary = "abc"
    asked: list[tuple[str, ...]]

    def __init__(self) -> None:
        self.asked = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns vectors of two numbers."""
        self.asked.append(tuple(texts))
        angles = [0.0 if "clear" in t else 90.0 if "severe" in t else 45.0 for t in texts]
        radians = np.radians(angles)
        return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


@pytest.fixture
def tower(monkeypatch: pytest.MonkeyPatch) -> CompassTower:
    """The text tower that every backbone of this test has, and a backbone in the catalogue."""
    made = CompassTower()
    monkeypatch.setitem(catalogue.BACKBONES, "speaking", SPEC)
    monkeypatch.setattr(prototypes, "load_tower", lambda *_, **__: made)
    return made


@pytest.fixture
def place(tmp_path: Path, tower: CompassTower) -> Workspace:
    """A workspace with weights, and with embeddings of six photographs in known directions."""
    workspace = Workspace(tmp_path / "workspace")
    workspace.weights.mkdir(parents=True)
    (workspace.weights / "speaking.pth").write_bytes(b"weights")
    recipe = resolve(workspace, projected(CHOICE)).recipe
    radians = np.radians(list(ANGLES.values()))
    vectors = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
    store = EmbeddingStore(workspace.embeddings, recipe)
    with store.lock():
        store.add(7 * vectors, list(ANGLES), {})
    return workspace


def dataset(**columns: Sequence[str | None]) -> FundusDataset:
    """Returns the six photographs of three patients, each grade one patient."""
    rows = {
        "image_id": list(GRADES),
        "path": [f"/nowhere/{name}.jpg" for name in GRADES],
        "patient_id": [f"P{number // 2}" for number in range(6)],
        "eye": [None] * 6,
        "split": [None] * 6,
        "grade": list(GRADES.values()),
        "dr": ["0", "0", "1", "1", "1", "1"],
        "amd": ["0", "1", "0", "1", "0", "1"],
        **columns,
    }
    targets = (
        Target("grade", "multiclass", ("0", "1", "2"), ("grade",)),
        Target("dr", "binary", ("0", "1"), ("dr",)),
        Target("amd", "binary", ("0", "1"), ("amd",)),
    )
    return FundusDataset("six", "/nowhere", pd.DataFrame(rows, dtype=object), targets)


FINDINGS = Findings(
    "a picture of {}",
    (
        Finding("normal", ("a clear retina", "nothing but a clear view"), labels=("grade=0",)),
        Finding("mild", ("a spot or two",), labels=("grade=1",)),
        Finding("much", ("severe bleeding",), labels=("grade=2", "dr")),
        Finding("amd", ("severe drusen",)),
    ),
)


@pytest.fixture
def said(tmp_path: Path) -> Path:
    """A file of findings in the three words of the tower."""
    write_findings(FINDINGS, tmp_path / "findings.json")
    return tmp_path / "findings.json"


def softmax(cosines: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(np.exp(2.0) * cosines)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def cosines(*degrees: float) -> NDArray[np.float64]:
    """Returns those of the six photographs with directions, shape (6, len(degrees))."""
    return np.asarray(
        np.cos(np.radians(np.array(list(ANGLES.values()))[:, None] - np.array(degrees)))
    )


def test_zero_shot__grades_exclude_one_another(place: Workspace, said: Path) -> None:
    run = zero_shot_dataset(place, dataset(), "six-1", CHOICE, ZeroShotChoice("grade", said))

    predictions = run_predictions(place, run)
    # The last prompt of a class is its name, which the tower does not know: 45 degrees.
    means = [(0, 0, 45), (45, 45), (90, 45)]
    products = np.stack([cosines(*each).mean(axis=1) for each in means], axis=1)
    np.testing.assert_allclose(predictions.y_score, softmax(products), atol=1e-5)
    assert predictions.class_names == ("0", "1", "2")
    assert run.kind == "zero_shot"
    assert run.folds == ()


def test_zero_shot__one_grade_is_its_share_among_all(place: Workspace, said: Path) -> None:
    whole = zero_shot_dataset(place, dataset(), "six-1", CHOICE, ZeroShotChoice("grade", said))
    one = zero_shot_dataset(place, dataset(), "six-1", CHOICE, ZeroShotChoice("grade=2", said))

    np.testing.assert_allclose(
        run_predictions(place, one).y_score[:, 0], run_predictions(place, whole).y_score[:, 2]
    )


def test_zero_shot__columns_of_0_and_1_are_a_question_each(place: Workspace, said: Path) -> None:
    together, alone = (
        zero_shot_dataset(place, dataset(), "six-1", CHOICE, ZeroShotChoice(target, said))
        for target in ("dr,amd", "dr")
    )

    both = run_predictions(place, together).y_score
    np.testing.assert_allclose(both[:, [0]], run_predictions(place, alone).y_score)
    np.testing.assert_allclose(both[:, 0], both[:, 1], atol=1e-6)


def test_zero_shot__says_that_photographs_taught_the_weights(place: Workspace, said: Path) -> None:
    six = dataset()
    sha256 = resolve(place, projected(CHOICE)).recipe.weights_sha256
    first = table_of_teachers(six, six.image_ids[:3], np.ones(3, bool))
    store_teachers(place, sha256, first)

    run = zero_shot_dataset(place, six, "six-1", CHOICE, ZeroShotChoice("dr", said))

    (text,) = [one.text for one in run.cautions if one.code == "FD025"]
    assert text == f"3 of 6 photographs taught the weights {run.embeddings.weights!r}, with labels."


def test_zero_shot__its_auc_is_that_of_the_stored_scores(place: Workspace, said: Path) -> None:
    run = zero_shot_dataset(place, dataset(), "six-1", CHOICE, ZeroShotChoice("dr", said))

    scores = run_predictions(place, run)
    again = auc_interval(scores.y_true[:, 0], scores.y_score[:, 0], patients=scores.patient_ids)
    assert run.auc == again
    assert run.auc.auc == 1.0
    assert (run.n_images, run.n_patients) == (6, 3)
    assert [one.code for one in run.cautions] == ["FD002", "FD016"]


def test_zero_shot__photographs_without_a_label_take_no_part(place: Workspace, said: Path) -> None:
    six = dataset(dr=["0", "0", "1", None, "1", "1"])

    run = zero_shot_dataset(place, six, "six-1", CHOICE, ZeroShotChoice("dr", said))

    assert "m1" not in run_predictions(place, run).image_ids
    assert "FD008" in {one.code for one in run.cautions}


def test_zero_shot__is_compared_like_any_other_model(place: Workspace, said: Path) -> None:
    usual, other = (
        zero_shot_dataset(place, dataset(), "six-1", CHOICE, ZeroShotChoice("amd", said, kind))
        for kind in ("mean", "renormalised")
    )

    compared = compare(place, [usual.id, other.id])

    assert compared.paired
    assert usual.label.endswith(", zero-shot")
    assert other.label == f"{usual.label} (renormalised)"


def test_zero_shot__the_text_tower_is_asked_once(
    place: Workspace, said: Path, tower: CompassTower
) -> None:
    zero_shot_dataset(place, dataset(), "six-1", CHOICE, ZeroShotChoice("grade", said))
    first = list(tower.asked)

    zero_shot_dataset(place, dataset(), "six-1", CHOICE, ZeroShotChoice("grade=2", said))
    zero_shot_dataset(place, dataset(), "six-1", CHOICE, ZeroShotChoice("dr", said))

    assert tower.asked == first
    assert first[0] == (
        "a picture of a clear retina",
        "a picture of nothing but a clear view",
        "a picture of normal",
    )
    assert len(first) == 3


def test_zero_shot__other_words_are_read_anew_and_make_another_run(
    place: Workspace, said: Path, tower: CompassTower
) -> None:
    first = zero_shot_dataset(place, dataset(), "six-1", CHOICE, ZeroShotChoice("dr", said))
    n_asked = len(tower.asked)
    much = replace(FINDINGS.findings[2], descriptions=("a spot",))
    edited = replace(FINDINGS, findings=(*FINDINGS.findings[:2], much, FINDINGS.findings[3]))

    path = save_findings(place, edited)
    second = zero_shot_dataset(place, dataset(), "six-1", CHOICE, ZeroShotChoice("dr", path))

    assert len(tower.asked) == n_asked + 1
    assert second.id != first.id


def test_zero_shot__an_equal_run_is_stored_once(place: Workspace, said: Path) -> None:
    first, second = (
        zero_shot_dataset(place, dataset(), "six-1", CHOICE, ZeroShotChoice("dr", said))
        for _ in range(2)
    )

    assert first == second
    assert len(list_runs(place)) == 1


def test_zero_shot__a_run_has_no_probe_to_apply(place: Workspace, said: Path) -> None:
    run = zero_shot_dataset(place, dataset(), "six-1", CHOICE, ZeroShotChoice("dr", said))

    with pytest.raises(StoreError, match="words gave its scores and nothing was fitted"):
        run_probe(place, run)


def test_zero_shot__classes_of_which_nothing_is_said_are_named(place: Workspace) -> None:
    with pytest.raises(TargetError, match="say nothing of grade=0, grade=1, grade=2") as caught:
        zero_shot_dataset(place, dataset(), "six-1", CHOICE, ZeroShotChoice("grade"))

    assert "'grade=0' among the labels" in caught.value.hint


def test_question_of__two_classes_of_the_same_words_are_refused() -> None:
    names = ("normal", "healthy")
    six = dataset(state=["normal", "healthy"] * 3)
    target = Target("state", "binary", names, ("state",))

    with pytest.raises(TargetError, match="state=normal and state=healthy are the same finding"):
        question_of(six, target, read_findings())


def test_question_of__an_unknown_negative_is_the_opposite_of_the_positive() -> None:
    target = Target("state", "binary", ("unremarkable", "drusen"), ("state",))

    question = question_of(dataset(), target, read_findings())

    assert [one.finding.name for one in question.classes] == ["normal", "drusen"]
    assert question.exclusive
    assert question.scored == (1,)


@pytest.mark.parametrize(
    ("choice", "error", "message"),
    [
        (BackboneChoice("resnet18"), BackboneError, "resnet18 was not trained on words"),
        (replace(CHOICE, pooling="raw"), BackboneError, "'projected', not 'raw'"),
        (replace(CHOICE, weights="scratch"), WeightsError, "random weights understands no words"),
    ],
)
def test_zero_shot__a_backbone_that_understands_no_words_is_refused(
    place: Workspace, said: Path, choice: BackboneChoice, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        zero_shot_dataset(place, dataset(), "six-1", choice, ZeroShotChoice("dr", said))


def test_zero_shot__prototypes_made_elsewhere_serve_without_a_text_tower(
    place: Workspace, said: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = tower_of(resolve(place, projected(CHOICE)))
    elsewhere = Workspace(tmp_path / "elsewhere")
    made = prototypes_of(elsewhere, at, FINDINGS.findings, Reading(FINDINGS.template))
    write_prototypes(tmp_path / "carried.safetensors", made)
    monkeypatch.setattr(prototypes, "load_tower", None)

    run = zero_shot_dataset(
        place,
        dataset(),
        "six-1",
        CHOICE,
        ZeroShotChoice("dr", said, import_from=tmp_path / "carried.safetensors"),
    )

    assert run.auc is not None
    assert run.auc.auc == 1.0


def test_zero_shot__a_file_without_prototypes_of_a_class_is_named(
    place: Workspace, said: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_tower(*_: object, **__: object) -> None:
        raise WeightsError("There is no vocabulary.", hint="Bring prototypes.")

    at = tower_of(resolve(place, projected(CHOICE)))
    other = Workspace(tmp_path / "elsewhere")
    normal, _, much, _ = FINDINGS.findings
    made = prototypes_of(other, at, [normal], Reading(FINDINGS.template))
    write_prototypes(tmp_path / "carried.safetensors", made)
    monkeypatch.setattr(prototypes, "load_tower", no_tower)
    choice = ZeroShotChoice("dr", said, import_from=tmp_path / "carried.safetensors")

    with pytest.raises(
        DataError, match=rf"carried\.safetensors has no prototypes of {much.name} as "
    ) as found:
        zero_shot_dataset(place, dataset(), "six-1", CHOICE, choice)

    assert "There is no vocabulary." in found.value.message
    assert "Make the file again" in found.value.hint


def test_zero_shot__prototypes_of_other_weights_are_refused(
    place: Workspace, said: Path, tmp_path: Path
) -> None:
    other = TowerAt(SPEC, Path("other.pth"), "f" * 64)
    made = prototypes_of(place, other, FINDINGS.findings[:1], Reading(FINDINGS.template))
    write_prototypes(tmp_path / "other.safetensors", made)

    with pytest.raises(DataError, match="prototypes of the weights ffffffffffff"):
        zero_shot_dataset(
            place,
            dataset(),
            "six-1",
            CHOICE,
            ZeroShotChoice("dr", said, import_from=tmp_path / "other.safetensors"),
        )


def test_zero_shot__a_file_that_holds_no_prototypes_is_refused(
    place: Workspace, said: Path
) -> None:
    with pytest.raises(DataError, match="cannot be read as a file of prototypes"):
        zero_shot_dataset(
            place, dataset(), "six-1", CHOICE, ZeroShotChoice("dr", said, import_from=said)
        )


def test_search__ranks_photographs_by_their_cosine_with_the_words(place: Workspace) -> None:
    found = search_text(place, dataset(), CHOICE, "  severe   bleeding ", count=2)

    assert found.words == "severe bleeding"
    assert list(found.cosines) == ["s1", "s0"]
    assert found.cosines["s1"] == pytest.approx(1.0, abs=1e-6)
    assert found.n_images == 6


def test_search__words_read_before_are_found_without_the_tower(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved = resolve(place, projected(CHOICE))
    vectors = EmbeddingStore(place.embeddings, resolved.recipe).read(list(ANGLES))
    assert known_search(place, resolved.recipe, vectors, "severe bleeding") is None

    search_text(place, dataset(), CHOICE, "severe bleeding", count=1)
    monkeypatch.setattr(prototypes, "load_tower", None)
    found = known_search(place, resolved.recipe, vectors, "severe  bleeding")

    assert found is not None
    assert list(found) == ["s1", "s0", "m1", "m0", "h1", "h0"]


def test_search__without_words_there_is_nothing_to_look_for(place: Workspace) -> None:
    with pytest.raises(TargetError, match="no words"):
        search_text(place, dataset(), CHOICE, "   ")


def test_understands_words__only_in_the_space_of_the_words(place: Workspace) -> None:
    recipe = resolve(place, projected(CHOICE)).recipe

    assert understands_words(recipe)
    assert not understands_words(replace(recipe, pooling="raw"))
    assert not understands_words(replace(recipe, backbone="resnet18"))
    assert not understands_words(replace(recipe, backbone="of another installation"))
