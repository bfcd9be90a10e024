"""What is to be downloaded, and what a server's answer says of it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fundus_core.errors import WeightsError
from fundus_core.io.files import read_json

if TYPE_CHECKING:
    import httpx2

RANGE_REFUSED = 416

_OK, _PARTIAL = 200, 206
_FORBIDDEN = {401, 403}
_GONE = {404, 410}
_SHA256 = re.compile(r"[0-9a-f]{64}")

_FOLDER = ".downloads"
"""Beside the file to come: what is half there, hidden from whoever looks for weights."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted, and the half of it that is there."""

    url: str
    target: Path
    page: str

    @property
    def folder(self) -> Path:
        """Holds what is half there."""
        return self.target.parent / _FOLDER

    @property
    def part(self) -> Path:
        """The bytes that came so far."""
        return self.folder / f"{self.target.name}.part"

    @property
    def note(self) -> Path:
        """Says of which version of which address those bytes are."""
        return self.folder / f"{self.target.name}.part.json"

    @property
    def host(self) -> str:
        """Names the server in messages."""
        return urlsplit(self.url).netloc or self.url

    @property
    def n_bytes(self) -> int:
        """Says how much is there."""
        return self.part.stat().st_size if self.part.exists() else 0

    def validator(self) -> str:
        """Returns what names the version of those bytes; empty where they cannot be continued."""
        about = read_json(self.note)
        if not isinstance(about, dict) or about.get("url") != self.url or not self.n_bytes:
            return ""
        return str(about.get("validator", ""))

    def forget(self) -> None:
        """Removes what is half there."""
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server says of a file before its bytes."""

    start: int
    """Offset of the first byte it sends."""

    total: int | None
    """Length of the whole file; None where the server does not tell."""

    validator: str
    """A strong ETag, or the date of the last change; empty where there is neither."""

    sha256: str
    """Hash that the model hub states; empty elsewhere."""

    revision: str


def read_answer(response: "httpx2.Response") -> Answer:
    """Returns what a server says of a file; the hub says some of it in the redirection before."""
    said = [*response.history, response]
    stated = [one.headers.get("x-linked-etag", "").strip('"') for one in said]
    commits = [one.headers.get("x-repo-commit", "") for one in said]
    etag = response.headers.get("etag", "")
    start, total = _extent(response)
    return Answer(
        start=start,
        total=total,
        # A weak ETag (W/...) promises the same meaning, not the same bytes.
        validator=etag if etag.startswith('"') else response.headers.get("last-modified", ""),
        sha256=next((one for one in stated if _SHA256.fullmatch(one)), ""),
        revision=next(filter(None, commits), ""),
    )


def _extent(response: "httpx2.Response") -> tuple[int, int | None]:
    """Returns the offset of the first byte that comes, and the length of the whole file."""
    if response.status_code in {_PARTIAL, RANGE_REFUSED}:
        stated = response.headers.get("content-range", "")
        found = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", stated.strip())
        if found is None:
            return -1, None
        return int(found[1] or 0), None if found[2] == "*" else int(found[2])
    length = response.headers.get("content-length", "")
    return 0, int(length) if length.isdigit() else None


def require_file(response: "httpx2.Response", wanted: Wanted, *, has_token: bool) -> None:
    """Refuses every answer that is not the file.

    Raises:
        WeightsError: With what to do about it.
    """
    status = response.status_code
    if status in _FORBIDDEN:
        raise WeightsError(
            f"{wanted.host} does not give {wanted.target.name} to everybody ({status}): it is "
            "gated, private, or not there.",
            hint=_how_to_enter(wanted.page, has_token=has_token),
        )
    if status in _GONE:
        raise WeightsError(
            f"There is no file at {wanted.url} ({status}).",
            hint=f"Its publisher may have moved it: look at {wanted.page}.",
        )
    if status not in {_OK, _PARTIAL}:
        raise WeightsError(
            f"{wanted.host} answered {status} {response.reason_phrase}.".replace(" .", "."),
            hint="Try again later; what was downloaded before is kept.",
        )
    if response.headers.get("content-type", "").startswith("text/html"):
        raise WeightsError(
            f"{wanted.host} sent a web page in place of {wanted.target.name}.",
            hint=f"Download it by hand from {wanted.page} and put it here as {wanted.target}.",
        )


def _how_to_enter(page: str, *, has_token: bool) -> str:
    if has_token:
        return f"Accept its terms on {page} with the account your token belongs to; then try again."
    return (
        f"Accept its terms on {page}, make a token there, give it to `hf auth login` or HF_TOKEN, "
        "and try again."
    )
