"""Use case: what was measured of the heat maps of models, without measuring anything."""

from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from fundus_core.explain.removal import N_COPIES
from fundus_core.explain.trust import USUAL_RULES, TrustRules
from fundus_core.io.workspace import Workspace
from fundus_core.stats.bootstrap import Interval
from fundus_core.stats.resampling import FEWEST_UNITS
from fundus_core.workflows.explanations.explained import Asked
from fundus_core.workflows.explanations.model_trust import (
    ModelTrust,
    drawn_order,
    sample_of,
    separation,
    summed_up,
)
from fundus_core.workflows.explanations.trust import stored_lights

FEWEST_MEASURED = FEWEST_UNITS
"""A model's trust is not summed up over fewer photographs than this."""


@dataclass(frozen=True, slots=True)
class TrustComparison:
    """The lights of two models on the same photographs."""

    n_photographs: int
    """With a map of both."""

    area: Interval
    """See `separation`; 0.5 where the lights tell nothing."""

    difference: Interval
    """Mean difference of the shares of checks passed, first minus second."""


def measured_trust(
    workspace: Workspace,
    run_id: str,
    asked: Asked,
    *,
    most: int | None = None,
    rules: TrustRules = USUAL_RULES,
    n_copies: int = N_COPIES,
    seed: int = 0,
) -> ModelTrust | None:
    """Sums up what was measured of a model before; loads no network.

    Smaller samples of a seed are the beginning of larger ones. So whatever was asked for by
    `model_trust`, the photographs up to the first one that was not measured are a random sample.

    Args:
        workspace: See `trust_of`, like all other arguments.
        run_id: The run.
        asked: What the maps were asked for.
        most: Of these photographs at most.
        rules: From which figures on a check is passed.
        n_copies: Displaced copies.
        seed: Of the sample and of all else that was drawn.

    Returns:
        None where fewer than `FEWEST_MEASURED` photographs were measured.

    Raises:
        SaliencyError: If the run's model cannot be explained.
        DataError: If the photographs are no longer remembered.
    """
    order, ids, patients = drawn_order(workspace, run_id, seed)
    drawn = [ids[row] for row in order[:most]]
    lights = stored_lights(
        workspace, run_id, drawn, asked, rules=rules, n_copies=n_copies, seed=seed
    )
    known = [one for one in takewhile(lambda light: light is not None, lights) if one is not None]
    if len(known) < FEWEST_MEASURED:
        return None
    place = np.argsort(order[: len(known)])
    rows = order[place]
    return summed_up(
        run_id,
        [ids[row] for row in rows],
        [known[number] for number in place],
        None if patients is None else patients[rows],
    )


def compared_trust(
    workspace: Workspace, run_ids: tuple[str, str], asked: tuple[Asked, Asked], *, seed: int = 0
) -> TrustComparison | None:
    """Compares two models on the photographs that both were measured on; loads no network.

    Args:
        workspace: Where the runs are.
        run_ids: Of the two models, of the same photographs.
        asked: What the maps of each were asked for.
        seed: Of the sample.

    Returns:
        None where one of the two was not measured.

    Raises:
        SaliencyError: If a model cannot be explained.
        DataError: If the samples differ, or no photograph has a map of both.
    """
    pairs = list(zip(run_ids, asked, strict=True))
    found = [measured_trust(workspace, *pair, seed=seed) for pair in pairs]
    if any(one is None for one in found):
        return None
    n_both = min(len(one.image_ids) for one in found if one is not None)
    one, other = (measured_trust(workspace, *pair, most=n_both, seed=seed) for pair in pairs)
    if one is None or other is None:
        return None
    _, patients = sample_of(workspace, run_ids[0], n_both, seed=seed)
    n_maps = int(np.isfinite(np.array([one.passed, other.passed])).all(axis=0).sum())
    return TrustComparison(n_maps, *separation(one, other, patients))
