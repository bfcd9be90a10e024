"""Findings: what the program ships, how classes find their words, and files that are refused."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fundus_core.errors import DataError
from fundus_core.io.findings import (
    MOST_BYTES,
    Finding,
    Findings,
    read_findings,
    write_findings,
)
from fundus_core.phantom.shots import LABEL_COLUMNS

OURS = read_findings()


def write(folder: Path, findings: object, **more: object) -> Path:
    """Writes a file of findings."""
    path = folder / "mine.json"
    path.write_text(json.dumps({"findings": findings, **more}), encoding="utf-8")
    return path


def test_read_findings__every_class_of_the_demo_has_words() -> None:
    classes = [("diagnosis", name) for name in ("normal", *LABEL_COLUMNS)]
    classes += [(column, value) for column in LABEL_COLUMNS.values() for value in "01"]
    classes += [("dr_grade", str(grade)) for grade in range(5)]
    classes += [("abnormal", "0"), ("abnormal", "1"), ("dme_grade", "2"), ("hr_grade", "3")]

    unknown = [each for each in classes if OURS.of_label(*each) is None]

    assert not unknown


def test_read_findings__ours_are_many_and_each_is_described_once_to_six_times() -> None:
    counts = [len(one.descriptions) for one in OURS.findings]
    said = [text.lower() for one in OURS.findings for text in one.descriptions]

    assert len(OURS.findings) >= 80
    assert min(counts) >= 1
    assert max(counts) <= 6
    assert len(said) == len(set(said))
    assert all(one.group for one in OURS.findings)


@pytest.mark.parametrize(
    ("column", "class_name", "name"),
    [
        ("dr", "1", "diabetic retinopathy"),
        ("dr", "0", "no diabetic retinopathy"),
        ("glaucoma", "0", "normal"),
        ("abnormal", "0", "normal"),
        ("Retinopathy grade", "4", "proliferative diabetic retinopathy"),
        ("label", "severe_npdr", "severe non-proliferative diabetic retinopathy"),
        ("diagnosis", "vein_occlusion", "retinal vein occlusion"),
        ("soft_exudate", "1", "cotton wool spots"),
    ],
)
def test_of_label__finds_the_words_of_a_class(column: str, class_name: str, name: str) -> None:
    finding = OURS.of_label(column, class_name)

    assert finding is not None
    assert finding.name == name


def test_of_label__guesses_nothing() -> None:
    assert OURS.of_label("age", "61") is None
    assert OURS.of_label("grade", "1") is None


def test_texts__the_name_comes_last_and_once() -> None:
    assert Finding("drusen", ("yellow dots",)).texts == ("yellow dots", "drusen")
    assert Finding("drusen", ("drusen",)).texts == ("drusen",)


def test_write_findings__is_read_again(tmp_path: Path) -> None:
    findings = Findings("see {}", (Finding("haze", ("a haze",), "picture", ("q=1",), "haze"),))

    write_findings(findings, tmp_path / "mine.json")

    assert read_findings(tmp_path / "mine.json") == findings


GOOD = {"descriptions": ["a haze"]}


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ({}, "no object 'findings'"),
        ([GOOD], "no object 'findings'"),
        ({"haze": "a haze"}, "the finding 'haze' is 'a haze', not an object"),
        ({"haze": {}}, "'haze' has descriptions that are no list: None"),
        ({"haze": {"descriptions": []}}, "'haze' has no descriptions"),
        ({"haze": {"descriptions": "a haze"}}, "'haze' has descriptions that are no list"),
        ({"haze": {"descriptions": ["  "]}}, "'haze' has among its descriptions '  '"),
        ({"haze": {**GOOD, "words": []}}, "'haze' has words; known are"),
        ({"haze": {**GOOD, "opposite": "clear"}}, "opposite 'clear', which is no entry"),
        ({"haze": {**GOOD, "labels": ["Dim"]}, "dim": GOOD}, "'dim' bears the label 'dim'"),
        ({"?": GOOD}, "no letter or digit in its name"),
    ],
)
def test_read_findings__says_which_entry_cannot_be_used(
    tmp_path: Path, findings: object, said: str
) -> None:
    with pytest.raises(DataError, match=said.replace("?", r"\?")) as caught:
        read_findings(write(tmp_path, findings))

    assert "findings.json" in caught.value.hint


@pytest.mark.parametrize("template", ["a photograph", "{} and {}", 7])
def test_read_findings__a_template_without_a_place_is_refused(
    tmp_path: Path, template: object
) -> None:
    with pytest.raises(DataError, match=r"has no single \{\} for the description"):
        read_findings(write(tmp_path, {"haze": GOOD}, template=template))


def test_read_findings__a_name_that_stands_twice_is_refused_not_dropped(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(
        '{"findings": {"haze": {"descriptions": ["a"]}, "haze": {"descriptions": ["b"]}}}',
        encoding="utf-8",
    )

    with pytest.raises(DataError, match="haze stands in it more than once"):
        read_findings(path)


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_read_findings__what_is_no_json_object_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(DataError, match=r"cannot be read|no JSON object"):
        read_findings(path)


def test_read_findings__a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.json cannot be read"):
        read_findings(tmp_path / "nowhere.json")


def large(folder: Path) -> Path:
    return write(folder, {"haze": {"descriptions": ["a haze" * (MOST_BYTES // 6)]}})


def deep(folder: Path, brackets: str = "[]", times: int = 100_000) -> Path:
    path = folder / "deep.json"
    nested = brackets[0] * times + brackets[1] * times
    path.write_text(f'{{"findings": {{"haze": {nested}}}}}', encoding="utf-8")
    return path


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.json")
    return folder / "pipe.json"


def half_of_a_character(folder: Path) -> Path:
    path = folder / "half.json"
    path.write_text('{"findings": {"haze": {"descriptions": ["\\ud800"]}}}', encoding="utf-8")
    return path


UNREADABLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "pipe": (pipe, "not a plain file"),
    "device": (lambda folder: Path("/dev/zero"), "not a plain file"),
    "folder": (lambda folder: folder, "it is a folder"),
    "large": (large, "at most 1,000,000 are read"),
    "deep": (deep, "nested too deeply"),
    "half of a character": (half_of_a_character, "surrogates not allowed"),
    "character of no name": (lambda folder: folder / "a\0b", "no file's name can have"),
    "long name": (lambda folder: folder / ("a" * 5000), "too long"),
    "another's home": (lambda folder: Path("~root/x.json"), "your own home folder alone"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_read_findings__what_cannot_be_read_to_its_end_is_said_in_words(
    tmp_path: Path, kind: str
) -> None:
    make, said = UNREADABLE[kind]

    with pytest.raises(DataError) as caught:
        read_findings(make(tmp_path))

    assert said in caught.value.message.replace("File name", "file name")
    assert not caught.value.message.endswith("..")


def test_read_findings__no_depth_is_an_error_of_python(tmp_path: Path) -> None:
    for times in range(300, 1000, 25):
        with pytest.raises(DataError):
            read_findings(deep(tmp_path, times=times))


def test_read_findings__many_entries_take_no_long_time(tmp_path: Path) -> None:
    entries = {f"a{number}": {**GOOD, "opposite": "a11999"} for number in range(12_000)}
    path = write(tmp_path, entries)
    started = time.perf_counter()

    assert len(read_findings(path).findings) == len(entries)
    assert time.perf_counter() - started < 5


def test_read_findings__nothing_is_told_of_files_outside_the_named_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDUS_DATA_ROOTS", str(tmp_path / "root"))
    (tmp_path / "root").mkdir()
    path = write(tmp_path, {"haze": GOOD})
    (tmp_path / "root" / "link.json").symlink_to(path)
    ways = (path, tmp_path / "root" / ".." / path.name, tmp_path / "root" / "link.json")

    def said() -> list[str]:
        return [_refused(way) for way in ways]

    there = said()
    path.unlink()

    assert there == said()
    assert all("outside the folders" in one for one in there)
    assert read_findings() == OURS
    assert read_findings(write(tmp_path / "root", {"haze": GOOD})).findings[0].name == "haze"


def _refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_findings(path)
    return caught.value.message
