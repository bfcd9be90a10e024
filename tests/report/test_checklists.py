"""The checklists: every item has a place, and what nobody answered is left to the authors."""

import pytest

from fundus_core.report.checklists import CLAIM, GUIDELINES, TRIPOD_AI, Guideline, answered
from fundus_core.report.method_notes import NOTES, paper


@pytest.mark.parametrize("guideline", GUIDELINES, ids=lambda one: one.name)
def test_guidelines__have_each_number_once(guideline: Guideline) -> None:
    numbers = [item.number for item in guideline.items]

    assert len(set(numbers)) == len(numbers)
    assert all(item.asks and item.section for item in guideline.items)


def test_guidelines__have_as_many_items_as_they_are_known_for() -> None:
    whole = {item.number.rstrip("abcdefg") for item in TRIPOD_AI.items}

    assert whole == {str(number) for number in range(1, 28)}
    assert [item.number for item in CLAIM.items] == [str(number) for number in range(1, 45)]


def test_answered__leaves_the_rest_to_the_authors() -> None:
    rows = answered(CLAIM, {"software": "Version 1.", "source": "A table.", "failures": ""})

    by_number = {row.item.number: row for row in rows}
    assert by_number["23"].answer == "filled"
    assert by_number["23"].text == "Version 1."
    assert by_number["7"].answer == "in part"
    assert by_number["7"].text == "A table. The rest is to be completed by the authors."
    assert by_number["39"].answer == by_number["5"].answer == "authors"
    assert by_number["5"].text == "To be completed by the authors."


def test_paper__is_one_that_the_note_cites() -> None:
    assert paper("Several diseases at once", "Hanley").endswith("4(1), 49-58")
    with pytest.raises(KeyError):
        paper("Several diseases at once", "Nobody")
    assert all(note.reference for note in NOTES.values())
