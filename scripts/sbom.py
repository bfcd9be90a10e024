"""Writes `sbom.json`: every package of the tested environment, with version, licence and needs.

The format is CycloneDX 1.6. What is in it are the pins of the requirements and of
`constraints.txt`; licences and dependencies are asked of what is installed, which must be those
versions. Nothing is looked up, and the same environment gives the same file.
"""

import json
import re
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from packaging.requirements import Requirement

from fundus_core import __version__
from scripts.constraints import ROOT, normalised

OUTPUT = ROOT / "sbom.json"
FILES = ("requirements.txt", "requirements-dev.txt", "constraints.txt")
WITH_LOG_IN = "authlib"
"""The one package of requirements-dev.txt that a server installs as well."""

_NO_LICENCES = {"OSI Approved", "DFSG approved"}
"""Last words of classifiers that name no licence."""

LONGEST_NAME = 60
"""Characters of a licence's name; some packages put the whole text there."""


def pins(*files: str) -> dict[str, str]:
    """Returns version by normalised name of what the files pin."""
    lines = [line for file in files for line in (ROOT / file).read_text("utf-8").splitlines()]
    found = (re.split(r"(?:\[\w+\])?==", line) for line in lines if "==" in line)
    return {normalised(name): version for name, version in found}


def bill() -> dict[str, Any]:
    """Returns the whole document.

    Raises:
        SystemExit: If a pinned package is not installed, or in another version.
    """
    every = pins(*FILES)
    needs = {name: _needs(name, version, every) for name, version in every.items()}
    used = _reached({*pins("requirements.txt"), WITH_LOG_IN}, needs)
    components = [_component(name, every[name], used=name in used) for name in sorted(every)]
    references = {name: f"pkg:pypi/{name}@{version}" for name, version in every.items()}
    tree = [
        {"ref": references[name], "dependsOn": sorted(references[one] for one in needs[name])}
        for name in sorted(every)
    ]
    direct = sorted(references[name] for name in pins("requirements.txt"))
    tree.insert(0, {"ref": "fundus-explorer", "dependsOn": direct})
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, json.dumps(components))}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "fundus-explorer",
                "name": "fundus-explorer",
                "version": __version__,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
        "dependencies": tree,
    }


def _component(name: str, version: str, *, used: bool) -> dict[str, Any]:
    """Returns one package; those that only checks and tests need are marked as excluded."""
    about = distribution(name).metadata
    found = {
        "type": "library",
        "bom-ref": f"pkg:pypi/{name}@{version}",
        "name": name,
        "version": version,
        "scope": "required" if used else "excluded",
        "licenses": _licences(about),
        "purl": f"pkg:pypi/{name}@{version}",
    }
    return {key: value for key, value in found.items() if value}


def _licences(about: Any) -> list[dict[str, Any]]:
    """Returns what a package says of its licence: an expression, else classifiers, else a name."""
    if expression := about.get("License-Expression"):
        return [{"expression": expression}]
    classifiers = [line for line in about.get_all("Classifier") or [] if line.startswith("License")]
    names = {line.rpartition(" :: ")[2] for line in classifiers} - _NO_LICENCES
    if not names and (said := about.get("License")):
        names = {said.strip().splitlines()[0][:LONGEST_NAME]} if said.strip() else set()
    return [{"license": {"name": name}} for name in sorted(names)]


def _needs(name: str, version: str, every: Mapping[str, str]) -> set[str]:
    """Returns the pinned packages that one asks for on this kind of machine."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        raise SystemExit(f"{name} is pinned and not installed: run make types first") from None
    if found.version != version:
        raise SystemExit(f"{name} is pinned at {version}; installed is {found.version}.")
    asked = [Requirement(line) for line in found.requires or []]
    return {
        normalised(one.name)
        for one in asked
        if (one.marker is None or one.marker.evaluate({"extra": ""}))
        and normalised(one.name) in every
    }


def _reached(names: set[str], needs: Mapping[str, set[str]]) -> set[str]:
    """Returns packages with all that they pull in."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting |= needs[one] - found
    return found


def main() -> None:
    """Writes the file."""
    OUTPUT.write_text(json.dumps(bill(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{OUTPUT.name}: {len(pins(*FILES))} packages\n")


if __name__ == "__main__":
    main()
