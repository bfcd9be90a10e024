"""`fundus app`: what the server is told, and which jobs are begun on an empty workspace."""

import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fundus_core.cli import manage
from fundus_core.cli.manage import require_sound_settings
from fundus_core.cli.ports import require_free_port
from fundus_core.errors import FundusError
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.jobs.store import JobStore
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.data.demo import demo_source
from tests.cli.conftest import Fundus
from tests.fakes import write_dataset


@dataclass(frozen=True, slots=True)
class Server:
    """What a server would have been started with."""

    command: list[str]
    environment: dict[str, str]
    folder: Path


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Server]:
    """The servers that would have been started."""
    started: list[Server] = []

    def become(program: str, command: list[str], environment: dict[str, str]) -> None:
        started.append(Server(command, environment, Path.cwd()))

    monkeypatch.setattr(os, "execve", become)
    monkeypatch.setattr(manage, "require_free_port", lambda address, port: None)
    monkeypatch.setattr(manage, "require_sound_settings", lambda said, environment: None)
    return started


@pytest.fixture
def started_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the command is given; its name has a blank."""
    folder = tmp_path / "my folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("FUNDUS_DATA_ROOTS", "photographs", "{here}/photographs"),
        ("FUNDUS_DATA_ROOTS", "a:/b:../c", "{here}/a:/b:{here}/../c"),
        ("FUNDUS_DATA_ROOTS", "~/a::b", "{home}/a:{here}/b"),
        ("FUNDUS_DATA_ROOTS", ":", ":"),
        ("FUNDUS_WEIGHTS", "weights:more", "{here}/weights:{here}/more"),
        ("FUNDUS_LOG_FILE", "log.jsonl", "{here}/log.jsonl"),
        ("FUNDUS_LOG_FILE", "a:b", "{here}/a:b"),
        ("FUNDUS_LOG_FILE", "", ""),
    ],
)
def test_app__paths_in_variables_mean_the_folder_it_was_started_in(
    fundus: Fundus,
    served: list[Server],
    started_from: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    expected: str,
) -> None:
    monkeypatch.setenv(name, value)

    outcome = fundus("app", "--no-browser", "--no-demo")

    (server,) = served
    assert outcome.exit_code == 0, outcome.stderr
    assert server.folder != started_from
    assert server.environment[name] == expected.format(here=started_from, home=Path.home())


def test_app__without_such_variables_none_are_made(
    fundus: Fundus, served: list[Server], started_from: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FUNDUS_DATA_ROOTS", "FUNDUS_LOG_FILE", "STREAMLIT_SECRETS_FILES"):
        monkeypatch.delenv(name, raising=False)

    fundus("app", "--no-browser", "--no-demo")

    told = set(served[0].environment) - set(os.environ)
    assert not told & {"FUNDUS_DATA_ROOTS", "FUNDUS_WEIGHTS", "FUNDUS_LOG_FILE"}
    assert "--secrets.files" not in served[0].command


def test_app__secrets_are_where_they_were_named(
    fundus: Fundus, served: list[Server], started_from: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMLIT_SECRETS_FILES", "secrets.toml /etc/more.toml")

    fundus("app", "--no-browser", "--no-demo")

    command = served[0].command
    named = [command[at + 1] for at, word in enumerate(command) if word == "--secrets.files"]
    assert named == [str(started_from / "secrets.toml"), "/etc/more.toml"]


@pytest.mark.parametrize(
    "name", ["FUNDUS_DATA_ROOTS", "FUNDUS_WEIGHTS", "STREAMLIT_SECRETS_FILES", "FUNDUS_WORKSPACE"]
)
def test_app__a_variable_that_names_no_path_is_refused_before_anything_is_begun(
    fundus: Fundus,
    served: list[Server],
    started_from: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setenv(name, "~nobody_here/x")

    refused = fundus("app", "--no-browser")

    assert refused.exit_code == 2
    assert "~nobody_here/x is no path" in refused.stderr
    assert name == "FUNDUS_WORKSPACE" or name in refused.stderr
    assert served == []
    assert not (tmp_path / "workspace").exists()


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
def test_app__a_port_in_use_is_refused_before_anything_is_begun(
    fundus: Fundus,
    served: list[Server],
    started_from: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
) -> None:
    monkeypatch.setattr(manage, "require_free_port", require_free_port)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        refused = fundus("app", "--no-browser", "--port", port, "--address", address)

    assert refused.exit_code == 2
    assert f"cannot listen on port {port}: Address already in use." in refused.stderr
    assert "--port" in refused.stderr
    assert served == []
    assert not (tmp_path / "workspace").exists()


def test_require_free_port__one_in_use_on_the_other_address_of_localhost_is_refused() -> None:
    try:
        other = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with other:
        port = other.getsockname()[1]

        with pytest.raises(FundusError, match=f"port {port} of ::1: Address already in use"):
            require_free_port("localhost", port)
        require_free_port("127.0.0.1", port)


@pytest.mark.parametrize("at", ["socket", "bind"])
def test_require_free_port__a_machine_without_ipv6_has_one_localhost(
    monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    class WithoutIPv6(socket.socket):
        def __init__(self, family: int = socket.AF_INET) -> None:
            if at == "socket" and family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__(family)

        def bind(self, address: Any) -> None:
            if self.family == socket.AF_INET6:
                raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
            super().bind(address)

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setattr(socket, "socket", WithoutIPv6)

    require_free_port("localhost", port)


def test_require_free_port__a_port_that_a_server_has_just_left_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()  # it waits for a minute, in the name of the port

    require_free_port("127.0.0.1", port)


@pytest.mark.parametrize("address", ["::1", "127.0.0.2", "0.0.0.0", "::", "[::1]", "", "8.8.8.8"])
def test_app__an_address_that_pages_would_not_answer_to_is_refused(
    fundus: Fundus, served: list[Server], started_from: Path, address: str
) -> None:
    refused = fundus("app", "--no-browser", "--no-demo", "--address", address)

    assert refused.exit_code == 2
    assert "answers to 127.0.0.1 and localhost alone" in " ".join(refused.stderr.split())
    assert served == []


class Submitted:
    """Stands in for the jobs of a workspace: nothing runs, and a start can be ended in between."""

    def __init__(self) -> None:
        self.there: list[tuple[str, ...]] = []
        self.ended_after = 99

    def submit(self, argv: Sequence[str], *, title: str) -> None:
        """Takes a job, or is ended."""
        if len(self.there) == self.ended_after:
            raise KeyboardInterrupt
        self.there.append(tuple(argv))

    @property
    def commands(self) -> Sequence[str]:
        """The first word of each job."""
        return [argv[0] for argv in self.there]

    def list(self) -> tuple[SimpleNamespace, ...]:
        """Returns what is asked of jobs."""
        return tuple(SimpleNamespace(argv=argv) for argv in self.there)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Submitted:
    found = Submitted()
    monkeypatch.setattr(manage, "JobStore", lambda root: found)
    return found


@pytest.mark.parametrize(
    ("allowed", "secrets", "said"),
    [
        ("@eye.example", None, "FUNDUS_ALLOWED_USERS is set, and the secrets have no section"),
        (None, "[auth]\nclient_id = 'x'\n", "The section [auth] of the secrets lacks redirect_uri"),
        (None, "[server]\n", ""),
    ],
)
def test_app__settings_that_the_server_refuses_begin_no_demo(
    fundus: Fundus,
    served: list[Server],
    started_from: Path,
    jobs: Submitted,
    monkeypatch: pytest.MonkeyPatch,
    allowed: str | None,
    secrets: str | None,
    said: str,
) -> None:
    monkeypatch.setattr(manage, "require_sound_settings", require_sound_settings)
    monkeypatch.setenv("HOME", str(started_from))
    if allowed is not None:
        monkeypatch.setenv("FUNDUS_ALLOWED_USERS", allowed)
    if secrets is not None:
        (started_from / "secrets.toml").write_text(secrets)
        monkeypatch.setenv("STREAMLIT_SECRETS_FILES", "secrets.toml")

    outcome = fundus("app", "--no-browser")

    assert outcome.exit_code == (2 if said else 0), outcome.stderr
    assert said in outcome.stderr
    assert jobs.commands == ([] if said else ["demo", "check", "story"])
    assert len(served) == (0 if said else 1)


@pytest.mark.parametrize("ended_after", [0, 1, 2, 3])
@pytest.mark.parametrize("has_run", [False, True])
def test_app__a_demo_whose_start_was_ended_is_completed(
    fundus: Fundus,
    served: list[Server],
    started_from: Path,
    jobs: Submitted,
    tmp_path: Path,
    ended_after: int,
    has_run: bool,
) -> None:
    jobs.ended_after = ended_after
    fundus("app", "--no-browser")
    assert len(jobs.there) == ended_after
    place = Workspace(tmp_path / "workspace")
    if has_run and ended_after >= 2:
        write_dataset(place.demo, 3, side=72)
        open_dataset(place, demo_source(place))

    jobs.ended_after = 99
    fundus("app", "--no-browser")
    fundus("app", "--no-browser")

    assert jobs.commands == ["demo", "check", "story"]


@pytest.mark.parametrize("there", [["probe"], ["demo", "probe"], ["check"], ["demo", "story"]])
def test_app__other_jobs_are_a_workspace_in_use(
    fundus: Fundus, served: list[Server], started_from: Path, jobs: Submitted, there: list[str]
) -> None:
    fundus("app", "--no-browser")
    jobs.there[:] = [argv for argv in jobs.there if argv[0] in there]
    jobs.there += [("probe", "x")] * ("probe" in there)

    fundus("app", "--no-browser")

    assert jobs.commands == there


@pytest.mark.parametrize("there", [[], ["demo"], ["demo", "check"]])
def test_app__another_data_set_is_a_workspace_in_use(
    fundus: Fundus,
    served: list[Server],
    started_from: Path,
    jobs: Submitted,
    tmp_path: Path,
    there: list[str],
) -> None:
    open_dataset(
        Workspace(tmp_path / "workspace"), DataSource(write_dataset(tmp_path / "own", 3, side=72))
    )
    place = str(tmp_path / "workspace")
    full = [
        ("demo", f"{place}/demo", "--workspace", place, "--json"),
        ("check", f"{place}/demo", "--workspace", place, "--json"),
    ]
    jobs.there[:] = full[: len(there)]

    fundus("app", "--no-browser")

    assert jobs.commands == there


def test_app__a_demo_that_was_opened_without_jobs_begins_nothing(
    fundus: Fundus, served: list[Server], started_from: Path, jobs: Submitted, tmp_path: Path
) -> None:
    place = Workspace(tmp_path / "workspace")
    write_dataset(place.demo, 3, side=72)
    open_dataset(place, demo_source(place))

    fundus("app", "--no-browser")

    assert jobs.there == []


def test_app__the_jobs_of_a_demo_are_known_again(
    fundus: Fundus,
    served: list[Server],
    started_from: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With true jobs, whose command lines went through their files.
    root = tmp_path / "workspace" / "jobs"
    store = JobStore(root, command=("true",))
    monkeypatch.setattr(manage, "JobStore", lambda _: store)

    fundus("app", "--no-browser")
    fundus("app", "--no-browser")

    assert sorted(job.argv[0] for job in JobStore(root).list()) == ["check", "demo", "story"]
