"""Many at once on one workspace: nothing torn, nothing lost, nothing computed twice."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.io.embedding_store import EmbeddingStore, recipe_from_dict, stored_recipes
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.jobs.store import JobStore
from fundus_core.workflows.data.datasets import list_datasets, stored_dataset
from fundus_core.workflows.data.integrity import examine
from fundus_core.workflows.models.runs import list_runs
from tests.conftest import ROOT
from tests.fakes import write_dataset
from tests.jobs.waiting import is_gone, wait_until

TINY = ("--backbone", "timm:test_resnet", "--weights", "scratch", "--precision", "fp32")
SECONDS_OF_CROWD = 4.0
ROWS = 20_000


def _replace_until(root: Path, until: float, number: int) -> None:
    """Stores arrays of one value each under one name, again and again."""
    store, value = ArtifactStore(root), number
    while time.time() < until:
        rows = np.full(ROWS, value)
        store.put(
            "one", {"value": value}, lambda folder, rows=rows: np.save(folder / "r.npy", rows)
        )
        value += 4


def test_put__four_writers_and_a_reader_never_meet_a_torn_or_absent_result(tmp_path: Path) -> None:
    store, until = ArtifactStore(tmp_path / "store"), time.time() + SECONDS_OF_CROWD
    store.put("one", {"value": 0}, lambda folder: np.save(folder / "r.npy", np.full(ROWS, 0)))
    context = multiprocessing.get_context("fork")
    writers = [
        context.Process(target=_replace_until, args=(store.root, until, number))
        for number in range(4)
    ]
    for writer in writers:
        writer.start()
    absent = read = 0
    values = set()
    while time.time() < until:
        described = store.describe()
        absent += "one" not in described
        try:
            rows = np.load(store.root / "one" / "r.npy")
        except FileNotFoundError:
            absent += 1
            continue
        assert len(set(rows.tolist())) == 1
        values.add(int(rows[0]))
        read += 1
    for writer in writers:
        writer.join()

    assert [writer.exitcode for writer in writers] == [0] * 4
    assert read > 20
    assert len(values) > 4
    assert absent == 0
    assert store.get("one") is not None


def test_lock__of_a_killed_holder_is_free_within_a_second(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    code = (
        "import sys, time; from filelock import FileLock; lock = FileLock(sys.argv[1]);"
        "lock.acquire(); print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    from filelock import FileLock, Timeout

    with pytest.raises(Timeout):
        FileLock(lock).acquire(timeout=0)
    holder.kill()
    holder.communicate()
    began = time.monotonic()

    with FileLock(lock):
        assert time.monotonic() - began < 1.0


@contextmanager
def server(
    workspace: Path, port: int, script: str = "app.py"
) -> Iterator["subprocess.Popen[bytes]"]:
    """Starts a dashboard as `fundus app` does, and waits until it is healthy."""
    command = [sys.executable, "-m", "fundus_core.ui.serve", "run", str(ROOT / script)]
    process = subprocess.Popen(
        [*command, "--server.port", str(port), "--server.headless", "true"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "FUNDUS_WORKSPACE": str(workspace)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: is_healthy(port), seconds=90)
        yield process
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kills a server and what it started, at once and without a word."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def is_healthy(port: int) -> bool:
    """Asks what a proxy or a monitor would ask."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200 and answer.read() == b"ok")
    except OSError:
        return False


def free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def command_line(place: Path, *argv: object, **more: Any) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "fundus_core", *map(str, argv), "--workspace", str(place)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        **more,
    )


@pytest.mark.slow
def test_two_servers_and_four_command_lines__one_workspace(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", n_patients=40, side=72)
    place = Workspace(tmp_path / "workspace")
    held_out = ("--target", "dr", "--folds", 2, "--image-size", 64)
    with ExitStack() as servers:
        ports = [free_port(), free_port()]
        for port in ports:
            servers.enter_context(server(place.root, port))
        lines = [
            command_line(place.root, "embed", data, *TINY, "--image-size", 64),
            command_line(place.root, "embed", data, *TINY, "--image-size", 64),
            command_line(place.root, "probe", data, *TINY, *held_out),
            command_line(place.root, "probe", data, *TINY, *held_out),
        ]
        said = [line.communicate()[1].decode() for line in lines]
        healthy = [is_healthy(port) for port in ports]

    assert [line.returncode for line in lines] == [0] * 4, said
    assert healthy == [True, True]
    assert examine(place).damaged == ()
    assert len(list_runs(place)) == 1
    dataset = stored_dataset(place, list_datasets(place)[0].id)
    for values in stored_recipes(place.embeddings).values():
        store = EmbeddingStore(place.embeddings, recipe_from_dict(values))
        ids = [one for shard in store._shards() for one in shard.image_ids]
        assert sorted(ids) == sorted(dataset.image_ids)  # each was computed once


def test_server_killed__its_jobs_go_on_and_a_new_server_finds_them(workspace: Path) -> None:
    store, port = JobStore(Workspace(workspace).jobs), free_port()
    with server(workspace, port, "tests/faults/submits.py") as first:
        open_page(port)
        wait_until(lambda: [job.state for job in store.list()] == ["running"])
        members = [first.pid, *(one.pid for one in psutil.Process(first.pid).children(True))]
        end(first)
        wait_until(lambda: all(is_gone(pid) for pid in members))
        state = store.list()[0].state

    jobs_page = AppTest.from_file(str(ROOT / "pages/about/jobs.py"), default_timeout=60).run()
    cancel = [button.label for button in jobs_page.button]
    wait_until(lambda: store.list()[0].is_finished)
    ended = jobs_page.run()

    assert state == "running"
    assert "Cancel" in " ".join(cancel)  # the new server shows it as running
    assert ["Extract" in one.label for one in ended.expander] == [True]
    assert store.list()[0].state == "done"
    assert store.log(store.list()[0].id) == "42"


def open_page(port: int) -> None:
    """Opens a page as a browser does, and waits until its script has begun."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ClientState_pb2 import ClientState
    from websockets.sync.client import connect

    with connect(
        f"ws://127.0.0.1:{port}/_stcore/stream",
        origin=f"http://127.0.0.1:{port}",  # type: ignore[arg-type]
        subprotocols=["streamlit"],  # type: ignore[list-item]
    ) as socket:
        socket.send(BackMsg(rerun_script=ClientState()).SerializeToString())
        for _ in range(3):
            socket.recv(timeout=30)
