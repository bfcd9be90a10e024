"""`fundus doctor` on what nobody would call a workspace: words and an exit code, no traceback."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.io.manifest import DataSource
from fundus_core.io.sealed import FORMAT
from fundus_core.io.workspace import Workspace
from tests.cli.conftest import Fundus
from tests.conftest import ROOT
from tests.fakes import write_dataset
from tests.faults.sealing import of_format
from tests.faults.stored import RESNET
from tests.hostile import walked

IN_ORDER, MENDABLE, NOT_IN_ORDER = 0, 2, 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from fundus_core.workflows.embeddings.project import project_dataset

    folder = tmp_path_factory.mktemp("whole")
    place = Workspace(folder / "workspace")
    dataset, _ = walked.filled(place, DataSource(write_dataset(folder / "data", 6, side=72)))
    project_dataset(place, dataset, RESNET, method="pca")
    return place.root


@pytest.fixture
def place(whole: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy to be spoiled."""
    copy = tmp_path / "workspace"
    shutil.copytree(whole, copy)
    yield copy
    for folder in (copy, *copy.rglob("*")):
        if folder.is_dir() and not folder.is_symlink():
            folder.chmod(0o755)


def empty(place: Path) -> None:
    shutil.rmtree(place)
    place.mkdir()


def absent(place: Path) -> None:
    shutil.rmtree(place)


def a_file(place: Path) -> None:
    shutil.rmtree(place)
    place.write_bytes(b"\x00" * 100)


def a_dangling_link(place: Path) -> None:
    shutil.rmtree(place)
    place.symlink_to(place.with_name("nowhere"))


def a_link_to_itself(place: Path) -> None:
    shutil.rmtree(place)
    place.symlink_to(place)


def somebody_elses(place: Path) -> None:
    """A folder of other files, some of them named like ours."""
    empty(place)
    (place / "letters").mkdir()
    (place / "letters" / "artifact.json").write_text("Dear Jane", encoding="utf-8")
    (place / "runs").write_text("a file", encoding="utf-8")
    (place / "jobs").write_text("a file", encoding="utf-8")
    (place / "scans.parquet").mkdir()
    (place / "workspace.json").mkdir()


def files_where_folders_belong(place: Path) -> None:
    for name in ("datasets", "embeddings", "projections", "runs", "jobs", "weights", "squares"):
        shutil.rmtree(place / name, ignore_errors=True)
        (place / name).write_bytes(b"x")


def folders_where_files_belong(place: Path) -> None:
    for path in [one for one in place.rglob("*") if one.is_file()]:
        path.unlink()
        path.mkdir()


def every_file_empty(place: Path) -> None:
    for path in place.rglob("*"):
        if path.is_file():
            path.write_bytes(b"")


def every_file_noise(place: Path) -> None:
    for path in place.rglob("*"):
        if path.is_file():
            path.write_bytes(b"\xff\xfe{[\x00" * 50)


def half_copied(place: Path) -> None:
    """The second half of all files is missing, and the last one that is there is cut."""
    files = sorted(path for path in place.rglob("*") if path.is_file())
    for path in files[len(files) // 2 :]:
        path.unlink()
    last = files[len(files) // 2 - 1]
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])


def json_of_other_kinds(place: Path) -> None:
    for number, path in enumerate(sorted(place.rglob("*.json"))):
        kinds = ["[]", "null", "1e999", '{"about": [], "files": 3}', "[" * 100_000, '{"a": NaN}']
        path.write_text(kinds[number % len(kinds)], encoding="utf-8")


def links_in_circles(place: Path) -> None:
    (place / "runs" / "round").symlink_to(place)
    (place / "embeddings" / "round").symlink_to(place / "embeddings")
    (place / "jobs").mkdir(exist_ok=True)
    (place / "jobs" / "20260101-000000-abcdef").symlink_to(place / "jobs")


def results_that_link_to_themselves(place: Path) -> None:
    for folder in ("runs", "datasets", "projections", "embeddings"):
        files = [path for path in sorted((place / folder).rglob("*")) if path.is_file()]
        for path in files[: len(files) // 2]:
            path.unlink()
            path.symlink_to(path.name)
        (place / folder / "round").symlink_to("round")


def stores_that_link_to_themselves(place: Path) -> None:
    for folder in ("runs", "embeddings", "projections", "jobs"):
        shutil.rmtree(place / folder, ignore_errors=True)
        (place / folder).symlink_to(folder)


def pipes_and_sockets(place: Path) -> None:
    """Files that a reader would wait for without end."""
    for folder in (place / "runs", place / "datasets", place / "projections"):
        target = next(folder.glob("[!.]*")) / "artifact.json"
        target.unlink()
        os.mkfifo(target)
    shards = next((place / "embeddings").glob("*/000000.npy"))
    shards.unlink()
    os.mkfifo(shards)
    (place / "scans.parquet").unlink()
    os.mkfifo(place / "scans.parquet")
    (place / "weights").mkdir(exist_ok=True)
    os.mkfifo(place / "weights" / "mine.safetensors")
    server = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(place)  # paths of sockets are short
    try:
        server.bind("s")
    finally:
        os.chdir(here)
        server.close()


def names_out_of_line(place: Path) -> None:
    for name in (b"\xff\xfe", b"new\nline", b"l" * 250):
        (place / "runs" / os.fsdecode(name)).mkdir()
    (place / "embeddings" / "abc").mkdir()
    (place / "embeddings" / "abc" / "00000x.json").write_text("{}", encoding="utf-8")
    (place / "embeddings" / "abc" / "9999999999999999999999.json").write_text("{}")


def a_newer_result(place: Path) -> None:
    path = next((place / "runs").glob("[!.]*/artifact.json"))
    path.write_text(of_format({"about": {}, "files": {}}, FORMAT + 1), encoding="utf-8")


SPOILED: dict[str, tuple[Callable[[Path], None], set[int]]] = {
    "empty": (empty, {IN_ORDER}),
    "absent": (absent, {IN_ORDER}),
    "a file": (a_file, {MENDABLE}),
    "a dangling link": (a_dangling_link, {IN_ORDER, MENDABLE}),
    "a link to itself": (a_link_to_itself, {MENDABLE}),
    "somebody else's": (somebody_elses, {NOT_IN_ORDER}),
    "files where folders belong": (files_where_folders_belong, {NOT_IN_ORDER}),
    "folders where files belong": (folders_where_files_belong, {NOT_IN_ORDER}),
    "every file empty": (every_file_empty, {NOT_IN_ORDER}),
    "every file noise": (every_file_noise, {NOT_IN_ORDER}),
    "half copied": (half_copied, {NOT_IN_ORDER}),
    "JSON of other kinds": (json_of_other_kinds, {NOT_IN_ORDER}),
    "links in circles": (links_in_circles, {IN_ORDER, NOT_IN_ORDER}),
    "results that link to themselves": (results_that_link_to_themselves, {NOT_IN_ORDER}),
    "stores that link to themselves": (stores_that_link_to_themselves, {NOT_IN_ORDER}),
    "pipes and sockets": (pipes_and_sockets, {NOT_IN_ORDER}),
    "names out of line": (names_out_of_line, {NOT_IN_ORDER}),
    "a newer result": (a_newer_result, {MENDABLE, NOT_IN_ORDER}),
}
REPAIRED = (IN_ORDER, MENDABLE, NOT_IN_ORDER)
SECONDS_ALLOWED = 60


@pytest.mark.timeout(2 * SECONDS_ALLOWED)
@pytest.mark.parametrize("repair", [False, True], ids=["look", "repair"])
@pytest.mark.parametrize("spoiled", SPOILED)
def test_doctor__of_a_strange_workspace_says_what_is_wrong_in_words(
    fundus: Fundus, place: Path, spoiled: str, repair: bool
) -> None:
    spoil, codes = SPOILED[spoiled]
    spoil(place)

    asked = ("doctor", "--workspace", place, *(["--repair"] if repair else []))
    outcome = fundus(*asked)

    said = outcome.stdout + outcome.stderr
    assert outcome.exit_code in codes | (set(REPAIRED) if repair else set()), said
    assert "Traceback" not in said
    if outcome.exit_code == NOT_IN_ORDER:
        assert "->" in said  # the next step
    if outcome.exit_code == MENDABLE:
        assert len(outcome.stderr.strip().splitlines()) >= 2


@pytest.mark.timeout(2 * SECONDS_ALLOWED)
@pytest.mark.parametrize("spoiled", SPOILED)
def test_pages_and_lists__of_a_strange_workspace_show_no_traceback(
    fundus: Fundus, place: Path, monkeypatch: pytest.MonkeyPatch, spoiled: str
) -> None:
    SPOILED[spoiled][0](place)
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(place))

    for page in ("data/overview", "embed/map", "evaluate/roc"):
        app = AppTest.from_file(str(ROOT / "pages" / f"{page}.py"), default_timeout=60).run()
        assert not app.exception, (page, app.exception)
    for command in ("runs", "jobs"):
        outcome = fundus(command, "--workspace", place)
        assert outcome.exit_code in {IN_ORDER, MENDABLE}, outcome.stderr
        assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize("spoiled", ["every file noise", "half copied", "JSON of other kinds"])
def test_doctor__repairs_what_can_be_read_again_and_deletes_nothing(
    fundus: Fundus, place: Path, spoiled: str
) -> None:
    SPOILED[spoiled][0](place)
    before = sum(path.is_file() for path in place.rglob("*"))

    fundus("doctor", "--repair", "--workspace", place)
    again = fundus("doctor", "--workspace", place)

    stored = next(line for line in again.stdout.splitlines() if line.startswith("stored results"))
    assert "stored results: in order" in stored
    kept = sum(path.is_file() for path in place.rglob("*") if path.name != "workspace.json")
    assert kept >= before - 1


def test_doctor__of_a_workspace_without_permissions_says_so(place: Path) -> None:
    """As a user without rights; root may read everything."""
    for folder in (place / "runs", place / "embeddings", place / "jobs", place):
        folder.mkdir(exist_ok=True)
        folder.chmod(0)
    code = (
        "import os, sys, torch, torchvision, timm, psutil, shutil\n"
        "from fundus_core.cli.main import main\n"
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "sys.argv = ['fundus', 'doctor', '--workspace', sys.argv[1]]\n"
        "main()\n"
    )

    outcome = subprocess.run(
        [sys.executable, "-c", code, str(place)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HOME": str(place.parent)},
    )

    assert outcome.returncode in {MENDABLE, NOT_IN_ORDER}, outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert "ermission" in outcome.stdout + outcome.stderr


def test_doctor__of_a_huge_folder_that_is_no_workspace_ends(fundus: Fundus, tmp_path: Path) -> None:
    for folder in range(40):
        (tmp_path / "huge" / f"folder {folder}").mkdir(parents=True)
        for number in range(250):
            (tmp_path / "huge" / f"folder {folder}" / f"{number}.json").touch()

    outcome = fundus("doctor", "--workspace", tmp_path / "huge")

    assert outcome.exit_code == NOT_IN_ORDER
    assert "is no workspace" in outcome.stdout


def test_doctor__repairs_nothing_in_a_folder_that_is_no_workspace(
    fundus: Fundus, place: Path
) -> None:
    somebody_elses(place)
    named_like_ours = place / "scoring-schubert"
    named_like_ours.mkdir()
    os.utime(named_like_ours, (0, 0))
    before = sorted(place.rglob("*"))

    outcome = fundus("doctor", "--repair", "--workspace", place)

    assert outcome.exit_code == MENDABLE
    assert "Nothing was repaired" in outcome.stderr
    assert sorted(place.rglob("*")) == before
