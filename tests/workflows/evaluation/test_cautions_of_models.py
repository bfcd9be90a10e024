"""Cautions of several models: none is lost, and each says which model it is of."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fundus_core.checks import SYNTHETIC, Caution, joined_cautions
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.evaluation.classes import compare_classes
from fundus_core.workflows.evaluation.compare import compare
from fundus_core.workflows.evaluation.decision_curves import decision_curve_of
from fundus_core.workflows.evaluation.errors_that_differ import errors_that_differ
from fundus_core.workflows.evaluation.operating import operate
from fundus_core.workflows.evaluation.other_tests import OtherSettings, run_test
from tests.pages.evaluated import DISEASES, GOOD, POOR, diseased, predictions, store

FEW = OtherSettings(n_resamples=50)

NO_BETTER = Caution("FD006", "AUC minus that of the mean colour: +0.000 (p = 1.000).")
SEEN, SEEN_TOO = (Caution("FD022", f"{n} of 12 photographs taught the model.") for n in (3, 7))


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """Three models: `good` that has seen some, `poor` that has seen more, the mean colour."""
    found = Workspace(tmp_path)
    for name, scores, own in (
        ("good", GOOD, [SEEN]),
        ("poor", POOR, [SEEN_TOO]),
        ("colour", {**POOR, **dict(list(GOOD.items())[:2])}, [NO_BETTER, SEEN]),
    ):
        cautions = [SYNTHETIC, *own]
        store(found.root, name, predictions(name, scores), cautions=cautions, baseline=False)
    return found


def test_compare__tells_the_cautions_of_every_model_by_its_name(place: Workspace) -> None:
    found = compare(place, ["good", "poor", "colour"]).cautions

    assert [(one.code, one.text) for one in found[:-1]] == [
        ("FD006", f"Model colour: {NO_BETTER.text}"),
        ("FD007", SYNTHETIC.text),
        ("FD018", "3 pairs of models were tested: read the corrected p-values."),
        ("FD022", f"Models good and colour: {SEEN.text}"),
    ]
    assert found[-1] == Caution("FD022", f"Model poor: {SEEN_TOO.text}")


def test_compare__the_order_of_models_loses_no_caution(place: Workspace) -> None:
    one = compare(place, ["good", "poor", "colour"]).cautions
    other = compare(place, ["colour", "good", "poor"]).cautions

    assert {(found.code, found.text[-9:]) for found in one} == {
        (found.code, found.text[-9:]) for found in other
    }
    assert len(one) == len(other) == 5


def test_decision_curves__tell_the_cautions_of_every_model(place: Workspace) -> None:
    found = decision_curve_of(place, ["good", "poor"], n_resamples=10).cautions

    assert [one.text for one in found if one.code == "FD022"] == [
        f"Model good: {SEEN.text}",
        f"Model poor: {SEEN_TOO.text}",
    ]


def test_errors_that_differ__tells_the_cautions_of_both_models(place: Workspace) -> None:
    found = errors_that_differ(place, "good", "poor").cautions

    assert SYNTHETIC in found
    assert [one.text for one in found if one.code == "FD022"] == [
        f"Model good: {SEEN.text}",
        f"Model poor: {SEEN_TOO.text}",
    ]


def test_compare__a_table_that_names_no_patient_is_told_beside_a_run_that_does(
    place: Workspace,
) -> None:
    others = {f"{name}-b": score for name, score in GOOD.items()}
    nameless = predictions("nameless", others, patients=False)
    store(place.root, "nameless", nameless, baseline=False)

    found = compare(place, ["good", "nameless"]).cautions

    (said,) = [one.text for one in found if one.code == "FD003"]
    assert said.startswith("Model nameless: Patients are unknown")


def test_compare__models_of_one_label_are_told_apart(place: Workspace) -> None:
    for name, own in (("first", SEEN), ("second", SEEN_TOO)):
        said = predictions("ResNet", GOOD if name == "first" else POOR)
        store(place.root, name, said, label="ResNet", cautions=[own], baseline=False)

    found = compare(place, ["first", "second"]).cautions

    assert [one.text.partition(":")[0] for one in found] == [
        "Model ResNet, 2 folds [first]",
        "Model ResNet, 2 folds [second]",
    ]


def test_joined_cautions__of_one_model_names_none_and_keeps_all() -> None:
    assert joined_cautions([("alone", [SEEN, NO_BETTER, SEEN_TOO])]) == (NO_BETTER, SEEN, SEEN_TOO)


@pytest.fixture
def apart(tmp_path: Path) -> Workspace:
    """Two models of one disease and of three, of other photographs of the same 30 patients."""
    for name, seed in (("one", 0), ("two", 1)):
        said = diseased(name, 1.0, seed)
        said = replace(said, image_ids=tuple(f"{name} {row}" for row in range(60)))
        store(tmp_path, f"{name} of three", said, target=DISEASES, baseline=False)
        store(tmp_path, name, said.binary("dr"), baseline=False)
    return Workspace(tmp_path)


@pytest.mark.parametrize(
    "cautions",
    [
        pytest.param(lambda place: compare(place, ["one", "two"]).cautions, id="compare"),
        pytest.param(
            lambda place: run_test(place, ["one", "two"], settings=FEW).cautions, id="tests"
        ),
        pytest.param(
            lambda place: compare_classes(place, ["one of three", "two of three"]).cautions,
            id="several classes",
        ),
    ],
)
def test_an_unpaired_test__says_that_patients_are_on_both_sides(
    apart: Workspace, cautions: Callable[[Workspace], tuple[Caution, ...]]
) -> None:
    (said,) = [one.text for one in cautions(apart) if one.code == "FD023"]

    assert said.startswith("30 ids of patients are on both sides of an unpaired comparison: ")


def test_operate__on_rows_that_name_no_patient_takes_none_for_another(tmp_path: Path) -> None:
    paths = []
    for name in ("one", "two"):
        said = diseased(name, 1.0, 0).binary("dr").frame().drop(columns=["image_id", "fold"])
        said.loc[said.index[1:], "patient_id"] = None  # such a row is called by its number
        said.loc[said.index[0], "patient_id"] = name
        paths.append(str(tmp_path / f"{name}.csv"))
        said.to_csv(paths[-1], index=False)

    codes = {one.code for one in operate(Workspace(tmp_path), paths[0], on=paths[1]).cautions}

    assert "FD023" not in codes
