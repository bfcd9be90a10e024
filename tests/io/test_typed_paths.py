"""What somebody typed as a path: what is none is refused in a sentence, whatever Python says."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fundus_core.errors import DataError
from fundus_core.io import data_roots
from fundus_core.io.data_roots import is_within_roots
from fundus_core.io.files import write_atomically
from fundus_core.io.manifest import DataSource, read_dataset
from fundus_core.io.remote import absolute
from fundus_core.io.typed_paths import file_at, followed, listed_paths, real_path, typed_path
from fundus_core.io.weights import ENVIRONMENT_VARIABLE, weights_folders
from fundus_core.io.workspace import Workspace

NOBODY, NUL, HALF, LONG = "~nobody_here/x", "a\0b", "\ud800", "a" * 300

LONG_NAME = "眼" * 79 + "x.yaml"


@pytest.fixture
def circle(tmp_path: Path) -> Path:
    (tmp_path / "circle").symlink_to("circle")
    return tmp_path / "circle"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The path is empty"),
        (" ", "The path is empty"),
        (NOBODY, "~nobody_here/x is no path: ~ stands for your own home folder alone"),
        ("~root/x", "^~root/x is no path: ~ stands for your own home folder alone"),
        ("~root", "^~root is no path: ~ stands for your own home folder alone"),
        ("./~root/x", "^~root/x is no path: ~ stands for your own home folder alone"),
        (NUL, r"a\[U\+0000\]b is no path"),
        (HALF, r"\[U\+D800\] is no path"),
    ],
)
def test_typed_path__refuses_what_is_no_path(text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        typed_path(text)
    assert file_at(text) is None


def test_typed_path__is_the_path_that_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")

    assert typed_path("a/../b") == Path("a/../b")
    assert typed_path("~/x") == Path("/home/anna/x")
    assert typed_path("x", Path("/data")) == Path("/data/x")
    assert typed_path("~/x", Path("/data")) == Path("/home/anna/x")


def test_followed__leads_to_where_links_lead(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone" / "x")

    assert followed(tmp_path / "link" / "..") == tmp_path / "gone"


def test_followed__refuses_what_leads_nowhere(circle: Path) -> None:
    for path, said in (
        (circle, "lead in a circle"),
        (circle / "x", "lead in a circle"),
        (circle.parent / LONG, "is too long"),
        (circle.parent / NUL, "is no path"),
    ):
        with pytest.raises(DataError, match=said):
            followed(path)
        with pytest.raises(DataError, match=said):
            absolute(path)
    assert real_path(circle) == circle


def test_read_dataset__of_what_is_no_path_is_refused_in_a_sentence(circle: Path) -> None:
    for path in (NOBODY, NUL, circle, circle.parent / LONG):
        with pytest.raises(DataError, match=r"is no path|in a circle|is too long"):
            read_dataset(DataSource(Path(path)))


@pytest.mark.parametrize(
    ("variable", "ask"),
    [
        (data_roots.VARIABLE, data_roots.data_roots),
        (data_roots.VARIABLE, lambda: is_within_roots(Path("x"))),
        (ENVIRONMENT_VARIABLE, lambda: weights_folders(Workspace(Path("x")))),
    ],
)
def test_a_variable_that_names_no_path_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, ask: Callable[[], object]
) -> None:
    monkeypatch.setenv(variable, f"/data:{NOBODY}")

    with pytest.raises(DataError, match=f"{variable} cannot be used: {NOBODY} is no path"):
        ask()


def test_listed_paths__are_separated_like_those_of_programs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    for value, expected in (("a::~/b:", ("a", "/home/anna/b")), (":", ()), ("", ())):
        monkeypatch.setenv("FUNDUS_LISTED", value)
        assert listed_paths("FUNDUS_LISTED") == tuple(map(Path, expected))
    monkeypatch.delenv("FUNDUS_LISTED")
    assert listed_paths("FUNDUS_LISTED") == ()


def test_a_file_may_have_any_name_that_the_system_takes(tmp_path: Path) -> None:
    for name in (LONG_NAME, "a" * 250 + ".csv"):
        write_atomically(tmp_path / name, lambda file: file.write(b"kept"))

        assert (tmp_path / name).read_bytes() == b"kept"
    assert len(list(tmp_path.iterdir())) == 2
