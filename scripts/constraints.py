"""Prints the versions of what the requirements pull in, for `constraints.txt`."""

import re
import sys
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]

HEADER = """\
# Versions of everything that requirements.txt and requirements-dev.txt pull in, as tested.
# Written by `make constraints`. Not listed: the CUDA packages, which torch itself pins.
"""

PINNED_BY_TORCH = ("cuda-", "nvidia-", "triton")
NOT_OURS = {"fundus-explorer", "pip", "setuptools"}


def normalised(name: str) -> str:
    """Returns a package name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required_directly() -> set[str]:
    """Returns the packages that the two requirements files pin."""
    lines = [
        line
        for file in ("requirements.txt", "requirements-dev.txt")
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines()
    ]
    return {normalised(re.split(r"\[|==", line)[0]) for line in lines if "==" in line}


def main() -> None:
    """Prints one pin per line, sorted by name."""
    installed = {normalised(found.name): found.version for found in distributions()}
    pulled_in = installed.keys() - required_directly() - NOT_OURS
    pins = sorted(
        f"{name}=={installed[name]}" for name in pulled_in if not name.startswith(PINNED_BY_TORCH)
    )
    sys.stdout.write(HEADER + "\n".join(pins) + "\n")


if __name__ == "__main__":
    main()
