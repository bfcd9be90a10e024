"""Selections: counted by image, eye and patient, saved, and honest about what has vanished."""

from pathlib import Path

import pandas as pd
import pytest

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.selections import (
    Counts,
    counts_of,
    delete_selection,
    in_dataset,
    inverted,
    keep_selection,
    kept_selection,
    load_selection,
    query_dataset,
    save_selection,
    saved_selections,
)

TABLE = pd.DataFrame(
    {
        "image_id": ["a", "b", "c", "d", "e", "f"],
        "path": [f"/{name}.jpg" for name in "abcdef"],
        "patient_id": ["P1", "P1", "P1", "P2", "P3", None],
        "eye": ["OD", "OD", "OS", "OD", None, "OD"],
        "split": None,
        "age": ["71", "71", "71", "48", None, "60"],
    },
    dtype=object,
)
DATASET = FundusDataset("six", "/", TABLE, ())


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path)


def test_counts_of__two_photographs_of_an_eye_are_one_eye() -> None:
    assert counts_of(TABLE, ["a", "b", "c"]) == Counts(3, 2, 1, 0, 0)
    assert counts_of(TABLE) == Counts(6, 3, 3, 1, 1)


def test_counts_of__unknown_patients_are_not_counted_as_none() -> None:
    assert counts_of(TABLE, ["f"]) == Counts(1, None, None, 1, 0)


def test_in_dataset__what_vanished_is_counted_and_the_order_is_the_tables() -> None:
    found = in_dataset(["gone", "d", "a", "d"], DATASET)

    assert (found.image_ids, found.n_gone) == (("a", "d"), 1)


def test_inverted__has_all_the_others() -> None:
    assert inverted(["b", "d", "gone"], DATASET) == ("a", "c", "e", "f")


def test_save__a_selection_is_found_again_by_name_and_by_key(place: Workspace) -> None:
    saved = save_selection(place, "six-1", "  Old   eyes ", ["d", "a"], origin="age > 45")

    found = load_selection(place, "six-1", "Old eyes", DATASET)
    assert (found.image_ids, found.origin, found.n_gone) == (("a", "d"), "age > 45", 0)
    kept = kept_selection(place, "six-1", saved.key)
    assert kept is not None
    assert (kept.image_ids, kept.origin) == (("d", "a"), "age > 45")
    assert [one.name for one in saved_selections(place, "six-1")] == ["Old eyes"]


def test_load__photographs_that_vanished_are_counted(place: Workspace) -> None:
    save_selection(place, "six-1", "Mine", ["a", "gone", "lost"])

    assert load_selection(place, "six-1", "Mine", DATASET).n_gone == 2


def test_save__the_same_name_again_takes_its_place(place: Workspace) -> None:
    first = save_selection(place, "six-1", "Mine", ["a"])
    save_selection(place, "six-1", "Mine", ["b"])

    assert load_selection(place, "six-1", "Mine", DATASET).image_ids == ("b",)
    assert kept_selection(place, "six-1", first.key) is not None


@pytest.mark.parametrize(
    ("name", "ids", "message"),
    [("  ", ["a"], "0 characters"), ("x" * 81, ["a"], "81 characters"), ("x", [], "Nothing is")],
)
def test_save__what_cannot_be_kept_is_refused(
    place: Workspace, name: str, ids: list[str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        save_selection(place, "six-1", name, ids)


def test_load__an_unknown_name_is_refused_with_those_there_are(place: Workspace) -> None:
    save_selection(place, "six-1", "Mine", ["a"])

    with pytest.raises(DataError, match="'Yours'; there are 'Mine'"):
        load_selection(place, "six-1", "Yours", DATASET)


def test_delete__the_name_is_gone_and_an_address_with_the_key_still_works(
    place: Workspace,
) -> None:
    saved = save_selection(place, "six-1", "Mine", ["a"])

    delete_selection(place, "six-1", "Mine")

    assert saved_selections(place, "six-1") == ()
    assert kept_selection(place, "six-1", saved.key) is not None
    with pytest.raises(DataError):
        delete_selection(place, "six-1", "Mine")


def test_keep__no_photograph_has_no_key(place: Workspace) -> None:
    assert keep_selection(place, "six-1", []) == ""
    assert kept_selection(place, "six-1", "") is None


def test_query_dataset__names_photographs_in_the_order_of_the_table() -> None:
    ids, answer = query_dataset(DATASET, "age >= 60")

    assert ids == ("a", "b", "c", "f")
    assert answer.n_undecided == 1
