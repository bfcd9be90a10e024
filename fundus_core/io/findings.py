"""The words a text tower is asked about: findings of fundus photographs, in a file one may edit."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fundus_core.errors import DataError
from fundus_core.io.bounded import read_bounded
from fundus_core.io.data_roots import require_within_roots
from fundus_core.io.files import write_json
from fundus_core.io.typed_paths import typed_path

SHIPPED = Path(__file__).parents[1] / "findings.json"
"""Findings written for this program."""

MOST_BYTES = 1_000_000
"""Of a file of findings; the program's own has some 30,000."""

PLACEHOLDER = "{}"
"""Where a template takes a description."""

USUAL_OPPOSITE = "normal"
"""What a finding is weighed against unless its entry names something else."""

_PRESENT = {"1", "yes", "true", "present"}
_ABSENT = {"0", "no", "false", "absent"}
_FIELDS = {"group", "labels", "opposite", "descriptions"}


@dataclass(frozen=True, slots=True)
class Finding:
    """A class, grade or sign, and what is said of it."""

    name: str
    """Unique among the findings of a file."""

    descriptions: tuple[str, ...]
    """At least one; each fits into the template."""

    group: str = ""
    """Under which heading it is listed."""

    labels: tuple[str, ...] = ()
    """`COLUMN=CLASS`, or other names of the class or of its column of 0 and 1."""

    opposite: str = USUAL_OPPOSITE
    """Name of the finding it is weighed against where it is present or absent."""

    @property
    def texts(self) -> tuple[str, ...]:
        """Returns the descriptions and then the name, each once."""
        return tuple(dict.fromkeys((*self.descriptions, self.name)))


@dataclass(frozen=True, slots=True)
class Findings:
    """The content of a findings file."""

    template: str
    """What is put before and after a description; holds `PLACEHOLDER` once."""

    findings: tuple[Finding, ...]

    def named(self, name: str) -> Finding | None:
        """Returns the finding of this name, capital letters and punctuation aside."""
        words = _words(name)
        return next((one for one in self.findings if _words(one.name) == words), None)

    def of_label(self, column: str, class_name: str) -> Finding | None:
        """Returns the finding that a class of a column stands for, or None.

        An entry `COLUMN=CLASS` counts first. Then a column of 0 and 1 is known by its own name,
        and its 0 is the opposite of its 1. Any other class is known by its name.
        """
        exact = f"{_words(column)}={_words(class_name)}"
        found = next((one for one in self.findings if exact in _exact_labels(one)), None)
        if found is not None:
            return found
        value = class_name.strip().lower()
        if value in _ABSENT:
            present = self.of_label(column, "1")
            return None if present is None else self.named(present.opposite)
        return self._of_words(column if value in _PRESENT else class_name)

    def _of_words(self, name: str) -> Finding | None:
        words = _words(name)
        also = (
            one
            for one in self.findings
            if words in {_words(label) for label in one.labels if "=" not in label}
        )
        return self.named(name) or next(also, None)


def read_findings(path: Path | None = None) -> Findings:
    """Returns the findings in a file; without one those that come with the program.

    Args:
        path: A JSON file; ~ is the home folder.

    Raises:
        DataError: If it is no path, the file lies outside the folders that may be read, is no plain
            file of at most `MOST_BYTES` or cannot be read, or an entry of it cannot be used; names
            the entry.
    """
    place = path or SHIPPED
    try:
        return _checked(_read(typed_path(place)), place)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{place} cannot be read as a file of findings: {_reason(error)}.",
            hint=f"Give a JSON file like {SHIPPED}.",
        ) from error


def _checked(content: Mapping[str, Any], place: Path) -> Findings:
    entries = content.get("findings")
    if not isinstance(entries, Mapping) or not entries:
        raise DataError(
            f"{place.name} has no object 'findings' with at least one finding in it.",
            hint=f"Start from a copy of {SHIPPED}.",
        )
    template = check_template(content.get("template", f"A fundus photograph of {PLACEHOLDER}"))
    findings = Findings(
        template, tuple(_finding(name, entry, place) for name, entry in entries.items())
    )
    _require_unambiguous(findings, place)
    return findings


def write_findings(findings: Findings, path: Path) -> None:
    """Writes findings as a file that `read_findings` reads."""
    entries = {
        one.name: {
            "group": one.group,
            "labels": list(one.labels),
            "opposite": one.opposite,
            "descriptions": list(one.descriptions),
        }
        for one in findings.findings
    }
    write_json(path, {"template": findings.template, "findings": entries})


def check_template(template: object) -> str:
    """Returns a template that has a place for a description.

    Raises:
        DataError: If it has none, or several.
    """
    if not isinstance(template, str) or template.count(PLACEHOLDER) != 1:
        raise DataError(
            f"The template {template!r} has no single {PLACEHOLDER} for the description.",
            hint=f"Write it like 'A fundus photograph of {PLACEHOLDER}'.",
        )
    return template


def _read(path: Path) -> Mapping[str, Any]:
    if path != SHIPPED:
        require_within_roots(path)
    text = read_bounded(path, MOST_BYTES).decode("utf-8")
    content = json.loads(text, object_pairs_hook=_without_repeats)
    json.dumps(content, ensure_ascii=False).encode("utf-8")  # half a character cannot be shown
    if not isinstance(content, Mapping):
        raise DataError(
            f"{path.name} holds no JSON object but {type(content).__name__}.",
            hint=f"Give a JSON file like {SHIPPED}.",
        )
    return content


def _reason(error: Exception) -> str:
    """Returns why a file cannot be read, as the end of a sentence without its point."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    said = error.strerror if isinstance(error, OSError) else None
    return (said or str(error)).splitlines()[0].rstrip(".")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns an object of JSON; the usual reader would keep the last of two equal names."""
    times = Counter(name for name, _ in pairs)
    repeated = sorted(name for name, number in times.items() if number > 1)
    if repeated:
        raise ValueError(f"{', '.join(repeated)} stands in it more than once")
    return dict(pairs)


def _finding(name: str, entry: object, path: Path) -> Finding:
    if not isinstance(entry, Mapping):
        raise _unusable(path, name, f"is {entry!r}, not an object with descriptions")
    if unknown := sorted(set(entry) - _FIELDS):
        raise _unusable(path, name, f"has {', '.join(unknown)}; known are {', '.join(_FIELDS)}")
    if not _words(name):
        raise _unusable(path, name, "has no letter or digit in its name")
    descriptions = _texts(entry.get("descriptions"), path, name, "descriptions")
    if not descriptions:
        raise _unusable(path, name, "has no descriptions")
    opposite, group = entry.get("opposite", USUAL_OPPOSITE), entry.get("group", "")
    if not isinstance(opposite, str) or not isinstance(group, str):
        raise _unusable(path, name, "has an opposite or a group that is no text")
    labels = _texts(entry.get("labels", []), path, name, "labels")
    return Finding(name, descriptions, group, labels, opposite)


def _texts(value: object, path: Path, name: str, field: str) -> tuple[str, ...]:
    """Returns a list of texts without blanks around them."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise _unusable(path, name, f"has {field} that are no list: {value!r}")
    for text in value:
        if not isinstance(text, str) or not text.strip():
            raise _unusable(path, name, f"has among its {field} {text!r}, which is no text")
    return tuple(" ".join(text.split()) for text in value)


def _require_unambiguous(findings: Findings, path: Path) -> None:
    """Refuses a name or label that two findings bear, and an opposite that is not there."""
    owners: dict[str, str] = {}
    for one in findings.findings:
        bare = {_words(label) for label in (one.name, *one.labels) if "=" not in label}
        for label in sorted(bare | _exact_labels(one)):
            if label in owners:
                raise _unusable(path, one.name, f"bears the label {label!r}, as {owners[label]!r}")
            owners[label] = one.name
    names = {_words(one.name) for one in findings.findings}
    for one in findings.findings:
        if one.opposite != USUAL_OPPOSITE and _words(one.opposite) not in names:
            raise _unusable(path, one.name, f"has the opposite {one.opposite!r}, which is no entry")


def _unusable(path: Path, name: str, problem: str) -> DataError:
    return DataError(
        f"{path.name}: the finding {name!r} {problem}.",
        hint=f"Correct the entry; {SHIPPED} shows how entries are written.",
    )


def _exact_labels(finding: Finding) -> set[str]:
    """Returns the labels that name a column and a class, written alike."""
    parted = (label.partition("=") for label in finding.labels if "=" in label)
    return {f"{_words(column)}={_words(class_name)}" for column, _, class_name in parted}


def _words(name: str) -> str:
    """Returns a name in small letters with single blanks between its words.

    Examples:
        >>> _words("Retinopathy grade"), _words("soft_exudate"), _words("cup-to-disc")
        ('retinopathy grade', 'soft exudate', 'cup to disc')
    """
    return " ".join(re.findall(r"\w+", name.replace("_", " ").lower()))
