"""Files of the current folder that have the names of modules: no process of ours runs one."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fundus_core.jobs.store import JobStore
from tests.conftest import ROOT
from tests.fakes import write_dataset
from tests.jobs.waiting import finished
from tests.studies.conftest import TINY, write_study

STARTS_PROCESSES = {
    "backbones/pickled.py",
    "cli/manage.py",
    "jobs/runner.py",
    "jobs/store.py",
    "phantom/parallel.py",
    "studies/run.py",
}  # and Ray in scale/cluster.py
"""A module that is added here needs a test below, or one beside its own."""

WAYS_TO_START = {"subprocess", "multiprocessing", "ProcessPoolExecutor", "joblib", "pty"}
WAYS_OF_OS = ("exec", "spawn", "posix_spawn", "system", "popen")

INSTALLED = {name.partition("/")[0] for name in importlib.metadata.packages_distributions()}
NEEDED_TO_RUN_A_MODULE = {"pathlib", "shutil", "tempfile", "threading", "signal", "dataclasses"}
"""Of Python's own, a few that nothing imports before our `__main__` runs."""


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A current folder with a file for every module there is; each leaves a mark when it is run."""
    folder = tmp_path / "trap"
    folder.mkdir()
    lay(folder, INSTALLED | set(sys.stdlib_module_names) | {"fundus_core"})
    return folder


def lay(folder: Path, names: set[str]) -> None:
    for name in names:
        code = f"open({str(folder / 'sprung')!r}, 'a').write({name + ' '!r})\nraise SystemExit(9)"
        (folder / f"{name}.py").write_text(code, encoding="utf-8")


def sprung(folder: Path) -> str:
    """Returns the names of the modules that were run."""
    mark = folder / "sprung"
    return mark.read_text(encoding="utf-8") if mark.exists() else ""


def fundus(folder: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Runs the program in a folder as the installed `fundus` does, whose own folder comes first."""
    script = folder.parent / "bin" / "fundus"
    script.parent.mkdir(exist_ok=True)
    script.write_text("from fundus_core.__main__ import run\nrun()\n", encoding="utf-8")
    return started(folder, str(script), *arguments)


def started(folder: Path, *command: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]])},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_study__its_processes_run_nothing_of_the_current_folder(trap: Path, tmp_path: Path) -> None:
    write_dataset(trap / "data")
    axes = {"strategy": ["logistic"], "image_size": [64]}
    write_study(trap / "mine.yaml", models=TINY["models"][:1], axes=axes)

    ran = fundus(trap, "study", "mine.yaml", "--workers", 2, "--workspace", tmp_path / "workspace")

    assert sprung(trap) == ""
    assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
def test_demo__its_processes_run_nothing_of_the_current_folder(trap: Path, tmp_path: Path) -> None:
    ran = fundus(trap, "demo", tmp_path / "out", "--patients", 60)

    assert sprung(trap) == ""
    assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
@pytest.mark.skipif("ray" not in INSTALLED, reason="the extra `scale` is not installed")
def test_embed__workers_of_ray_run_nothing_of_the_current_folder(
    trap: Path, tmp_path: Path
) -> None:
    write_dataset(trap / "data")
    backbone = ["--backbone", "timm:test_resnet", "--weights", "scratch", "--image-size", 64]
    place = ["--workspace", tmp_path / "workspace"]

    ran = fundus(trap, "embed", "data", *backbone, "--engine", "ray", *place)

    assert sprung(trap) == ""
    assert ran.returncode == 0, ran.stderr


def test_job__runs_nothing_of_the_current_folder(
    trap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trap)
    store = JobStore(tmp_path / "workspace" / "jobs")

    job = store.submit(["runs", "--workspace", str(tmp_path / "workspace")], title="Runs")

    assert (finished(store, job).state, sprung(trap)) == ("done", "")


def test_app__asks_nothing_of_the_current_folder(trap: Path, tmp_path: Path) -> None:
    options = ["--no-browser", "--port", "1025", "--workspace", tmp_path / "workspace"]
    (tmp_path / "secrets.toml").write_text("[auth]\nhalf = 'a door'\n", encoding="utf-8")

    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("STREAMLIT_SECRETS_FILES", str(tmp_path / "secrets.toml"))
        refused = fundus(trap, "app", *options)

    assert sprung(trap) == ""
    assert refused.returncode == 2, refused.stderr


def test_module__takes_nothing_of_the_current_folder_that_python_did_not(tmp_path: Path) -> None:
    lay(tmp_path, (INSTALLED | NEEDED_TO_RUN_A_MODULE) - {"fundus_core"})

    ran = started(tmp_path, "-m", "fundus_core", "runs", "--workspace", tmp_path / "workspace")

    assert sprung(tmp_path) == ""
    assert ran.returncode == 0, ran.stderr


def test_every_process_that_is_started_is_known_and_looks_elsewhere_for_modules() -> None:
    starting, first_options = set(), set()
    for path in (ROOT / "fundus_core").glob("**/*.py"):
        text = path.read_text(encoding="utf-8")
        first_options |= set(re.findall(r'sys\.executable,\s*"(.*?)"', text))
        if any(map(starts_processes, ast.walk(ast.parse(text)))):
            starting.add(path.relative_to(ROOT / "fundus_core").as_posix())

    assert starting == STARTS_PROCESSES
    assert first_options == {"-P", "-I"}


def starts_processes(node: ast.AST) -> bool:
    """Says whether a line imports, or calls, what begins a process."""
    if isinstance(node, ast.Import):
        return any(one.name.partition(".")[0] in WAYS_TO_START for one in node.names)
    if isinstance(node, ast.ImportFrom):
        named = {node.module or "", *(one.name for one in node.names)}
        return bool(named & WAYS_TO_START)
    return isinstance(node, ast.Attribute) and (
        ast.unparse(node.value) == "os" and node.attr.startswith(WAYS_OF_OS)
    )
