"""Which of its classes the macro average of a run is over, as its stored figures tell."""

from itertools import combinations

from fundus_core.stats.delong import AucInterval
from fundus_core.stats.inference import auc_bounds
from fundus_core.workflows.models.run_record import Run

_ROUNDING = 1e-9
"""Between the mean of AUCs and the same one computed again."""


def n_averaged_of(run: Run) -> int | None:
    """Returns how many classes the AUC of a run is the mean of; None without one, or of one class.

    A macro average counts the labels of all of its classes, so that any stored run tells it.
    """
    if run.auc is None or run.target.task == "binary" or not run.n_images:
        return None
    return (run.auc.n_positive + run.auc.n_negative) // run.n_images


def averaged_of(run: Run) -> tuple[str, ...]:
    """Returns the classes that the AUC of a run is the mean of; none without one, or of one class.

    Those left out have fewer than two patients (images) of a label, and the interval of one pair.
    """
    names, number = tuple(run.class_aucs), n_averaged_of(run)
    if run.auc is None or number is None:
        return ()
    if number == len(names):
        return names
    scarce = [name for name in names if _is_of_one_pair(run.class_aucs[name])]
    sure = [name for name in names if name not in scarce]
    for some in combinations(scarce, max(number - len(sure), 0)):
        chosen = {*sure, *some}
        if _is_mean(run.auc, [run.class_aucs[name] for name in chosen]):
            return tuple(name for name in names if name in chosen)
    return ()


def _is_of_one_pair(one: AucInterval) -> bool:
    """Says whether an interval is the exact one of a single pair of patients (images)."""
    if not one.method.endswith("exact"):
        return False
    bounds = auc_bounds(one.auc, 0.0, 1, confidence=one.confidence)
    return abs(one.low - bounds.low) + abs(one.high - bounds.high) < _ROUNDING


def _is_mean(average: AucInterval, of: list[AucInterval]) -> bool:
    """Says whether an average can be that of some classes."""
    if not of or sum(one.n_positive for one in of) != average.n_positive:
        return False
    return abs(sum(one.auc for one in of) / len(of) - average.auc) < _ROUNDING
