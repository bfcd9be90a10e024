"""Use case: the lights of a sample of a model's heat maps, and of two models side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import DataError, SaliencyError
from fundus_core.explain.removal import N_COPIES
from fundus_core.explain.trust import USUAL_RULES, Light, TrustFigures, TrustLight, TrustRules
from fundus_core.io.workspace import Workspace
from fundus_core.stats.bootstrap import Interval, bootstrap_intervals
from fundus_core.stats.resampling import Weights
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.explanations.explained import explainable_run
from fundus_core.workflows.explanations.trust import trust_of
from fundus_core.workflows.models.runs import run_predictions

LIGHTS: tuple[Light, ...] = ("green", "amber", "grey")
NO_MAP = "no map"


@dataclass(frozen=True, slots=True)
class ModelTrust:
    """The lights of a sample of a model's maps."""

    run_id: str
    image_ids: tuple[str, ...]
    lights: tuple[str, ...]
    """One per photograph: of `LIGHTS`, or `NO_MAP` where nothing speaks for the class."""

    figures: tuple[TrustFigures | None, ...]
    """One per photograph; None where there is no map."""

    passed: tuple[float, ...]
    """Share of the checks passed by each map that there is, in [0, 1]; NaN where there is none."""

    shares: Mapping[str, Interval]
    """Light, or `NO_MAP` -> its share of the photographs, with an interval by patient."""

    mean_passed: Interval
    """Mean share of checks passed over the maps that there are."""


def sample_of(
    workspace: Workspace, run_id: str, n_photographs: int, *, seed: int = 0
) -> tuple[tuple[str, ...], NDArray[np.str_] | None]:
    """Draws held-out photographs of a run at random: their image ids, and their patients if known.

    Raises:
        SaliencyError: If the run's model cannot be explained.
        DataError: If the photographs are no longer remembered.
    """
    order, ids, patients = drawn_order(workspace, run_id, seed)
    rows = np.sort(order[:n_photographs])
    return tuple(ids[row] for row in rows), None if patients is None else patients[rows]


def drawn_order(
    workspace: Workspace, run_id: str, seed: int
) -> tuple[NDArray[np.intp], tuple[str, ...], NDArray[np.str_] | None]:
    """Returns the rows of the held-out photographs in the order in which they are drawn.

    Smaller samples of a seed are the beginning of larger ones.

    Returns:
        The rows, and the image ids and the patients, if known, of all rows.

    Raises:
        SaliencyError: If the run's model cannot be explained.
        DataError: If the photographs are no longer remembered.
    """
    run = explainable_run(workspace, run_id)
    said = run_predictions(workspace, run)
    known = set(stored_dataset(workspace, run.dataset_id).image_ids)
    held_out = np.ones(len(said.image_ids), bool) if said.fold is None else said.fold >= 0
    rows = [row for row in np.flatnonzero(held_out) if said.image_ids[row] in known]
    order = np.random.default_rng(seed).permutation(rows).astype(np.intp)
    return order, said.image_ids, said.patient_ids


def model_trust(
    workspace: Workspace,
    run_id: str,
    *,
    n_photographs: int = 40,
    class_name: str | None = None,
    method: str = "grad_cam",
    layer: str | None = None,
    rules: TrustRules = USUAL_RULES,
    n_copies: int = N_COPIES,
    seed: int = 0,
    progress: Progress = silent,
) -> ModelTrust:
    """Measures the maps of a random sample of the photographs that a model held out.

    Every photograph is asked for the same class, whatever its label and score. Intervals are by the
    bootstrap of patients.

    Args:
        workspace: See `trust_of`, like all other arguments.
        run_id: The run.
        n_photographs: Size of the sample.
        class_name: The class explained.
        method: Key of `METHODS`.
        layer: Name of a layer.
        rules: From which figures on a check is passed.
        n_copies: Displaced copies.
        seed: Of the sample and of all else that is drawn.
        progress: Told after every photograph.

    Raises:
        SaliencyError: If the run's model cannot be explained at all.
        DataError: If the sample is empty.
    """
    image_ids, patients = sample_of(workspace, run_id, n_photographs, seed=seed)
    if not image_ids:
        raise DataError(
            f"None of the photographs of run {run_id} is remembered.", hint="Open its data set."
        )
    outcomes = trust_of(
        workspace,
        run_id,
        image_ids,
        class_name=class_name,
        method=method,
        layer=layer,
        rules=rules,
        n_copies=n_copies,
        seed=seed,
        progress=progress,
    )
    return summed_up(run_id, image_ids, outcomes, patients)


def summed_up(
    run_id: str,
    image_ids: Sequence[str],
    outcomes: Sequence[TrustLight | SaliencyError],
    patients: NDArray[np.str_] | None,
) -> ModelTrust:
    """Sums the lights of photographs up, with intervals by patient.

    Args:
        run_id: The run.
        image_ids: Shape (N,).
        outcomes: One per photograph.
        patients: Shape (N,); None if unknown.
    """
    lights = [one.light if isinstance(one, TrustLight) else NO_MAP for one in outcomes]
    passed = np.array(
        [
            one.n_passed / len(one.checks) if isinstance(one, TrustLight) else np.nan
            for one in outcomes
        ]
    )
    kinds = (*LIGHTS, NO_MAP)
    is_kind = np.array([[light == kind for kind in kinds] for light in lights], float)  # (N, 4)
    everyone = {"any": np.ones(len(lights), bool)}

    def shares(weights: Weights) -> NDArray[np.float64]:
        return np.asarray(weights @ is_kind / weights.sum(axis=1, keepdims=True))

    has_map = np.isfinite(passed)

    def mean_passed(weights: Weights) -> NDArray[np.float64]:
        return np.asarray(weights @ passed[has_map] / weights.sum(axis=1))[:, np.newaxis]

    found = bootstrap_intervals(shares, everyone, patients=patients, method="percentile")
    of_maps = None if patients is None else patients[has_map]
    (mean,) = (
        bootstrap_intervals(
            mean_passed, {"any": np.ones(int(has_map.sum()), bool)}, patients=of_maps
        )
        if has_map.any()
        else (Interval(None, None, None, 0.95, "", 0, "there is no map"),)
    )
    return ModelTrust(
        run_id,
        tuple(image_ids),
        tuple(lights),
        tuple(one.figures if isinstance(one, TrustLight) else None for one in outcomes),
        tuple(passed.tolist()),
        dict(zip(kinds, found, strict=True)),
        mean,
    )


def separation(
    one: ModelTrust, other: ModelTrust, patients: NDArray[np.str_] | None
) -> tuple[Interval, Interval]:
    """Compares the lights of two models on the same photographs.

    Photographs in which one of the two has no map are left out.

    Args:
        one: Of the sample.
        other: Of the same sample.
        patients: Shape (N,), of the sample; None if unknown.

    Returns:
        The chance that a map of the first passes a larger share of the checks than one of the
        second (ties count half: an AUC, 0.5 where the light tells nothing), and the mean difference
        of those shares on the same photograph. Both with intervals by patient.

    Raises:
        DataError: If the samples differ, or no photograph has a map of both.
    """
    if one.image_ids != other.image_ids:
        raise DataError(
            "The two models were tested on different photographs.", hint="Use the same sample."
        )
    passed = np.array([one.passed, other.passed])
    both = np.isfinite(passed).all(axis=0)
    if not both.any():
        raise DataError(
            f"None of {len(both)} photographs has a map of both models.", hint="Test more of them."
        )
    first, second = passed[:, both]
    wins = np.sign(first[:, None] - second) / 2 + 0.5  # (n, n)

    def statistics(weights: Weights) -> NDArray[np.float64]:
        total = weights.sum(axis=1)
        area = np.einsum("bi,ij,bj->b", weights, wins, weights) / total**2
        return np.stack([area, weights @ (first - second) / total], axis=1)

    area, difference = bootstrap_intervals(
        statistics,
        {"any": np.ones(int(both.sum()), bool)},
        patients=None if patients is None else patients[both],
    )
    return area, difference
