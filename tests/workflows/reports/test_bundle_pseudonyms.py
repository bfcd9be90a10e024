"""What may name a patient stays behind; groups and measurements go along."""

import numpy as np
import pytest

from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.workflows.reports.bundle_pseudonyms import shared_table, tells_patients
from tests.fakes import tiny_dataset

N_PATIENTS = 40
NUMBERS = np.repeat(np.arange(N_PATIENTS), 2)
"""Of the patient of each photograph."""


def with_column(values: list[str | None], *, named: float = 1.0) -> FundusDataset:
    """A data set of both eyes of each patient with one more column, `asked`.

    Args:
        values: Of each photograph.
        named: Share of the patients who are named.
    """
    dataset = tiny_dataset(N_PATIENTS)
    dataset.table["asked"] = values
    is_named = named * N_PATIENTS > NUMBERS
    dataset.table.loc[~is_named, "patient_id"] = None
    return dataset


def first(share: float, text: str, *, start: int = 0, step: int = 1) -> list[str | None]:
    """Returns a text with a number for each patient, for the first of them alone."""
    return [
        text.format(start + step * one) if one < share * N_PATIENTS else None for one in NUMBERS
    ]


@pytest.mark.parametrize("named", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("share", [1.0, 0.7, 0.1])
def test_shared_table__hospital_numbers_stay_behind_whoever_has_one(
    share: float, named: float
) -> None:
    dataset = with_column(first(share, "{}", start=47_110_013, step=13), named=named)

    assert shared_table(dataset, {}).left_out == ("asked",)


@pytest.mark.parametrize("share", [1.0, 0.7, 0.1])
def test_shared_table__names_of_some_patients_stay_behind(share: float) -> None:
    dataset = with_column(first(share, "Doe {}"))

    assert shared_table(dataset, {}).left_out == ("asked",)


@pytest.mark.parametrize("named", [1.0, 0.5, 0.0])
@pytest.mark.parametrize(
    "values",
    [
        first(0.7, "{}.37", start=12),
        [str(50 + one % 25) for one in NUMBERS],
        [str(one % 25) if one < 30 else None for one in NUMBERS],
        first(0.2, "{}", start=61),
        [str(10_115 + one % 4) for one in NUMBERS],
        [("north", "south", "east")[one % 3] for one in NUMBERS],
    ],
    ids=["pressure", "age", "score", "age of some", "long codes of sites", "site"],
)
def test_shared_table__groups_and_measurements_go_along(
    values: list[str | None], named: float
) -> None:
    assert shared_table(with_column(values, named=named), {}).left_out == ()


def test_tells_patients__a_target_of_telephone_numbers_does() -> None:
    dataset = with_column(first(1.0, "0171-{}"))
    target = Target("asked", "multiclass", tuple(dataset.table["asked"].unique()), ("asked",))

    assert tells_patients(dataset, target)
    assert not tells_patients(dataset, dataset.targets[0])


@pytest.mark.parametrize(
    "remarks", [["Anna Mueller, born 3 May 1943", "Otto Weber fell"], ["Otto"]], ids=len
)
def test_shared_table__remarks_on_a_patient_or_two_stay_behind(remarks: list[str]) -> None:
    dataset = with_column([*remarks, *[None] * (2 * N_PATIENTS - len(remarks))])

    assert shared_table(dataset, {}).left_out == ("asked",)


@pytest.mark.parametrize("n_without", [3, 77])
def test_shared_table__classes_that_others_share_go_along(n_without: int) -> None:
    grades = ("none", "mild", "severe")
    dataset = with_column([grades[one % 3] for one in range(2 * N_PATIENTS)])
    dataset.table.loc[2 * N_PATIENTS - n_without :, "patient_id"] = None

    assert shared_table(dataset, {}).left_out == ()


@pytest.mark.parametrize("values", [["none", "mild"] * 5, ["yes", *[None] * 9]])
def test_shared_table__classes_of_few_photographs_go_along(values: list[str | None]) -> None:
    dataset = tiny_dataset(5)
    dataset.table["asked"] = values

    assert shared_table(dataset, {}).left_out == ()


def test_shared_table__surnames_stay_behind_though_two_share_one() -> None:
    dataset = tiny_dataset(10)
    dataset.table["asked"] = [f"Doe {max(1, one // 2)}" for one in range(20)]

    assert shared_table(dataset, {}).left_out == ("asked",)


def test_shared_table__two_classes_of_two_photographs_go_along() -> None:
    dataset = tiny_dataset(1)
    dataset.table["patient_id"] = ["first", "second"]
    dataset.table["asked"] = ["healthy", "glaucoma"]

    assert shared_table(dataset, {}).left_out == ()
