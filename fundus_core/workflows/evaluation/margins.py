"""Use case: is a model at least as good as another, up to a margin that was stated beforehand?"""

from dataclasses import dataclass

from fundus_core.errors import NoVarianceError
from fundus_core.stats.non_inferiority import MarginTest, equivalence, non_inferiority
from fundus_core.workflows.evaluation.compare import Comparison

USUAL_MARGIN = 0.05
"""A loss of AUC that is often taken as bearable; no law."""


@dataclass(frozen=True, slots=True)
class HeldAgainstMargin:
    """A model held against a reference."""

    run_id: str
    """Run id, or the path of a table, of the model in question."""

    reference: str
    """Likewise, of the model it is to be as good as."""

    label: str
    label_reference: str

    non_inferiority: MarginTest | None
    """Is the model less than the margin below the reference? One-sided, 2.5 %. None where nothing
    varies."""

    equivalence: MarginTest | None
    """Are they less than the margin apart? Two one-sided tests, 5 % each."""

    reason: str
    """Why there is no test; empty where there is one."""


def against_margin(
    found: Comparison, margin: float, *, reference: str | None = None
) -> tuple[HeldAgainstMargin, ...]:
    """Holds every model of a comparison against every other, or against one reference.

    The p-values are not corrected for their number.

    Args:
        found: A comparison; its tests are taken over, by patient where patients are known.
        margin: The largest loss of AUC that one would put up with, in (0, 1).
        reference: Run id of the one model to be held against; every one by default.

    Raises:
        ScoresError: If the margin is not in (0, 1).
    """
    tests = {(pair.run_a, pair.run_b): pair.result for pair in found.pairs}
    tests |= {(pair.run_b, pair.run_a): pair.result.swapped() for pair in found.pairs}
    labels = {run.run_id: run.label for run in found.runs}
    rows = []
    for (run_id, other), result in tests.items():
        if reference not in (None, other):
            continue
        one_sided, two_sided, reason = None, None, ""
        try:
            one_sided = non_inferiority(result, margin=margin)
            two_sided = equivalence(result, margin=margin)
        except NoVarianceError as refusal:
            reason = refusal.message
        rows.append(
            HeldAgainstMargin(
                run_id, other, labels[run_id], labels[other], one_sided, two_sided, reason
            )
        )
    return tuple(rows)
