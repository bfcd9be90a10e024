"""Whether the figures in a bundle are those of the predictions that came with it."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from fundus_core.checks import (
    Caution,
    no_split_caution,
    split_caution,
    target_cautions,
    taught_caution,
)
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import DataError, FundusError
from fundus_core.stats.delong import AucInterval
from fundus_core.stats.inference import auc_bounds
from fundus_core.stats.unequal_patients import taken_as_alike
from fundus_core.workflows.evaluation.aucs import interval_by_class, overall_auc, p_against_baseline
from fundus_core.workflows.models.figures_of_today import (
    beaten_caution,
    with_folds_of,
    with_intervals_of,
)
from fundus_core.workflows.models.fold_figures import averaged_columns, fold_auc
from fundus_core.workflows.models.predict import has_both_sides
from fundus_core.workflows.models.run_record import FoldResult, Run

TRAINED_HERE = ("probe", "finetune")
"""Kinds of runs that were trained and tested on the data set itself."""

_ROUNDING = 1e-9
"""Between an AUC and the same one computed again."""

_ROUNDING_OF_THE_REST = 1e-6
"""Between other figures, relative to them: quantiles differ between versions of libraries."""

_OF_WORDS = {"FD012", "FD020", "FD021"}
"""Cautions about names, which are not in a bundle as they were."""

_SHARE = re.compile(r"\d % of patients")
"""In the name of a run that did not learn from all patients."""

_OF_FIGURES = {"FD006"}
"""Cautions that the predictions alone give: where they do not, nobody knows what one is of."""

_Figures = dict[str, Any]


def with_right_figures(
    run: Run, predictions: Predictions, baseline: Predictions | None, dataset: FundusDataset
) -> Run:
    """Returns a run that says the figures which its predictions and its data set give.

    Figures by the variance of earlier versions, which took patients as alike, become those of
    today: what they said of themselves is right, and too sure. AUCs of folds that earlier versions
    averaged over the classes which each fold had are computed again, and what they were is not
    looked at.

    Raises:
        DataError: Naming the figure and both values.
        ValueError: If no figure can be computed from them at all.
    """
    try:
        run = with_folds_of(run, predictions)
        said, right = _said(run), run
        given = _given(run, predictions, baseline, dataset)
        name = _that_differs(said, given)
        if name is not None:
            with taken_as_alike():
                then = _given(run, predictions, baseline, dataset)
            name = name if _that_differs(said, then) else None
        if name is None:
            right = with_intervals_of(run, predictions, baseline)
    except FundusError as error:
        raise ValueError(f"the run {run.id}: {error.message}") from error
    if name is not None:
        raise DataError(
            f"The bundle says {name} of its run {run.label} is {_text(said.get(name))}; the "
            f"predictions in it give {_text(given.get(name))}.",
            hint="It was changed after it was made: ask its author for another one.",
        )
    _require_possible_sides(run, len(predictions.image_ids))
    return right


def _that_differs(said: _Figures, given: _Figures) -> str | None:
    """Returns the first figure that is another one; None if all agree."""
    for name in said | given:
        rounding = _ROUNDING if _is_auc(name) else _ROUNDING_OF_THE_REST
        if not _agree(said.get(name), given.get(name), rounding):
            return name
    return None


def with_found_cautions(
    run: Run, predictions: Predictions, dataset: FundusDataset, taught: set[str]
) -> Run:
    """Returns a run with all cautions that its data set and its predictions give, in their words.

    Args:
        run: As its author tells it.
        predictions: Its own.
        dataset: What it was judged on.
        taught: Photographs that taught the model of another run of the bundle, if it is one's.
    """
    found = list(_of_labels(run, predictions, dataset))
    if run.kind in TRAINED_HERE and len(run.folds) == 1:
        found += filter(None, [split_caution(dataset), _without_split(run, dataset)])
    found += filter(None, [beaten_caution(run)])
    n_seen = len(taught & set(predictions.image_ids))
    found += filter(None, [taught_caution(n_seen, len(predictions.image_ids))])
    known = {one.code for one in run.cautions}
    again = {one.code: one for one in found if one.code not in known & _OF_WORDS}
    told = [one for one in run.cautions if one.code in again or one.code not in _OF_FIGURES]
    kept = [again.pop(one.code, one) for one in told]
    return replace(run, cautions=(*kept, *again.values()))


def _of_labels(run: Run, predictions: Predictions, dataset: FundusDataset) -> tuple[Caution, ...]:
    columns = set(run.target.columns)
    if not columns <= set(dataset.table.columns) or not dataset.labels(run.target)[1].any():
        return ()  # scored without labels, where nothing is judged
    return target_cautions(dataset, run.target, predictions)


def _without_split(run: Run, dataset: FundusDataset) -> Caution | None:
    if not set(run.target.columns) <= set(dataset.table.columns):
        return None
    known = dataset.labels(run.target)[1]
    unplaced = known & dataset.table["split"].isna().to_numpy(bool)
    return no_split_caution(int(unplaced.sum()), int(known.sum()))


def _said(run: Run) -> _Figures:
    figures: _Figures = {
        "the number of photographs": run.n_images,
        "the number of patients": run.n_patients,
        "the field `synthetic`": run.synthetic,
        "p against the mean colour": run.baseline_p,
        **_flat("all", run.auc),
        **_flat("mean colour", run.baseline_auc),
    }
    for name, interval in run.class_aucs.items():
        figures |= _flat(f"class {name}", interval)
    for one in run.folds:
        figures |= _of_fold(one)
    return figures


def _given(
    run: Run, predictions: Predictions, baseline: Predictions | None, dataset: FundusDataset
) -> _Figures:
    is_judged = run.auc or run.kind != "external" or has_both_sides(predictions)
    overall = overall_auc(predictions) if is_judged else None
    colour = overall_auc(baseline) if baseline else None
    p_value = p_against_baseline(predictions, baseline) if baseline else None
    figures: _Figures = {
        "the number of photographs": len(predictions.image_ids),
        "the number of patients": predictions.n_patients,
        "the field `synthetic`": dataset.synthetic,
        "p against the mean colour": p_value,
        **_flat("all", _of_its_time(overall, run.auc)),
        **_flat("mean colour", _of_its_time(colour, run.baseline_auc)),
    }
    for name, interval in (interval_by_class(predictions) if overall else {}).items():
        figures |= _flat(f"class {name}", _of_its_time(interval, run.class_aucs.get(name)))
    folds = predictions.fold if run.kind in TRAINED_HERE else None
    averaged = averaged_columns(predictions)
    for number in [] if folds is None else np.unique(folds).tolist():
        figures |= _fold_given(number, predictions.select(folds == number), averaged)
    return figures


def _of_its_time(given: AucInterval | None, said: AucInterval | None) -> AucInterval | None:
    """Returns an interval as earlier versions computed it, by the normal distribution, if one did.

    They told no degrees of freedom.
    """
    if given is None or given.degrees_of_freedom is None or said is None:
        return given
    if said.degrees_of_freedom is not None:
        return given
    bounds = auc_bounds(given.auc, given.standard_error**2, 1, confidence=given.confidence)
    return replace(given, low=bounds.low, high=bounds.high, degrees_of_freedom=None)


def _fold_given(number: int, held_out: Predictions, averaged: Sequence[int]) -> _Figures:
    n_images, n_positive = len(held_out.image_ids), int(held_out.y_true.sum())
    found = fold_auc(held_out, averaged)
    counts = (n_images, n_positive, held_out.n_patients)
    return _of_fold(
        FoldResult(number, found.auc, 0, *counts, None, found.n_averaged, found.lacking)
    )


def _of_fold(one: FoldResult) -> _Figures:
    return {
        f"the AUC (fold {one.fold})": one.auc,
        f"the number of photographs tested (fold {one.fold})": one.n_test,
        f"the number of labels (fold {one.fold})": one.n_positive,
        f"the number of patients (fold {one.fold})": one.n_patients,
        f"the number of classes averaged (fold {one.fold})": one.n_averaged,
        f"the classes lacking (fold {one.fold})": one.lacking,
    }


def _require_possible_sides(run: Run, n_images: int) -> None:
    """Raises if a fold learned from nothing, or from photographs that it tests.

    In cross-validation it learned from all others, but for runs of a share of the patients, whose
    names say so.
    """
    is_of_all = len(run.folds) > 1 and not _SHARE.search(run.label)
    for one in run.folds:
        most = n_images - one.n_test if len(run.folds) > 1 else math.inf
        if not 0 < one.n_train <= most or (is_of_all and one.n_train != most):
            raise ValueError(f"the run {run.id}: fold {one.fold} learned from {one.n_train} images")


def _flat(of: str, interval: AucInterval | None) -> _Figures:
    if interval is None:
        return {f"the AUC ({of})": None}
    rest: Mapping[str, Any] = asdict(interval)
    told = {f"the AUC's {name} ({of})": value for name, value in rest.items() if name != "auc"}
    return {f"the AUC ({of})": interval.auc, **told}


def _is_auc(name: str) -> bool:
    return name.startswith("the AUC (")


def _agree(one: object, other: object, rounding: float) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        if not isinstance(one, int | float) or not isinstance(other, int | float):
            return False
        return math.isclose(one, other, rel_tol=rounding, abs_tol=_ROUNDING)
    return one == other


def _text(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:.6g}" if isinstance(value, float) else repr(value)
