"""The classes that a stored run's average is over are told by its figures alone."""

from dataclasses import replace

import numpy as np
import pytest

from fundus_core.domain.predictions import Predictions
from fundus_core.stats.class_tests import compare_classes, compare_classes_unpaired
from fundus_core.stats.classes import average_name
from fundus_core.ui.components.run_table import run_frame
from fundus_core.workflows.evaluation.aucs import aucs_of, interval_by_class, p_against_baseline
from fundus_core.workflows.models.averages import averaged_of, n_averaged_of
from fundus_core.workflows.models.run_names import averaged_text
from fundus_core.workflows.models.run_record import Run
from tests.pages.evaluated import DISEASES, diseased, predictions, run


def stored(said: Predictions) -> Run:
    """Returns a run without folds, as of another data set, which keeps no number of classes."""
    about = run("elsewhere", said, target=DISEASES, kind="external")
    return replace(about, class_aucs=interval_by_class(said), folds=())


def labelled(said: Predictions, *, amd: tuple[int, ...], rvo: tuple[int, ...]) -> Predictions:
    """Returns predictions in which some of the 30 patients, with both eyes, have a disease."""
    y_true = said.y_true.copy()
    patient = np.arange(60) // 2
    y_true[:, 1], y_true[:, 2] = np.isin(patient, amd), np.isin(patient, rvo)
    return replace(said, y_true=y_true)


@pytest.mark.parametrize(
    ("amd", "rvo"),
    [
        ((1, 4, 9), (2, 3)),  # all are averaged
        ((1, 4, 9), (2,)),  # rvo has one patient
        ((1,), (2,)),  # dr alone is left
        ((1,), ()),
    ],
)
@pytest.mark.parametrize("perfect", [False, True])
def test_averaged_of__names_the_classes_of_the_average(
    amd: tuple[int, ...], rvo: tuple[int, ...], *, perfect: bool
) -> None:
    said = labelled(diseased("a model", 1.0, 4), amd=amd, rvo=rvo)
    if perfect:  # no class has a variance then: all intervals are exact ones
        said = replace(said, y_score=said.y_true * 0.5 + 0.2)
    rows = aucs_of(said).classes

    found = stored(said)

    averaged = tuple(row.class_name for row in rows if row.averaged)
    assert averaged_of(found) == averaged
    assert n_averaged_of(found) == len(averaged)
    fewer = f"{len(averaged)} of 3 classes" if len(averaged) < 3 else ""
    assert averaged_text(found) == fewer
    assert (f"({fewer})" in run_frame([found])["AUC (95 % CI)"][0]) == bool(fewer)


def test_averaged_of__of_so_few_patients_that_all_intervals_are_of_one_pair() -> None:
    said = diseased("a model", 1.0, 4).select(np.arange(6))  # three patients
    y_true = np.array([[0, 1, 0], [0, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0]], bool)
    said = replace(said, y_true=y_true, y_score=y_true * 0.5 + 0.2)

    found = stored(said)

    assert {one.method for one in found.class_aucs.values()} == {"obuchowski, exact"}
    assert averaged_of(found) == ("amd",)


def test_averaged_of__one_class_is_no_average() -> None:
    one = run("one", predictions("a model", {"h0": 0.2, "h2": 0.3, "d0": 0.7, "d2": 0.1}))

    assert (averaged_of(one), n_averaged_of(one), averaged_text(one)) == ((), None, "")


def test_compare_classes__an_average_needs_patients_enough_of_each_of_its_classes() -> None:
    a, b = (
        labelled(diseased("a model", 1.0, seed), amd=tuple(range(10, 22)), rvo=(2, 3, 4))
        for seed in (4, 5)
    )

    found = compare_classes(a.y_true, a.y_score, b.y_score, a.class_names, patients=a.patient_ids)
    apart = compare_classes_unpaired(
        *(a.y_true, a.y_score, b.y_true, b.y_score, a.class_names),
        patients_a=a.patient_ids,
        patients_b=b.patient_ids,
    )

    for one in (found, apart):
        assert (one.macro, one.micro) == (None, None)
        assert one.averaged == ("dr", "amd", "rvo")
        assert one.reason == (
            "rvo, too few: 3 patients with it, 27 without; a test needs 10 of each"
        )
    assert p_against_baseline(a, b) is not None


def test_average_name__tells_which_classes_the_average_is_over() -> None:
    names = ("a", "b", "c", "d")

    assert average_name("macro", names, names) == "macro average"
    assert average_name("macro", ("b",), names) == "macro average of 1 of 4 classes (b)"
    assert average_name("micro", names[:3], names) == "micro average of 3 of 4 classes (without d)"
