"""Ids of runs: they have digits of the recipe, and are of one data set each. And their names."""

from collections import Counter
from collections.abc import Sequence

from fundus_core.domain.recipe import fingerprint_of
from fundus_core.io.workspace import Workspace
from fundus_core.stats.classes import over_text
from fundus_core.workflows.models.averages import n_averaged_of
from fundus_core.workflows.models.run_record import FoldResult, Run
from fundus_core.workflows.models.runs import runs_as_stored

RECIPE_DIGITS = 8
"""Of its recipe's fingerprint in a run's id."""


def run_names(runs: Sequence[Run], *, dataset_too: bool = False) -> dict[str, str]:
    """Returns run id -> a name that no other of these runs has.

    Where runs bear one label, the way they were validated is added; where that is the same too, the
    end of their id. So no two curves, rows or menu entries are taken for one another.

    Args:
        runs: Those that stand side by side.
        dataset_too: Add the data set where it is not the same of all.
    """
    names = {run.id: run.label for run in runs}
    if dataset_too and len({run.dataset_id for run in runs}) > 1:
        names = {run.id: f"{run.label} on {run.dataset_name}" for run in runs}
    shared = Counter(names.values())
    names |= {r.id: f"{names[r.id]}, {validated(r)}" for r in runs if shared[names[r.id]] > 1}
    shared = Counter(names.values())
    return {
        run_id: name if shared[name] == 1 else f"{name} [{run_id[-RECIPE_DIGITS:]}]"
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
    return "own split" if len(run.folds) == 1 else f"{len(run.folds)} folds"


def averaged_text(run: Run) -> str:
    """Says over how many of its classes a run averages; empty where over all, or it has one."""
    return over_text(n_averaged_of(run) or 0, len(run.target.scored_classes))


def no_auc_text(run: Run) -> str:
    """Says why a run has no AUC: of labelled photographs a caution says how few of a class are."""
    if any(one.code == "FD002" for one in run.cautions):
        return "none: labels of one class only, or one photograph of another"
    return "no labels"


def fold_auc_text(run: Run, fold: FoldResult) -> str:
    """Returns the AUC of a fold, and over how many classes, or why there is none."""
    if fold.lacking:
        return f"none (all its photographs have, or all lack, {', '.join(fold.lacking)})"
    over = averaged_text(run)
    if fold.auc is None:
        return "none"
    return f"{fold.auc:.3f} ({over})" if over else f"{fold.auc:.3f}"


def own_id(workspace: Workspace, name: str, dataset_id: str) -> str:
    """Returns the id of a data set's run: `name`, unless a run of another data set is called so.

    Two data sets of the same photographs and labels, from two places, give runs of the same name.
    """
    taken = {run.id: run.dataset_id for run in runs_as_stored(workspace)}
    longer = name + _mark(dataset_id)
    is_free = taken.get(name, dataset_id) == dataset_id
    return name if is_free and taken.get(longer) != dataset_id else longer


def recipe_digits(run: Run) -> str:
    """Returns the first digits of its recipe's fingerprint, which a run's id has."""
    return run.id.removesuffix(_mark(run.dataset_id))[-RECIPE_DIGITS:]


def _mark(dataset_id: str) -> str:
    """Returns what tells a run of a data set from one of the same name."""
    return f"-{fingerprint_of(dataset_id)[:6]}"
