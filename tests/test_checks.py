"""Cautions: raised when they should be, and not otherwise."""

from dataclasses import replace

import numpy as np
import pytest

from fundus_core.checks import (
    CAUTIONS,
    Caution,
    dataset_cautions,
    explanation,
    exposure_caution,
    prevalence_caution,
    several_tests_caution,
    target_cautions,
)
from fundus_core.domain.predictions import Predictions
from tests.fakes import tiny_dataset


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("idrid", "IDRiD"),
        ("IDRiD_2018 (grading)", "IDRiD"),
        ("hrf", "HRF"),
        ("our-odir-5k-copy", "ODIR"),
        ("MessidorTwo eyepacs_train", "EyePACS"),
        ("e-ophtha MA", "e-ophtha"),
    ],
)
def test_exposure_caution__names_the_set_that_was_in_the_pretraining(name: str, seen: str) -> None:
    dataset = replace(tiny_dataset(), name=name)

    caution = exposure_caution(dataset, "FLAIR", ("AIROGS", seen))

    assert caution is not None
    assert caution.code in CAUTIONS
    assert caution.text == f"FLAIR was pre-trained on {seen}; this data set is called {name!r}."


@pytest.mark.parametrize("name", ["our clinic", "through focus", "rocky", "demo"])
def test_exposure_caution__other_names_raise_none(name: str) -> None:
    dataset = replace(tiny_dataset(), name=name)

    assert exposure_caution(dataset, "FLAIR", ("HRF", "ROC", "DDR", "IDRiD")) is None


@pytest.mark.parametrize("code", CAUTIONS)
def test_explanation__says_what_was_found_why_it_matters_and_what_to_do(code: str) -> None:
    page = explanation(code)

    parts = ("What was found.", "Why it matters.", "What to do.")
    assert [part for part in parts if f"**{part}**" not in page] == []
    assert len(page.split()) > 60


def test_explanation__of_an_unknown_code_is_refused() -> None:
    with pytest.raises(KeyError, match="FD999"):
        explanation("FD999")


def scored(positive: list[int], score: list[float], fold: list[int] | None = None) -> Predictions:
    return Predictions(
        "model",
        "binary",
        ("dr",),
        tuple(f"i{row}" for row in range(len(positive))),
        np.array(positive, bool)[:, np.newaxis],
        np.array(score, float)[:, np.newaxis],
        fold=None if fold is None else np.array(fold),
    )


def codes(predictions: Predictions) -> set[str]:
    dataset = tiny_dataset()
    return {one.code for one in target_cautions(dataset, dataset.targets[0], predictions)}


def test_target_cautions__a_fold_that_tests_one_class_only() -> None:
    lacking = scored([1, 0, 0, 0], [0.9, 0.1, 0.95, 0.3], [0, 0, 1, 1])
    whole = scored([1, 0, 1, 0], [0.9, 0.1, 0.2, 0.3], [0, 0, 1, 1])

    assert "FD014" in codes(lacking)
    assert "FD014" not in codes(whole)


def test_target_cautions__perfectly_separated_classes() -> None:
    assert "FD016" in codes(scored([1, 1, 0, 0], [0.9, 0.8, 0.7, 0.1]))
    assert "FD016" not in codes(scored([1, 1, 0, 0], [0.9, 0.7, 0.7, 0.1]))


def test_prevalence_caution__a_share_that_chance_does_not_explain() -> None:
    inside = scored([1] * 50 + [0] * 50, [0.5] * 100)
    screening = scored([1] * 5 + [0] * 95, [0.5] * 100)
    alike = scored([1] * 55 + [0] * 45, [0.5] * 100)

    caution = prevalence_caution(inside, screening)

    assert caution is not None
    assert caution.code == "FD015"
    assert caution.text.startswith("'dr' is on 5% of these photographs, and on 50% of those")
    assert prevalence_caution(inside, alike) is None


def test_several_tests_caution__counts_them() -> None:
    caution = several_tests_caution(3, "pairs of models")

    assert caution == Caution(
        "FD018", "3 pairs of models were tested: read the corrected p-values."
    )
    assert several_tests_caution(1, "pairs of models") is None


@pytest.mark.parametrize("word", ["NA", "nan", " n/a ", "NULL"])
def test_words_for_missing__are_counted_where_they_are_labels_or_patients(word: str) -> None:
    dataset = tiny_dataset()
    table = dataset.table.copy()
    table.loc[[0, 1], "dr"] = word
    table.loc[[2], "patient_id"] = word

    found = {one.code: one.text for one in dataset_cautions(replace(dataset, table=table))}

    assert found["FD020"].startswith("1 rows in 'patient_id', 2 rows in 'dr'")


def test_words_for_missing__none_is_a_class_of_many_scales() -> None:
    dataset = tiny_dataset()
    table = dataset.table.copy()
    table.loc[[0, 1], "dr"] = "None"

    codes = {one.code for one in dataset_cautions(replace(dataset, table=table))}

    assert "FD020" not in codes
