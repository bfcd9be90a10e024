"""Names and values that a study file refers to: each must be one that the study has."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from fundus_core.domain.axes import AXES, INSIDE
from fundus_core.plots.study_names import RELATIVE_GAIN, SCENARIO, SETTINGS
from fundus_core.probes import PROBES
from fundus_core.spelling import suggestion
from fundus_core.studies.document import FigurePart, StudyDocument

_SETTINGS = (*SETTINGS, "weights")
"""Columns of the table of results that tell its rows apart."""

_MEASURED = ("best_epoch", "seconds", "peak_mb", "n_images", "n_patients")
"""Columns of numbers that every table of results has."""

_COLUMNS: dict[str, dict[str, tuple[str, ...]]] = {
    "heat map": {"rows": (*_SETTINGS, SCENARIO), "columns": (*_SETTINGS, SCENARIO)},
    "curve": {"x": ("fraction", "image_size"), "series": _SETTINGS},
    "forest": {},
    "convergence": {"series": AXES},
}
"""Kind of figure -> its keys that name a column, and the columns that each may name."""


def unknown_names(study: StudyDocument, others: Sequence[StudyDocument] = ()) -> list[str]:
    """Returns what a study refers to and does not have, each with its place and what there is.

    Args:
        study: As it is to be run.
        others: The same study at other sizes: a rule may name a value that only one of them has.
    """
    there = {
        column: list(dict.fromkeys(value for one in (study, *others) for value in of(one)))
        for column, of in _VALUES.items()
    }
    return [
        f"{place}: {value!r} is not in this study; {suggestion(value, known)}"
        for place, value, known in _named(study, there)
        if value not in known
    ]


def _named(
    study: StudyDocument, there: Mapping[str, Sequence[Any]]
) -> Iterator[tuple[str, Any, Sequence[Any]]]:
    """Yields every name in a study, with its place and the names it may be."""
    for number, part in enumerate(study.data):
        yield f"data.{number}.metric", part.metric or study.metrics[0], study.metrics
    for number, rule in enumerate(study.leave_out):
        yield from _of_rule(f"leave_out.{number}", rule, there)
    yield from _of_rule("against", study.against, there)
    yield from _of_rule("gain_over", study.gain_over, there)
    for number, figure in enumerate(study.figures):
        place = f"figures.{number}"
        yield from _of_figure(place, figure, study)
        yield from _of_rule(f"{place}.where", figure.where, there)


def _of_rule(
    place: str, rule: Mapping[str, Any], there: Mapping[str, Sequence[Any]]
) -> Iterator[tuple[str, Any, Sequence[Any]]]:
    for column, wanted in rule.items():
        yield place, column, tuple(there)
        for value in wanted if isinstance(wanted, list) else [wanted]:
            yield f"{place}.{column}", value, there.get(column, [value])


def _of_figure(
    place: str, figure: FigurePart, study: StudyDocument
) -> Iterator[tuple[str, Any, Sequence[Any]]]:
    for key, columns in _COLUMNS[figure.kind].items():
        yield f"{place}.{key}", getattr(figure, key), columns
    if figure.kind != "convergence":
        compared = [*["difference"] * bool(study.against), *[RELATIVE_GAIN] * bool(study.gain_over)]
        yield f"{place}.metric", figure.metric, (*study.metrics, *compared, *_MEASURED)


def _has_probes(study: StudyDocument) -> bool:
    return any(strategy in PROBES for strategy in study.axes.strategy)


_VALUES: dict[str, Callable[[StudyDocument], Sequence[Any]]] = {
    "data": lambda study: [part.name for part in study.data if part.role == "train"],
    "model": lambda study: [part.name for part in study.models],
    "strategy": lambda study: study.axes.strategy,
    "head": lambda study: [*study.axes.head, *["linear"] * _has_probes(study)],
    "image_size": lambda study: [side for side in study.axes.image_size if side is not None],
    "preprocessing": lambda study: [part.name for part in study.axes.preprocessing],
    "fraction": lambda study: study.axes.fraction,
    "draw": lambda study: [*study.axes.draw, *[0] * (1 in study.axes.fraction)],
    "seed": lambda study: [*study.axes.seed, *[0] * _has_probes(study)],
    "tested_on": lambda study: [
        INSIDE,
        *(part.name for part in study.data if part.role == "external"),
    ],
    "weights": lambda study: [part.weights_shown for part in study.models],
}
"""Column of the table of results -> the values that a study has there."""
