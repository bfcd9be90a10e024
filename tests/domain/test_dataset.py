"""A data set: its targets, its labels, its patients."""

import numpy as np
import pandas as pd
import pytest

from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.domain.label_source import LabelSource
from fundus_core.errors import TargetError

GRADE = Target("grade", "multiclass", ("0", "1", "2"), ("grade",))
DR = Target("dr", "binary", ("0", "1"), ("dr",))
AMD = Target("amd", "binary", ("0", "1"), ("amd",))


def small(**columns: list[object]) -> FundusDataset:
    """Four photographs: two of patient p1, one of p2, one of unknown."""
    table = pd.DataFrame(
        {
            "image_id": ["a", "b", "c", "d"],
            "path": ["/x/a.jpg", "/x/b.jpg", "/x/c.jpg", "/x/d.jpg"],
            "patient_id": ["p1", "p1", "p2", None],
            "eye": ["OD", "OS", "OD", None],
            "split": [None] * 4,
            "grade": ["0", "2", "1", None],
            "dr": ["0", "1", "1", "0"],
            "amd": ["1", "0", "0", "0"],
            **columns,
        },
        dtype=object,
    )
    return FundusDataset("small", "/x", table, (GRADE, DR, AMD))


def test_labels__binary_has_one_column_for_the_positive_class() -> None:
    y_true, known = small().labels(DR)

    assert y_true.tolist() == [[False], [True], [True], [False]]
    assert known.all()


def test_labels__a_blank_is_unknown_and_not_negative() -> None:
    y_true, known = small().labels(GRADE)

    assert known.tolist() == [True, True, True, False]
    assert y_true[:3].tolist() == [[True, False, False], [False, False, True], [False, True, False]]
    assert not y_true[3].any()


def test_target__one_class_against_the_rest_counts_the_other_classes_as_controls() -> None:
    dataset = small()

    target = dataset.target("grade=2")
    y_true, known = dataset.labels(target)

    assert target.task == "binary"
    assert y_true[:, 0].tolist() == [False, True, False, False]
    assert known.tolist() == [True, True, True, False]


def test_target__columns_joined_by_commas_are_a_multi_label_target() -> None:
    dataset = small()

    target = dataset.target("dr,amd")
    y_true, known = dataset.labels(target)

    assert (target.task, target.scored_classes) == ("multilabel", ("dr", "amd"))
    assert y_true.tolist() == [[False, True], [True, False], [True, False], [False, False]]
    assert known.all()


def test_labels__of_several_take_no_other_value_than_0_and_1_for_healthy() -> None:
    target = small().target("dr,amd")

    for other in ("2", "4", "-1", "yes", "no", "1.5", None):
        dataset = small(dr=["1", other, "0", "1"], amd=["1", "1", "0", other])
        y_true, known = dataset.labels(target)

        assert known.tolist() == [True, False, True, False]
        assert y_true.tolist() == [[True, True], [False, False], [False, False], [False, False]]


@pytest.mark.parametrize("name", ["dr,dr", "dr, amd ,dr"])
def test_target__a_column_that_is_named_again_is_refused(name: str) -> None:
    with pytest.raises(TargetError, match="names 'dr' more than once"):
        small().target(name)


def test_target__an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(TargetError, match="no target 'dme'; it has: grade, dr, amd"):
        small().target("dme")


def test_patient_ids__a_photograph_without_patient_counts_as_its_own() -> None:
    dataset = small()

    patients = dataset.patient_ids

    assert patients is not None
    assert patients.tolist() == ["p1", "p1", "p2", "image:d"]
    assert dataset.n_patients is None


def test_patient_ids__none_when_nobody_is_named() -> None:
    assert small(patient_id=[None] * 4).patient_ids is None


def test_fingerprint__changes_with_a_label_but_not_with_the_folder() -> None:
    moved = small(path=["/y/a.jpg", "/y/b.jpg", "/y/c.jpg", "/y/d.jpg"])
    relabelled = small(dr=["1", "1", "1", "0"])

    assert moved.fingerprint() == small().fingerprint()
    assert relabelled.fingerprint() != small().fingerprint()


def test_select__keeps_the_given_order() -> None:
    chosen = small().select(["c", "a"])

    assert chosen.image_ids == ("c", "a")
    assert chosen.table.index.tolist() == [0, 1]
    assert np.array_equal(chosen.labels(DR)[0][:, 0], [True, False])


def test_with_made__its_source_goes_along_with_some_of_the_photographs() -> None:
    source = LabelSource("grade", (("0", "no"), ("1", "yes"), ("2", "yes")))

    made = small().with_made("ill", source)

    assert made.table["ill"].fillna("").tolist() == ["no", "yes", "yes", ""]
    some = made.select(["c", "a"])
    assert some.table["ill"].tolist() == ["yes", "no"]
    assert some.source_of(Target("ill", "binary", ("no", "yes"), ("ill",))) == source
    assert some.source_of(DR) == LabelSource()
