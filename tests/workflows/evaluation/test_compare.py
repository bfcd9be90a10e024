"""Comparing models: joined by image, by patient where known, refused where they do not match."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fundus_core.errors import (
    DataError,
    DifferentImagesError,
    NoVarianceError,
    ScoresError,
    TargetError,
)
from fundus_core.io.workspace import Workspace
from fundus_core.stats.contrasts import all_equal
from fundus_core.stats.delong import compare_paired
from fundus_core.stats.inputs import IndependentUnits
from fundus_core.workflows.evaluation.compare import compare
from tests.pages.evaluated import GOOD, predictions, store

Y_TRUE = [0, 0, 0, 0, 1, 1, 1, 1]
SCORE_A = [0.1, 0.4, 0.35, 0.2, 0.8, 0.3, 0.7, 0.9]
SCORE_B = [0.2, 0.5, 0.6, 0.1, 0.4, 0.3, 0.9, 0.55]


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def write(path: Path, scores: list[float], **columns: list[object]) -> str:
    """Writes a table of predictions and returns its path."""
    pd.DataFrame({"y_true": Y_TRUE, "y_score": scores, **columns}).to_csv(path, index=False)
    return str(path)


def test_compare__rows_are_joined_by_image_not_by_position(place: Workspace) -> None:
    ids = [f"i{number}" for number in range(8)]
    a = write(place.root / "a.csv", SCORE_A, image_id=ids)
    table = pd.DataFrame({"y_true": Y_TRUE, "y_score": SCORE_B, "image_id": ids})
    table.to_csv(place.root / "b.csv", index=False)
    table.sample(frac=1, random_state=1).to_csv(place.root / "shuffled.csv", index=False)

    in_order = compare(place, [a, str(place.root / "b.csv")])
    shuffled = compare(place, [a, str(place.root / "shuffled.csv")])

    assert in_order.pairs[0].result == shuffled.pairs[0].result
    assert in_order.pairs[0].result.z == pytest.approx(compare_paired(Y_TRUE, SCORE_A, SCORE_B).z)


def test_compare__known_patients_give_the_clustered_test_with_the_plain_one_beside(
    place: Workspace,
) -> None:
    ids = [f"i{number}" for number in range(8)]
    patients = ["p0", "p0", "p1", "p1", "p2", "p2", "p3", "p3"]
    a = write(place.root / "a.csv", SCORE_A, image_id=ids, patient_id=patients)
    b = write(place.root / "b.csv", SCORE_B, image_id=ids, patient_id=patients)

    result = compare(place, [a, b])

    pair = result.pairs[0]
    expected = compare_paired(Y_TRUE, SCORE_A, SCORE_B, patients=patients)
    assert result.n_patients == 4
    assert pair.result == expected
    assert pair.plain is not None
    assert pair.plain.p_value != pair.result.p_value
    assert not [caution for caution in result.cautions if caution.code == "FD003"]


def test_compare__unknown_patients_are_a_loud_caution(place: Workspace) -> None:
    a, b = (write(place.root / f"{n}.csv", s) for n, s in (("a", SCORE_A), ("b", SCORE_B)))

    result = compare(place, [a, b])

    assert [caution.code for caution in result.cautions] == ["FD003", "FD019"]
    assert result.pairs[0].plain is None


def test_compare__a_model_does_not_differ_from_its_copy(place: Workspace) -> None:
    copies = [write(place.root / name, SCORE_A) for name in ("a.csv", "copy.csv")]

    pair = compare(place, copies).pairs[0]

    assert (pair.result.z, pair.result.p_value, pair.p_holm) == (0.0, 1.0, 1.0)


def test_compare__three_models_are_corrected_for(place: Workspace) -> None:
    worse = [1 - score for score in SCORE_A]
    names = [
        write(place.root / f"{name}.csv", scores)
        for name, scores in (("a", SCORE_A), ("b", SCORE_B), ("c", worse))
    ]

    pairs = compare(place, names).pairs

    raw = np.array([pair.result.p_value for pair in pairs])
    order = raw.argsort()
    stepped = np.maximum.accumulate(raw[order] * np.array([3, 2, 1])).clip(max=1)
    assert [pairs[k].p_holm for k in order] == pytest.approx(list(stepped))
    stepped_up = np.minimum.accumulate((raw[order] * np.array([3, 1.5, 1]))[::-1])[::-1]
    assert [pairs[k].p_bh for k in order] == pytest.approx(list(stepped_up))


def test_compare__three_models_get_one_test_of_all(place: Workspace) -> None:
    ids = [f"i{number}" for number in range(8)]
    patients = ["p0", "p0", "p1", "p1", "p2", "p2", "p3", "p3"]
    scores = {"a": SCORE_A, "b": SCORE_B, "c": [1 - score for score in SCORE_A]}
    names = [
        write(place.root / f"{name}.csv", one, image_id=ids, patient_id=patients)
        for name, one in scores.items()
    ]

    joint = compare(place, names).all_equal

    expected = all_equal(Y_TRUE, list(scores.values()), patients=patients)
    assert joint.result == expected
    assert joint.reason == ""
    assert compare(place, names[:2]).all_equal.result is None


def test_compare__one_test_of_all_says_why_it_is_not_made(place: Workspace) -> None:
    apart = [
        write(place.root / f"{name}.csv", SCORE_A, image_id=[f"{name}{n}" for n in range(8)])
        for name in "abc"
    ]
    halves = {"a": SCORE_A, "b": SCORE_B, "c": [0.5] * 8, "d": [float(y) for y in Y_TRUE]}
    same = [write(place.root / f"same-{name}.csv", one) for name, one in halves.items()]

    assert "same photographs" in compare(place, apart).all_equal.reason
    with pytest.raises(NoVarianceError):
        compare(place, same)


def test_compare__units_are_patients_where_they_are_known(place: Workspace) -> None:
    ids = [f"i{number}" for number in range(8)]
    patients = ["p0", "p0", "p1", "p1", "p2", "p2", "p3", "p2"]
    known, unknown = (
        [
            write(place.root / f"{name}{number}.csv", scores, image_id=ids, **columns)
            for number, scores in enumerate((SCORE_A, SCORE_B))
        ]
        for name, columns in (("known", {"patient_id": patients}), ("unknown", {}))
    )

    assert compare(place, known).units == IndependentUnits(2, 2, 4)
    assert compare(place, unknown).units == IndependentUnits(4, 4, 8)


def test_compare__models_of_different_photographs_get_the_unpaired_test(place: Workspace) -> None:
    a = write(place.root / "a.csv", SCORE_A, image_id=[f"a{n}" for n in range(8)])
    b = write(place.root / "b.csv", SCORE_B, image_id=[f"b{n}" for n in range(8)])

    result = compare(place, [a, b])

    assert result.sizes == ((8, None), (8, None))
    assert not result.paired
    assert result.pairs[0].result.degrees_of_freedom is not None


def test_compare__partly_different_photographs_are_refused_unless_asked_for(
    place: Workspace,
) -> None:
    a = write(place.root / "a.csv", SCORE_A, image_id=[f"i{n}" for n in range(8)])
    b = write(place.root / "b.csv", SCORE_B, image_id=[*[f"i{n}" for n in range(7)], "other"])

    with pytest.raises(DifferentImagesError, match="8, 8 photographs; 7 are the same"):
        compare(place, [a, b])

    assert compare(place, [a, b], common=True).n_images == 7


def test_compare__other_labels_for_the_same_photographs_are_refused(place: Workspace) -> None:
    ids = [f"i{n}" for n in range(8)]
    a = write(place.root / "a.csv", SCORE_A, image_id=ids)
    pd.DataFrame({"y_true": Y_TRUE[::-1], "y_score": SCORE_B, "image_id": ids}).to_csv(
        place.root / "b.csv", index=False
    )

    with pytest.raises(DifferentImagesError, match="8 of 8 photographs have another label"):
        compare(place, [a, str(place.root / "b.csv")])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_compare__models_that_disagree_about_patients_are_refused(
    place: Workspace, order: tuple[int, int]
) -> None:
    ids = [f"i{number}" for number in range(8)]
    pairs = ["p0", "p0", "p1", "p1", "p2", "p2", "p3", "p3"]
    halves = ["p0", "p0", "p0", "p0", "p1", "p1", "p1", "p1"]
    tables = [
        write(place.root / "pairs.csv", SCORE_A, image_id=ids, patient_id=pairs),
        write(place.root / "halves.csv", SCORE_B, image_id=ids, patient_id=halves),
    ]

    with pytest.raises(DifferentImagesError, match=r"are of [24] patients in .* and of [24] in "):
        compare(place, [tables[number] for number in order])


def test_compare__tables_paired_by_their_order_are_a_loud_caution(place: Workspace) -> None:
    ids = [f"i{number}" for number in range(8)]
    named = [
        write(place.root / f"{name}.csv", scores, image_id=ids)
        for name, scores in (("a", SCORE_A), ("b", SCORE_B))
    ]
    nameless = [
        write(place.root / f"{name}.csv", scores)
        for name, scores in (("c", SCORE_A), ("d", SCORE_B))
    ]

    codes = [{one.code for one in compare(place, two).cautions} for two in (named, nameless)]

    assert "FD019" not in codes[0]
    assert "FD019" in codes[1]


def test_compare__patients_may_be_called_otherwise(place: Workspace) -> None:
    ids = [f"i{number}" for number in range(8)]
    names, numbers = list("aabbccdd"), [7, 7, 3, 3, 9, 9, 1, 1]
    a = write(place.root / "a.csv", SCORE_A, image_id=ids, patient_id=names)
    b = write(place.root / "b.csv", SCORE_B, image_id=ids, patient_id=numbers)
    same = write(place.root / "c.csv", SCORE_B, image_id=ids, patient_id=names)

    assert compare(place, [a, b]).pairs[0].result == compare(place, [a, same]).pairs[0].result


def test_compare__tables_that_name_some_patients_are_a_caution(place: Workspace) -> None:
    ids, some = [f"i{number}" for number in range(8)], ["a", "a", "b", "b", "c", "c", None, " "]
    a = write(place.root / "a.csv", SCORE_A, image_id=ids, patient_id=some)
    b = write(place.root / "b.csv", SCORE_B, image_id=ids, patient_id=some)

    found = compare(place, [a, b])

    assert [(one.code, one.text) for one in found.cautions] == [
        ("FD004", "2 of 8 name no patient.")
    ]
    assert found.n_patients == 5


def test_compare__one_model_is_not_enough(place: Workspace) -> None:
    with pytest.raises(TargetError, match="1 model was named"):
        compare(place, ["a.csv"])


def test_compare__a_model_named_twice_is_refused_however_its_table_is_written(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = write(place.root / "a.csv", SCORE_A), write(place.root / "b.csv", SCORE_B)
    monkeypatch.chdir(place.root)

    for again in (a, "a.csv", f"{place.root}/../{place.root.name}/a.csv"):
        with pytest.raises(TargetError, match="are the same model"):
            compare(place, [a, b, again])
    store(place.root, "good-0a1b2c3d", predictions("good", GOOD))
    for again in ("good-0a1b2c3d", "good"):
        with pytest.raises(TargetError, match=f"good-0a1b2c3d and {again} are the same model"):
            compare(place, ["good-0a1b2c3d", a, again])


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("y_true,score\n1,0.5\n", DataError, "no column y_score"),
        ("y_true,y_score\n2,0.5\n", ScoresError, "1 of 1 labels other than 0 and 1"),
        ("y_true,y_score\n1,nan\n0,0.2\n", ScoresError, "1 of 2 values of y_score"),
        ("image_id,y_true,y_score\na,1,0.5\na,0,0.2\n", ScoresError, "1 photographs more than"),
    ],
)
def test_compare__tables_that_cannot_be_used_say_why(
    place: Workspace, content: str, error: type[Exception], message: str
) -> None:
    path = place.root / "bad.csv"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(error, match=message):
        compare(place, [str(path), "another.csv"])


def test_compare__patients_in_place_of_photographs(place: Workspace) -> None:
    ids = [f"i{number}" for number in range(8)]
    patients = ["p", "p", "q", "q", "r", "r", "s", "s"]
    tables = [
        write(place.root / f"{name}.csv", scores, image_id=ids, patient_id=patients)
        for name, scores in (("a", SCORE_A), ("b", SCORE_B))
    ]

    found = compare(place, tables, aggregate="mean")

    labels = [0, 0, 1, 1]
    means = [np.reshape(scores, (4, 2)).mean(axis=1) for scores in (SCORE_A, SCORE_B)]
    expected = compare_paired(labels, *means, patients=["p", "q", "r", "s"])
    assert (found.n_images, found.n_patients, found.aggregate) == (4, 4, "mean")
    assert found.pairs[0].result == expected


def test_compare__patients_cannot_be_compared_on_where_they_are_unknown(place: Workspace) -> None:
    ids = [f"i{number}" for number in range(8)]
    tables = [
        write(place.root / f"{name}.csv", scores, image_id=ids)
        for name, scores in (("a", SCORE_A), ("b", SCORE_B))
    ]

    with pytest.raises(ScoresError, match="no patient ids"):
        compare(place, tables, aggregate="max")
