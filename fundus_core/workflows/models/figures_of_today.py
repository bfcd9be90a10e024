"""The figures of a stored run as this version computes them from its predictions."""

from dataclasses import asdict, replace

from fundus_core.checks import Caution, shortcut_caution
from fundus_core.domain.predictions import Predictions
from fundus_core.workflows.evaluation.aucs import (
    interval_by_class,
    overall_auc,
    p_against_baseline,
)
from fundus_core.workflows.models.fold_figures import averaged_columns, fold_auc
from fundus_core.workflows.models.run_record import INTERVALS, Run

_BEATEN = "FD006"
"""Code of `shortcut_caution`, which the predictions alone give."""


def is_of_today(run: Run) -> bool:
    """Says whether the stored figures of a run are those that this version would compute."""
    return run.intervals == INTERVALS and not _is_of_other_averages(run)


def with_figures_of(run: Run, predictions: Predictions, baseline: Predictions | None) -> Run:
    """Returns a run with the AUCs, intervals and p that this version computes.

    Args:
        run: As it was stored.
        predictions: Its held-out ones.
        baseline: What the mean colour predicts in the same folds, if that is known.
    """
    return with_intervals_of(with_folds_of(run, predictions), predictions, baseline)


def with_intervals_of(run: Run, predictions: Predictions, baseline: Predictions | None) -> Run:
    """Returns a run with its intervals, its p against the mean colour, and what that cautions of.

    Args:
        run: As it was stored.
        predictions: As for `with_figures_of`.
        baseline: As for `with_figures_of`.
    """
    of_today = replace(
        run,
        auc=run.auc and overall_auc(predictions),
        class_aucs=interval_by_class(predictions) if run.class_aucs else run.class_aucs,
        baseline_auc=None if baseline is None else overall_auc(baseline),
        baseline_p=None if baseline is None else p_against_baseline(predictions, baseline),
        intervals=INTERVALS,
    )
    told = tuple(one for one in run.cautions if one.code == _BEATEN)
    beaten = beaten_caution(of_today)
    if told == (() if beaten is None else (beaten,)):
        return of_today
    rest = tuple(one for one in run.cautions if one.code != _BEATEN)
    return replace(of_today, cautions=rest if beaten is None else (*rest, beaten))


def beaten_caution(run: Run) -> Caution | None:
    """Returns the caution that a run's AUC is not above the mean colour's; None if it is."""
    if not run.auc or not run.baseline_auc or run.baseline_p is None:
        return None
    ahead = run.auc.auc - run.baseline_auc.auc
    return shortcut_caution(ahead, run.baseline_p, averaged=run.target.task != "binary")


def with_folds_of(run: Run, predictions: Predictions) -> Run:
    """Returns a run whose folds have the AUC of today, if an older version stored another one.

    Args:
        run: As it was stored.
        predictions: Its held-out ones.
    """
    if not _is_of_other_averages(run) or predictions.fold is None:
        return run
    averaged = averaged_columns(predictions)
    folds = []
    for one in run.folds:
        found = fold_auc(predictions.select(predictions.fold == one.fold), averaged)
        folds.append(replace(one, **asdict(found)))
    return replace(run, folds=tuple(folds))


def _is_of_other_averages(run: Run) -> bool:
    """Says whether each fold's AUC is over the classes that this fold had."""
    return run.target.task != "binary" and any(one.n_averaged is None for one in run.folds)
