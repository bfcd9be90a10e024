"""A dashboard to be measured, and the memory it holds."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from scripts.running import ROOT, serving

MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class Served:
    """A dashboard that answers."""

    address: str
    process: psutil.Process

    @property
    def megabytes(self) -> float:
        """Resident memory of the server, MB."""
        return float(self.process.memory_info().rss) / MEGABYTE

    @property
    def seconds_of_cpu(self) -> float:
        """Processor time the server has used so far."""
        used = self.process.cpu_times()
        return float(used.user + used.system)


@contextmanager
def served(workspace: Path, *options: str, script: Path = ROOT / "app.py") -> Iterator[Served]:
    """Starts the dashboard as `fundus app` does and yields it.

    Args:
        workspace: What it shows.
        options: Further ones of Streamlit, e.g. `--server.disconnectedSessionTTL`, `"1"`.
        script: What is served.
    """
    first = [str(script), "--server.port", "{port}", "--server.headless", "true"]
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "FUNDUS_WORKSPACE": str(workspace)}
    with serving(["fundus_core.ui.serve", "run"], [*first, *options], environment) as address:
        port = str(urlsplit(address).port)
        children = psutil.Process().children()
        (process,) = [child for child in children if port in child.cmdline()]
        yield Served(address, process)
