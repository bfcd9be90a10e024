"""Every hostile input gets a verdict in words; none takes memory, runs code or leaves traces."""

import hashlib
import json
import os
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT
from tests.hostile.bad_archives import archive_cases
from tests.hostile.bad_checkpoints import checkpoint_cases
from tests.hostile.bad_masks import mask_cases
from tests.hostile.bad_tables import PHOTOGRAPHS, table_cases
from tests.hostile.cases import Case
from tests.hostile.child import MOST_MEGABYTES
from tests.hostile.damaged_pictures import PLANTED, picture_cases

pytest.importorskip("resource")
KINDS = tuple(MOST_MEGABYTES)
MARKER = "marker"
"""What every payload would leave behind."""

LEAST_CASES = {
    "pictures": 300,
    "masks": 200,
    "tables": 120,
    "archives": 140,
    "dicoms": 60,
    "checkpoints": 100,
}
FOREIGN_PROGRAMS = ("gs", "gswin32c", "gswin64c", "convert", "magick", "dcraw", "inkscape")
"""What image libraries start for formats that they cannot read themselves."""


@dataclass(frozen=True, slots=True)
class Batch:
    """All cases of a kind, handed over by one process."""

    kind: str
    cases: list[Case]
    folder: Path
    about: dict[str, Any]
    """What the process printed."""

    changed: list[str]
    """Files besides the workspace that are not as they were before."""


def cases_of(kind: str, marker: Path) -> list[Case]:
    """Returns the cases of a kind."""
    if kind == "checkpoints":
        return checkpoint_cases(marker)
    if kind == "dicoms":
        pytest.importorskip("pydicom")
        from tests.hostile.bad_dicoms import dicom_cases

        return dicom_cases()
    makers = {
        "pictures": picture_cases,
        "masks": mask_cases,
        "tables": table_cases,
        "archives": archive_cases,
    }
    return makers[kind]()


def handed_over(kind: str, folder: Path, *, slow: bool = False) -> Batch:
    """Writes the cases of a kind and lets a process of its own open each of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # libraries remark on what they are made to write
        cases = [one for one in cases_of(kind, folder / MARKER) if one.slow == slow]
    for name in ("cases", "workspace", "elsewhere", "home", "tmp", "here"):
        (folder / name).mkdir(parents=True)
    (folder / "elsewhere" / "results.csv").write_text("image,score\na,0.5\n", encoding="utf-8")
    _write_programs(folder / "bin", folder / MARKER)
    if kind == "tables":
        _write_photographs(folder / "cases" / "images")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in cases:
            case.make(folder / "cases" / case.name)
    before = _tree(folder)
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.child", kind, str(folder), "120" if slow else "20"],
        capture_output=True,
        text=True,
        cwd=folder / "here",
        env=_environment(folder),
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    after = _tree(folder)
    changed = [name for name in {*before, *after} if before.get(name) != after.get(name)]
    return Batch(kind, cases, folder, json.loads(done.stdout), sorted(changed))


def _environment(folder: Path) -> dict[str, str]:
    """Returns variables by which all that a process may write to is in sight."""
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    places = {"HOME": "home", "TMPDIR": "tmp", "XDG_CACHE_HOME": "home"}
    return {
        **os.environ,
        **{name: str(folder / place) for name, place in places.items()},
        "PATH": os.pathsep.join([str(folder / "bin"), os.environ.get("PATH", "")]),
        "PYTHONPATH": paths,
        "PYTHONDONTWRITEBYTECODE": "1",
        "FUNDUS_WORKSPACE": str(folder / "workspace"),
    }


def _write_programs(folder: Path, marker: Path) -> None:
    """Writes programs that leave a mark under the names of those that libraries start."""
    folder.mkdir()
    for name in FOREIGN_PROGRAMS:
        (folder / name).write_text(f"#!/bin/sh\ntouch '{marker}'\n", encoding="utf-8")
        (folder / name).chmod(0o755)


def _write_photographs(folder: Path) -> None:
    folder.mkdir()
    for number, name in enumerate(PHOTOGRAPHS):
        pixels = np.full((64, 64, 3), 40 * number, np.uint8)
        pixels[32:] += 10
        Image.fromarray(pixels).save(folder / Path(name).name)


def _tree(folder: Path) -> dict[str, str]:
    """Returns what lies outside the workspace: names, kinds and the content of plain files."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.split("/")[0] == "workspace":
            continue
        status = path.lstat()
        plain = path.is_file() and not path.is_symlink() and status.st_size < 32 << 20
        content = hashlib.sha256(path.read_bytes()).hexdigest() if plain else ""
        found[ascii(name)] = f"{status.st_mode} {status.st_size} {content}"
    return found


@pytest.fixture(scope="module", params=KINDS)
def batch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """Every case of a kind that takes no long time."""
    return handed_over(request.param, tmp_path_factory.mktemp(request.param))


def wrong(batch: Batch) -> Iterator[str]:
    """Yields what became of cases that should have met another end."""
    outcomes = batch.about["outcomes"]
    for case in batch.cases:
        outcome, said = outcomes.get(ascii(case.name), ("no outcome", ""))
        if outcome not in case.expected:
            yield f"{case.name!a}: {outcome}, not {' or '.join(case.expected)} ({said})"
        if outcome == "opened" and case.shows and said != case.shows:
            yield f"{case.name!a}: shows {said}, not {case.shows}"


def test_every_case_meets_its_end(batch: Batch) -> None:
    names = Counter(case.name for case in batch.cases)

    assert max(names.values()) == 1
    assert len(batch.cases) >= LEAST_CASES[batch.kind]
    assert not list(wrong(batch))


def test_every_refusal_is_said_in_words(batch: Batch) -> None:
    refusals = {
        name: said
        for name, (outcome, said) in batch.about["outcomes"].items()
        if outcome not in ("opened", "not listed")
    }

    assert len(refusals) > 10
    assert not [name for name, said in refusals.items() if len(said.split()) < 3]
    assert not [
        name for name, said in refusals.items() if "Traceback" in said or not said.isprintable()
    ]


def test_memory_stays_under_its_bound(batch: Batch) -> None:
    assert batch.about["megabytes"] < MOST_MEGABYTES[batch.kind]


def test_nothing_besides_the_workspace_is_touched(batch: Batch) -> None:
    assert batch.changed == []
    assert not Path("/tmp/escaped.json").exists()


def test_no_code_is_run(batch: Batch) -> None:
    left = [path for path in batch.folder.rglob(MARKER) if path.parent.name != "cases"]

    assert left == []


def test_no_picture_starts_a_process(batch: Batch) -> None:
    if batch.kind not in ("pictures", "masks"):
        pytest.skip("no pictures")

    assert batch.about["processes"] == []


def test_nothing_that_a_file_says_of_its_patient_is_kept(batch: Batch) -> None:
    if batch.kind not in ("pictures", "dicoms"):
        pytest.skip("no patients in these")
    planted = [PLANTED.encode()]
    if batch.kind == "dicoms":
        from tests.imports.dicom_files import PLANTED as IN_DICOM

        planted = [name.encode() for name in IN_DICOM]

    files = [path for path in (batch.folder / "workspace").rglob("*") if path.is_file()]
    telling = [path for path in files for name in planted if name in path.read_bytes()]

    assert files
    assert telling == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tables", "archives"])
def test_the_largest_cases_meet_their_end(kind: str, tmp_path: Path) -> None:
    largest = handed_over(kind, tmp_path / kind, slow=True)

    assert largest.cases
    assert not list(wrong(largest))
    assert largest.about["megabytes"] < MOST_MEGABYTES[kind]
    assert largest.changed == []
