"""Every public statistic of labels and scores on inputs that break such functions elsewhere.

NaN and infinite scores, one class, ties, fewer than two images, identical models: each call ends
within seconds, in a result whose intervals are intervals, or in an error of ours with a next step.
"""

import dataclasses
import importlib
import inspect
import pkgutil
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

import fundus_core.stats
from fundus_core.errors import FundusError

SECONDS_ALLOWED = 5.0
_TAKES_DATA = {"y_true", "y_a", "y_score"}

BY_CLASS = {
    "as_label_columns",
    "as_score_columns",
    "class_aucs",
    "compare_classes",
    "compare_classes_unpaired",
    "compare_macro",
    "compare_macro_unpaired",
    "compare_micro",
    "compare_micro_unpaired",
    "confusion_matrix",
    "decide_highest",
    "hand_till_auc",
    "macro_auc",
    "micro_auc",
}
"""Take a column per class."""

ONE_COLUMN = {
    "answers_of",
    "calibrated_intervals",
    "decide_across_folds",
    "decide_as_inside",
    "decide_at_half",
    "recalibrate_across_folds",
}
"""Take a task and a column per scored class: one, where it is binary."""

NAN, INF = float("nan"), float("inf")
HALF = [0.1, 0.4, 0.35, 0.8, 0.5, 0.7]
_SMALL: dict[str, tuple[list[Any], list[float], list[float]]] = {
    "sound": ([0, 0, 1, 1, 0, 1], HALF, HALF[::-1]),
    "no image": ([], [], []),
    "one image": ([1], [0.5], [0.4]),
    "one of each class": ([0, 1], [0.2, 0.9], [0.9, 0.2]),
    "two of one class": ([1, 1], [0.2, 0.9], [0.9, 0.2]),
    "negatives only": ([0] * 6, HALF, HALF[::-1]),
    "positives only": ([1] * 6, HALF, HALF[::-1]),
    "one positive": ([0, 0, 0, 1, 0, 0], HALF, HALF[::-1]),
    "all tied": ([0, 0, 1, 1, 0, 1], [0.5] * 6, [0.5] * 6),
    "all zero": ([0, 0, 1, 1, 0, 1], [0.0] * 6, [0.0] * 6),
    "all one": ([0, 0, 1, 1, 0, 1], [1.0] * 6, [1.0] * 6),
    "perfect": ([0, 0, 1, 1, 0, 1], [0.0, 0.1, 0.9, 1.0, 0.0, 1.0], HALF),
    "always wrong": ([1, 1, 0, 0, 1, 0], [0.0, 0.1, 0.9, 1.0, 0.0, 1.0], HALF),
    "identical models": ([0, 0, 1, 1, 0, 1], HALF, HALF),
    "a NaN": ([0, 0, 1, 1, 0, 1], [*HALF[:5], NAN], HALF),
    "all NaN": ([0, 0, 1, 1, 0, 1], [NAN] * 6, [NAN] * 6),
    "infinite": ([0, 0, 1, 1, 0, 1], [INF, *HALF[:4], -INF], HALF),
    "huge": ([0, 0, 1, 1, 0, 1], [1e300, -1e300, 1e300, 1e299, 0.0, 1e-300], HALF),
    "tiny": ([0, 0, 1, 1, 0, 1], [5e-324, 0.0, 5e-324, 1e-320, 0.0, 1e-323], HALF),
    "one apart by rounding": ([0, 1, 0, 1, 0, 1], [0.3, 0.1 + 0.2, 0.3, 0.3, 0.3, 0.3], HALF),
    "labels of three kinds": ([0, 1, 2, 1, 0, 1], HALF, HALF),
    "a label missing": ([0, 1, NAN, 1, 0, 1], HALF, HALF),
    "labels in words": (["no", "yes", "no", "yes", "no", "yes"], HALF, HALF),
    "more scores than labels": ([0, 1, 0], HALF, HALF),
}
_TIMES = 4
"""Small sets are refused for being small; four times the same images are not."""

CASES = _SMALL | {
    f"{name}, {_TIMES} times": (y_true * _TIMES, a * _TIMES, b * _TIMES)
    for name, (y_true, a, b) in _SMALL.items()
}
PATIENTS = {
    "none known": lambda n: None,
    "each their own": lambda n: [f"P{row}" for row in range(n)],
    "one patient": lambda n: ["P0"] * n,
    "two eyes each": lambda n: [f"P{row // 2}" for row in range(n)],
}


def functions() -> dict[str, Callable[..., Any]]:
    """Returns every public function of `fundus_core.stats` that takes labels or scores."""
    found = {}
    for module in pkgutil.iter_modules(fundus_core.stats.__path__):
        content = importlib.import_module(f"fundus_core.stats.{module.name}")
        for name, value in vars(content).items():
            if not inspect.isfunction(value) or value.__module__ != content.__name__:
                continue
            if name[0] != "_" and _TAKES_DATA & inspect.signature(value).parameters.keys():
                found[f"{module.name}.{name}"] = value
    return found


FUNCTIONS = functions()


def arguments(
    function: Callable[..., Any], case: str, patients: str
) -> tuple[dict[str, Any], dict[str, inspect.Parameter]]:
    """Returns what a function is given of a case, by the names of its parameters."""
    y_true, a, b = CASES[case]
    name, n = function.__name__, len(y_true)
    who = PATIENTS[patients](n)
    labels: Any = np.asarray(y_true)
    first: Any = np.asarray(a)
    second: Any = np.asarray(b)
    called = np.nan_to_num(first) > 0.5
    if name in BY_CLASS:
        other = 1 - labels if labels.dtype.kind in "iu" else labels
        labels, first, second = (
            np.stack(pair, axis=1)
            for pair in ((labels, other), (first, 1 - first), (second, 1 - second))
        )
        called = np.stack([called, ~called], axis=1)
    elif name in ONE_COLUMN:
        labels, first, called = labels[:, None], first[:, None], called[:, None]
        labels = labels.astype(bool) if labels.dtype.kind in "iu" else labels
    given = {
        **dict.fromkeys(("y_true", "y_a", "y_b", "inside_true"), labels),
        **dict.fromkeys(("y_score", "score_a", "inside_score"), first),
        "score_b": second,
        "scores": np.stack([first, second]) if first.shape == second.shape else [first, second],
        "contrasts": [[1.0, -1.0]],
        "fewest_beyond": 0,
        **dict.fromkeys(("called", "decided"), called),
        "class_names": ("no", "yes"),
        "task": "binary",
        "fold": np.arange(n) % 2,
        **{key: ["a" if row % 2 else "b" for row in range(n)] for key in ("strata", "groups")},
        "at": np.array([[0.5]]) if name in ONE_COLUMN else 0.5,
        "column": 0,
        "threshold": 0.5,
        "prevalence": 0.1,
        "n_images": n,
        "shape": labels.shape,
        "n_resamples": 60,
        **dict.fromkeys(("patients", "patients_a", "patients_b"), who),
    }
    wanted = inspect.signature(function).parameters
    return {key: given[key] for key in wanted if key in given}, dict(wanted)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.timeout(120)
def test_statistic__of_degenerate_input_ends_in_an_interval_or_in_words(name: str) -> None:
    function, slow, wrong = FUNCTIONS[name], [], []
    for case in CASES:
        for patients in PATIENTS:
            asked, parameters = arguments(function, case, patients)
            if patients != "none known" and "patients" not in parameters | {"patients_a": 0}:
                continue
            began = time.process_time()
            try:
                result = function(**asked)
            except FundusError as error:
                if not (error.message and error.hint):
                    wrong.append((case, patients, "an error without a next step"))
            except Exception as error:  # noqa: BLE001 (told with its case)
                wrong.append((case, patients, repr(error)))
            else:
                wrong += [(case, patients, told) for told in impossible(result)]
            if time.process_time() - began > SECONDS_ALLOWED:
                slow.append((case, patients))

    assert wrong == []
    assert slow == []


def impossible(result: object) -> Iterator[str]:
    """Yields what in a result cannot be: ends of intervals in the wrong order, p above 1."""
    for about in parts_of(result):
        low, high = about.get("low"), about.get("high")
        if isinstance(low, float) and isinstance(high, float) and not low <= high:
            yield f"from {low} to {high}"
        p_value = about.get("p_value")
        if isinstance(p_value, float) and not 0 <= p_value <= 1:
            yield f"p = {p_value}"


def parts_of(result: object) -> Iterator[Mapping[str, object]]:
    """Yields every dataclass in a result by its fields."""
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        fields = {one.name: getattr(result, one.name) for one in dataclasses.fields(result)}
        yield fields
        for value in fields.values():
            yield from parts_of(value)
    elif isinstance(result, tuple | list):
        for value in result:
            yield from parts_of(value)


def test_every_statistic_of_labels_and_scores_is_among_them() -> None:
    assert {"delong.auc_interval", "roc.roc_band", "net_benefit.decision_curve"} <= set(FUNCTIONS)
    assert len(FUNCTIONS) >= 50
    named = {name.partition(".")[2] for name in FUNCTIONS}
    assert named >= BY_CLASS | ONE_COLUMN


@pytest.mark.parametrize("name", FUNCTIONS)
def test_statistic__of_sound_input_gives_a_result(name: str) -> None:
    asked, _ = arguments(FUNCTIONS[name], f"sound, {_TIMES} times", "none known")

    FUNCTIONS[name](**asked)
