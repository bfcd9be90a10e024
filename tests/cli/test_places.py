"""Every place that a command writes to: nothing that somebody needs is written over.

The commands are those of the program itself, so a new one with a path fails until it stands here.
"""

import inspect
import typing
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import typer
import typer.main

from fundus_core.cli import options
from fundus_core.cli.main import app
from fundus_core.io.files import checksum
from fundus_core.io.images import SUPPORTED_SUFFIXES
from fundus_core.io.tables import TABLE_SUFFIXES
from tests.cli.conftest import Fundus, Probed
from tests.fakes import write_photograph

DATA, RUN, IMAGE, PLACE = "DATA", "RUN", "IMAGE", "PLACE"
COLOUR = ("--backbone", "mean_colour")

FILES: dict[tuple[str, str], list[tuple[str, ...]]] = {
    ("project", "out"): [("project", DATA, *COLOUR, "--out", PLACE, ".csv")],
    ("predict", "out"): [("predict", RUN, DATA, "--out", PLACE, ".csv")],
    ("study", "out"): [("study", "natural_foundation", "--table", "--out", PLACE, ".csv")],
    ("label-errors", "out"): [("label-errors", RUN, "--out", PLACE, ".csv")],
    ("report", "out"): [
        ("report", RUN, "--out", PLACE, ".html"),
        ("report", RUN, "--out", PLACE, ".pdf"),
    ],
    ("rerun", "out"): [("rerun", "report.html", "--out", PLACE, ".html")],
    ("bundle export", "out"): [("bundle", "export", "data", "--out", PLACE, ".zip")],
    ("prototypes", "out"): [("prototypes", PLACE, "--backbone", "flair", ".safetensors")],
    ("backbones convert", "out"): [
        ("backbones", "convert", "a.pth", "--as", "retfound", "--out", PLACE, ".safetensors")
    ],
    ("export", "out"): [
        ("export", DATA, *COLOUR, "--as", "parquet", "--out", PLACE, ".parquet"),
        ("export", DATA, *COLOUR, "--as", "atlas", "--out", PLACE, ".parquet"),
        ("export", DATA, *COLOUR, "--as", "anndata", "--out", PLACE, ".h5ad"),
    ],
    ("segment predict", "table_out"): [
        ("segment", "predict", "frangi", DATA, "--table-out", PLACE, ".csv"),
        ("segment", "predict", "frangi", DATA, "--table-out", PLACE, ".parquet"),
    ],
}
"""What writes a file: the words of the command, and last the suffix that the file may have."""

FOLDERS: dict[tuple[str, str], list[tuple[str, ...]]] = {
    ("embed", "out"): [("embed", DATA, *COLOUR, "--out", PLACE)],
    ("export", "out"): [
        ("export", DATA, *COLOUR, "--as", "npy", "--out", PLACE),
        ("export", DATA, *COLOUR, "--as", "fiftyone", "--out", PLACE),
    ],
    ("segment predict", "out"): [("segment", "predict", "frangi", DATA, "--out", PLACE)],
    ("demo", "out_dir"): [("demo", PLACE, "--patients", "1", "--image-size", "64")],
    ("import", "out_dir"): [("import", DATA, PLACE)],
}

OVERLAYS = {("explain", "out"): ("explain", RUN, IMAGE, "--method", "eigen_cam", "--out", PLACE)}
"""What adds files of its own names to a folder."""

READ = {
    "data", "table", "workspace", "findings", "import_prototypes", "file", "source", "secret_file",
    "external", "image", "place",
}  # fmt: skip
"""Names of paths that are only read from; `--workspace` is what the program keeps itself."""


def walk(group: typer.Typer, *names: str) -> Iterator[tuple[str, Callable[..., None]]]:
    """Yields every command with the function that it calls."""
    for command in group.registered_commands:
        assert command.callback is not None
        yield " ".join((*names, command.name or command.callback.__name__)), command.callback
    if group.registered_callback is not None and group.registered_callback.callback is not None:
        yield " ".join(names), group.registered_callback.callback
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        yield from walk(inner.typer_instance, *names, str(inner.name))


def paths() -> Iterator[tuple[str, str, list[typing.Any]]]:
    """Yields every parameter that is a path: the command, its name, and what typer is told."""
    for command, function in walk(app):
        for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
            kind, *told = (*typing.get_args(parameter.annotation), parameter.annotation)
            if "Path" in str(kind):
                yield command, name, told


def test_paths__are_all_read_by_the_one_parser() -> None:
    found = list(paths())

    bare = [
        f"{command} {name}"
        for command, name, told in found
        if not any(getattr(one, "parser", None) is options.path for one in told)
    ]
    assert not bare
    assert len(found) > 100


def test_paths__each_is_known_to_be_read_or_is_tried_below() -> None:
    written = {(command, name) for command, name, _ in paths() if name not in READ}

    assert written == {*FILES, *FOLDERS, *OVERLAYS}


def test_places__whatever_is_written_can_be_replaced() -> None:
    missing = {
        command
        for command, name in (*FILES, *FOLDERS, *OVERLAYS)
        if "replace" not in inspect.signature(dict(walk(app))[command]).parameters
    }

    assert missing == {"import"}  # it writes into a new folder alone


_BUILT = cache(typer.main.get_command)


@pytest.fixture(autouse=True)
def built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the parser of all commands be built once, not for each of hundreds of calls."""
    monkeypatch.setattr("typer.main.get_command", _BUILT)


class Place:
    """Photographs, a second data set whose table lists files elsewhere, and a result of before."""

    def __init__(self, folder: Path, probed: Probed, fundus: Fundus) -> None:
        """Opens the second data set."""
        self.folder, self.probed, self.fundus = folder, probed, fundus
        self.elsewhere = folder / "elsewhere"
        write_photograph(self.elsewhere / "a.jpg", (200, 90, 20))
        (folder / "results").mkdir()
        (folder / "results" / "of_before.txt").write_text("needed", encoding="utf-8")

    def list_file(self, suffix: str) -> tuple[Path, Path]:
        """Opens a table that lists the photograph and a file; returns both tables' places."""
        listed = self.elsewhere / f"listed{suffix}"
        listed.write_text("needed", encoding="utf-8")
        table = self.folder / "tables" / "study.csv"
        table.parent.mkdir(exist_ok=True)
        rows = f"path,notes\n{self.elsewhere / 'a.jpg'},{listed}\n"
        table.write_text(rows, encoding="utf-8")
        assert self.fundus("check", table).exit_code == 0
        return table, listed

    def refused(self, words: tuple[str, ...], place: object, *said: str) -> None:
        """Tries a command over a place, also when told to replace, which changes nothing."""
        for more in ((), ("--replace",)) if words[0] != "import" else ((),):
            self.refused_once((*words, *more), place, *said)

    def refused_once(self, words: tuple[str, ...], place: object, *said: str) -> None:
        """Tries a command once."""
        meant = {
            DATA: self.probed.data,
            RUN: self.probed.run_id,
            IMAGE: self.probed.data / "images" / "p00_OD.jpg",
            PLACE: place,
        }
        before = sums(self.folder)
        outcome = self.fundus(*(meant.get(word, word) for word in words))
        assert outcome.exit_code == 2, (words, place, outcome)
        assert outcome.stdout == ""
        assert not said or any(one in outcome.stderr for one in said), (words, place, outcome)
        assert sums(self.folder) == before, (words, place)


def sums(folder: Path) -> dict[Path, str]:
    """Returns the content of every file below a folder, locks and what is hidden left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    return {path: checksum(path) for path in files}


@pytest.fixture
def place(tmp_path: Path, probed: Probed, fundus: Fundus) -> Place:
    """Also the photographs of the probe are in the test's own folder: they could be harmed."""
    return Place(tmp_path, probed, fundus)


def ids(words: tuple[str, ...]) -> str:
    """Returns how a test is called."""
    return "-".join(one for one in words if one.isalpha() and one.islower()) + words[-1]


@pytest.mark.parametrize("words", [one for each in FILES.values() for one in each], ids=ids)
def test_files__are_written_over_nothing_that_is_needed(
    place: Place, words: tuple[str, ...]
) -> None:
    *command, suffix = words
    asked, data, workspace = tuple(command), place.probed.data, place.folder / "workspace"
    table, listed = place.list_file(suffix)
    beside = data / f"notes{suffix}"  # made by hand, in the folder of the photographs
    mine = place.folder / "results" / f"mine{suffix}"
    linked, to_listed = place.folder / f"linked{suffix}", place.folder / f"other{suffix}"
    for path in (beside, mine):
        path.write_text("needed", encoding="utf-8")
    linked.symlink_to(beside)
    to_listed.symlink_to(listed)
    within = [data / "labels.csv", table] if suffix == ".csv" else []

    for needed in (*within, listed, beside, linked, to_listed):
        place.refused(asked, needed, "is not written over", "would be read as a part of it")
    if suffix in {*SUPPORTED_SUFFIXES, *TABLE_SUFFIXES}:
        for new in (data / f"new{suffix}", data / "images" / f"new{suffix}"):
            place.refused(asked, new, "would be read as a part of it")
    for inside in (f"workspace{suffix}", f"runs/new{suffix}", f"new/deep{suffix}"):
        place.refused(asked, workspace / inside, "lies in the workspace")
    for other in (data / "images" / "p00_OD.jpg", workspace / "workspace.json", mine.parent / "x"):
        place.refused(asked, other, "end in", "ends in", "lies in the workspace")
    place.refused(asked, f"s3://bucket/new{suffix}", "is an address in a store")
    place.refused(asked, "", "path is empty")
    place.refused_once(asked, mine, "is there already; --replace writes over it")
    beside.unlink()  # the photographs are of all tests


@pytest.mark.parametrize("words", [one for each in FOLDERS.values() for one in each], ids=ids)
def test_folders__are_written_over_nothing_that_is_needed(
    place: Place, words: tuple[str, ...]
) -> None:
    data, workspace = place.probed.data, place.folder / "workspace"
    place.list_file(".png")
    results = place.folder / "results"
    (place.folder / "linked").symlink_to(data)

    needed = (data, data / "images", data.parent, place.elsewhere, place.folder / "linked")
    for folder in needed:
        place.refused(
            words, folder, "is not written over", "is there already", "would be read as a part"
        )
    for new in (data / "new", data / "images" / "new"):
        place.refused(words, new, "would be read as a part of it")
    for inside in (workspace, workspace / "runs", workspace / "runs" / "new", workspace / "new"):
        place.refused(words, inside, "lies in the workspace")
    place.refused(
        words, data / "labels.csv", "is a file", "is there already", "would be read as a part of it"
    )
    place.refused(words, "", "path is empty")
    place.refused_once(words, results, "with something in it", "is there already.")


def test_overlays__are_written_over_nothing_that_is_needed(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    (words,) = OVERLAYS.values()
    data, out = place.probed.data, place.folder / "overlays"
    image = data / "images" / "p00_OD.jpg"
    assert place.fundus(
        *(*words[:1], place.probed.run_id, image, *words[3:-1], out)
    ).exit_code == 0  # fmt: skip
    (overlay,) = out.iterdir()
    copy = data / "images" / overlay.name  # a photograph that is called like its overlay
    copy.write_bytes(image.read_bytes())

    place.refused(words, copy.parent, "would be read as a part of it")
    place.refused(words, data / "heat", "would be read as a part of it")
    place.refused(words, place.folder / "workspace" / "maps", "lies in the workspace")
    place.refused(words, data / "labels.csv", "is a file")
    place.refused(words, "", "path is empty")
    place.refused_once(words, out, "is there already; --replace writes over it")


def test_project__writes_over_no_table_that_is_opened_for_the_first_time(
    fundus: Fundus, data: Path
) -> None:
    table = data / "labels.csv"
    before = table.read_bytes()

    outcome = fundus("project", table, *COLOUR, "--out", table, "--replace")

    assert outcome.exit_code == 2
    assert "it is what the result is made from" in outcome.stderr
    assert table.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "suffix"),
    [
        (("label-errors", PLACE, "--out", PLACE), ".csv"),
        (("rerun", PLACE, "--out", PLACE), ".html"),
        (("backbones", "convert", PLACE, "--as", "retfound", "--out", PLACE), ".safetensors"),
    ],
)
def test_results__are_written_over_nothing_they_are_made_from(
    place: Place, words: tuple[str, ...], suffix: str
) -> None:
    given = place.folder / f"given{suffix}"
    given.write_text("needed", encoding="utf-8")

    place.refused(words, given, "it is what the result is made from")


def test_embed__writes_into_no_folder_around_photographs_that_are_opened_for_the_first_time(
    fundus: Fundus, data: Path
) -> None:
    around = data.parent

    outcome = fundus("embed", data, *COLOUR, "--out", around, "--replace")

    assert outcome.exit_code == 2
    assert "it holds what the result is made from" in outcome.stderr
    assert {path.name for path in around.iterdir()} <= {"data", "workspace"}


def test_predict__replaces_its_own_result_when_told_to(
    fundus: Fundus, probed: Probed, tmp_path: Path
) -> None:
    out = tmp_path / "scores.csv"
    out.write_text("of before", encoding="utf-8")

    outcome = fundus("predict", probed.run_id, probed.data, "--out", out, "--replace")

    assert outcome.exit_code == 0, outcome.stderr
    assert "of before" not in out.read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir() if "tmp-" in path.name] == []


def test_replace__without_a_place_is_refused(fundus: Fundus, probed: Probed) -> None:
    outcome = fundus("predict", probed.run_id, probed.data, "--replace")

    assert outcome.exit_code == 2
    assert "--replace is only for --out" in outcome.stderr


def test_segment__marks_are_written_over_no_masks(fundus: Fundus, data: Path) -> None:
    masks = data.parent / "masks" / "vessel"
    mask = write_photograph(masks / "p00_OD.png", (255, 255, 255))
    before = mask.read_bytes()

    outcome = fundus(
        "segment", "predict", "frangi", data / "labels.csv", "--out", masks.parent, "--replace"
    )

    assert outcome.exit_code == 2
    assert "p00_OD.png was not written by this program" in outcome.stderr
    assert (mask.read_bytes(), len(list(masks.iterdir()))) == (before, 1)


def test_demo__is_drawn_over_another_one_only_when_told_to(fundus: Fundus, tmp_path: Path) -> None:
    small = ("demo", tmp_path / "demo", "--patients", "1", "--plain", "--image-size")
    assert fundus(*small, "64").exit_code == 0
    drawn = sums(tmp_path / "demo")

    again, other = fundus(*small, "64"), fundus(*small, "72")

    assert (again.exit_code, other.exit_code) == (0, 2)
    assert "is there already, a demo that was drawn with other arguments" in other.stderr
    assert sums(tmp_path / "demo") == drawn
    assert fundus(*small, "72", "--replace").exit_code == 0
    assert sums(tmp_path / "demo") != drawn
