"""What menus and tables call evaluated models."""

from collections import Counter
from collections.abc import Sequence

from fundus_core.ui import text
from fundus_core.workflows.models.runs import Run

_ID_DIGITS = 8
"""Length of the fingerprint at the end of a run id."""


def run_names(runs: Sequence[Run]) -> dict[str, str]:
    """Returns run id -> a name that no other of these runs has.

    Where runs bear one label, the way they were validated is added; where that is the same too, the
    end of their id. So no two curves, rows or menu entries are taken for one another.
    """
    names = {run.id: run.label for run in runs}
    shared = Counter(names.values())
    names |= {r.id: f"{r.label}, {validated(r)}" for r in runs if shared[r.label] > 1}
    shared = Counter(names.values())
    return {
        run_id: name if shared[name] == 1 else f"{name} [{run_id[-_ID_DIGITS:]}]"
        for run_id, name in names.items()
    }


def names_by_target(runs: Sequence[Run]) -> dict[str, str]:
    """Returns run id -> a name that no other of these runs of the same target has."""
    names: dict[str, str] = {}
    for target in {run.target.name for run in runs}:
        names |= run_names([run for run in runs if run.target.name == target])
    return names


def validated(run: Run) -> str:
    """Says in a few words how a model was validated."""
    if run.kind == "external":
        return "another data set"
    if run.kind == "zero_shot":
        return "words alone"
    return "own split" if len(run.folds) == 1 else text.count(len(run.folds), "fold")
