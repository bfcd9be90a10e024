"""What in a table can be predicted, and which class of two is the positive one."""

import pandas as pd
import pytest

from fundus_core.errors import TargetError
from fundus_core.io.columns import ColumnMapping
from fundus_core.io.targets import infer_targets, named_columns


def _table(**columns: list[str | None]) -> pd.DataFrame:
    return pd.DataFrame(columns, dtype=object)


def _classes(*values: str | None) -> tuple[str, ...]:
    """The classes, in order, of a column called label with the given values twice."""
    (target,) = infer_targets(_table(label=[*values, *values]))
    return target.classes


@pytest.mark.parametrize(
    ("values", "in_order"),
    [
        (("1", "0"), ("0", "1")),
        (("10", "9", "2"), ("2", "9", "10")),
        (("severe", "mild", "Moderate"), ("mild", "Moderate", "severe")),
        (("normal", "abnormal"), ("normal", "abnormal")),
        (("glaucoma", "healthy"), ("healthy", "glaucoma")),
        (("DR", "No DR"), ("No DR", "DR")),
        (("dr", "no_dr"), ("no_dr", "dr")),
        (("RG", "NRG"), ("NRG", "RG")),
        (("referable", "non-referable"), ("non-referable", "referable")),
        (("case", "control"), ("control", "case")),
        (("amd", "Normal"), ("Normal", "amd")),
        (("yes", "no"), ("no", "yes")),
        (("positive", "negative"), ("negative", "positive")),
        (("left", "right"), ("left", "right")),
        (("normal-tension", "glaucoma"), ("glaucoma", "normal-tension")),
        (("nonproliferative", "proliferative"), ("nonproliferative", "proliferative")),
    ],
)
def test_infer_targets__orders_classes(values: tuple[str, ...], in_order: tuple[str, ...]) -> None:
    assert _classes(*values) == in_order


def test_infer_targets__blank_is_no_class() -> None:
    assert _classes("0", None, "1") == ("0", "1")


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(["a"] * 60, id="constant"),
        pytest.param([str(i) for i in range(60)], id="distinct"),
        pytest.param([None] * 60, id="blank"),
        pytest.param(["0.5", "1.5", "2.0"] * 20, id="measurement"),
        pytest.param(["2848", "1536"] * 30, id="large numbers"),
        pytest.param(["x" * 61, "y"] * 30, id="free text"),
        pytest.param([*(str(i) for i in range(15)), *[None] * 45], id="not recurring"),
    ],
)
def test_infer_targets__passes_over_what_is_no_class(values: list[str | None]) -> None:
    assert infer_targets(_table(finding_in_words=["a", "b"] * 30, other=values))[1:] == ()


@pytest.mark.parametrize("name", ["patient_id", "eye", "split", "eye_group", "visit_no", "uuid"])
def test_infer_targets__passes_over_identifiers_and_reserved_columns(name: str) -> None:
    assert infer_targets(_table(**{name: ["0", "1"] * 10})) == ()


@pytest.mark.parametrize("name", ["image_id", "path", "patient_id", "patient_id_given"])
def test_infer_targets__refuses_what_tells_whose_photograph_it_is(name: str) -> None:
    table = _table(**{name: ["0", "1"] * 10, "glaucoma": ["0", "1"] * 10})

    with pytest.raises(TargetError, match=f"The column '{name}' says .* cannot be a target"):
        infer_targets(table, ColumnMapping(target=name))


@pytest.mark.parametrize(
    "name", ["count_drusen", "lesion_count", "n_lesions", "visit", "dust", "lashes", "field_shape"]
)
def test_infer_targets__counts_and_what_is_of_the_picture_are_not_to_be_learned(name: str) -> None:
    table = _table(**{name: ["0", "1"] * 10, "glaucoma": ["0", "1"] * 10})

    assert [target.name for target in infer_targets(table)] == ["glaucoma"]


@pytest.mark.parametrize(
    ("values", "offered"),
    [
        (("0", "1", "2", "3", "4"), True),
        (("1", "2", "3"), True),
        (("0", "12", "48"), False),
        (("0", "2", "3", "4"), False),
        (tuple(map(str, range(11))), False),
        (("7", "9"), True),
    ],
)
def test_infer_targets__numbers_are_classes_if_they_are_a_scale_or_two_codes(
    values: tuple[str, ...], *, offered: bool
) -> None:
    targets = infer_targets(_table(opacity=list(values) * 3))

    assert [target.classes for target in targets] == ([values] if offered else [])


def test_infer_targets__a_likely_name_needs_no_scale() -> None:
    targets = infer_targets(_table(grade=["0", "10", "30"] * 3))

    assert targets[0].classes == ("0", "10", "30")


def test_infer_targets__ages_are_no_classes_but_codes_are() -> None:
    table = _table(age=["40", "50", "55", "60", "65", "70"] * 4, sex=["1", "2"] * 12)

    assert [target.name for target in infer_targets(table)] == ["sex"]


def test_infer_targets__likely_names_come_first_and_metadata_last() -> None:
    values = ["0", "1"] * 10
    table = _table(sex=values, camera=values, smoker=values, dr_grade=values, label=values)

    names = [target.name for target in infer_targets(table)]

    assert names == ["dr_grade", "label", "smoker", "sex", "camera"]


def test_infer_targets__knows_the_task() -> None:
    table = _table(dr=["0", "1"] * 6, grade=["0", "1", "2"] * 4)

    targets = infer_targets(table)

    assert [(t.task, t.columns, t.scored_classes) for t in targets] == [
        ("binary", ("dr",), ("1",)),
        ("multiclass", ("grade",), ("0", "1", "2")),
    ]


def test_infer_targets__the_named_column_comes_first_whatever_it_is() -> None:
    table = _table(label=["a", "b"] * 20, visit_no=[str(i % 40) for i in range(40)])

    targets = infer_targets(table, ColumnMapping(target="Visit No"))

    assert [target.name for target in targets] == ["visit_no", "label"]
    assert targets[0].classes[:3] == ("0", "1", "2")


def test_infer_targets__several_named_columns_are_a_target_each() -> None:
    table = _table(**{"amd": ["0", "1"] * 4, "x, y": ["0", "1"] * 4, "dr": ["0", "1"] * 4})

    assert [t.name for t in infer_targets(table, ColumnMapping(target="dr, amd"))][:2] == [
        "dr",
        "amd",
    ]
    assert named_columns(table, "x, y") == ("x, y",)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["1"] * 4, "is '1' in every row;"),
        (["1", None, "1", None, None], r"is '1' in every row that has a value \(2 of 5\);"),
        ([None] * 4, "is empty"),
        ([str(i) for i in range(101)], "has 101 classes; at most 100"),
    ],
)
def test_infer_targets__a_named_column_that_cannot_be_learned_is_refused(
    values: list[str | None], told: str
) -> None:
    with pytest.raises(TargetError, match=told):
        infer_targets(_table(dr=values), ColumnMapping(target="dr"))


def test_infer_targets__the_one_value_of_a_column_is_not_told_while_names_are_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FUNDUS_HIDE_IDS", "1")
    with pytest.raises(TargetError, match="is the same in every row") as refused:
        infer_targets(_table(doctor=["Mueller", None] * 4), ColumnMapping(target="doctor"))

    assert "Mueller" not in f"{refused.value.message} {refused.value.hint}"


def test_infer_targets__a_named_column_that_is_not_there_is_answered_with_the_others() -> None:
    with pytest.raises(TargetError, match="no column 'dme'; it has: dr"):
        infer_targets(_table(dr=["0", "1"]), ColumnMapping(target="dr,dme"))


def test_named_columns__one_that_is_there_again_is_refused() -> None:
    table = _table(dr=["0", "1"] * 4, amd=["0", "1"] * 4)

    with pytest.raises(TargetError, match="'dr,amd,dr' names 'dr' more than once"):
        named_columns(table, "dr, amd, DR")


def test_infer_targets__classes_choose_and_order() -> None:
    table = _table(label=["mild", "severe", "none", "ungradable"] * 3)

    target = infer_targets(table, classes=("severe", "none"))[0]

    assert (target.task, target.classes) == ("binary", ("severe", "none"))


def test_infer_targets__classes_that_do_not_occur_are_refused() -> None:
    with pytest.raises(TargetError, match="has 1; its classes are 0, 1"):
        infer_targets(_table(dr=["0", "1"] * 3), classes=("1", "2"))
