"""What limits the figures of a study: which rows each caution is of, however many they are."""

from types import SimpleNamespace

import pytest

from fundus_core.checks import Caution
from fundus_core.studies import cautions
from fundus_core.studies.cautions import study_cautions
from fundus_core.studies.results import study_table
from fundus_core.studies.run import open_study
from tests.studies.conftest import Ran

UNKNOWN = Caution("FD003", "None of the 24 photographs names its patient.")


def few(number: int) -> Caution:
    return Caution("FD002", f"{number} photographs only.")


def told(monkeypatch: pytest.MonkeyPatch, tiny: Ran, of: list[list[Caution]]) -> list[str]:
    """Returns the cautions of `TINY` as lines, its rows having these ones."""
    study = open_study(tiny.place, tiny.file)
    table = study_table(study)
    runs = [
        SimpleNamespace(id=run_id, cautions=tuple(found))
        for run_id, found in zip(table["run_id"], of, strict=True)
    ]
    monkeypatch.setattr(cautions, "list_runs", lambda workspace: tuple(runs))
    return [f"{one.code}: {one.text}" for one in study_cautions(study, table)]


def test_study_cautions__what_is_of_every_row_names_none(
    tiny: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = told(monkeypatch, tiny, [[UNKNOWN, few(4)]] * 4)

    assert said == [f"FD002: {few(4).text}", f"FD003: {UNKNOWN.text}"]


def test_study_cautions__rows_are_named_by_what_tells_them_apart(
    tiny: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = [[few(4), UNKNOWN], [few(4)], [], [UNKNOWN]]  # A logistic, A ft, B logistic, B ft

    said = told(monkeypatch, tiny, of)

    assert said == [
        f"FD002: Rows A: {few(4).text}",
        f"FD003: Rows A, logistic; B, ft: {UNKNOWN.text}",
    ]


def test_study_cautions__texts_that_differ_from_row_to_row_are_counted(
    tiny: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = told(monkeypatch, tiny, [[few(number)] for number in range(4)])

    assert said[:3] == [
        "FD002: Row A, logistic: 0 photographs only.",
        "FD002: Row A, ft: 1 photographs only.",
        "FD002: Row B, logistic: 2 photographs only.",
    ]
    assert said[3].startswith("FD002: 1 further row: the same")
    assert len(said) == 4


def test_study_cautions__of_what_was_not_run_are_none(tiny: Ran) -> None:
    study = open_study(tiny.place, tiny.file)
    table = study_table(study).assign(run_id="", cautions="")

    assert study_cautions(study, table) == ()


def test_study_table__names_the_codes_of_every_run(tiny: Ran) -> None:
    study = open_study(tiny.place, tiny.file)

    table = study_table(study)

    found = study_cautions(study, table)
    codes = {code for row in table["cautions"] for code in row.split(", ")}
    assert codes == {one.code for one in found}
