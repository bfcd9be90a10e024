"""Selections: counted by image, eye and patient, saved, and honest about what has vanished."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pandas as pd
import pytest

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError
from fundus_core.io import selections as selection_files
from fundus_core.io.selections import key_of
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


def test_counts_of__no_photograph_is_no_eye_where_the_table_names_eyes() -> None:
    assert counts_of(TABLE, []) == Counts(0, 0, 0, 0, 0)
    nameless = TABLE.assign(patient_id=None)
    assert counts_of(nameless, []) == Counts(0, None, None, 0, 0)


def test_counts_of__unknown_patients_are_not_counted_as_none() -> None:
    assert counts_of(TABLE, ["f"]) == Counts(1, None, None, 1, 0)


def test_in_dataset__what_vanished_is_counted_and_the_order_is_the_tables() -> None:
    found = in_dataset(["gone", "d", "a", "d"], DATASET)

    assert (found.image_ids, found.n_gone) == (("a", "d"), 1)


def test_inverted__has_all_the_others() -> None:
    assert inverted(["b", "d", "gone"], DATASET) == ("a", "c", "e", "f")


def test_save__a_selection_is_found_again_by_name_and_by_key(place: Workspace) -> None:
    saved = save_selection(place, "six-1", "  Old   eyes ", ["d", "a"], origin="age > 45").named

    found = load_selection(place, "six-1", "Old eyes", DATASET)
    assert (found.image_ids, found.origin, found.n_gone) == (("a", "d"), "age > 45", 0)
    kept = kept_selection(place, "six-1", saved.key)
    assert kept is not None
    assert (kept.image_ids, kept.origin) == (("d", "a"), "age > 45")
    assert [one.name for one in saved_selections(place, "six-1")] == ["Old eyes"]


def test_load__photographs_that_vanished_are_counted(place: Workspace) -> None:
    save_selection(place, "six-1", "Mine", ["a", "gone", "lost"])

    assert load_selection(place, "six-1", "Mine", DATASET).n_gone == 2


def test_save__what_the_saver_saw_gives_its_name_up_and_is_returned(place: Workspace) -> None:
    first = save_selection(place, "six-1", "Mine", ["a", "c"]).named
    second = save_selection(place, "six-1", "Mine", ["b"], replacing=first.key)

    assert second.replaced == first
    assert load_selection(place, "six-1", "Mine", DATASET).image_ids == ("b",)
    assert kept_selection(place, "six-1", first.key) is not None


@pytest.mark.parametrize("seen", ["", key_of(["d"])])
def test_save__another_selection_than_the_saver_saw_keeps_its_name(
    place: Workspace, seen: str
) -> None:
    save_selection(place, "six-1", "Mine", ["a", "c"])

    with pytest.raises(DataError, match="'Mine' is a selection of 2 photographs") as error:
        save_selection(place, "six-1", "Mine", ["b"], replacing=seen)

    assert "Replace it" in error.value.hint
    assert "--replace" in error.value.hint
    assert load_selection(place, "six-1", "Mine", DATASET).image_ids == ("a", "c")


def test_save__whatever_is_there_gives_its_name_up_where_that_was_asked_for(
    place: Workspace,
) -> None:
    first = save_selection(place, "six-1", "Mine", ["a", "c"]).named

    assert save_selection(place, "six-1", "Mine", ["b"], replacing=None).replaced == first
    assert save_selection(place, "six-1", "Other", ["b"], replacing=None).replaced is None


def test_save__the_same_photographs_again_replace_nothing(place: Workspace) -> None:
    save_selection(place, "six-1", "Mine", ["a", "c"])

    assert save_selection(place, "six-1", "Mine", ["c", "a"]).replaced is None


def test_save__a_name_that_was_deleted_meanwhile_is_free(place: Workspace) -> None:
    first = save_selection(place, "six-1", "Mine", ["a", "c"]).named
    delete_selection(place, "six-1", "Mine")

    assert save_selection(place, "six-1", "Mine", ["b"], replacing=first.key).replaced is None


def test_save__of_many_at_once_one_gets_the_name(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every saver looks at the name before any of them writes, but for the lock."""
    looked = Barrier(4)
    read = selection_files.read_sealed

    def slowly(path: Path) -> object:
        found = read(path)
        if path.parent.name == "names":
            with suppress(BrokenBarrierError):
                looked.wait(0.3)
        return found

    def save(name: str) -> bool:
        try:
            save_selection(place, "six-1", "Mine", [name])
        except DataError:
            return False
        return True

    monkeypatch.setattr(selection_files, "read_sealed", slowly)
    with ThreadPoolExecutor(4) as pool:
        saved = list(pool.map(save, "abcd"))

    assert sorted(saved) == [False, False, False, True]
    (kept,) = load_selection(place, "six-1", "Mine", DATASET).image_ids
    assert kept == "abcd"[saved.index(True)]


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
    saved = save_selection(place, "six-1", "Mine", ["a"]).named

    delete_selection(place, "six-1", "Mine")

    assert saved_selections(place, "six-1") == ()
    assert kept_selection(place, "six-1", saved.key) is not None
    with pytest.raises(DataError):
        delete_selection(place, "six-1", "Mine")


def test_delete__another_selection_than_was_seen_keeps_its_name(place: Workspace) -> None:
    seen = save_selection(place, "six-1", "Mine", ["a", "c"]).named
    save_selection(place, "six-1", "Mine", ["b", "d", "e"], replacing=seen.key)

    with pytest.raises(DataError, match="another selection by now, of 3 photographs"):
        delete_selection(place, "six-1", "Mine", key=seen.key)
    (kept,) = saved_selections(place, "six-1")

    assert kept.n_images == 3
    delete_selection(place, "six-1", "Mine", key=kept.key)
    assert saved_selections(place, "six-1") == ()


def test_delete__waits_for_who_is_saving(place: Workspace) -> None:
    seen = save_selection(place, "six-1", "Mine", ["a"]).named
    files = selection_files.SelectionFiles(place, "six-1")

    with ThreadPoolExecutor(1) as pool:
        with files._locked():
            deleted = pool.submit(delete_selection, place, "six-1", "Mine", key=seen.key)
            with pytest.raises(TimeoutError):
                deleted.result(0.3)
            assert files.named() == (seen,)
        deleted.result(10)

    assert files.named() == ()


def test_keep__sets_that_another_tab_forgets_meanwhile_are_no_error(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection_files, "MOST_UNNAMED", 1)
    for name in "abc":
        keep_selection(place, "six-1", [name])
    sets = selection_files.SelectionFiles(place, "six-1").folder / "sets"
    (sets / "gone.json").symlink_to("forgotten")  # listed, and nowhere to be found

    assert keep_selection(place, "six-1", ["d"])


def test_keep__no_photograph_has_no_key(place: Workspace) -> None:
    assert keep_selection(place, "six-1", []) == ""
    assert kept_selection(place, "six-1", "") is None


def test_query_dataset__names_photographs_in_the_order_of_the_table() -> None:
    ids, answer = query_dataset(DATASET, "age >= 60")

    assert ids == ("a", "b", "c", "f")
    assert answer.n_undecided == 1
