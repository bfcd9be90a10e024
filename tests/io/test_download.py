"""Downloads: whole or not there, resumed where that is safe, and refusals that say what to do."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fundus_core.errors import StoreError, WeightsError
from fundus_core.io import download as downloading
from fundus_core.io.download import download
from tests.io.web import Shelf, serving

CONTENT = bytes(range(256)) * 12_000  # 3.1 MB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between attempts, and no proxy between this machine and itself."""
    monkeypatch.setattr(downloading, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def shelf() -> Shelf:
    """What the server gives."""
    return Shelf(CONTENT)


@pytest.fixture
def address(shelf: Shelf) -> Iterator[str]:
    """Where the server is."""
    with serving(shelf) as found:
        yield found


def left_behind(folder: Path) -> list[str]:
    """Names of all files that hold a part of something."""
    return [path.name for path in folder.rglob("*") if ".part" in path.name]


def test_download__the_file_is_there_with_its_hash(address: str, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    found = download(
        f"{address}/w.bin",
        tmp_path / "w.bin",
        sha256=SHA256,
        progress=lambda done, total, message: told.append((done, total)),
    )

    assert (tmp_path / "w.bin").read_bytes() == CONTENT
    assert (found.sha256, found.n_bytes) == (SHA256, len(CONTENT))
    assert (4, 4) in told  # megabytes, the last one rounded up
    assert all(done <= total for done, total in told)
    assert not left_behind(tmp_path)


def test_download__goes_on_after_an_interruption(
    shelf: Shelf, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "_ATTEMPTS", 1)
    shelf.breaks_off_after = [1_000_000, 0]

    with pytest.raises(WeightsError, match="broke off after 1,000,000 bytes") as error:
        download(f"{address}/w.bin", tmp_path / "w.bin", sha256=SHA256)
    assert not (tmp_path / "w.bin").exists()
    assert "Try again" in error.value.hint
    download(f"{address}/w.bin", tmp_path / "w.bin", sha256=SHA256)

    assert (tmp_path / "w.bin").read_bytes() == CONTENT
    asked = shelf.requests[-1][1]
    assert asked["range"] == "bytes=1000000-"
    assert asked["if-range"] == '"v1"'


def test_download__asks_again_by_itself_while_something_comes(
    shelf: Shelf, address: str, tmp_path: Path
) -> None:
    shelf.breaks_off_after = [500_000] * 6

    download(f"{address}/w.bin", tmp_path / "w.bin", sha256=SHA256)

    assert len(shelf.requests) == 7


def test_download__gives_up_where_nothing_comes(shelf: Shelf, address: str, tmp_path: Path) -> None:
    shelf.breaks_off_after = [0] * 9

    with pytest.raises(WeightsError, match="broke off after 0 bytes"):
        download(f"{address}/w.bin", tmp_path / "w.bin")

    assert len(shelf.requests) == 3


def test_download__another_version_by_now_starts_anew(
    shelf: Shelf, address: str, tmp_path: Path
) -> None:
    shelf.breaks_off_after = [1_000_000, *[0] * 3]
    with pytest.raises(WeightsError):
        download(f"{address}/w.bin", tmp_path / "w.bin")
    shelf.content, shelf.etag = CONTENT[::-1], '"v2"'

    download(f"{address}/w.bin", tmp_path / "w.bin")

    assert (tmp_path / "w.bin").read_bytes() == CONTENT[::-1]


def test_download__a_server_without_ranges_starts_anew(
    shelf: Shelf, address: str, tmp_path: Path
) -> None:
    shelf.ranges = False
    shelf.breaks_off_after = [1_000_000]

    download(f"{address}/w.bin", tmp_path / "w.bin", sha256=SHA256)

    assert (tmp_path / "w.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("etag", ['W/"v1"', ""])
def test_download__without_a_strong_name_of_the_version_no_part_is_asked_for(
    shelf: Shelf, address: str, tmp_path: Path, etag: str
) -> None:
    shelf.etag = etag
    shelf.breaks_off_after = [1_000_000]

    download(f"{address}/w.bin", tmp_path / "w.bin", sha256=SHA256)

    assert not any("range" in headers for _, headers in shelf.requests)


def test_download__interrupted_after_the_last_byte_needs_no_other(
    shelf: Shelf, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(downloading, "_put_into_place", ended)
        with pytest.raises(KeyboardInterrupt):
            download(f"{address}/w.bin", tmp_path / "w.bin")

    download(f"{address}/w.bin", tmp_path / "w.bin", sha256=SHA256)

    assert (tmp_path / "w.bin").read_bytes() == CONTENT
    assert shelf.requests[-1][1]["range"] == f"bytes={len(CONTENT)}-"


def test_download__a_part_of_another_address_is_not_continued(
    shelf: Shelf, address: str, tmp_path: Path
) -> None:
    shelf.breaks_off_after = [1_000_000, *[0] * 3]
    with pytest.raises(WeightsError):
        download(f"{address}/other.bin", tmp_path / "w.bin")

    download(f"{address}/w.bin", tmp_path / "w.bin", sha256=SHA256)

    assert "range" not in shelf.requests[-1][1]


def test_download__another_hash_is_refused_with_both(address: str, tmp_path: Path) -> None:
    wanted = "0" * 64

    with pytest.raises(WeightsError) as error:
        download(f"{address}/w.bin", tmp_path / "w.bin", sha256=wanted)

    assert SHA256 in error.value.message
    assert wanted in error.value.message
    assert not (tmp_path / "w.bin").exists()
    assert not left_behind(tmp_path)


def test_download__a_failure_leaves_what_was_there(address: str, tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(b"earlier")

    with pytest.raises(WeightsError):
        download(f"{address}/w.bin", tmp_path / "w.bin", sha256="0" * 64)

    assert (tmp_path / "w.bin").read_bytes() == b"earlier"


def test_download__the_hash_that_the_hub_states_is_checked(
    shelf: Shelf, address: str, tmp_path: Path
) -> None:
    shelf.hub_headers = {"X-Linked-Etag": f'"{"1" * 64}"', "X-Repo-Commit": "abc"}

    with pytest.raises(WeightsError, match="states 1111"):
        download(f"{address}/w.bin", tmp_path / "w.bin")

    shelf.hub_headers["X-Linked-Etag"] = f'"{SHA256}"'
    assert download(f"{address}/w.bin", tmp_path / "w.bin").revision == "abc"


def test_download__a_length_that_is_not_told_is_no_hindrance(
    shelf: Shelf, address: str, tmp_path: Path
) -> None:
    shelf.length_known = False

    download(f"{address}/w.bin", tmp_path / "w.bin", sha256=SHA256)

    assert (tmp_path / "w.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("status", [401, 403])
def test_download__a_gated_file_says_how_to_enter(
    shelf: Shelf, address: str, tmp_path: Path, status: int
) -> None:
    shelf.status = status
    page = "https://example.org/gated"

    with pytest.raises(WeightsError, match=rf"\({status}\): it is gated") as stranger:
        download(f"{address}/w.bin", tmp_path / "w.bin", page=page)
    with pytest.raises(WeightsError, match=str(status)) as known:
        download(f"{address}/w.bin", tmp_path / "w.bin", page=page, token="hf_x")

    assert page in stranger.value.hint
    assert "hf auth login" in stranger.value.hint
    assert "account your token belongs to" in known.value.hint
    assert "hf_x" not in known.value.message + known.value.hint
    assert shelf.requests[-1][1]["authorization"] == "Bearer hf_x"


@pytest.mark.parametrize(
    ("status", "said"), [(404, "There is no file at"), (503, "answered 503"), (429, "429")]
)
def test_download__other_refusals_say_what_was_answered(
    shelf: Shelf, address: str, tmp_path: Path, status: int, said: str
) -> None:
    shelf.status = status

    with pytest.raises(WeightsError, match=said):
        download(f"{address}/w.bin", tmp_path / "w.bin")

    assert not (tmp_path / "w.bin").exists()


def test_download__a_web_page_is_no_file(shelf: Shelf, address: str, tmp_path: Path) -> None:
    shelf.content_type = "text/html; charset=utf-8"

    with pytest.raises(WeightsError, match="a web page in place of"):
        download(f"{address}/w.bin", tmp_path / "w.bin")


def test_download__nobody_there_says_what_to_do_by_hand(tmp_path: Path) -> None:
    with serving(Shelf()) as gone:
        pass

    with pytest.raises(WeightsError, match=r"127\.0\.0\.1:\d+ cannot be reached") as error:
        download(f"{gone}/w.bin", tmp_path / "w.bin", page="https://example.org/page")

    assert "https://example.org/page" in error.value.hint
    assert str(tmp_path / "w.bin") in error.value.hint


def test_download__a_full_disk_is_said_before_the_first_byte(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    with pytest.raises(StoreError, match=f"{len(CONTENT):,} bytes .* for 1,000"):
        download(f"{address}/w.bin", tmp_path / "w.bin")

    assert not (tmp_path / "w.bin").exists()
