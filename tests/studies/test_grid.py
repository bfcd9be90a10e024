"""The cells of a study: every combination once."""

from typing import Any

import pytest

from fundus_core.errors import StudyError
from fundus_core.studies.files import checked
from fundus_core.studies.grid import counterparts, expand
from tests.studies.conftest import TINY


def cells(**changes: Any) -> list[dict[str, Any]]:
    return [cell.values() for cell in expand(checked({**TINY, **changes}, "tiny"))]


def test_expand__every_combination_in_the_order_of_the_file() -> None:
    found = [(cell["model"], cell["strategy"]) for cell in cells()]

    assert found == [("A", "logistic"), ("A", "ft"), ("B", "logistic"), ("B", "ft")]


def test_expand__probes_have_one_head_and_one_seed_and_the_whole_has_one_draw() -> None:
    axes = {
        "strategy": ["logistic", "ft"],
        "head": ["linear", "cosine"],
        "seed": [0, 1],
        "fraction": [0.5, 1.0],
        "draw": [0, 1],
    }

    found = cells(axes=axes, models=TINY["models"][:1])

    probes = [cell for cell in found if cell["strategy"] == "logistic"]
    trained = [cell for cell in found if cell["strategy"] == "ft"]
    assert [(p["fraction"], p["draw"]) for p in probes] == [(0.5, 0), (0.5, 1), (1.0, 0)]
    assert {(p["head"], p["seed"]) for p in probes} == {("linear", 0)}
    assert len(trained) == 2 * 2 * 3


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ({"model": "A"}, 2),
        ({"model": ["A", "B"], "strategy": "ft"}, 2),
        ({"model": "A", "strategy": "ft"}, 3),
        ({"image_size": 128}, 4),
    ],
)
def test_expand__leaves_out_what_a_rule_names(rule: dict[str, Any], left: int) -> None:
    assert len(cells(leave_out=[rule])) == left


def test_expand__a_study_of_nothing_is_refused() -> None:
    with pytest.raises(StudyError, match="Nothing is left of Tiny"):
        cells(leave_out=[{"image_size": 64}])


def test_expand__more_cells_than_can_be_listed_are_counted_and_not_made() -> None:
    axes = {"strategy": ["ft"], "seed": list(range(1000)), "draw": list(range(1000))}

    with pytest.raises(StudyError, match=r"Tiny has up to 2,000,000 cells; at most 20,000"):
        cells(axes=axes)


def test_expand__external_data_is_not_trained_on() -> None:
    outside = {"name": "elsewhere", "source": "other", "target": "dr", "role": "external"}

    assert {cell["data"] for cell in cells(data=[*TINY["data"], outside])} == {"redness"}


def test_cell__backbone_may_depend_on_the_size() -> None:
    model = {"name": "F", "backbone": "resnet18", "backbone_at": {96: "resnet50"}}

    study = checked({**TINY, "models": [model], "axes": {"image_size": [64, 96, None]}}, "tiny")

    assert [cell.backbone for cell in expand(study)] == ["resnet18", "resnet50", "resnet18"]


def test_cell__title_says_what_is_not_usual() -> None:
    axes = {"strategy": ["ft"], "head": ["cosine"], "fraction": [0.1], "seed": [2]}

    (cell,) = expand(checked({**TINY, "models": TINY["models"][:1], "axes": axes}, "tiny"))

    assert cell.title == "redness, A, ft, cosine head, 10 %, draw 0, seed 2"


SEEDS_AND_DRAWS: dict[str, Any] = {
    "strategy": ["logistic", "ft"],
    "head": ["linear", "cosine"],
    "fraction": [0.3, 1.0],
    "draw": [0, 1],
    "seed": [3, 4],
}


def compared(rule: dict[str, Any], **axes: Any) -> dict[str, str | None]:
    """Titles of cells and of those they are compared with."""
    changes = {**TINY, "models": TINY["models"][:1], "axes": {**SEEDS_AND_DRAWS, **axes}}
    every = expand(checked(changes, "tiny"))
    places = counterparts(every, rule)
    return {
        cell.title: None if place is None else every[place].title
        for cell, place in zip(every, places, strict=True)
    }


def test_counterparts__every_seed_and_head_is_compared_with_the_one_probe() -> None:
    found = compared({"strategy": "logistic"})

    assert found["redness, A, ft, seed 3"] == "redness, A, logistic"
    assert found["redness, A, ft, cosine head, seed 4"] == "redness, A, logistic"
    assert found["redness, A, ft, cosine head, 30 %, draw 1, seed 4"] == (
        "redness, A, logistic, 30 %, draw 1"
    )
    assert found["redness, A, logistic"] == "redness, A, logistic"
    assert None not in found.values()


def test_counterparts__every_draw_is_compared_with_the_whole() -> None:
    found = compared({"fraction": 1.0})

    assert found["redness, A, logistic, 30 %, draw 0"] == "redness, A, logistic"
    assert found["redness, A, logistic, 30 %, draw 1"] == "redness, A, logistic"
    assert found["redness, A, ft, 30 %, draw 1, seed 4"] == "redness, A, ft, seed 4"
    assert found["redness, A, ft, cosine head, 30 %, draw 1, seed 3"] == (
        "redness, A, ft, cosine head, seed 3"
    )
    assert None not in found.values()


def test_counterparts__what_has_no_seed_or_draw_is_compared_with_the_first() -> None:
    trained = compared({"strategy": "ft"})
    shared = compared({"fraction": 0.3}, draw=[7, 2])

    assert trained["redness, A, logistic"] == "redness, A, ft, seed 3"
    assert trained["redness, A, logistic, 30 %, draw 1"] == ("redness, A, ft, 30 %, draw 1, seed 3")
    assert shared["redness, A, logistic"] == "redness, A, logistic, 30 %, draw 7"
    assert shared["redness, A, ft, seed 4"] == "redness, A, ft, 30 %, draw 7, seed 4"


def test_counterparts__both_foldings_at_once() -> None:
    found = compared({"strategy": "ft", "fraction": 1.0})

    assert found["redness, A, logistic, 30 %, draw 1"] == "redness, A, ft, seed 3"
    assert found["redness, A, ft, 30 %, draw 1, seed 4"] == "redness, A, ft, seed 4"


def test_counterparts__a_rule_may_name_what_some_cells_lack() -> None:
    by_seed = compared({"seed": 4})
    by_probe = compared({"strategy": "logistic", "seed": 4})

    assert by_seed["redness, A, ft, seed 3"] == "redness, A, ft, seed 4"
    assert by_seed["redness, A, logistic"] == "redness, A, logistic"
    assert by_probe["redness, A, ft, cosine head, seed 3"] == "redness, A, logistic"


def test_counterparts__other_axes_still_tell_cells_apart() -> None:
    found = compared({"strategy": "logistic"}, image_size=[64, 96], head=["linear"])

    assert found["redness, A, ft, 96 px, seed 4"] == "redness, A, logistic, 96 px"
    assert set(compared({"strategy": "knn"}).values()) == {None}
