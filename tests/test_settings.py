"""Settings no other test would miss: what the server allows, what is pinned, what is legible."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from streamlit import config

ROOT = Path(__file__).parents[1]
SETTINGS: dict[str, Any] = tomllib.loads(
    (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
)
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt", "constraints.txt")

# Contrast ratios of WCAG 2: text (level AAA), text (AA), parts of the interface (AA)
LEGIBLE, READABLE, VISIBLE = 7.0, 4.5, 3.0
WHITE = "#FFFFFF"  # what Streamlit writes on a primary button with, in either theme


def _options(table: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yields the full name of every option in a table."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _options(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def _pins(file: str) -> dict[str, str]:
    """Returns the version of each package a file pins, by its normalised name."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    pins = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {_normalised(name.partition("[")[0]): version for name, version in pins}


def _normalised(name: str) -> str:
    """Returns a package's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _luminance(colour: str) -> float:
    """Returns the relative luminance of `#RRGGBB`, in [0, 1]."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mixed(colour: str, behind: str, share: float) -> str:
    """Returns a colour as it looks when it lets what is behind it shine through."""
    parts = [(int(colour[at : at + 2], 16), int(behind[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(share * top + (1 - share) * under):02X}" for top, under in parts)


def _contrast(colour: str, other: str) -> float:
    """Returns the contrast ratio of two colours, in [1, 21]."""
    dark, light = sorted([_luminance(colour), _luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_streamlit__knows_every_option_that_is_set() -> None:
    # It ignores unknown ones with no more than a line in its log.
    assert not set(_options(SETTINGS)) - set(config.get_config_options())


def test_streamlit__only_this_machine_is_served_and_nothing_is_sent_out() -> None:
    server = SETTINGS["server"]

    assert server["address"] == "127.0.0.1"
    assert set(server["allowedHosts"]) == {"localhost", "127.0.0.1"}
    assert server["enableXsrfProtection"]
    assert server["enableCORS"]
    assert not server["enableStaticServing"]
    assert not SETTINGS["browser"]["gatherUsageStats"]
    assert SETTINGS["client"]["showErrorDetails"] == "none"


@pytest.mark.parametrize("name", ["light", "dark"])
def test_theme__text_is_legible_on_every_background(name: str) -> None:
    theme = SETTINGS["theme"][name]
    backgrounds = [
        part[key]
        for part in (theme, theme["sidebar"])
        for key in ("backgroundColor", "secondaryBackgroundColor")
    ]

    assert min(_contrast(theme["textColor"], behind) for behind in backgrounds) >= LEGIBLE
    assert min(_contrast(theme["linkColor"], behind) for behind in backgrounds) >= READABLE
    assert min(_contrast(theme["primaryColor"], behind) for behind in backgrounds) >= VISIBLE
    assert _contrast(theme["primaryColor"], WHITE) >= READABLE


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize("key", ["textColor", "codeTextColor"])
def test_theme__captions_are_readable_though_they_are_faded(name: str, key: str) -> None:
    theme = SETTINGS["theme"][name]

    faded = _mixed(theme[key], theme["backgroundColor"], 0.6)  # as Streamlit draws captions

    assert _contrast(faded, theme["backgroundColor"]) >= READABLE


def test_theme__no_colour_is_legible_both_ways_on_a_dark_page() -> None:
    # Why fundus_core/ui/legibility.py exists: white on the primary colour, and it on the page.
    behind = _luminance(SETTINGS["theme"]["dark"]["backgroundColor"])

    most_under_white = (1 + 0.05) / READABLE - 0.05
    least_on_page = READABLE * (behind + 0.05) - 0.05

    assert least_on_page > most_under_white


@pytest.mark.parametrize("file", REQUIREMENTS)
def test_requirements__every_line_is_a_pin_and_nothing_else(file: str) -> None:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()

    odd = [line for line in lines if not re.fullmatch(r"(#.*)?|[\w.-]+(\[\w+\])?==[\w.]+", line)]

    assert not odd


def test_requirements__no_package_is_pinned_twice() -> None:
    names = [name for file in REQUIREMENTS for name in _pins(file)]

    assert len(names) == len(set(names))


def test_requirements__torch_and_torchvision_are_the_pair_that_fits() -> None:
    pins = _pins("requirements.txt")

    assert (pins["torch"], pins["torchvision"]) == ("2.15.0", "0.29.2")


def test_requirements__there_is_one_opencv_and_it_needs_no_display() -> None:
    names = [name for file in REQUIREMENTS for name in _pins(file) if name.startswith("opencv")]

    assert names == ["opencv-python-headless"]


def _optional() -> set[str]:
    """Returns the packages of the extras: imported where they are used, with a sentence if not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [one for extra in project["optional-dependencies"].values() for one in extra]
    return {_normalised(re.split(r"[<>=!~ ]", one)[0]) for one in asked}


def test_requirements__name_every_package_that_is_imported() -> None:
    sources = [ROOT / "app.py", *ROOT.glob("pages/**/*.py"), *ROOT.glob("fundus_core/**/*.py")]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sources if path.exists()]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}

    packages_of = packages_distributions()
    others = {name.split(".")[0] for name in names} - {"fundus_core"} - sys.stdlib_module_names
    required = set(_pins("requirements.txt")) | _optional()
    forgotten = {
        name
        for name in others
        if not any(_normalised(package) in required for package in packages_of.get(name, [name]))
    }

    assert not forgotten
