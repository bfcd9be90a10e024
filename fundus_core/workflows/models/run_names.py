"""Ids of runs: they have digits of the recipe, and are of one data set each."""

from fundus_core.domain.recipe import fingerprint_of
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.models.runs import Run, list_runs

RECIPE_DIGITS = 8
"""Of its recipe's fingerprint in a run's id."""


def own_id(workspace: Workspace, name: str, dataset_id: str) -> str:
    """Returns the id of a data set's run: `name`, unless a run of another data set is called so.

    Two data sets of the same photographs and labels, from two places, give runs of the same name.
    """
    taken = {run.id: run.dataset_id for run in list_runs(workspace)}
    longer = name + _mark(dataset_id)
    is_free = taken.get(name, dataset_id) == dataset_id
    return name if is_free and taken.get(longer) != dataset_id else longer


def recipe_digits(run: Run) -> str:
    """Returns the first digits of its recipe's fingerprint, which a run's id has."""
    return run.id.removesuffix(_mark(run.dataset_id))[-RECIPE_DIGITS:]


def _mark(dataset_id: str) -> str:
    """Returns what tells a run of a data set from one of the same name."""
    return f"-{fingerprint_of(dataset_id)[:6]}"
