"""Commands about jobs and the dashboard."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_begun_elsewhere, print_json, print_line
from fundus_core.cli.ports import require_free_port
from fundus_core.errors import FundusError
from fundus_core.io.data_roots import VARIABLE as DATA_ROOTS
from fundus_core.io.event_log import FILE_VARIABLE as LOG_FILE
from fundus_core.io.own_modules import own_modules
from fundus_core.io.read_only import VARIABLE, is_read_only
from fundus_core.io.typed_paths import listed_paths
from fundus_core.io.weights import ENVIRONMENT_VARIABLE as WEIGHTS
from fundus_core.io.workspace import ENVIRONMENT_VARIABLE, Workspace, find_workspace
from fundus_core.jobs.job import Job
from fundus_core.jobs.store import JobStore
from fundus_core.workflows.data.datasets import dataset_id, list_datasets, source_arguments
from fundus_core.workflows.data.demo import demo_source

jobs_app = typer.Typer(help="Lists jobs, or cancels one.", invoke_without_command=True)

_FOLDERS = (DATA_ROOTS, WEIGHTS)
"""Variables that name folders, separated like `PATH`."""

_SECRETS = "STREAMLIT_SECRETS_FILES"
"""Of Streamlit: files, separated by blanks."""

_APP = Path(__file__).parents[2] / "app.py"
_PORT = 8501

_ADDRESSES = ("127.0.0.1", "localhost")
"""Where the dashboard listens, and the names it answers to (`.streamlit/config.toml`)."""


@jobs_app.callback()
def jobs(
    context: typer.Context,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Lists what runs and what ran."""
    if context.invoked_subcommand is not None:
        return
    found = JobStore(find_workspace(workspace).jobs).list()
    if as_json:
        print_json([_describe(job) for job in found])
        return
    for job in found:
        print_line(f"{job.id}: {job.state}, {job.title}{_how_far(job)}")
    if not found:
        print_line("No jobs yet.")


@jobs_app.command("cancel")
def cancel(
    job_id: Annotated[str, typer.Argument(metavar="ID")],
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Ends a job and every process it started."""
    job = JobStore(find_workspace(workspace).jobs).cancel(job_id)
    if as_json:
        print_json(_describe(job))
    else:
        print_line(f"{job.id}: {job.state}")


def _how_far(job: Job) -> str:
    if job.progress is None or job.state != "running":
        return f" - {job.message}" if job.message else ""
    return f", {job.progress.done} of {job.progress.total}"


def _describe(job: Job) -> dict[str, Any]:
    moments = (job.created_at, job.started_at, job.finished_at)
    created, started, finished = (None if at is None else at.isoformat() for at in moments)
    return {
        "id": job.id,
        "title": job.title,
        "state": job.state,
        "argv": list(job.argv),
        "device": job.device,
        "progress": job.progress,
        "created_at": created,
        "started_at": started,
        "finished_at": finished,
        "exit_code": job.exit_code,
        "message": job.message,
    }


def open_app(
    port: Annotated[
        int, typer.Option(help="Where the dashboard listens.", min=1, max=65535)
    ] = _PORT,
    address: Annotated[str, typer.Option(help="127.0.0.1 or localhost.")] = _ADDRESSES[0],
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
    demo: Annotated[
        bool, typer.Option(help="On an empty workspace, draw and open the demo photographs.")
    ] = True,
    read_only: Annotated[
        bool,
        typer.Option("--read-only", help=f"For looking only: nothing is written. [{VARIABLE}]"),
    ] = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Opens the dashboard; on an empty workspace with the synthetic demo photographs."""
    if not _APP.is_file():
        raise FundusError(
            f"The dashboard's pages are not at {_APP.parent}: this is an installed package alone.",
            hint="Run it from a clone of the repository: make app.",
        )
    _require_own(address)
    paths, secrets = _absolute_paths(), listed_paths(_SECRETS, separator=None)
    require_free_port(address, port)
    said = ["--server.port", str(port), "--server.address", address]
    said += ["--server.headless", "false" if browser else "true"]
    # Named here, because a variable of the environment would count more than the settings' file.
    said += ["--server.enableCORS", "true", "--server.enableXsrfProtection", "true"]
    # Named here as well, because Streamlit would take a blank in a folder's name for two files.
    for path in secrets:
        said += ["--secrets.files", str(path.absolute())]
    place = find_workspace(workspace, make=not read_only)
    print_begun_elsewhere()
    steps = _demo_steps(place) if demo and not (read_only or is_read_only()) else ()
    if steps:  # jobs outlive a server that refuses its settings
        require_sound_settings(said, os.environ | paths)
        _begin(place, steps)
    environment = os.environ | paths | {ENVIRONMENT_VARIABLE: str(place.root)}
    environment |= own_modules() | ({VARIABLE: "1"} if read_only else {})
    sys.stdout.flush()
    os.chdir(_APP.parent)  # Streamlit reads .streamlit/config.toml from there
    # In place of this process, so that who ends it, ends the server.
    os.execve(sys.executable, _server("run", said), environment)


def _server(word: str, said: Sequence[str]) -> list[str]:
    """Returns the command line of the server: `run`, or `check` to hear what it would refuse."""
    return [sys.executable, "-P", "-m", "fundus_core.ui.serve", word, str(_APP), *said]


def require_sound_settings(said: Sequence[str], environment: Mapping[str, str]) -> None:
    """Ends as the server would where it refuses its settings, such as those of the log-in.

    Args:
        said: Options of the server.
        environment: Its variables.

    Raises:
        typer.Exit: With the server's code, after its own words were said.
    """
    asked = subprocess.run(
        _server("check", [*said, "--server.headless", "true"]),  # which asks the user nothing
        cwd=_APP.parent,
        env={**environment, **own_modules()},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if asked.returncode:
        sys.stderr.write(asked.stderr)
        raise typer.Exit(asked.returncode)


def _absolute_paths() -> dict[str, str]:
    """Returns the variables that name files, so that they mean the same from every folder."""
    found = {}
    for name in _FOLDERS:
        folders = (str(folder.absolute()) for folder in listed_paths(name))
        if name in os.environ:  # of separators alone, the limit that somebody wanted stays
            found[name] = os.pathsep.join(folders) or os.environ[name]
    log = os.environ.get(LOG_FILE)
    return found | {LOG_FILE: str(Path(log).absolute())} if log else found


def _demo_steps(workspace: Workspace) -> Sequence[tuple[list[str], str]]:
    """Returns the jobs that draw and open the demo, with titles, where nothing was opened or run.

    Where an earlier start was ended in between, those that it did not come to.
    """
    source = demo_source(workspace)
    place = ["--workspace", str(workspace.root), "--json"]
    steps = (
        (["demo", str(source.path), *place], "Draw the demo photographs (synthetic)"),
        (["check", *source_arguments(source), *place], "Read the demo photographs (synthetic)"),
        (["story", *place], "Tell the demo's story (synthetic)"),
    )
    store = JobStore(workspace.jobs)
    opened = {dataset.id for dataset in list_datasets(workspace)}
    asked = {job.argv for job in store.list()}
    if asked != {tuple(argv) for argv, _ in steps[: len(asked)]}:
        return ()
    if opened - ({dataset_id(source)} if asked else set()):
        return ()
    return steps[len(asked) :]


def _begin(workspace: Workspace, steps: Sequence[tuple[list[str], str]]) -> None:
    store = JobStore(workspace.jobs)
    for argv, title in steps:
        store.submit(argv, title=title)


def _require_own(address: str) -> None:
    """Refuses addresses that others on the network can reach, and those it would not answer to."""
    if address not in _ADDRESSES:
        raise FundusError(
            f"The dashboard encrypts nothing and will not listen on {address}: it answers to "
            f"{' and '.join(_ADDRESSES)} alone.",
            hint=f"Use {_ADDRESSES[0]}; others reach it through an SSH tunnel, or through a proxy "
            "with encryption and log-in (docs/server.md).",
        )
