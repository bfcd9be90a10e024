"""`fundus report`, `rerun` and `bundle`: what people and machines read, and what is refused."""

from pathlib import Path

import pytest

from fundus_core.cli import bundle as bundle_command
from fundus_core.cli import report as report_command
from fundus_core.errors import StoreError
from tests.cli.conftest import Fundus, Probed, probe_once
from tests.report.pages import Page, assert_harmless


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Probed:
    options = ("--backbone", "mean_colour", "--folds", 3, "--seed", 2)
    return probe_once(tmp_path_factory.mktemp("probed"), *options)


@pytest.fixture
def data(once: Probed) -> Path:
    return once.data


@pytest.fixture
def run_id(once: Probed, tmp_path: Path) -> str:
    """A probe on mean colours of 24 photographs."""
    return once.copied(tmp_path / "workspace").run_id


def test_report__writes_a_page_that_makes_itself_again(
    fundus: Fundus, run_id: str, data: Path, tmp_path: Path
) -> None:
    out, again = tmp_path / "report.html", tmp_path / "again.html"

    shown = ("--images", "1", "--file-names")
    told = fundus("report", run_id, "--out", out, "--title", "Colours & more", *shown, "--json")
    repeated = fundus(
        "rerun",
        out,
        "--data",
        data,
        "--out",
        again,
        "--json",
        "--workspace",
        tmp_path / "fresh",
    )

    assert told.exit_code == 0, told.stderr
    assert told.json["title"] == "Colours & more"
    page = Page(out.read_text(encoding="utf-8"))
    assert_harmless(page)
    assert "Colours & more" in page.text
    assert "fundus rerun REPORT.html --data DATA" in page.text
    assert "--target dr --folds 3 --seed 2" in page.text
    assert repeated.exit_code == 0, repeated.stderr
    (one,) = repeated.json["runs"]
    assert abs(one["difference"]) <= 1e-12
    assert one["same_scores"]
    assert repeated.json["same"]
    written = again.read_text(encoding="utf-8")
    assert "Colours & more" in written.replace("&amp;", "&")
    names = [path.stem for path in (data / "images").iterdir()]
    assert any(name in page.text for name in names)
    assert not any(name in written for name in names)


def test_rerun__ends_with_2_where_a_result_differs(
    fundus: Fundus, run_id: str, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    auc = fundus("report", run_id, "--out", out, "--json").json["manifest"]["runs"][0]["auc"]
    page = out.read_text(encoding="utf-8")
    out.write_text(page.replace(f'"auc": {auc!r}', '"auc": 0.25'), encoding="utf-8")

    outcome = fundus("rerun", out)

    assert outcome.exit_code == 2
    assert "NOT the same" in outcome.stdout
    assert "every score the same" in outcome.stdout


def test_rerun__ends_with_2_where_a_run_is_called_otherwise(
    fundus: Fundus, run_id: str, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    fundus("report", run_id, "--out", out)
    page = out.read_text(encoding="utf-8")
    label = '"label": "mean colour (shortcut baseline)"'
    assert label in page
    out.write_text(page.replace(label, '"label": "RETFound"'), encoding="utf-8")

    told, outcome = fundus("rerun", out, "--json"), fundus("rerun", out)

    assert (told.exit_code, outcome.exit_code) == (2, 2)
    (one,) = told.json["runs"]
    assert one["label"] == "mean colour (shortcut baseline)"
    assert one["differences"] == [
        {"what": "label", "then": "RETFound", "now": "mean colour (shortcut baseline)"}
    ]
    assert "mean colour (shortcut baseline): AUC" in outcome.stdout
    assert "label NOT the same: RETFound in the manifest" in outcome.stdout


def test_rerun__says_that_the_text_of_the_page_is_not_compared(
    fundus: Fundus, run_id: str, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    fundus("report", run_id, "--out", out)
    text, manifest = out.read_text(encoding="utf-8").split('id="fundus-manifest"')
    out.write_text(f'{text.replace("AUC", "QQQ")}id="fundus-manifest"{manifest}', encoding="utf-8")

    told, outcome = fundus("rerun", out, "--json"), fundus("rerun", out)

    assert outcome.exit_code == 0, outcome.stderr
    assert "Compared was what the manifest inside the file says" in outcome.stdout
    assert "text, tables and pictures of the page were not looked at" in outcome.stdout
    assert "not looked at" in told.json["compared"]


def test_rerun__scores_that_differ_are_told_and_end_with_0(
    fundus: Fundus, run_id: str, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    told = fundus("report", run_id, "--out", out, "--json")
    scores = told.json["manifest"]["runs"][0]["predictions"]
    page = out.read_text(encoding="utf-8")
    out.write_text(page.replace(scores, "0" * 32), encoding="utf-8")

    outcome = fundus("rerun", out)

    assert outcome.exit_code == 0, outcome.stderr
    assert "not every score the same" in outcome.stdout


def never(*_: object, **__: object) -> None:
    raise AssertionError("computed for a place that cannot be written to")


@pytest.mark.parametrize("place", ["folder", "/proc/x", "file"])
@pytest.mark.parametrize("command", ["rerun", "report", "bundle"])
def test_out__that_cannot_be_written_is_refused_before_anything_is_computed(
    fundus: Fundus,
    run_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    command: str,
) -> None:
    page = tmp_path / "report.html"
    fundus("report", run_id, "--out", page)
    monkeypatch.setattr(report_command, "run_again", never)
    monkeypatch.setattr(report_command, "make_report", never)
    monkeypatch.setattr(bundle_command, "export_bundle", never)
    suffix = ".zip" if command == "bundle" else ".html"
    (tmp_path / f"dir{suffix}").mkdir()
    named = {"folder": tmp_path / "dir", "file": page / "x"}.get(place, Path(place))
    out = named.with_suffix(suffix)
    words = {"rerun": ("rerun", page), "report": ("report", run_id)}.get(
        command, ("bundle", "export", "data")
    )

    outcome = fundus(*words, "--out", out)

    assert outcome.exit_code == 2, outcome.stderr
    said = "is a folder, and a file is to be written" if place == "folder" else "cannot be written"
    assert f"{out} {said}" in outcome.stderr
    assert outcome.stdout == ""


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["lines", "json"])
def test_rerun__of_which_the_page_cannot_be_written_has_printed_the_comparison(
    fundus: Fundus,
    run_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
) -> None:
    page = tmp_path / "report.html"
    fundus("report", run_id, "--out", page)

    def full(*_: object) -> None:
        raise StoreError("No space left.", hint="Free some.")

    monkeypatch.setattr(report_command, "write_report", full)

    outcome = fundus("rerun", page, "--out", tmp_path / "again.html", *options)

    assert outcome.exit_code == 2
    assert "No space left." in outcome.stderr
    if options:
        assert outcome.json["same"] is True
    else:
        assert "every score the same" in outcome.stdout


def test_report__prints_what_matters(fundus: Fundus, run_id: str, tmp_path: Path) -> None:
    outcome = fundus("report", run_id, "--out", tmp_path / "r.html", "--level", "patient")

    assert outcome.exit_code == 0, outcome.stderr
    assert "On 12 patients" in outcome.stdout
    assert "sections" in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--out", "report.docx"), "ends in neither"),
        (("--out", "r.html", "--prevalence", "5"), "Write 5 % as 0.05"),
        (("--out", "r.html", "--class", "x"), "no class 'x'"),
        (("--out", "r.html", "--level", "eye"), "image or patient"),
    ],
)
def test_report__refuses_in_a_sentence(
    fundus: Fundus, run_id: str, arguments: tuple[str, ...], said: str
) -> None:
    outcome = fundus("report", run_id, *arguments)

    assert outcome.exit_code == 2
    assert said in outcome.stderr


def test_report__as_pdf(fundus: Fundus, run_id: str, tmp_path: Path) -> None:
    pytest.importorskip("typst")

    outcome = fundus("report", run_id, "--out", tmp_path / "report.pdf")

    assert outcome.exit_code == 0, outcome.stderr
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_report__without_typst_says_what_to_install(
    fundus: Fundus, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fundus_core.report.pdf.find_spec", lambda name: None)

    outcome = fundus("report", run_id, "--out", tmp_path / "report.pdf")

    assert outcome.exit_code == 2
    assert "pip install typst" in outcome.stderr


def test_bundle__goes_from_one_workspace_to_another(
    fundus: Fundus, run_id: str, tmp_path: Path
) -> None:
    out, elsewhere = tmp_path / "bundle.zip", ("--workspace", tmp_path / "elsewhere")

    written = fundus("bundle", "export", "data", "--out", out, "--json")
    told = fundus("bundle", "open", out, *elsewhere)

    assert written.exit_code == 0, written.stderr
    assert written.json["n_runs"] == 1
    assert told.exit_code == 0, told.stderr
    assert "1 run," in told.stdout
    assert "nothing in it was computed here" in told.stdout
    there = fundus("runs", "--json", *elsewhere).json
    here = fundus("runs", "--json").json
    assert [one["auc"] for one in there] == [one["auc"] for one in here]
    opened = there[0]["run_id"]
    assert fundus("report", opened, "--out", tmp_path / "r.html", *elsewhere).exit_code == 0
    assert fundus("report", run_id, "--out", tmp_path / "s.html", *elsewhere).exit_code == 2


def test_bundle__refuses_what_is_none(fundus: Fundus, tmp_path: Path) -> None:
    odd = tmp_path / "odd.zip"
    odd.write_bytes(b"no zip")

    outcome = fundus("bundle", "open", odd)

    assert outcome.exit_code == 2
    assert "odd.zip is no bundle" in outcome.stderr
