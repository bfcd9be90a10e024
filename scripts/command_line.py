"""Running `fundus` commands and the words in which scripts report what they print."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from fundus_core.stats.bootstrap import Interval

ROOT = Path(__file__).parents[1]
REAL = Path(os.environ.get("FUNDUS_REAL_DATA", ROOT.parent / "shared")).resolve()
"""Folder of real photographs and weights; not part of the repository."""


def fundus(*arguments: object, workspace: Path) -> Any:
    """Runs one command in a workspace and returns what it prints as JSON."""
    command = [sys.executable, "-m", "fundus_core", *map(str, arguments)]
    weights = {"FUNDUS_WEIGHTS": str(REAL / "weights")}
    environment = weights | os.environ
    done = subprocess.run(
        [*command, "--json", "--workspace", str(workspace)],
        env=environment,
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    return json.loads(done.stdout)


def p_text(p_value: float) -> str:
    """Returns a p-value as papers print it."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def span(values: dict[str, Any], low: str = "low", high: str = "high") -> str:
    """Returns `auc (low to high)`."""
    return f"{values['auc']:.3f} ({values[low]:.3f} to {values[high]:.3f})"


def interval_text(interval: Interval) -> str:
    """Returns a value with its interval, or why there is none."""
    if interval.value is None:
        return interval.reason
    if interval.low is None or interval.high is None:
        return f"{interval.value:.2f} (no interval: {interval.reason})"
    return f"{interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f})"
