"""Cautions of the models that a page looks at, and of what it computed of them."""

from fundus_core.checks import Caution, joined_cautions
from fundus_core.ui.components.run_picker import PickedRuns
from tests.pages.evaluated import GOOD, POOR, predictions, run

MOVED, ASKED = Caution("FD015", "'1' is on 9 % of these."), Caution("FD015", "Shown for 5 %.")
FEW = Caution("FD002", "6 of 40 patients have it.")


def test_cautions_with__keeps_another_finding_of_a_kind_that_the_runs_have() -> None:
    outside = run("outside", predictions("outside", GOOD), cautions=[MOVED])
    inside = run("inside", predictions("inside", POOR), cautions=[])
    picked = PickedRuns((outside, inside), {"outside": "Outside", "inside": "Inside"}, "")
    by_label = joined_cautions([(one.label, one.cautions) for one in picked.runs])

    found = picked.cautions_with([*by_label, ASKED, FEW])

    assert found == [Caution("FD015", f"Model Outside: {MOVED.text}"), ASKED, FEW]
    assert picked.further([MOVED, ASKED]) == [ASKED]
