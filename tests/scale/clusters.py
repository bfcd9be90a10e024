"""Clusters for tests: on this machine alone, of one node or of two."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
ON_THIS_MACHINE = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "5" * 64,
    "RAY_USAGE_STATS_ENABLED": "0",
}


@contextmanager
def two_nodes() -> Iterator[tuple[str, Callable[[], None]]]:
    """Starts a cluster of two nodes; yields its address, and what kills the second node."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.scale.nodes"],
        cwd=ROOT,
        env=os.environ | ON_THIS_MACHINE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as cluster:
        assert cluster.stdin is not None
        assert cluster.stdout is not None
        tell, hear = cluster.stdin, cluster.stdout

        def kill() -> None:
            tell.write("kill\n")
            tell.flush()
            assert hear.readline() == "killed\n"

        yield hear.readline().strip(), kill
        tell.close()
