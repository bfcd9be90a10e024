"""No parameter of a statistic that is out of its range ends in a traceback, or in a figure."""

import importlib
import inspect
import math
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import fundus_core.stats
from fundus_core.errors import FundusError
from fundus_core.stats.delong import compare_paired
from fundus_core.stats.power import OneAuc

NEVER = (math.nan, math.inf, -math.inf, -1)
"""What no parameter takes."""

WRONG: dict[str, Sequence[Any]] = {
    "confidence": (*NEVER, 0, 1, 95),
    "n_resamples": (*NEVER, 0, 1, 10**9, 10**30, 2.5),
    "seed": (*NEVER, 10**30, 0.5),
    "n_bins": (*NEVER, 0, 10**9, 2.5),
    "n_bands": (*NEVER, 0, 1, 10**9, 2.5),
    "fewest": (*NEVER, 0, 1, 2.5),
    "at": (*NEVER, 1.5),
    "start": (*NEVER, 1),
    "end": (*NEVER, 0, 1.5),
    "prevalence": (*NEVER, 0, 1, 5),
    "margin": (*NEVER, 0, 1),
    "alpha": (*NEVER, 0, 1),
    "threshold": (math.nan,),
    "thresholds": ((0.0,), (1.0,), (math.nan,), (0.2, 0.1), ()),
    "power": (*NEVER, 0, 1),
    "healthy_per_diseased": (*NEVER, 0, 1e308, 1e-300),
    "n_diseased": (*NEVER, 0, 10**30, 2.5),
    "n_healthy": (*NEVER, 0, 10**30, 2.5),
    "p_values": ((math.nan,), (1.5,), (-0.1,)),
    "number": (*NEVER, 1.5),
}
"""Name of a parameter -> values that every function which takes it refuses."""

Y = np.tile([False, True], 20)
SCORE = np.linspace(0.02, 0.98, 40).round(3)
OTHER = np.roll(SCORE, 7)
GRADES = np.eye(3, dtype=bool)[np.arange(40) % 3]
SHARES = np.random.default_rng(0).dirichlet([1, 1, 1], 40)

GOOD: dict[str, Any] = {
    "y_true": Y, "y_a": Y, "y_b": Y, "y_score": SCORE, "score_a": SCORE, "score_b": OTHER,
    "called": SCORE > 0.5, "class_names": ("a", "b", "c"), "groups": ["x", "y"] * 20,
    "strata": np.arange(40) // 2 % 2, "n_resamples": 20, "threshold": 0.5, "thresholds": (0.1, 0.2),
    "prevalence": 0.3, "margin": 0.05, "question": OneAuc(0.8), "n_diseased": 40, "n_healthy": 40,
    "values": SCORE, "n_bands": 3, "found": compare_paired(Y, SCORE, OTHER),
    "p_values": (0.1, 0.2), "successes": [3], "trials": [9], "positive": Y, "score": SCORE,
    "patients": None, "at": 0.9, "order": (), "decided": GRADES,
    "statistic": lambda weights: (weights @ SCORE / weights.sum(axis=1))[:, None],
    "pair": lambda weights: np.stack([weights @ SCORE, weights @ OTHER], axis=1) / 40,
    "labels": {"positive": Y, "negative": ~Y}, "share": SCORE, "names": ("accuracy",),
    "fewest_beyond": 0,
}  # fmt: skip
"""Name of a parameter -> a value that serves every function which takes it, but the following."""

RESAMPLED = ("n_resamples", "fewest_beyond")
"""Parameters that are given though they have a value: few resamples, of few images."""

SEVERAL = {"y_true": GRADES, "y_score": SHARES, "score_a": SHARES, "score_b": SHARES[::-1]}
SEVERAL |= {"y_a": GRADES, "y_b": GRADES}
OF_SEVERAL_CLASSES = {
    "compare_classes", "compare_classes_unpaired", "class_aucs", "confusion_matrix",
    "hand_till_auc", "macro_auc", "compare_macro", "compare_macro_unpaired", "micro_auc",
    "compare_micro", "compare_micro_unpaired",
}  # fmt: skip
INSIDE = {
    "auc_bounds", "difference_test", "alike_test", "unpaired_test", "two_sided_quantile",
    "ratio_test", "unpaired_comparison", "share_of", "calibrated_intervals", "net_benefit",
    "treat_all", "treated_rates", "resamples", "drawn_anew", "auc_difference", "shares_equal",
    "at_prevalence", "shifted_shares", "metric_intervals", "point_of_calls",
    "require_confidence", "generator_of", "too_few_beyond", "too_few_to_test",
}  # fmt: skip
"""Parts of others in this list, which have looked at the parameters."""


def functions() -> Iterator[tuple[Callable[..., Any], str]]:
    """Yields each public function of a statistic, and the name of each parameter in `WRONG`."""
    for module in pkgutil.iter_modules(fundus_core.stats.__path__, "fundus_core.stats."):
        for name, one in vars(importlib.import_module(module.name)).items():
            if name.startswith("_") or not inspect.isfunction(one) or name in INSIDE:
                continue
            if one.__module__ == module.name:
                yield from (
                    (one, each) for each in inspect.signature(one).parameters if each in WRONG
                )


def called(function: Callable[..., Any], **given: Any) -> Any:
    """Calls a function with good arguments but those given."""
    parameters = inspect.signature(function).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty or p.name in RESAMPLED]
    good = GOOD | SEVERAL if function.__name__ in OF_SEVERAL_CLASSES else GOOD
    return function(**{name: good[name] for name in needed} | given)


CASES = sorted(functions(), key=lambda case: (case[0].__name__, case[1]))


def test_cases__hold_the_statistics_that_pages_show() -> None:
    names = {function.__name__ for function, _ in CASES}

    assert {"auc_interval", "decision_curve", "calibration", "patients_for", "roc_band"} <= names


@pytest.mark.parametrize("function", dict.fromkeys(f for f, _ in CASES), ids=lambda f: f.__name__)
def test_arguments__serve(function: Callable[..., Any]) -> None:
    called(function)


@pytest.mark.parametrize(("function", "name"), CASES, ids=lambda one: getattr(one, "__name__", one))
def test_parameter__out_of_range_is_refused_in_a_sentence(
    function: Callable[..., Any], name: str
) -> None:
    for wrong in WRONG[name]:
        with pytest.raises(FundusError) as refused:
            called(function, **{name: wrong})
        assert refused.value.hint, f"{name}={wrong}"
