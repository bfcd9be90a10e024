"""What is installed: pinned, listed with its licence, and known by the hash of its files."""

import json
import re
from typing import Any

import pytest

from scripts.constraints import NOT_OURS, PINNED_BY_TORCH
from scripts.sbom import FILES, WITH_LOG_IN, bill, pins
from tests.conftest import ROOT

WITHOUT_LICENCE = {"axe-playwright-python"}
"""Packages that name none in their metadata."""

PIN = re.compile(r"([\w.-]+)(?:\[\w+\])?==([\w.]+) \\")
HASH = re.compile(r" {4}--hash=sha256:[0-9a-f]{64}(?: \\)?")


@pytest.fixture(scope="module")
def sbom() -> dict[str, Any]:
    return json.loads((ROOT / "sbom.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_the_list_holds_every_pin_and_no_other(sbom: dict[str, Any]) -> None:
    listed = {one["name"]: one["version"] for one in sbom["components"]}

    assert listed == pins(*FILES)
    assert len(listed) == len(sbom["components"])
    assert pins("constraints.txt").items() <= listed.items()


def test_the_list_is_of_the_format_and_names_licences(sbom: dict[str, Any]) -> None:
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", sbom["serialNumber"])
    for one in sbom["components"]:
        assert one["purl"] == one["bom-ref"] == f"pkg:pypi/{one['name']}@{one['version']}"
        assert one.get("licenses") or one["name"] in WITHOUT_LICENCE, one["name"]
    assert not re.search(r"GPL|/home|/tmp|/usr", json.dumps(sbom))


def test_the_list_tells_what_runs_from_what_only_tests_need(sbom: dict[str, Any]) -> None:
    scopes = {one["name"]: one["scope"] for one in sbom["components"]}

    assert {scopes[name] for name in pins("requirements.txt")} == {"required"}
    assert {scopes[name] for name in (WITH_LOG_IN, "cryptography", "websockets")} == {"required"}
    assert {scopes[name] for name in ("pytest", "ruff", "playwright", "ray")} == {"excluded"}


def test_the_list_knows_who_needs_whom(sbom: dict[str, Any]) -> None:
    known = {one["bom-ref"] for one in sbom["components"]} | {"fundus-explorer"}
    needs = {one["ref"]: set(one["dependsOn"]) for one in sbom["dependencies"]}

    assert needs.keys() == known
    assert set().union(*needs.values()) <= known
    assert any("starlette@" in one for one in needs[f"pkg:pypi/streamlit@{_of('streamlit')}"])


def _of(name: str) -> str:
    return pins(*FILES)[name]


def test_the_list_is_what_the_script_writes(sbom: dict[str, Any]) -> None:
    try:
        written = bill()
    except SystemExit as error:
        pytest.skip(f"other versions are installed: {error}")

    assert written == sbom


@pytest.mark.parametrize(
    ("file", "sources"),
    [("requirements.lock", ["requirements.txt"]), ("requirements-dev.lock", [*FILES])],
)
def test_the_lock_has_the_hashes_of_every_pin(file: str, sources: list[str]) -> None:
    hashes: dict[str, int] = {}
    versions: dict[str, str] = {}
    name = ""
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines()[1:]:
        if found := PIN.fullmatch(line):
            name = found[1].lower()
            versions[name], hashes[name] = found[2], 0
        else:  # nothing else stands there: no index, no path, no option
            assert HASH.fullmatch(line), line
            hashes[name] += 1

    known = pins(*FILES)
    assert min(hashes.values()) >= 1
    assert pins(*sources).keys() <= {one.replace("_", "-") for one in versions}
    for one, version in versions.items():
        if one not in NOT_OURS and not one.startswith(PINNED_BY_TORCH):
            assert known[one.replace("_", "-")] == version, one


def test_the_lock_of_a_server_has_log_in_and_no_tests() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8").lower()

    assert "\nauthlib==" in text
    assert "\npytest==" not in text
