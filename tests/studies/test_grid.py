"""The cells of a study: every combination once."""

from typing import Any

import pytest

from fundus_core.errors import StudyError
from fundus_core.studies.files import checked
from fundus_core.studies.grid import expand
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
