"""Reaching a Ray cluster: one that runs already, or one on this machine for a single command.

Ray runs any code for whoever reaches its ports. A cluster that is started here listens on this
machine alone and asks for a token; nothing is reported to Ray's makers.
"""

import importlib
import importlib.util
import logging
import os
import platform
import secrets
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fundus_core import __version__
from fundus_core.errors import ClusterError
from fundus_core.io.own_modules import PACKAGE_ROOT

INSTALL = "pip install 'ray[data]'"

_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # notes of its own on standard error
    # Where nobody answers, half a minute is enough to say so; Ray would try for six.
    "RAY_NUM_REDIS_GET_RETRIES": "1",
    "RAY_py_gcs_connect_timeout_s": "10",
}

_ON_LOOPBACK = {
    "RAY_AUTH_MODE": "token",
    # Without it Ray takes the address by which other machines reach this one, whatever it is told.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}

_OBJECTS_BYTES = 512 << 20
"""Shared memory of a cluster on this machine: vectors on their way, and the weights once."""


@dataclass(frozen=True, slots=True)
class Slots:
    """How many embedders work at once, and what each is given."""

    count: int
    """One per GPU; where there is none, one per core."""

    gpus: int
    """Of each: 1 or 0."""

    cpus: int
    """Of each; with a GPU, for decoding."""


@contextmanager
def connected(address: str | None = None) -> Iterator[None]:
    """Joins a cluster for as long as the block lasts; one that was started for it ends with it.

    Args:
        address: `auto` for the cluster that this machine is part of, HOST:PORT for another, or
            None to start one on this machine.

    Raises:
        ClusterError: If Ray is not installed, or no cluster answers at the address.
    """
    require_ray()
    for name, value in (_SETTINGS if address else _SETTINGS | _ON_LOOPBACK).items():
        os.environ.setdefault(name, value)
    if address is None:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    ray = ray_module()
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    # Ray prints what befalls its nodes on standard output, among our results; no setting stops it.
    worker: Any = importlib.import_module("ray._private.worker")
    worker._worker_logs_enabled = False
    try:
        _join(address)
        yield
    finally:
        ray.shutdown()


def ray_module() -> Any:
    """Returns Ray with its data sets, which no other module imports by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own modules about one another
        importlib.import_module("ray.data")
        return importlib.import_module("ray")


def require_ray() -> None:
    """Says how to install Ray where it is missing.

    Raises:
        ClusterError: If it is.
    """
    if importlib.util.find_spec("ray") is None:
        raise ClusterError(
            "The engine 'ray' needs Ray, which is not installed.",
            hint=f"Install it: {INSTALL}, or this program with [scale].",
        )


def require_version(wanted: str) -> None:
    """Refuses to work on a node with another version of this program than the machine that asks.

    Raises:
        ClusterError: If this is one.
    """
    if wanted != __version__:
        raise ClusterError(
            f"The node {platform.node()} has version {__version__} of Fundus Explorer; the machine "
            f"that asks has {wanted}.",
            hint="Install the same version on every node.",
        )


def _join(address: str | None) -> None:
    """Connects to a cluster, or starts one.

    Raises:
        ClusterError: If no cluster answers.
    """
    ray = ray_module()
    job: Any = importlib.import_module("ray.job_config").JobConfig()
    job._py_driver_sys_path = _OwnFolders()
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "job_config": job}
    if address is None:
        ray.init(
            include_dashboard=False,
            _node_ip_address="127.0.0.1",
            object_store_memory=_OBJECTS_BYTES,
            **quiet,
        )
        return
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ClusterError(
            f"No Ray cluster answers at {address!r}: {_first_line(error)}",
            hint="Start one by `ray start --head`, name its address by --ray-address, and give its "
            "token as RAY_AUTH_TOKEN; or leave --ray-address out to use this machine alone.",
        ) from error


class _OwnFolders(list[str]):
    """Where workers look for modules first: Ray adds the current folder, which need not be ours."""

    def extend(self, folders: Iterable[str]) -> None:
        """Takes in a folder only if this program lies there, as in a clone."""
        super().extend(folder for folder in folders if Path(folder) == PACKAGE_ROOT)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]


def node_resources() -> list[Mapping[str, float]]:
    """Returns what each living node of the joined cluster offers: CPU, GPU and more."""
    return [node["Resources"] for node in ray_module().nodes() if node["Alive"]]


def slots_of(nodes: Sequence[Mapping[str, float]], decoders: int) -> Slots:
    """Divides the nodes among embedders.

    Args:
        nodes: What each offers.
        decoders: Threads that decode for one GPU, at most.

    Raises:
        ClusterError: If there is neither a GPU nor a core.

    Examples:
        >>> slots_of([{"CPU": 4.0}, {"CPU": 2.0}], decoders=2)
        Slots(count=6, gpus=0, cpus=1)
        >>> slots_of([{"CPU": 16.0, "GPU": 4.0}, {"CPU": 8.0}], decoders=8)
        Slots(count=4, gpus=1, cpus=4)
    """
    with_gpus = [node for node in nodes if node.get("GPU", 0) >= 1]
    if with_gpus:
        cores = min(int(node.get("CPU", 1) // node["GPU"]) for node in with_gpus)
        count = sum(int(node["GPU"]) for node in with_gpus)
        return Slots(count, 1, max(1, min(cores, decoders)))
    count = sum(int(node.get("CPU", 0)) for node in nodes)
    if count == 0:
        raise ClusterError(
            f"The cluster's {len(nodes)} nodes offer neither a GPU nor a core.",
            hint="Start its nodes with --num-cpus, or add a node.",
        )
    return Slots(count, 0, 1)
