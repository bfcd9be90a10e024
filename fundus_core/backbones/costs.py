"""What backbones cost in parameters, time and memory, as measured by `make backbone-costs`."""

import json
import os
import platform
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

COSTS_FILE = Path(__file__).with_name("costs.json")


@dataclass(frozen=True, slots=True)
class BackboneCost:
    """One backbone at its default size."""

    parameters_m: float
    """Millions of parameters."""

    ms_per_image: float
    """Milliseconds per photograph in full precision."""

    ms_per_image_bf16: float | None
    """The same in bfloat16; None where the machine has no instructions for it."""

    peak_mb: float
    """Largest memory of the whole process, in MB."""

    machine: str
    """Where it was measured."""

    @property
    def file_mb(self) -> float:
        """Size of the weights as 32-bit numbers, in MB."""
        return 4 * self.parameters_m


@lru_cache(maxsize=1)
def backbone_costs() -> dict[str, BackboneCost]:
    """Returns the measured costs by backbone id; other backbones were not measured."""
    if not COSTS_FILE.is_file():
        return {}
    known = json.loads(COSTS_FILE.read_text(encoding="utf-8"))
    return {name: BackboneCost(**cost) for name, cost in known.items()}


def machine_name() -> str:
    """Returns the processor and how many cores of it this process may use."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (cpuinfo.read_text().splitlines() if cpuinfo.is_file() else [])
        if line.startswith("model name")
    ]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{len(os.sched_getaffinity(0))} cores of {name}"
