"""Models of several diseases: joined by photograph, corrected together, nothing left unsaid."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fundus_core.errors import DataError, DifferentImagesError, ScoresError, TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import auc_interval, compare_paired
from fundus_core.workflows.evaluation.classes import compare_classes, model_classes

CLASSES = ("dr", "amd", "rvo")
PATIENTS = np.repeat([f"P{number}" for number in range(40)], 2)
Y_TRUE = np.stack(
    [
        np.arange(80) < 40,
        np.arange(80) // 2 % 3 == 0,
        np.arange(80) // 2 == 7,  # a single patient
    ],
    axis=1,
)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def scores(seed: int, strength: float) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=Y_TRUE.shape)
    return noise + strength * Y_TRUE


def table(score: np.ndarray, *, patients: bool = True) -> pd.DataFrame:
    """Returns a table of predictions as another program might write it."""
    written = pd.DataFrame({"image_id": [f"i{row}" for row in range(80)]})
    if patients:
        written["patient_id"] = PATIENTS
    for column, name in enumerate(CLASSES):
        written[f"y_true_{name}"] = Y_TRUE[:, column].astype(int)
        written[f"y_score_{name}"] = score[:, column]
    return written


def write(place: Workspace, name: str, content: pd.DataFrame) -> str:
    path = place.root / f"{name}.csv"
    content.to_csv(path, index=False)
    return str(path)


def test_model_classes__reads_a_table_with_a_column_per_class(place: Workspace) -> None:
    score = scores(0, 1.0)
    path = write(place, "a", table(score))

    found = model_classes(place, path)

    assert (found.n_images, found.n_patients, found.label) == (80, 40, "a")
    alone = auc_interval(Y_TRUE[:, 1], score[:, 1], patients=PATIENTS)
    interval = found.aucs.classes[1].interval
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((alone.low, alone.high))
    assert [row.class_name for row in found.aucs.classes] == list(CLASSES)


def test_compare_classes__corrects_over_the_classes_that_can_be_tested(place: Workspace) -> None:
    a, b = scores(0, 1.5), scores(1, 0.7)
    paths = [write(place, "a", table(a)), write(place, "b", table(b))]

    found = compare_classes(place, paths)

    tested = found.pairs[0].classes
    raw = [
        compare_paired(Y_TRUE[:, k], a[:, k], b[:, k], patients=PATIENTS).p_value for k in (0, 1)
    ]
    smaller, larger = sorted(raw)
    assert found.n_tests == 2
    assert sorted(test.p_holm for test in tested[:2]) == pytest.approx(
        [min(2 * smaller, 1), max(min(2 * smaller, 1), larger)]
    )
    assert tested[2].p_holm is None
    assert "1 patient with it" in tested[2].reason


def test_compare_classes__an_average_of_one_pair_is_not_corrected(place: Workspace) -> None:
    paths = [
        write(place, name, table(scores(seed, strength)))
        for name, seed, strength in (("a", 0, 1.5), ("b", 1, 0.7), ("c", 2, 1.0))
    ]

    one_pair, three = compare_classes(place, paths[:2]), compare_classes(place, paths)

    macro = one_pair.pairs[0].macro
    assert macro.result is not None
    assert macro.p_holm == macro.result.p_value
    assert three.n_tests == 6
    raw = sorted(pair.macro.result.p_value for pair in three.pairs if pair.macro.result)
    adjusted = sorted(pair.macro.p_holm for pair in three.pairs if pair.macro.p_holm is not None)
    assert adjusted[0] == pytest.approx(min(3 * raw[0], 1))


def test_compare_classes__joins_rows_by_image_and_columns_by_class(place: Workspace) -> None:
    a, b = table(scores(0, 1.5)), table(scores(1, 0.7))
    shuffled = b.sample(frac=1, random_state=0)[
        ["image_id", "patient_id", *reversed(b.columns[2:])]
    ]
    paths = [write(place, "a", a), write(place, "b", b), write(place, "other", shuffled)]

    in_order = compare_classes(place, paths[:2])
    joined = compare_classes(place, [paths[0], paths[2]])

    assert joined.pairs[0].classes == in_order.pairs[0].classes
    assert joined.pairs[0].micro == in_order.pairs[0].micro


def test_compare_classes__of_different_photographs_is_unpaired(place: Workspace) -> None:
    other = table(scores(1, 0.7)).assign(image_id=lambda rows: "x" + rows["image_id"])
    other["patient_id"] = "x" + other["patient_id"]
    paths = [write(place, "a", table(scores(0, 1.5))), write(place, "b", other)]

    found = compare_classes(place, paths)

    assert not found.paired
    assert found.pairs[0].macro.result is not None
    assert found.pairs[0].macro.result.degrees_of_freedom is not None


def test_compare_classes__unknown_patients_are_a_loud_caution(place: Workspace) -> None:
    paths = [
        write(place, name, table(scores(seed, 1.0), patients=False))
        for name, seed in (("a", 0), ("b", 1))
    ]

    found = compare_classes(place, paths)

    assert [caution.code for caution in found.cautions] == ["FD003", "FD018"]
    assert found.n_patients is None


def test_compare_classes__refuses_models_of_other_classes_or_other_photographs(
    place: Workspace,
) -> None:
    whole = table(scores(0, 1.5))
    a = write(place, "a", whole)
    without = write(place, "without", whole.drop(columns=["y_true_rvo", "y_score_rvo"]))
    fewer = write(place, "fewer", whole.iloc[:-2])

    with pytest.raises(TargetError, match=r"predicts dr, amd, rvo.*predicts dr, amd"):
        compare_classes(place, [a, without])
    with pytest.raises(DifferentImagesError, match="80, 78 photographs; 78 are the same"):
        compare_classes(place, [a, fewer])
    with pytest.raises(TargetError, match="1 model was named"):
        compare_classes(place, [a])
    assert compare_classes(place, [a, fewer], common=True).n_images == 78


def test_model_classes__tables_that_cannot_be_used_say_why(place: Workspace) -> None:
    whole = table(scores(0, 1.5))
    halved = write(place, "halved", whole.drop(columns="y_score_amd"))
    graded = write(place, "graded", whole.assign(y_true_dr=2))

    with pytest.raises(DataError, match="no column y_score_amd"):
        model_classes(place, halved)
    with pytest.raises(ScoresError, match="80 of 80 labels other than 0 and 1"):
        model_classes(place, graded)
