"""Cautions: raised when they should be, and not otherwise."""

from dataclasses import replace

import numpy as np
import pytest

from fundus_core.caution_codes import CAUTIONS, explanation
from fundus_core.checks import (
    Caution,
    dataset_cautions,
    exposure_caution,
    prevalence_caution,
    several_tests_caution,
    shortcut_caution,
    spelt_alike,
    target_cautions,
)
from fundus_core.domain.dataset import FundusDataset, RejectedRow
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


def test_target_cautions__every_class_of_few_photographs_is_named() -> None:
    def few(*counts: int) -> str:
        y_true = np.stack([np.arange(40) < count for count in counts], axis=1)
        names = ("dr", "glauc", "hyp")
        ids = tuple(f"i{row}" for row in range(40))
        said = Predictions("model", "multilabel", names, ids, y_true, y_true * 0.5)
        dataset = tiny_dataset()
        found = target_cautions(dataset, dataset.targets[0], said)
        return next((one.text for one in found if one.code == "FD002"), "")

    assert few(20, 2, 15) == "Class 'glauc' or its complement has 2 photographs only."
    assert (
        few(20, 2, 2) == "Classes 'glauc' and 'hyp' or their complements have 2 photographs only."
    )
    assert few(35, 2, 20) == (
        "Classes or their complements have few photographs only: 'dr' 5, 'glauc' 2."
    )
    assert few(20, 20, 20) == ""


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


def changed(column: str, *words: str) -> FundusDataset:
    """The tiny data set with other words in the first rows of a column."""
    dataset = tiny_dataset()
    table = dataset.table.copy()
    table.loc[range(len(words)), column] = list(words)
    return replace(dataset, table=table)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("P0001", "p0001"),
        ("0001", "1"),
        ("1", "1.0"),
        ("007.00", "7"),
        ("NORMAL", "normal"),
        ("no DR", "no\u00a0 dr"),
        ("P 12", "P12"),
        ("A1", "A1[U+200B]"),
        ("\u00c9tienne", "e\u0301tienne"),
        ("000", "0"),
    ],
)
@pytest.mark.parametrize("column", ["patient_id", "dr"])
def test_spelt_alike__finds_words_that_differ_in_spelling_alone(
    column: str, one: str, other: str
) -> None:
    dataset = changed(column, one, other)
    predicted = scored([1, 0], [0.2, 0.6])

    found = {caution.code: caution.text for caution in dataset_cautions(dataset)}
    of_target = {
        caution.code: caution.text
        for caution in target_cautions(dataset, dataset.targets[0], predicted)
    }

    (group,) = spelt_alike(dataset, column)
    assert set(group) >= {one, other}
    assert f"{column!r} has 1 groups of words" in found["FD021"]
    assert of_target["FD021"] == found["FD021"]


@pytest.mark.parametrize(
    ("one", "other"), [("10", "1"), ("1 1", "11"), ("P01", "P1"), ("1.5", "15"), ("a-1", "a1")]
)
def test_spelt_alike__other_words_are_not_alike(one: str, other: str) -> None:
    dataset = changed("patient_id", one, other)

    assert spelt_alike(dataset, "patient_id") == []
    assert "FD021" not in {caution.code for caution in dataset_cautions(dataset)}


def test_spelt_alike__the_caution_names_labels_and_no_patients() -> None:
    labels = changed("dr", "NORMAL", "normal")
    patients = changed("patient_id", "Jane", "JANE")

    (of_labels,) = [one for one in dataset_cautions(labels) if one.code == "FD021"]
    (of_patients,) = [one for one in dataset_cautions(patients) if one.code == "FD021"]

    assert "such as 'NORMAL' and 'normal'" in of_labels.text
    assert "jane" not in of_patients.text.lower()


def test_spelt_alike__hidden_names_are_judged_as_given_and_shown_as_pseudonyms() -> None:
    dataset = changed("patient_id", "Jane", "JANE")
    hidden = dataset.table.set_index("image_id")[["patient_id"]]
    pseudonyms = [f"p{row:016x}" for row in range(len(dataset))]
    shown = replace(dataset, table=dataset.table.assign(patient_id=pseudonyms), hidden=hidden)

    assert spelt_alike(shown, "patient_id") == [(pseudonyms[0], pseudonyms[1])]


def test_duplicates__those_that_contradict_are_counted_and_nothing_is_named() -> None:
    twin = RejectedRow("b.png", "duplicate_image", "The same bytes as a.png in row 1.")
    listed = "The same file as in row 1, but dr is '0' there and '1' here."
    again = RejectedRow("a.png", "duplicate_path", listed)

    def said(*rejected: RejectedRow) -> str | None:
        cautions = dataset_cautions(replace(tiny_dataset(), rejected=rejected))
        return next((one.text for one in cautions if one.code == "FD005"), None)

    assert said(twin) == "1 file repeats another file's bytes."
    assert said(twin, twin, again) == (
        "2 files repeat another file's bytes. 1 of 3 repeated rows differ from the one kept; the "
        "list of rejected rows says in what."
    )
    assert said(RejectedRow("a.png", "duplicate_path", "The same file as in row 1.")) is None


def test_shortcut_caution__writes_small_p_values_as_papers_do() -> None:
    tiny, usual = shortcut_caution(-0.2, 1e-9), shortcut_caution(-0.2, 0.0123)

    assert tiny is not None
    assert usual is not None
    assert tiny.text.endswith("(p < 0.001).")
    assert usual.text.endswith("(p = 0.012).")
