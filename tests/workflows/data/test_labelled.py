"""The table's own split: known words divide, empty cells are left out, other words are refused."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import TargetError
from fundus_core.io.columns import normalise_split, split_words
from fundus_core.workflows.data.labelled import Labelled, Validation, labelled_photographs
from tests.fakes import tiny_dataset

OWN = Validation("dr", use_split=True)


def divided(*splits: str | None) -> FundusDataset:
    """Returns photographs of twelve patients, each with the split of its turn."""
    dataset = tiny_dataset(12)
    table = dataset.table.copy()
    table["split"] = [splits[row // 2 % len(splits)] for row in range(len(table))]
    return replace(dataset, table=table)


def labelled(dataset: FundusDataset, validation: Validation = OWN) -> Labelled:
    return labelled_photographs(dataset, dataset.image_ids, validation)


def codes(found: Labelled) -> list[str]:
    return [one.code for one in found.cautions]


def test_own_split__validation_rows_are_learned_from() -> None:
    found = labelled(divided("train", "train", "val", "val", "test", "test"))

    (fold,) = found.folds
    splits = found.dataset.table["split"].to_numpy()
    assert set(splits[fold.train]) == {"train", "val"}
    assert set(splits[fold.test]) == {"test"}
    assert (len(fold.train), len(fold.test)) == (16, 8)
    assert codes(found) == []


@pytest.mark.parametrize(
    ("second_eyes", "said"),
    [
        ({0: "test"}, "1 of 5 patients in test are in train too."),
        ({0: "test", 1: "test", 4: "test"},
         "2 of 7 patients in test are in train too; 1 of 7 patients in test are in val too."),
        ({8: "val", 9: "val"}, "2 of 4 patients in test are in val too."),
        ({0: "val", 5: "train"}, ""),
    ],
)  # fmt: skip
def test_own_split__says_by_part_which_patients_of_the_test_are_elsewhere(
    second_eyes: dict[int, str], said: str
) -> None:
    dataset = divided(*["train"] * 4, *["val"] * 4, *["test"] * 4)
    for patient, split in second_eyes.items():
        dataset.table.loc[2 * patient + 1, "split"] = split

    cautions = labelled(dataset).cautions

    assert [one.text for one in cautions if one.code == "FD001"] == ([said] if said else [])


@pytest.mark.parametrize("word", ["exclude", "train-2", "True", "nan", "fold 3"])
def test_own_split__an_unknown_word_is_refused_and_named(word: str) -> None:
    dataset = divided("train", "train", "train", "test", "test", word)

    with pytest.raises(TargetError) as refused:
        labelled(dataset)

    assert (
        f"4 of 24 photographs have a split that is neither train, val nor test: {word!r} (4)"
        in (refused.value.message)
    )
    assert all(known in refused.value.hint for known in ("train", "validation", "holdout"))


def test_own_split__many_unknown_words_are_not_all_named() -> None:
    words: Sequence[str] = [f"fold {number}" for number in range(8)]

    with pytest.raises(TargetError, match=r"'fold \d' \(\d\) and 3 more\.$"):
        labelled(divided(*words, "train", "train", "test", "test"))


def test_own_split__empty_cells_are_left_out_with_their_number() -> None:
    found = labelled(divided("train", "train", "test", "test", None, None))

    (caution,) = found.cautions
    assert caution.code == "FD024"
    assert caution.text == "8 of 24 labelled photographs have no split."
    (fold,) = found.folds
    assert len(fold.train) + len(fold.test) == len(found.image_ids) == 16


def test_own_split__other_words_do_not_matter_to_cross_validation() -> None:
    found = labelled(divided("exclude", "train", None), Validation("dr", folds=2))

    assert len(found.image_ids) == 24
    assert codes(found) == []


def test_split_words__are_those_that_are_understood() -> None:
    assert {normalise_split(word) for word in split_words()} == {"train", "val", "test"}
