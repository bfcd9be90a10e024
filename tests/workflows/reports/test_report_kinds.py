"""What a report says of a run follows from how that run was judged, and from its cautions."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fundus_core.caution_codes import CAUTIONS, LOUD
from fundus_core.checks import Caution
from fundus_core.domain.dataset import RejectedRow
from fundus_core.domain.label_source import LabelSource
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.report.content import Facts, Section, Table, Words
from fundus_core.workflows.data.datasets import (
    dataset_id,
    open_dataset,
    open_with_target,
    stored_dataset,
)
from fundus_core.workflows.data.measured import measure_dataset
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import run_predictions, save_run
from fundus_core.workflows.reports.report import make_report
from fundus_core.workflows.reports.report_checklist import answers_of, checklist_section
from fundus_core.workflows.reports.report_facts import model_section
from fundus_core.workflows.reports.report_methods import methods_section
from fundus_core.workflows.reports.report_stress import shortcut_section, subgroup_section
from fundus_core.workflows.reports.report_subject import ReportOptions, Subject, subject_of
from tests.fakes import write_dataset
from tests.workflows.reported import COLOUR, probed

QUIET = {
    "FD002",  # wide intervals are seen
    "FD005",
    "FD007",  # a sentence of its own
    "FD008",
    "FD009",
    "FD010",  # nothing is evaluated then
    "FD011",
    "FD014",
    "FD015",  # AUCs do not depend on it
    "FD018",  # p-values of a summary are corrected
    "FD024",
    "FD027",  # said by the methods
}
"""Cautions that leave what a summary says as it is."""


SHOWN = {"discrimination": "Discrimination", "operating": "Operating points"}
"""Sections with figures, as key and title."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("kinds") / "workspace")


@pytest.fixture(scope="module")
def source(place: Workspace) -> DataSource:
    """40 photographs of 20 patients; both eyes of six of them are on different sides.

    The diseased are in the east with one eye and in the north with the other, all others in the
    south.
    """
    folder = write_dataset(place.root.parent / "photographs", n_patients=20)
    table = pd.read_csv(folder / "labels.csv", dtype=str)
    number = table["patient_id"].str[1:].astype(int)
    table["split"] = np.where(number < 12, "train", "test")
    table.loc[(number < 6) & (table["eye"] == "OS"), "split"] = "test"
    table["site"] = np.where(table["eye"] == "OD", "east", "north")
    table.loc[table["dr"] == "0", "site"] = "south"
    table.to_csv(folder / "labels.csv", index=False)
    return DataSource(folder)


@pytest.fixture(scope="module")
def folds(place: Workspace, source: DataSource) -> Run:
    return probed(place, source)


@pytest.fixture(scope="module")
def split(place: Workspace, source: DataSource) -> Run:
    dataset = open_with_target(place, source, "dr")
    choice = ProbeChoice("dr", use_split=True)
    return probe_dataset(place, dataset, dataset_id(source), COLOUR, choice)


@pytest.fixture(scope="module")
def taught(place: Workspace, folds: Run, source: DataSource) -> Run:
    """The model of `folds` on the very photographs that taught it."""
    return predict(place, folds.id, open_dataset(place, source), dataset_id(source)).run


@pytest.fixture(scope="module")
def outside(place: Workspace, folds: Run) -> Run:
    """The model of `folds` on other people."""
    folder = write_dataset(place.root.parent / "elsewhere", n_patients=12, side=80)
    table = pd.read_csv(folder / "labels.csv", dtype=str)
    table["patient_id"] = "Q" + table["patient_id"]
    table.to_csv(folder / "labels.csv", index=False)
    source = DataSource(folder)
    return predict(place, folds.id, open_dataset(place, source), dataset_id(source)).run


@pytest.fixture(scope="module")
def words_alone(place: Workspace, folds: Run) -> Run:
    return stored(place, folds, "words", kind="zero_shot", probe="zero_shot", folds=(), cautions=())


@pytest.fixture(scope="module")
def head(place: Workspace, folds: Run) -> Run:
    return stored(place, folds, "head", kind="finetune", probe="lp", recipe=trained())


def stored(place: Workspace, run: Run, name: str, **changes: Any) -> Run:
    """Stores a run as another one with the same scores."""
    other = replace(run, id=f"{name}-{run.id}", label=name, **changes)
    if other.kind == "zero_shot":
        other = replace(other, baseline_auc=None, baseline_p=None)
    save_run(place, other, run_predictions(place, run))
    return other


def trained() -> dict[str, Any]:
    """What a report reads in the recipe of a fine-tuned run."""
    training = {
        "epochs": 1,
        "patience": 0,
        "batch_size": 16,
        "learning_rate": 1e-3,
        "warm_up": 0.1,
        "weight_decay": 0.01,
        "clip": 5.0,
        "augmentation": "retina",
        "seed": 0,
    }
    return {
        "training": training,
        "head": "linear",
        "loss": "binary",
        "folds": 3,
        "fold_seed": 0,
        "dataset": "",
    }


def about(place: Workspace, *runs: Run) -> Subject:
    return subject_of(place, [run.id for run in runs], ReportOptions())


def answers(place: Workspace, *runs: Run) -> dict[str, tuple[str, str]]:
    """Returns first letter of the guideline and item -> how it is answered, and with what."""
    subject = about(place, *runs)
    section = checklist_section(subject, answers_of(subject, SHOWN, "Title"))
    return {
        f"{block.caption[0]}{row[0]}": (row[3], row[4])
        for block in section.blocks
        if isinstance(block, Table)
        for row in block.rows
    }


def methods(place: Workspace, *runs: Run) -> str:
    return said(methods_section(about(place, *runs), SHOWN))


def said(section: Section) -> str:
    texts = [block.text for block in section.blocks if isinstance(block, Words)]
    rows = [row for block in section.blocks if isinstance(block, Facts) for row in block.rows]
    return "\n".join([*texts, *(": ".join(row) for row in rows)])


def test_methods__say_which_tables_and_folders_of_masks_were_left_out(
    place: Workspace, folds: Run, source: DataSource
) -> None:
    subject = about(place, folds)
    dataset = subject.datasets[folds.dataset_id]
    rows = (
        RejectedRow("/d/notes.csv", "other_table", "It names no photographs."),
        RejectedRow("/d/masks", "masks", "By its name."),
        RejectedRow("/d/1.png", "missing", "Not there."),
    )
    changed = replace(subject, datasets={folds.dataset_id: replace(dataset, rejected=rows)})

    found = said(methods_section(changed, SHOWN))

    assert "1 file could not be used." in found
    assert "1 table and 1 folder of masks in its folder were left out." in found
    assert "left out." not in methods(place, folds)


def test_checklists__a_split_with_patients_on_both_sides_is_not_called_disjoint(
    place: Workspace, split: Run
) -> None:
    found = answers(place, split)

    assert "FD001" in {one.code for one in split.cautions}
    assert found["C20"][0] == "here"
    assert found["C20"][1].startswith(
        "The table's own split is not disjoint by patient. 6 of 14 patients in test are in train "
        "too (FD001)."
    )
    assert found["T12g"] == (
        "here",
        "Section Methods. Scores of the test side of the table's own split.",
    )
    assert found["T13"][1].startswith("The table's own split was taken as it is.")
    assert found["T21"][0] == "in part"  # the training side is not in the table of AUCs
    assert "6 of 14 patients in test are in train too (FD001)." in methods(place, split)
    assert "Folds are" not in " ".join(text for _, text in found.values())


def test_checklists__folds_are_disjoint_by_patient(place: Workspace, folds: Run) -> None:
    found = answers(place, folds)

    assert found["C20"][0] == "here"
    assert found["C20"][1].startswith("Folds are disjoint by patient.")
    assert found["T12g"] == ("here", "Section Methods. Held-out scores, pooled over folds.")
    assert found["C24"] == ("here", "None: the mean colour has no weights.")
    assert found["C32"][0] == "here"
    assert "random" not in said(model_section(about(place, folds)))
    assert "random weights" not in methods(place, folds)


def test_checklists__a_test_on_what_taught_the_model_is_no_external_one(
    place: Workspace, taught: Run
) -> None:
    found = answers(place, taught)

    assert found["C20"][1] == (
        "Not disjoint: photographs that taught the model are among those it is judged on. 40 of "
        "40 photographs taught the model (FD022)."
    )
    assert found["C33"][1].startswith("This is no external test. 40 of 40")
    assert found["C32"][0] == "authors"
    assert found["C25"][0] == found["T12c"][0] == "in part"
    assert "photographs of its own data set" in methods(place, taught)
    assert "40 of 40 photographs taught the model (FD022)" in methods(place, taught)
    told = " ".join(make_report(place, [taught.id]).summary)
    assert "the model learned from photographs it is judged on" in told
    assert "(40 of 40 photographs taught the model)" in told


def test_checklists__an_external_test_says_that_nobody_is_on_both_sides(
    place: Workspace, outside: Run
) -> None:
    found = answers(place, outside)

    assert found["C20"][1] == (
        "Neither a photograph nor an id of a patient is among those that taught the model."
    )
    assert found["C33"][1].startswith("Judged on photographs of another data set")
    assert found["C32"][0] == "authors"
    assert found["T12g"][1].endswith("Scores of a model that was fitted before.")
    assert "Folds" not in " ".join(text for _, text in found.values())


def test_checklists__words_alone_fit_nothing(place: Workspace, words_alone: Run) -> None:
    found = answers(place, words_alone)

    assert found["C20"] == ("here", "Nothing was fitted, so nothing was divided.")
    assert found["C25"] == ("here", "Nothing was trained.")
    assert found["C26"][1].startswith("Nothing was fitted.")
    assert found["T12g"][0] == found["T12c"][0] == "in part"  # the words are not in the report
    assert found["C32"][0] == "authors"
    assert "fold" not in " ".join(text for _, text in found.values()).lower()


def test_checklists__a_network_has_no_strength_chosen_by_inner_folds(
    place: Workspace, head: Run
) -> None:
    found = answers(place, head)
    told = methods(place, head)

    assert "inner folds" not in " ".join(text for _, text in found.values())
    assert found["C26"][1].startswith("The epoch by some of the training patients")
    assert found["C25"][1].endswith("The head alone was trained.")
    assert "the backbone was trained" not in told
    assert "what moved: the head alone" in told
    assert "A head (linear) was trained for at most 1 epoch, in batches" in told


def of_few(place: Workspace, n_diseased: int) -> Run:
    """Returns a probe in two folds on photographs of which few patients have the disease."""
    folder = write_dataset(place.root.parent / f"few{n_diseased}", n_patients=12)
    table = pd.read_csv(folder / "labels.csv", dtype=str)
    table["dr"] = (table["patient_id"].str[1:].astype(int) < n_diseased).astype(int)
    table.to_csv(folder / "labels.csv", index=False)
    return probed(place, DataSource(folder), folds=2)


MIDDLE = "the middle of those to choose from (0.01)"


@pytest.mark.parametrize(
    ("n_diseased", "inner_folds", "words"),
    [
        (2, (0, 0), f"{MIDDLE}: there were too few patients for inner folds to choose by [2, 3]."),
        (
            3,
            (0, 2),
            "chosen by inner folds of the training side, grouped by patient; in 1 fold of 2 there "
            f"were too few patients for that, and {MIDDLE} served [2, 3].",
        ),
        (4, (2, 2), "chosen by inner folds of the training side, grouped by patient [2, 3]."),
    ],
)
def test_methods__say_whether_inner_folds_chose(
    place: Workspace, n_diseased: int, inner_folds: tuple[int, ...], words: str
) -> None:
    run = of_few(place, n_diseased)

    said = methods(place, run)

    assert tuple(sorted(fold.inner_folds or 0 for fold in run.folds)) == inner_folds
    assert f"its strength was {words}" in said


@pytest.mark.parametrize(("strength", "is_known"), [(0.01, False), (0.1, True)])
def test_methods__of_an_older_run_say_what_is_known(
    place: Workspace, folds: Run, strength: float, is_known: bool
) -> None:
    older = [replace(one, strength=strength, inner_folds=None) for one in folds.folds]
    run = stored(place, folds, f"older-{strength}", folds=tuple(older))

    said = methods(place, run)

    assert ("where it had patients enough" in said) is not is_known
    assert "chosen by inner folds of the training side, grouped by patient" in said


def test_methods__of_a_model_used_elsewhere_say_what_is_known_of_the_probe_of_all(
    place: Workspace, folds: Run, outside: Run
) -> None:
    few = of_few(place, 3)
    used = predict(place, few.id, stored_dataset(place, few.dataset_id), few.dataset_id).run

    assert f"where it had patients enough, else {MIDDLE}" in methods(place, used)
    assert "enough" not in methods(place, outside)


def test_checklists__what_a_run_does_not_keep_of_its_training_is_left_to_the_authors(
    place: Workspace, folds: Run
) -> None:
    bare = stored(place, folds, "bare", kind="finetune", probe="ft")

    found = answers(place, bare)

    assert found["C25"][0] == found["T12c"][0] == "in part"
    assert "not part of the run" in found["C25"][1]


def test_checklists__several_kinds_of_runs_are_each_named(
    place: Workspace, folds: Run, split: Run, words_alone: Run
) -> None:
    found = answers(place, folds, split, words_alone)

    assert found["C20"][1].startswith("Model A: Folds are disjoint by patient. Photographs")
    assert "Model B: The table's own split is not disjoint by patient." in found["C20"][1]
    assert found["C20"][1].endswith("Model C: Nothing was fitted, so nothing was divided.")
    assert found["C32"][1].startswith("Model A: Sections Discrimination to")
    assert "Model C" not in found["C32"][1]


def test_methods__say_what_each_model_was_judged_on_where_that_differs(
    place: Workspace, folds: Run, split: Run
) -> None:
    alone, both = methods(place, folds), methods(place, folds, split)

    assert folds.n_images != split.n_images
    assert f"Models were judged on {folds.n_images} photographs" in alone
    assert "Models were judged on" not in both
    for run in (folds, split):
        assert f"was judged on {run.n_images} photographs of {run.n_patients} patients" in both


def test_checklists__labels_that_a_study_made_are_not_called_a_column(
    place: Workspace, folds: Run
) -> None:
    source = LabelSource("grade", (("0", "no"), ("3", "yes")))
    made = stored(place, folds, "made", labels=source)

    found = [text for _, text in answers(place, made).values()]

    said_of_it = "The column grade, grouped by the `map` of a study file; section Data."
    assert any(text.startswith(said_of_it) for text in found)


def test_checklists__name_no_section_that_shows_nothing(place: Workspace, folds: Run) -> None:
    found = answers(place, folds)

    assert found["C30"][0] == found["T12d"][0] == found["T14"][0] == "authors"
    assert found["C37"][1] == "Sections Discrimination and Operating points."
    assert "Calibration was described" not in methods(place, folds)
    assert "subgroups were held" not in methods(place, folds)


def test_make_report__answers_failures_where_photographs_are_shown(
    place: Workspace, folds: Run
) -> None:
    section = make_report(place, [folds.id], ReportOptions(images=1)).section("checklists")

    assert section is not None
    claim = [block for block in section.blocks if isinstance(block, Table)][1]
    assert claim.rows[38][4].startswith("Section Example photographs")
    assert claim.rows[36][4].startswith("Sections Discrimination, Calibration, Operating points")


def test_summary__every_caution_is_loud_or_leaves_it_as_it_is() -> None:
    assert set(LOUD) | QUIET == set(CAUTIONS)
    assert not set(LOUD) & QUIET


def test_summary__holds_each_loud_caution_and_no_other(place: Workspace, folds: Run) -> None:
    warned = tuple(Caution(code, f"Found {code}.") for code in CAUTIONS)
    run = stored(place, folds, "warned", cautions=warned)

    told = " ".join(make_report(place, [run.id]).summary)

    assert all(text in told for text in LOUD.values())
    assert all(f"Found {code}" not in told for code in QUIET)


def test_summary__names_the_models_that_a_caution_is_of(place: Workspace, folds: Run) -> None:
    warned = (*folds.cautions, Caution("FD025", "3 of 40 photographs taught the weights 'x'."))
    run = stored(place, folds, "met", cautions=warned)

    told = " ".join(make_report(place, [folds.id, run.id]).summary)

    assert "for met, photographs or patients it is judged on taught its weights" in told
    assert "(3 of 40 photographs taught the weights 'x')" in told


def test_make_report__models_on_different_photographs_are_told_apart(
    place: Workspace, folds: Run, split: Run, head: Run
) -> None:
    """The test side of the table's own split is a part of the 40 photographs."""
    report = make_report(place, [folds.id, split.id, head.id])

    data = report.section("data")
    assert data is not None
    captions = [block.caption for block in data.blocks if isinstance(block, Table)]
    n_split = f"{split.n_images} photographs of {split.n_patients} patients"
    assert captions == [
        "The target dr in the 40 photographs of 20 patients that models A and C were judged on.",
        f"The target dr in the {n_split} that model B was judged on.",
    ]
    best = report.summary[0]
    assert best.startswith("On 40 photographs of 20 patients")
    assert "the highest of 2 models judged on them, as observed" in best
    assert f"On {n_split}" in best
    assert "of 3 models" not in best
    assert "AUCs of different photographs are not ranked." in best
    assert not any("is higher than" in said for said in report.summary)
    results = report.section("discrimination")
    assert results is not None
    (aucs,) = [block for block in results.blocks if isinstance(block, Table)]
    assert "the patients of each model are independent" in aucs.note


def test_make_report__models_on_the_same_photographs_are_ranked(
    place: Workspace, folds: Run, head: Run
) -> None:
    report = make_report(place, [folds.id, head.id])

    assert "the highest of 2 models as observed" in report.summary[0]
    assert "not ranked" not in report.summary[0]


def test_summary__an_unpaired_test_names_both_models(
    place: Workspace, folds: Run, outside: Run
) -> None:
    names = about(place, folds, outside).plain_names

    told = make_report(place, [folds.id, outside.id]).summary[1]

    assert told.startswith("By the unpaired test, the AUC of ")
    assert all(name in told for name in names.values())


def test_subgroups__each_test_names_the_groups_that_it_leaves_out(
    place: Workspace, folds: Run
) -> None:
    section = subgroup_section(about(place, folds))

    note = next(block.note for block in section.blocks if isinstance(block, Table))
    few = "groups with enough patients to be tested"
    assert f"AUCs: not tested ({few}: 0; two are needed); sensitivities: chi-square" in note
    assert f", without south; specificities: not tested ({few}: 1;" in note


def test_shortcuts__say_why_the_mean_colour_has_two_figures(
    place: Workspace, folds: Run, source: DataSource
) -> None:
    measure_dataset(place, open_dataset(place, source))

    section = shortcut_section(about(place, folds))

    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    said_of_both = "its penalty chosen by inner folds where patients are enough. So their AUCs may"
    assert said_of_both in table.note
