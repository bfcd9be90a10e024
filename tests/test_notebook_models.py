"""Models side by side in a notebook: of one question, told apart, on the class asked for."""

from pathlib import Path

import numpy as np
import pytest

import fundus_core as fundus
from fundus_core.domain.dataset import Target
from fundus_core.errors import ParameterError, TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.evaluation.classes import compare_classes
from tests.pages import evaluated
from tests.test_notebook import of_runs

DME = Target("dme", "binary", ("0", "1"), ("dme",))


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> fundus.Photographs:
    """Two models of three diseases, one of dr, one of dme and one of grade 1 against the rest."""
    evaluated.open_dataset(monkeypatch, workspace)
    for seed, name in enumerate(("good", "poor")):
        said = evaluated.diseased(name, 2.0 - seed, seed)
        evaluated.store(workspace, name, said, target=evaluated.DISEASES)
        evaluated.store(workspace, f"{name}-dr", said.binary("dr"), baseline=False, label="same")
    evaluated.store(workspace, "dme", said.binary("dr"), target=DME, baseline=False)
    return of_runs(workspace)


def test_compare__of_several_classes_is_what_the_command_says(
    place: fundus.Photographs, workspace: Path
) -> None:
    (pair,) = compare_classes(Workspace(workspace), ["good", "poor"]).pairs

    table = fundus.comparison_table(place.compare(["good", "poor"]))

    over = "average of 2 of 3 classes (without rvo)"
    assert list(table["class"]) == ["dr", "amd", "rvo", f"macro {over}", f"micro {over}"]
    tests = (*pair.classes, pair.macro, pair.micro)
    for row, test in zip(table.to_dict("records"), tests, strict=True):
        assert row["reason"] == test.reason
        if test.result is None:
            assert np.isnan(row["difference"])
            assert np.isnan(row["p"])
        else:
            assert (row["difference"], row["p"]) == (test.result.difference, test.result.p_value)
            assert row["p_holm"] == test.p_holm
    assert table["reason"][2].startswith("too few: 0 patients with it")
    assert set(table["run_a"]) == {"good"}
    assert set(table["run_b"]) == {"poor"}


def test_compare__of_one_class_names_it(place: fundus.Photographs) -> None:
    every = fundus.comparison_table(place.compare(["good", "poor"]))

    (one,) = fundus.comparison_table(place.compare(["good", "poor"], class_name="amd")).to_dict(
        "records"
    )

    assert one["class"] == "amd"
    assert (one["p"], one["reason"]) == (every["p"][1], "")


def test_compare__on_a_class_of_too_few_patients_has_no_p(place: fundus.Photographs) -> None:
    scores = {name: place.predictions(name) for name in ("good", "poor")}
    paths = []
    for name, table in scores.items():
        rare = table.assign(y_true_rvo=(np.arange(60) < 18).astype(int))  # 9 patients
        paths.append(place.workspace.root / f"{name}.csv")
        rare.drop(columns="fold").to_csv(paths[-1], index=False)

    found = place.compare(paths, class_name="rvo")

    (row,) = fundus.comparison_table(found).to_dict("records")
    assert row["reason"] == "too few: 9 patients with it, 21 without; a test needs 10 of each"
    assert np.isnan([row[name] for name in ("difference", "low", "high", "p", "p_holm")]).all()
    assert (row["model_a"], row["model_b"]) == ("good", "poor")
    assert [run.auc.n_positive for run in found.runs] == [18, 18]


@pytest.mark.parametrize(
    ("models", "class_name", "said"),
    [
        (["good", "good-dr"], "dr", "does not predict 'dr'; it predicts 1"),
        (["good", "good-dr"], None, "predicts dr, amd, rvo; one must be chosen"),
        (["good", "poor"], "glaucoma", "does not predict 'glaucoma'; it predicts dr, amd, rvo"),
        (["dme", "good-dr"], None, "dme predicts dme=1, and good-dr predicts dr=1"),
        (["dme", "good-dr"], "1", "dme predicts dme=1, and good-dr predicts dr=1"),
        (["good-dr"], "0", "does not predict '0'; it predicts 1"),
        (["good-dr", "good-dr"], None, "are the same model"),
    ],
)
def test_roc_figure__draws_no_curve_of_another_question(
    place: fundus.Photographs, models: list[str], class_name: str | None, said: str
) -> None:
    with pytest.raises(TargetError, match=said):
        place.roc_figure(models, class_name=class_name, with_band=False)


def test_compare__of_different_targets_is_refused(place: fundus.Photographs) -> None:
    for class_name in (None, "1"):
        with pytest.raises(TargetError, match="dme predicts dme=1, and good-dr predicts dr=1"):
            place.compare(["dme", "good-dr"], class_name=class_name)


def test_models__of_one_label_have_names_of_their_own(place: fundus.Photographs) -> None:
    runs = ["good-dr", "poor-dr"]

    drawn = place.roc_figure(runs, with_band=False)
    table = fundus.comparison_table(place.compare(runs))

    names = [f"same, 2 folds [{name}]" for name in runs]
    legend = [one.name.replace("<br>", " ") for one in drawn.data if one.showlegend is not False]
    assert [name.partition(":")[0] for name in legend] == names
    assert drawn.layout.title.text == "ROC curves for dr = 1"
    assert list(table[["model_a", "model_b"]].iloc[0]) == names
    assert list(table[["run_a", "run_b"]].iloc[0]) == runs


def test_roc_figure__names_the_class_above_the_curves(place: fundus.Photographs) -> None:
    drawn = place.roc_figure(["good", "poor"], class_name="amd", with_band=False)

    assert drawn.layout.title.text == "ROC curves for amd"


def test_runs__that_are_damaged_are_left_out_with_a_warning(
    place: fundus.Photographs, workspace: Path
) -> None:
    whole = {run.id for run in place.runs}
    (workspace / "runs" / "poor-dr" / "artifact.json").write_text("{}", encoding="utf-8")

    with pytest.warns(UserWarning, match="left out because it is damaged: runs/poor-dr"):
        found = place.runs

    assert {run.id for run in found} == whole - {"poor-dr"}


def test_explain__of_no_photograph_is_refused(place: fundus.Photographs) -> None:
    with pytest.raises(ParameterError, match="The image is None"):
        place.explain("good-dr", None)  # type: ignore[arg-type]
