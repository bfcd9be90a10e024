"""Labels to look at again: of one model and of several, by target, with what is known of each."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import (
    DataError,
    DifferentImagesError,
    ScoresError,
    SingleClassError,
    TargetError,
)
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.evaluation import label_quality
from fundus_core.workflows.evaluation.label_quality import SCORE, review_labels, write_review
from tests.fakes import tiny_dataset
from tests.workflows.evaluation.test_metrics import DISEASES, DR, GRADE, held_out, stored

WRONG = 11


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def sure(target: object = DR, *, seed: int = 0) -> Predictions:
    """Returns good scores of 80 photographs, of which one has another label than it should."""
    said = held_out(target, seed=seed)  # type: ignore[arg-type]
    noise = 0.1 * np.random.default_rng(seed).random(said.y_score.shape)
    y_score = np.where(said.y_true, 0.85, 0.05) + noise
    y_score[WRONG] = np.where(said.y_true[WRONG], 0.98, 0.01)
    y_true = said.y_true.copy()
    y_true[WRONG] = np.roll(y_true[WRONG], 1) if y_true.shape[1] > 1 else ~y_true[WRONG]
    return replace(said, y_score=y_score, y_true=y_true)


def wrong_first(data: FundusDataset) -> Predictions:
    """Returns good scores of a tiny data set, of which h0OD has another label than it should."""
    positive = np.array([[name.startswith("d")] for name in data.image_ids])
    y_true = positive.copy()
    y_true[0] = True  # its other eye stays healthy
    scores = np.where(positive, 0.9, 0.1)
    return Predictions("", "binary", ("1",), data.image_ids, y_true, scores, data.patient_ids)


def test_review_labels__the_wrong_label_comes_first_and_is_flagged(place: Workspace) -> None:
    stored(place, DR, sure())

    review = review_labels(place, ["run"])

    first = review.table.iloc[0]
    assert (first["image_id"], first["rank"], first["flagged"]) == ("i11", 1, True)
    assert {first["given"], first["suggested"]} == {"0", "1"}
    assert first["quality"] == pytest.approx(first[f"{SCORE}model"])
    assert review.table["quality"].is_monotonic_increasing
    assert list(review.suspects()["image_id"]) == ["i11"]
    assert (review.n_images, review.n_patients, review.n_other) == (80, 40, 0)


def test_review_labels__words_alone_are_no_probabilities(place: Workspace) -> None:
    stored(place, DR, sure())
    stored(place, DR, sure(seed=1), run_id="words", kind="zero_shot")

    with pytest.raises(ScoresError, match="words scored by words alone"):
        review_labels(place, ["run", "words"])


def test_review_labels__of_grades_the_likeliest_one_is_suggested(place: Workspace) -> None:
    said = sure(GRADE)
    stored(place, GRADE, said)

    first = review_labels(place, ["run"]).table.iloc[0]

    assert first["class"] == "grade"
    assert first["given"] == str(said.y_true[WRONG].argmax())
    assert first["suggested"] == str(said.y_score[WRONG].argmax())
    assert first["quality"] == pytest.approx(
        said.y_score[WRONG, int(first["given"])] / said.y_score[WRONG].sum()
    )


def test_review_labels__of_several_diseases_each_is_asked_by_itself(place: Workspace) -> None:
    said = sure(DISEASES)
    y_true = said.y_true.copy()
    y_true[:, 2] = False
    stored(place, DISEASES, replace(said, y_true=y_true))

    review = review_labels(place, ["run"])

    assert len(review.table) == 160
    assert review.skipped == ("rvo",)
    changed = {
        name
        for column, name in enumerate(("dr", "amd"))
        if y_true[WRONG, column] != (said.y_score[WRONG, column] > 0.5)
    }
    suspects = review.suspects()
    assert set(suspects["image_id"]) == {"i11"}
    assert set(suspects["class"]) == changed


def test_review_labels__models_are_joined_and_their_disagreement_is_the_largest_difference(
    place: Workspace,
) -> None:
    a, b = sure(seed=0), sure(seed=1)
    scores = b.y_score.copy()
    scores[20] = 1 - scores[20]
    order = np.random.default_rng(0).permutation(80)
    stored(place, DR, a, run_id="a")
    stored(place, DR, replace(b, y_score=scores).select(order), run_id="b")

    review = review_labels(place, ["a", "b"])

    assert review.models == ("model [1]", "model [2]")
    row = review.table.set_index("image_id").loc["i11"]
    of_given = np.array([1 - one.y_score[WRONG, 0] for one in (a, b)])
    if a.y_true[WRONG, 0]:
        of_given = 1 - of_given
    assert [row[f"{SCORE}{name}"] for name in review.models] == pytest.approx(of_given)
    assert row["quality"] == pytest.approx(of_given.mean())
    assert row["n_flagging"] == 2
    disputed = review.disputed(5)
    assert disputed["image_id"][0] == "i20"
    assert len(disputed) == 5


def test_review_labels__one_model_disputes_nothing(place: Workspace) -> None:
    stored(place, DR, sure())

    assert review_labels(place, ["run", "run"]).disputed().empty


def test_review_labels__photographs_not_all_models_scored_are_counted(place: Workspace) -> None:
    stored(place, DR, sure(), run_id="a")
    stored(place, DR, sure(seed=1).select(np.arange(70)), run_id="b")

    review = review_labels(place, ["a", "b"])

    assert (review.n_images, review.n_other) == (70, 10)


def test_review_labels__name_the_file_and_the_patients_other_labels(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tiny_dataset(n_patients=6)
    stored(place, DR, wrong_first(data))
    monkeypatch.setattr(label_quality, "_dataset", lambda workspace, run: data)

    first = review_labels(place, ["run"]).table.iloc[0]

    assert (first["image_id"], first["patient_id"], first["eye"]) == ("h0OD", "P0", "OD")
    assert first["path"] == "/nowhere/0OD.jpg"
    assert first["other_labels"] == "other eye: 0"


def test_review_labels__photographs_that_left_the_data_set_are_left_out_and_counted(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tiny_dataset(n_patients=6)
    said = wrong_first(data)
    stored(place, DR, said)
    monkeypatch.setattr(label_quality, "_dataset", lambda workspace, run: data)
    whole = review_labels(place, ["run"])
    fewer = data.select([name for name in data.image_ids if name != "h0OD"])
    monkeypatch.setattr(label_quality, "_dataset", lambda workspace, run: fewer)

    review = review_labels(place, ["run"])

    assert (whole.n_gone, whole.n_images) == (0, 12)
    assert whole.table["image_id"][0] == "h0OD"
    assert (review.n_gone, review.n_images, review.n_other) == (1, 11, 0)
    assert "h0OD" not in set(review.table["image_id"])
    assert list(review.table["rank"]) == list(range(1, 12))
    assert review.table["path"].notna().all()
    assert review.table.set_index("image_id")["other_labels"]["h0OS"] == ""


def test_review_labels__refuses_where_all_photographs_left_the_data_set(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(place, DR, sure())
    elsewhere = tiny_dataset(n_patients=6)
    monkeypatch.setattr(label_quality, "_dataset", lambda workspace, run: elsewhere)

    with pytest.raises(DifferentImagesError, match="None of the 80 photographs"):
        review_labels(place, ["run"])


def test_review_labels__an_eye_that_is_not_known_is_not_the_other_one(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tiny_dataset(n_patients=6)
    table = data.table.assign(eye=data.table["eye"].where(data.table["eye"] == "OD", None))
    stored(place, DR, wrong_first(data))
    blank = replace(data, table=table.astype(object))
    monkeypatch.setattr(label_quality, "_dataset", lambda workspace, run: blank)

    first = review_labels(place, ["run"]).table.iloc[0]

    assert (first["image_id"], first["other_labels"]) == ("h0OD", "same patient: 0")


def test_review_labels__a_table_of_predictions_will_do(place: Workspace, tmp_path: Path) -> None:
    said = sure()
    pd.DataFrame({"y_true": said.y_true[:, 0].astype(int), "y_score": said.y_score[:, 0]}).to_csv(
        tmp_path / "made_elsewhere.csv", index=False
    )

    review = review_labels(place, [str(tmp_path / "made_elsewhere.csv")])

    first = review.table.iloc[0]
    assert (first["image_id"], first["path"], review.n_patients) == ("row 11", None, None)
    assert [caution.code for caution in review.cautions] == ["FD003"]


def test_review_labels__refusals_say_what_does_not_fit(place: Workspace) -> None:
    said = sure()
    stored(place, DR, said, run_id="a")
    stored(place, GRADE, sure(GRADE), run_id="grades")
    elsewhere = replace(said, image_ids=tuple(f"other{row}" for row in range(80)))
    stored(place, DR, elsewhere, run_id="elsewhere")
    stored(place, DR, replace(said, y_score=said.y_score * 3), run_id="logits")
    one_label = replace(said, y_true=np.ones_like(said.y_true))

    with pytest.raises(TargetError, match="No model was named"):
        review_labels(place, [])
    with pytest.raises(TargetError, match=r"grades predicts 0, 1, 2 .* a 1"):
        review_labels(place, ["a", "grades"])
    with pytest.raises(DifferentImagesError, match="2 models have no photograph in common"):
        review_labels(place, ["a", "elsewhere"])
    with pytest.raises(ScoresError, match="logits has scores outside of 0 to 1"):
        review_labels(place, ["logits"])
    pd.DataFrame({"y_true": one_label.y_true[:, 0].astype(int), "y_score": 0.5}).to_csv(
        place.root / "one.csv", index=False
    )
    with pytest.raises(SingleClassError, match="All 80 photographs have the same label"):
        review_labels(place, [str(place.root / "one.csv")])


def test_write_review__holds_the_suspects_and_says_what_they_are_not(
    place: Workspace, tmp_path: Path
) -> None:
    stored(place, DR, sure())
    review = review_labels(place, ["run"])

    path = write_review(review, tmp_path / "lists" / "review.csv")

    assert "no proof that the label is wrong" in path.read_text(encoding="utf-8").splitlines()[0]
    table = pd.read_csv(path, comment="#")
    assert list(table["image_id"]) == ["i11"]
    assert {"path", "patient_id", "given", "suggested", "quality", f"{SCORE}model"} <= set(table)
    with pytest.raises(DataError, match="is a folder"):
        write_review(review, tmp_path)
