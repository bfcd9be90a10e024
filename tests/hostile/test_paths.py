"""Nothing outside the named folders is opened, whatever is typed, linked, uploaded or addressed."""

import ast
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError, FundusError, ImageError, StudyError
from fundus_core.io.data_roots import VARIABLE
from fundus_core.io.manifest import DataSource, read_dataset
from fundus_core.io.masks import read_mask
from fundus_core.io.typed_paths import typed_path
from fundus_core.io.workspace import Workspace
from fundus_core.ui.components.backbone_picker import FILE
from fundus_core.ui.components.open_dataset import allowed
from fundus_core.ui.session import ADDRESS
from fundus_core.ui.study_wiring import keep_study
from fundus_core.workflows.data.imports import import_photographs
from fundus_core.workflows.data.similar import MOST_UPLOADED, keep_example
from fundus_core.workflows.explanations import truth
from fundus_core.workflows.explanations.truth import read_lesions
from fundus_core.workflows.segmenting.masks import mask_files
from fundus_core.workflows.single.one_photograph import receive
from tests.fakes import write_dataset, write_photograph
from tests.hostile import walked
from tests.hostile.damaged_pictures import damaged_formats
from tests.imports import dicom_files

SECRET = "root:x:0:0"

TYPED = (
    "/etc/passwd", "/proc/self/environ", "..", "../outside", "data/../../outside", "~root", "~/..",
    "//host/share", "\\\\host\\share", "C:\\Windows", "file:///etc/passwd", "%2e%2e/outside",
    "%252e%252e%252foutside", "..\\outside", "data/link", "data/\0/etc", "s3://bucket/data", "/",
    "http://example.invalid/data", "data/../outside/labels.csv", "a" * 5000,
)  # fmt: skip

ADDRESSED = (
    "../../etc/passwd", "%2e%2e%2fetc", "/proc/self/environ", "..", ".", "\\\\host\\x", "a\0b",
    "<script>alert(1)</script>", "![x](http://example.invalid)", "x" * 5000,
)  # fmt: skip


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is named, with a link out of it and photographs beside it."""
    write_dataset(tmp_path / "root" / "data", n_patients=3)
    write_dataset(tmp_path / "outside", n_patients=3)
    (tmp_path / "root" / "data" / "link").symlink_to(tmp_path / "outside")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "root"))
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.chdir(tmp_path / "root")
    return tmp_path / "root"


@pytest.mark.parametrize("typed", TYPED, ids=ascii)
def test_what_is_typed_does_not_lead_out(roots: Path, typed: str) -> None:
    for open_it in (lambda path: allowed(typed_path(path)), _read):
        with pytest.raises(FundusError) as caught:
            open_it(Path(typed))
        assert SECRET not in str(caught.value)


def _read(path: Path) -> None:
    dataset = read_dataset(DataSource(path))
    if len(dataset) == 0:
        raise DataError("nothing", hint="")


def test_what_lies_inside_is_opened(roots: Path) -> None:
    assert len(read_dataset(DataSource(allowed(Path("data"))))) == 6


def test_a_table_inside_names_nothing_outside(roots: Path) -> None:
    outside = sorted((roots.parent / "outside" / "images").iterdir())[0]
    (roots / "data" / "images" / outside.name).rename(roots / "data" / "images" / "inside.jpg")
    rows = ["data/images/inside.jpg", str(outside), "../outside/images/p01_OD.jpg"]
    rows += ["data/link/images/p02_OD.jpg", "/etc/passwd", "/proc/self/environ"]
    (roots / "table.csv").write_text("path\n" + "\n".join(rows) + "\n", encoding="utf-8")

    dataset = read_dataset(DataSource(roots / "table.csv"))

    assert [Path(path).name for path in dataset.table["path"]] == ["inside.jpg"]
    assert [row.reason for row in dataset.rejected] == ["missing"] * 5


def test_an_absolute_path_outside_is_one_of_another_computer(roots: Path) -> None:
    """It is found by its end, and what lies at that place of this one is not asked."""
    named = roots.parent / "outside" / "images" / "p01_OD.jpg"
    table = roots / "data" / "table.csv"
    table.write_text(f"path\n{named}\n", encoding="utf-8")

    there = read_dataset(DataSource(table))
    named.unlink()

    assert list(there.table["path"]) == [str(roots / "data" / "images" / "p01_OD.jpg")]
    assert list(read_dataset(DataSource(table)).table["path"]) == list(there.table["path"])


def test_links_inside_a_folder_are_not_followed_out(roots: Path) -> None:
    (roots / "data" / "labels.csv").unlink()

    dataset = read_dataset(DataSource(roots / "data"))

    assert len(dataset) == 6
    assert [(row.path, row.reason) for row in dataset.rejected] == [
        (str(roots / "data" / "link"), "missing")
    ]


@pytest.mark.parametrize("cells", ["", "p00_OD.jpg", "x/p00_OD.jpg", "link/p00_OD.jpg"])
@pytest.mark.parametrize("name", ["link", "link.jpg", "link.csv"])
def test_what_lies_behind_a_link_is_not_told(roots: Path, cells: str, name: str) -> None:
    """What is said is the same whatever is there, or nothing."""
    (roots / "data" / "labels.csv").unlink()
    (roots / "data" / "images").rename(roots / "data" / "x")
    (roots / "data" / "link").rename(roots / "data" / name)
    outside = roots.parent / "outside"
    write_photograph(outside / "a" / "s.jpg", (200, 70, 20))
    write_photograph(outside / "b" / "s.jpg", (200, 90, 20))
    (outside / "x.csv").write_text("path\ns.jpg\n", encoding="utf-8")
    if cells:
        table = roots / "data" / "rows.csv"
        rows = [cells, "s.jpg", "link/s.jpg", f"{name}/a/s.jpg", f"{name}/../outside/a/s.jpg"]
        table.write_text("\n".join(["path", "x/p01_OS.jpg", *rows]), encoding="utf-8")

    def said() -> str:
        try:
            dataset = read_dataset(DataSource(roots / "data"))
        except DataError as error:
            return f"{error.message} {error.hint}"
        told = str([(row.path, row.reason, row.detail) for row in dataset.rejected])
        return f"{list(dataset.table['path'])} {told}"

    there = said()
    outside.rename(roots.parent / "away")
    assert there == said()
    outside.write_text("a file", encoding="utf-8")
    assert there == said()
    assert str(outside) not in there


def test_a_name_that_leads_out_and_back_does_not_tell_what_is_on_its_way(roots: Path) -> None:
    (roots / "data" / "labels.csv").unlink()
    table = roots / "data" / "rows.csv"
    table.write_text("path\nimages/p00_OD.jpg\nlink/../root/data/images/p01_OD.jpg\n")

    there = read_dataset(DataSource(roots / "data"))
    (roots.parent / "outside").rename(roots.parent / "away")

    assert read_dataset(DataSource(roots / "data")).rejected == there.rejected


def test_an_import_reads_nothing_from_outside(roots: Path) -> None:
    for seed, place in enumerate(["root/dicom/a.dcm", "outside/a.dcm", "outside/b.dcm"]):
        drawn = dicom_files.dataset(dicom_files.picture(seed))
        dicom_files.save(drawn, roots.parent / place)
    (roots / "dicom" / "link").symlink_to(roots.parent / "outside")
    (roots / "dicom" / "b.dcm").symlink_to(roots.parent / "outside" / "b.dcm")

    found = import_photographs(roots / "dicom", roots.parent / "out")

    assert (found.n_imported, found.refused) == (1, ())
    with pytest.raises(DataError, match="outside the folders"):
        import_photographs(roots.parent / "outside", roots.parent / "out_2")


def _masked(roots: Path, cell: str) -> FundusDataset:
    """Returns a data set whose first photograph has this mask."""
    rows = ["path,mask,fov", f"data/images/p00_OD.jpg,{cell},{cell}", "data/images/p01_OD.jpg,,"]
    (roots / "table.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return read_dataset(DataSource(roots / "table.csv"))


def _refused(do: Callable[[], object]) -> str:
    with pytest.raises(DataError) as caught:
        do()
    return f"{caught.value.message} {caught.value.hint}"


LED_OUT = {
    "relative": "../outside/secret.png",
    "absolute": "{outside}/secret.png",
    "through a link": "data/link/secret.png",
    "a link": "data/secret.png",
    "out and back": "../outside/secret.png/../../root/data/images/p00_OD.jpg",
    "by a folder and back": "../outside/images/../../root/data/images/p00_OD.jpg",
}


@pytest.mark.parametrize("way", LED_OUT)
def test_no_mask_leads_out_and_none_tells_what_is_there(roots: Path, way: str) -> None:
    outside = roots.parent / "outside"
    (roots / "data" / "secret.png").symlink_to(outside / "secret.png")
    write_mask(outside / "secret.png")
    dataset = _masked(roots, LED_OUT[way].format(outside=outside))
    in_table = roots / LED_OUT[way].format(outside=outside)

    def said() -> list[str]:
        told = [_refused(partial(mask_files, dataset, name)) for name in ("mask", "fov")]
        if "back" in way:
            return told
        lesions = _refused(lambda: read_lesions(in_table))
        return [*told, _refused(lambda: read_mask(in_table)), lesions]

    there = said()
    (outside / "secret.png").unlink()
    (outside / "images").rename(outside / "others")

    assert there == said()
    assert all("outside the folders" in one for one in there)


def test_a_mask_inside_is_read(roots: Path) -> None:
    write_mask(roots / "data" / "mask.png")
    dataset = _masked(roots, "data/images/../mask.png")

    found = mask_files(dataset, "mask")

    assert [int(read_mask(path).max()) for path in found.values()] == [255]


@pytest.mark.parametrize("folder", ["../../outside/masks", "{outside}/masks", "link", "linked"])
def test_a_folder_of_masks_leads_nowhere(roots: Path, folder: str) -> None:
    outside = roots.parent / "outside"
    write_mask(outside / "masks" / "p00_OD.png")
    write_mask(roots / "data" / "inside" / "p01_OD.png")
    (roots / "data" / "masks").symlink_to(outside / "masks")
    (roots / "data" / "linked").mkdir()
    (roots / "data" / "linked" / "p00_OD.png").symlink_to(outside / "masks" / "p00_OD.png")
    (roots / "data" / "link" / "p00_OD.png").symlink_to(outside / "masks" / "p00_OD.png")
    dataset = read_dataset(DataSource(roots / "data"))

    assert len(mask_files(dataset, "inside")) == 1
    assert mask_files(dataset, folder.format(outside=outside)) == {}
    assert mask_files(dataset, "masks") == {}


def test_the_demos_masks_lead_nowhere(roots: Path) -> None:
    write_mask(roots.parent / "outside" / "secret.png")
    dataset = replace(_masked(roots, "../outside/secret.png"), synthetic=True)

    files = truth.mask_files(dataset)

    assert {one.lesions for one in files.values()} == {None}


def write_mask(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((8, 8), 255, np.uint8)).save(path)


FIELDS_OF_PATHS = {
    "Folder or table on this machine", "Table", "File of findings", "Weights file",
}  # fmt: skip

FIELDS_OF_WORDS = {
    "Allowed labels, joined by commas (optional)", "Name of the weights file", "Any other network",
    "Save the selection as", "Channels in the masks", "Title", "Input sizes, px", "Rank by words",
    "Search in the table", "Patient contains", "text.field_label(title)",
}  # fmt: skip
"""What is typed there is never taken for a path."""


def test_every_field_is_known_to_take_a_path_or_not() -> None:
    """Whoever adds one says here what it takes, and tests below that no path leads out."""
    drawn = [*(walked.ROOT / "fundus_core" / "ui").rglob("*.py"), *walked.ROOT.glob("pages/*/*.py")]
    found = {label for path in drawn for label in _fields(path)}

    assert found == FIELDS_OF_PATHS | FIELDS_OF_WORDS


def _fields(path: Path) -> Iterator[str]:
    """Yields the labels of the fields of a file into which anything can be typed."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        is_open = any(word.arg == "accept_new_options" for word in node.keywords)
        if is_open or node.func.attr in {"text_input", "text_area", "chat_input", "data_editor"}:
            label = node.args[0]
            yield label.value if isinstance(label, ast.Constant) else ast.unparse(label)


TYPED_ON: dict[str, tuple[str, dict[str, str]]] = {
    "open.path": ("data/overview", {}),
    "zero_shot.findings": ("model/zero_shot", {}),
    "extract.weights_file": ("embed/extract", {"extract.weights": FILE}),
    "finetune.weights_file": ("model/fine_tune", {"finetune.weights": FILE}),
    "pretrain.initial": ("model/pretrain", {"pretrain.start": "A weights file"}),
}
"""Key of a field -> its page, and what is chosen before it is drawn."""


@pytest.mark.parametrize("key", TYPED_ON)
def test_no_page_tells_of_a_file_outside(
    key: str, filled: DataSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(filled.path.parent / "workspace"))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "root"))
    secret = tmp_path / "secret.json"
    entry = {"labels": ["label=0", "label=1"], "descriptions": [SECRET]}
    secret.write_text(json.dumps({"findings": {"x": entry}}), encoding="utf-8")
    name, chosen = TYPED_ON[key]
    page = walked.page_of(f"pages/{name}.py", filled)
    for widget, value in chosen.items():
        page.segmented_control(key=widget).set_value(value).run()

    def said() -> list[str]:
        page.text_input(key=key).set_value(str(secret)).run()
        assert not page.exception
        assert not [one for one in walked.said_by(page) if SECRET in one.text]
        return [one.value for one in (*page.error, *page.markdown, *page.caption)]

    there = said()
    secret.unlink()
    secret.mkdir()

    assert there == said()
    assert any("outside the folders" in one for one in there)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> DataSource:
    """A data set in a workspace beside it, with two models; tests only read it."""
    folder = tmp_path_factory.mktemp("addressed")
    source = DataSource(write_dataset(folder / "data", n_patients=6))
    walked.filled(Workspace(folder / "workspace"), source)
    return source


def _addressed(page: str, source: DataSource, about: dict[str, str]) -> None:
    """Opens a page by an address; it must neither fail nor tell what is elsewhere."""
    found = AppTest.from_file(str(walked.ROOT / page), default_timeout=60)
    for name, value in {"dataset": walked.dataset_id(source), **about}.items():
        found.query_params[name] = value

    found.run()

    assert not found.exception, (about, found.exception[0].value)
    assert not [one for one in walked.said_by(found) if SECRET in one.text]


@pytest.mark.parametrize("page", ["pages/data/images.py", "pages/evaluate/roc.py"])
def test_addresses_lead_nowhere(
    page: str, filled: DataSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(filled.path.parent / "workspace"))

    for name in ADDRESS if page == "pages/data/images.py" else ():
        _addressed(page, filled, {name: ADDRESSED[0]})
    for value in ADDRESSED:
        _addressed(page, filled, dict.fromkeys(ADDRESS, value))


UPLOADS = {
    "page.jpg": b"<html><script>alert(1)</script>",
    "drawing.jpg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "program.jpg": b"MZ\x90\0" + bytes(500),
    "pickle.jpg": b"\x80\x04cos\nsystem\n.",
    "archive.jpg": b"PK\x05\x06" + bytes(18),
    "empty.jpg": b"",
}


@pytest.mark.parametrize("name", UPLOADS)
def test_uploads_are_told_by_their_bytes(name: str, tmp_path: Path) -> None:
    place = Workspace(tmp_path)

    for take in (receive, lambda data: keep_example(place, data, name)):
        with pytest.raises(ImageError) as caught:
            take(UPLOADS[name])
        assert caught.value.reason == "unreadable"
    assert walked.files_of(tmp_path) == []


def test_uploads_are_not_larger_than_agreed(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="at most"):
        keep_example(Workspace(tmp_path), bytes(MOST_UPLOADED + 1), "large.jpg")

    assert walked.files_of(tmp_path) == []


@pytest.mark.parametrize(
    "name", ["../../x.jpg", "x.html", "x.jpg/../../y", "/etc/cron.d/x", "a\0.jpg", "x." + "y" * 300]
)
def test_names_of_uploads_do_not_tell_where_they_lie(name: str, tmp_path: Path) -> None:
    _, path = keep_example(Workspace(tmp_path / "workspace"), damaged_formats()[0], name)

    assert path.parent == tmp_path / "workspace" / "examples"
    assert path.suffix in ("", ".jpg")
    assert walked.files_of(tmp_path) == [path]


@pytest.mark.parametrize("name", ["../../x.yaml", "/etc/x.yaml", "x" * 300 + ".yaml", "\0.yaml"])
def test_uploaded_studies_are_checked_and_kept_in_their_place(name: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError):
        keep_study(Workspace(tmp_path), name, b"!!python/object/apply:os.system ['touch marker']")

    assert walked.files_of(tmp_path) == []


@pytest.mark.parametrize("way", ["../../outside/secret.png", "{outside}/secret.png"])
def test_no_row_tells_what_is_there_outside(roots: Path, way: str) -> None:
    outside = roots.parent / "outside"
    write_photograph(outside / "secret.png", (200, 70, 20))
    table = roots / "data" / "rows.csv"
    inside = pd.read_csv(roots / "data" / "labels.csv")["image"].iloc[0]
    pd.DataFrame({"image": [inside, way.format(outside=outside)]}).to_csv(table, index=False)

    there = read_dataset(DataSource(table)).rejected
    (outside / "secret.png").unlink()

    assert len(there) == 1
    assert "outside the folders" in there[0].detail
    assert read_dataset(DataSource(table)).rejected == there


@pytest.mark.parametrize("named", [":", "::"])
def test_roots_of_which_none_is_a_folder_leave_the_workspace_alone(
    roots: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv(VARIABLE, named)

    with pytest.raises(DataError, match="outside the folders"):
        read_dataset(DataSource(roots / "data"))
