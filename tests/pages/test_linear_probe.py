"""The linear probe page: what it starts, what it lists, and what it says when it cannot start."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.checks import Caution
from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.errors import WeightsError
from fundus_core.io.findings import read_findings, write_findings
from fundus_core.ui import wiring
from fundus_core.ui.components import probe_preview
from fundus_core.workflows.models.preview import ProbePreview
from tests.pages import evaluated

PAGE = evaluated.PAGES / "model" / "linear_probe.py"

SCRATCH = evaluated.recipe("resnet18")
TRAINED = evaluated.recipe("mobilenetv2_100", "imagenet")
SPEAKING = replace(evaluated.recipe("flair", "flair"), pooling="projected")
DME = Target("dme", "binary", ("0", "1"), ("dme",))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Command lines that the page hands over to be run."""
    lines: list[list[str]] = []
    monkeypatch.setattr(wiring, "submit", lambda argv, title: lines.append(list(argv)))
    monkeypatch.setattr(
        wiring,
        "embedding_arguments",
        lambda recipe: ["--backbone", recipe.backbone, "--weights", recipe.weights],
    )
    monkeypatch.setattr(wiring, "jobs", lambda: SimpleNamespace(list=lambda: ()))
    return lines


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, workspace: Path, started: list[list[str]]) -> AppTest:
    """The page as it opens for someone who has extracted two kinds of embeddings."""
    with_embeddings(monkeypatch, workspace, evaluated.dataset(targets=(evaluated.DR,)))
    return AppTest.from_file(PAGE, default_timeout=30)


def with_embeddings(
    monkeypatch: pytest.MonkeyPatch, workspace: Path, dataset: FundusDataset
) -> None:
    evaluated.open_dataset(monkeypatch, workspace, dataset)
    stored = evaluated.embedded(SCRATCH, TRAINED, SPEAKING)
    monkeypatch.setattr(wiring, "embeddings_list", lambda dataset_id: stored)


def fit(page: AppTest) -> None:
    next(one for one in page.button if one.label.startswith("Fit")).click().run()


def choose(page: AppTest, label: str, value: object) -> None:
    widgets = [*page.selectbox, *page.multiselect, *page.radio, *page.number_input]
    next(one for one in widgets if one.label == label).set_value(value).run()


def test_a_probe_is_fitted_on_each_of_the_chosen_embeddings(
    page: AppTest, started: list[list[str]]
) -> None:
    page.run()
    choose(page, "Embeddings", [SCRATCH.fingerprint(), TRAINED.fingerprint()])
    choose(page, "Folds", 3)
    choose(page, "Seed of the folds", 7)

    fit(page)

    assert not page.exception
    assert [line[:6] for line in started] == [
        ["probe", "/nowhere", "--backbone", "resnet18", "--weights", "scratch"],
        ["probe", "/nowhere", "--backbone", "mobilenetv2_100", "--weights", "imagenet"],
    ]
    asked = "--target dr --probe logistic --seed 7 --folds 3"
    assert [" ".join(line[6:]) for line in started] == [asked, asked]


def test_embeddings_of_another_data_set_are_proposed(
    page: AppTest, monkeypatch: pytest.MonkeyPatch, started: list[list[str]]
) -> None:
    evaluated.add_second(monkeypatch)
    stored = {"tiny-1": evaluated.embedded(SCRATCH), "tiny-2": evaluated.embedded(TRAINED)}
    monkeypatch.setattr(wiring, "embeddings_list", stored.__getitem__)
    evaluated.address(page)
    page.run()

    evaluated.address(page, dataset="tiny-2")
    page.run()
    fit(page)

    assert started[0][3] == "mobilenetv2_100"


def test_one_class_of_several_against_the_rest(
    monkeypatch: pytest.MonkeyPatch, workspace: Path, page: AppTest, started: list[list[str]]
) -> None:
    with_embeddings(monkeypatch, workspace, evaluated.dataset(targets=(evaluated.GRADE,)))
    page.run()
    choose(page, "Classes", "2")

    fit(page)

    assert started[0][started[0].index("--target") + 1] == "grade=2"


def test_several_columns_of_0_and_1_are_one_target_with_several_labels(
    monkeypatch: pytest.MonkeyPatch, workspace: Path, page: AppTest, started: list[list[str]]
) -> None:
    with_embeddings(monkeypatch, workspace, evaluated.dataset(targets=(evaluated.DR, DME)))
    page.run()
    choose(page, "Target", "several 0/1 columns together")

    fit(page)

    assert started[0][started[0].index("--target") + 1] == "dr,dme"


def test_the_columns_of_another_data_set_are_proposed_all(
    monkeypatch: pytest.MonkeyPatch, workspace: Path, page: AppTest, started: list[list[str]]
) -> None:
    with_embeddings(monkeypatch, workspace, evaluated.dataset(targets=(evaluated.DR, DME)))
    page.run()
    choose(page, "Target", "several 0/1 columns together")
    third = Target("ill", "binary", ("0", "1"), ("dme",))
    with_embeddings(monkeypatch, workspace, evaluated.dataset(targets=(evaluated.DR, DME, third)))

    page.run()
    fit(page)

    assert started[0][started[0].index("--target") + 1] == "dr,dme,ill"


def test_the_own_split_takes_the_place_of_folds(page: AppTest, started: list[list[str]]) -> None:
    page.run()
    choose(page, "Validated by", "the table's own split")

    fit(page)

    assert "--use-split" in started[0]
    assert "--folds" not in started[0]


def test_probes_that_start_from_words_are_offered_where_words_can_be_read(
    page: AppTest, started: list[list[str]]
) -> None:
    page.run()
    choose(page, "Embeddings", [SPEAKING.fingerprint()])
    choose(page, "Probe", "tip_adapter_f")

    fit(page)

    assert not page.exception
    assert " ".join(started[0][6:]) == "--target dr --probe tip_adapter_f --seed 0 --folds 5"


def test_where_words_cannot_be_read_it_says_why_they_are_not_offered(page: AppTest) -> None:
    page.run()
    choose(page, "Embeddings", [SPEAKING.fingerprint()])
    choose(page, "Probe", "clip_adapter")

    choose(page, "Embeddings", [SPEAKING.fingerprint(), SCRATCH.fingerprint()])

    menu = next(box for box in page.selectbox if box.label == "Probe")
    assert menu.options == ["Logistic regression", "k nearest neighbours"]
    assert menu.value == "logistic"
    said = evaluated.texts(page).replace("\\", "")
    assert "Tip-Adapter, Tip-Adapter-F, CLIP-Adapter start from words" in said
    assert "these are not: ResNet-18, random weights" in said


def test_ones_own_words_are_handed_over(
    page: AppTest, workspace: Path, started: list[list[str]]
) -> None:
    findings = workspace / "mine.json"
    write_findings(read_findings(), findings)
    page.run()
    choose(page, "Embeddings", [SPEAKING.fingerprint()])
    choose(page, "Probe", "tip_adapter")
    page.text_input(key="probe.findings").set_value(f" {findings} ").run()

    fit(page)

    assert started[0][-2:] == ["--findings", str(findings)]


def test_words_outside_the_allowed_folders_are_not_read(
    page: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDUS_DATA_ROOTS", str(tmp_path / "elsewhere"))
    write_findings(read_findings(), tmp_path / "mine.json")
    page.run()
    choose(page, "Embeddings", [SPEAKING.fingerprint()])
    choose(page, "Probe", "tip_adapter")

    page.text_input(key="probe.findings").set_value(str(tmp_path / "mine.json")).run()

    assert not page.exception
    assert "outside the folders" in page.error[0].value
    assert next(one for one in page.button if one.label.startswith("Fit")).disabled


def test_classes_of_which_nothing_is_said_cannot_be_started(
    monkeypatch: pytest.MonkeyPatch, workspace: Path, page: AppTest
) -> None:
    with_embeddings(monkeypatch, workspace, evaluated.dataset(targets=(evaluated.GRADE,)))
    page.run()
    choose(page, "Embeddings", [SPEAKING.fingerprint()])

    choose(page, "Probe", "tip_adapter")

    assert not page.exception
    assert "say nothing of grade=0" in page.error[0].value.replace("\\", "")
    assert next(one for one in page.button if one.label.startswith("Fit")).disabled


def test_without_a_chosen_embedding_nothing_can_be_started(page: AppTest) -> None:
    page.run()

    choose(page, "Embeddings", [])

    assert next(one for one in page.button if one.label.startswith("Fit")).disabled


def test_weights_that_are_gone_are_explained_not_crashed(
    monkeypatch: pytest.MonkeyPatch, page: AppTest, started: list[list[str]]
) -> None:
    def gone(recipe: object) -> list[str]:
        raise WeightsError("They are not at hand.", hint="Put them back.")

    monkeypatch.setattr(wiring, "embedding_arguments", gone)
    page.run()

    fit(page)

    assert not page.exception
    assert "not at hand" in page.error[0].value
    assert started == []


def test_a_model_of_several_diseases_has_a_row_for_each(page: AppTest, workspace: Path) -> None:
    evaluated.store(workspace, "diseases", evaluated.diseased("diseases", 1.0, 0))

    page.run()

    assert not page.exception
    of_classes = page.table[-1].value
    assert list(of_classes["Class"]) == ["dr", "amd", "rvo"]


def test_models_are_listed_beside_the_mean_colour(page: AppTest, workspace: Path) -> None:
    scores = evaluated.predictions("good", evaluated.GOOD)
    evaluated.store(workspace, "good", scores, cautions=[Caution("FD006", "No better.")])

    page.run()

    assert not page.exception
    row = page.dataframe[0].value.iloc[0]
    assert row["AUC (95 % CI)"].startswith("0.944 (")
    assert row["Against mean colour"] == "p = 0.031"
    assert row["AUC of each fold"] == "0.90  –"
    assert (row["Photographs"], row["Patients"], row["Cautions"]) == (12, "3", "FD006")
    assert any("FD006" in one.value for one in page.warning)


def test_photographs_without_patients_are_cautioned_against_loudly(
    monkeypatch: pytest.MonkeyPatch, workspace: Path, page: AppTest
) -> None:
    with_embeddings(monkeypatch, workspace, evaluated.dataset(patients=False))

    page.run()

    assert "FD003" in page.warning[0].value


def test_without_a_model_the_page_says_when_results_appear(page: AppTest) -> None:
    page.run()

    assert not page.exception
    assert "None yet" in page.info[0].value


def test_without_embeddings_the_page_says_where_to_get_them(
    monkeypatch: pytest.MonkeyPatch, page: AppTest
) -> None:
    monkeypatch.setattr(wiring, "embeddings_list", lambda dataset_id: ())

    page.run()

    assert not page.exception
    assert "has none yet" in page.info[0].value
    assert not page.multiselect


def test_without_a_target_there_is_nothing_to_predict(
    monkeypatch: pytest.MonkeyPatch, workspace: Path, page: AppTest
) -> None:
    with_embeddings(monkeypatch, workspace, evaluated.dataset(targets=()))

    page.run()

    assert not page.exception
    assert "no target column" in page.info[0].value


def test_preview__names_the_auc_of_each_of_the_chosen_embeddings(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_embeddings = {SCRATCH.fingerprint(): 0.61, TRAINED.fingerprint(): 0.83}
    monkeypatch.setattr(
        probe_preview,
        "probe_preview",
        lambda _, fingerprint, validation: ProbePreview(
            {validation.target: of_embeddings[fingerprint]}, 40
        ),
    )
    page.run()
    choose(page, "Embeddings", list(of_embeddings))

    next(one for one in page.toggle if one.label == "Preview the AUC").set_value(True).run()

    assert not page.exception
    assert page.dataframe[0].value["AUC (preview)"].tolist() == ["0.61", "0.83"]
    assert any("not the figure to report" in one.value for one in page.caption)
