"""A comparison of models as a table, for notebooks."""

from itertools import combinations

import pandas as pd

from fundus_core.workflows.evaluation.classes import AdjustedTest, ClassComparison
from fundus_core.workflows.evaluation.compare import Comparison

_COLUMNS = (
    *("model_a", "model_b", "class", "difference", "low", "high", "p", "p_holm", "method"),
    *("reason", "run_a", "run_b"),
)


def comparison_table(found: Comparison | ClassComparison) -> pd.DataFrame:
    """Returns a row per pair and class: difference of AUC, 95 % interval, p as it is and corrected.

    Of several classes each has a row, and their averages have theirs; an average over fewer of them
    says how many in its column `class`, and which. Numbers are missing where no
    test was made: `reason` says why, and is empty elsewhere. `run_a` and `run_b` are run ids, or
    paths of tables.
    """
    table = pd.DataFrame([_row(*each) for each in _tests(found)], columns=list(_COLUMNS))
    return table.astype(dict.fromkeys(("difference", "low", "high", "p", "p_holm"), float))


def _tests(
    found: Comparison | ClassComparison,
) -> list[tuple[tuple[str, str], tuple[str, str], AdjustedTest]]:
    """Returns the labels and the ids of each pair of models, with a test of the two."""
    if isinstance(found, ClassComparison):
        return [
            ((pair.label_a, pair.label_b), (pair.run_a, pair.run_b), one)
            for pair in found.pairs
            for one in (*pair.classes, pair.macro, pair.micro)
        ]
    if found.untested:
        none = AdjustedTest(found.class_name, None, None, found.untested)
        return [
            ((a.label, b.label), (a.run_id, b.run_id), none) for a, b in combinations(found.runs, 2)
        ]
    return [
        (
            (pair.label_a, pair.label_b),
            (pair.run_a, pair.run_b),
            AdjustedTest(found.class_name, pair.result, pair.p_holm, ""),
        )
        for pair in found.pairs
    ]


def _row(labels: tuple[str, str], ids: tuple[str, str], test: AdjustedTest) -> tuple[object, ...]:
    result = test.result
    numbers: tuple[object, ...] = (None,) * 4
    if result is not None:
        numbers = (result.difference, result.low, result.high, result.p_value)
    method = "" if result is None else result.method
    return (*labels, test.name, *numbers, test.p_holm, method, test.reason, *ids)
