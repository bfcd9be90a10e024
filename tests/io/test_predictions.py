"""Tables of predictions: text as it stands, numbers as numbers, no photograph without a name."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fundus_core.errors import DataError, ScoresError
from fundus_core.io.predictions import read_predictions


def table(folder: Path, header: str, *rows: str) -> Path:
    path = folder / "scores.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_read_predictions__a_photograph_without_a_name_is_refused_with_its_row(
    tmp_path: Path,
) -> None:
    path = table(tmp_path, "image_id,y_true,y_score", "a,0,0.1", " ,1,0.9", "b,1,0.4")

    with pytest.raises(ScoresError, match=r"names no photograph in row 2; .* 1 of 3 rows"):
        read_predictions(path)


def test_read_predictions__a_blank_column_names_no_photograph_at_all(tmp_path: Path) -> None:
    path = table(tmp_path, "image_id,y_true,y_score", ",0,0.1", ",1,0.9")

    assert read_predictions(path).image_ids == ()


def test_read_predictions__words_for_missing_are_words(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "image_id,patient_id,y_true,y_score",
        "NA,NA,0,0.1",
        "nan,NA,1,0.9",
        "null,None,1,0.4",
    )

    found = read_predictions(path)

    assert found.image_ids == ("NA", "nan", "null")
    assert found.patient_ids is not None
    assert found.patient_ids.tolist() == ["NA", "NA", "None"]


def test_read_predictions__rows_without_a_patient_are_patients_of_their_own(
    tmp_path: Path,
) -> None:
    rows = ("a,p,0,0.1", "b,,1,0.9", "c,p,1,0.4", "d, ,0,0.3")
    named = read_predictions(table(tmp_path, "image_id,patient_id,y_true,y_score", *rows))
    without_ids = [row.partition(",")[2] for row in rows]
    nameless = read_predictions(table(tmp_path, "patient_id,y_true,y_score", *without_ids))

    assert named.patient_ids is not None
    assert named.patient_ids.tolist() == ["p", "image:b", "p", "image:d"]
    assert nameless.patient_ids is not None
    assert nameless.patient_ids.tolist() == ["p", "image:row 1", "p", "image:row 3"]


def test_read_predictions__no_patient_is_taken_for_a_photograph(tmp_path: Path) -> None:
    rows = ("a,image:p,0,0.1", "b,image:p,1,0.9", "c,image:c,1,0.4", "d,p,0,0.3")

    found = read_predictions(table(tmp_path, "image_id,patient_id,y_true,y_score", *rows))

    assert found.patient_ids is not None
    assert found.patient_ids.tolist() == ["image :p", "image :p", "image:c", "p"]


def test_read_predictions__blanks_around_ids_are_no_part_of_them(tmp_path: Path) -> None:
    header = "image_id,patient_id,y_true,y_score"
    found = read_predictions(table(tmp_path, header, " a,p ,0,0.1", "b\u00a0, p,1,0.9"))

    assert found.image_ids == ("a", "b")
    assert found.patient_ids is not None
    assert found.patient_ids.tolist() == ["p", "p"]
    with pytest.raises(ScoresError, match="1 photographs more than once"):
        read_predictions(table(tmp_path, header, " a,p,0,0.1", "a,p,1,0.9"))


def test_read_predictions__ids_keep_their_zeros_and_numbers_every_digit(tmp_path: Path) -> None:
    score = 0.1234567890123456789
    path = table(
        tmp_path, "image_id,patient_id,y_true,y_score", f"007,01,1.0,{score!r}", "8,1,0,1e-300"
    )

    found = read_predictions(path)

    assert found.image_ids == ("007", "8")
    assert found.patient_ids is not None
    assert found.patient_ids.tolist() == ["01", "1"]
    assert found.y_true[:, 0].tolist() == [True, False]
    assert found.y_score[:, 0].tolist() == [score, 1e-300]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_read_predictions__all_kinds_of_files_give_the_same(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(0)
    scores = rng.standard_normal(50)
    frame = pd.DataFrame(
        {
            "image_id": range(50),
            "patient_id": [float(row // 2) if row else None for row in range(50)],
            "y_true": scores + rng.standard_normal(50) > 0,
            "y_score": scores,
        }
    )
    path = tmp_path / f"scores.{suffix}"
    if suffix == "parquet":
        frame.to_parquet(path)
    else:
        whole = frame.assign(patient_id=frame["patient_id"].astype("Int64"))
        whole.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")

    found = read_predictions(path)

    assert found.image_ids == tuple(map(str, range(50)))
    assert found.patient_ids is not None
    assert found.patient_ids.tolist() == ["image:0", *(str(row // 2) for row in range(1, 50))]
    assert np.array_equal(found.y_true[:, 0], frame["y_true"])
    assert np.array_equal(found.y_score[:, 0], scores)


@pytest.mark.parametrize("score", ["NA", "", "1_0", "0x10", "inf", "1,5"])
def test_read_predictions__a_score_that_is_no_number_is_refused(tmp_path: Path, score: str) -> None:
    path = table(tmp_path, "image_id,y_true,y_score", f'a,0,"{score}"', "b,1,0.9")

    with pytest.raises(ScoresError, match="1 of 2 values of y_score that are no numbers"):
        read_predictions(path)


def test_read_predictions__a_table_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows"):
        read_predictions(table(tmp_path, "image_id,y_true,y_score"))
