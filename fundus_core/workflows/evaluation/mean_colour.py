"""Use case: what the mean colour alone reaches on the very question that is asked of a model."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fundus_core.domain.predictions import Predictions
from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import AucInterval
from fundus_core.workflows.evaluation.aligned import ScoredModel
from fundus_core.workflows.evaluation.aucs import overall_auc, p_against_baseline
from fundus_core.workflows.evaluation.viewed import viewed
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import baseline_predictions, load_run, run_predictions


@dataclass(frozen=True, slots=True)
class MeanColour:
    """The mean colour in the folds of a run, on the rows and the class that the run is judged on.

    The figures that are stored with a run (`Run.baseline_auc`, `Run.baseline_p`) are of all of its
    photographs, and of several classes those of the macro average.
    """

    auc: AucInterval

    p_value: float | None
    """Of the paired test of the run against it, two-sided; None where no test can be made."""


def mean_colour(
    workspace: Workspace,
    run: Run,
    *,
    class_name: str | None = None,
    aggregate: str | None = None,
    among: Collection[str] | None = None,
) -> MeanColour | None:
    """Returns what the mean colour reaches where a run is looked at; None where it has none.

    Labels, patients and folds are those of the run; the scores alone are the mean colour's.

    Args:
        workspace: Where the run is.
        run: A validated model; others have no folds that the mean colour could be fitted in.
        class_name: Of several classes, the one against the rest; None for the macro average.
        aggregate: Key of `AGGREGATES` to look at patients in place of photographs.
        among: Photographs, or patients, that are looked at; None for all of the run.

    Raises:
        TargetError: If the run has no such class, or patients are asked for without one.
        ScoresError: If patients are asked for and are unknown.
        SingleClassError: If the rows are not of both kinds.
        StoreError: If the files of the run are damaged.
    """
    said, baseline = run_predictions(workspace, run), baseline_predictions(workspace, run)
    if baseline is None or baseline.image_ids != said.image_ids:
        return None
    asked, colour = (
        _asked(one, class_name, aggregate, among)
        for one in (said, replace(said, y_score=baseline.y_score))
    )
    return MeanColour(overall_auc(colour), p_against_baseline(asked, colour))


def mean_colours(
    workspace: Workspace,
    run_ids: Sequence[str],
    *,
    class_name: str | None = None,
    aggregate: str | None = None,
) -> dict[str, MeanColour]:
    """Returns run id -> its mean colour on the rows that all of the runs scored, as in `compare`.

    Runs that share no row are looked at on their own ones, and those without mean colour left out.

    Raises:
        FundusError: As `mean_colour` does.
    """
    runs = [load_run(workspace, name) for name in run_ids]
    rows = [
        set(_asked(run_predictions(workspace, run), class_name, aggregate, None).image_ids)
        for run in runs
    ]
    among = set.intersection(*rows) or None
    found = {
        run.id: mean_colour(workspace, run, class_name=class_name, aggregate=aggregate, among=among)
        for run in runs
    }
    return {name: one for name, one in found.items() if one is not None}


def _asked(
    said: Predictions, class_name: str | None, aggregate: str | None, among: Collection[str] | None
) -> Predictions:
    """Returns the rows and the class that are asked about."""
    if class_name or aggregate or said.task == "binary":
        said = viewed(ScoredModel(said.model, said, ()), class_name, aggregate).predictions
    if among is None:
        return said
    return said.select(np.array([name in among for name in said.image_ids], dtype=bool))
