"""Downloading one file: resumed after an interruption, checked, and never half there.

The only module that opens a connection to another machine; its only user is
`workflows/weights/fetch.py`.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import StoreError, WeightsError
from fundus_core.io.download_answers import (
    RANGE_REFUSED,
    Answer,
    Wanted,
    read_answer,
    require_file,
)
from fundus_core.io.files import sync_folder, write_json
from fundus_core.io.refused_writing import full_disk_explained
from fundus_core.io.weights import file_sha256

if TYPE_CHECKING:
    import httpx2

_MEGABYTE = 1_000_000
_SECONDS_WITHOUT_ANSWER = 30.0
_PAUSE_SECONDS = 0.5
_ATTEMPTS = 3
"""How often in a row a connection may break off without a single further byte."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that arrived whole."""

    path: Path
    sha256: str
    """Of the file as it lies there, computed after the last byte."""

    n_bytes: int
    revision: str
    """Commit the model hub served it from; empty elsewhere."""


class _BrokenOffError(Exception):
    """The connection ended before the file did."""


def download(
    url: str,
    path: Path,
    *,
    sha256: str = "",
    token: str | None = None,
    page: str = "",
    progress: Progress = silent,
) -> Downloaded:
    """Downloads a file; goes on where an earlier call was interrupted.

    The bytes are gathered in a hidden folder beside `path`, which appears once they are all there
    and have the right hash. Where the server knows no ranges, or has another version by now, the
    download starts anew.

    Args:
        url: Address of the file, `https` or `http`.
        path: Where it is to appear; a file there is replaced.
        sha256: The hash it must have, as hexadecimal digits; empty where it is not known: then the
            one that the model hub states for it, if any.
        token: Of the user at the model hub; never sent on to another host.
        page: Where people read about the file, for messages.
        progress: Told how far it is, in megabytes.

    Returns:
        The file, its hash, and which version it is.

    Raises:
        WeightsError: If the address cannot be reached, refuses or has no such file, if the
            connection keeps breaking off, or if the file has another hash than it must have.
        StoreError: If the disk is full.
    """
    wanted = Wanted(url, path, page or url)
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(wanted.folder / f"{path.name}.lock"):
        answer = _gather(wanted, token, progress)
        return _put_into_place(wanted, answer, sha256.lower(), progress)


def _gather(wanted: Wanted, token: str | None, progress: Progress) -> Answer:
    """Asks until the file is whole, or until nothing more comes."""
    left = _ATTEMPTS
    while True:
        before = wanted.n_bytes
        try:
            return _ask(wanted, token, progress)
        except _BrokenOffError as error:
            left = _ATTEMPTS if wanted.n_bytes > before else left - 1
            if left == 0:
                raise WeightsError(
                    f"The connection to {wanted.host} broke off after {wanted.n_bytes:,} bytes of "
                    f"{wanted.target.name}: {error}.",
                    hint="Try again: it goes on from there if the server allows it.",
                ) from error
            time.sleep(_PAUSE_SECONDS)


def _ask(wanted: Wanted, token: str | None, progress: Progress) -> Answer:
    """Makes one request and writes down what comes."""
    import httpx2

    headers = _headers(wanted, token)
    request = httpx2.stream(
        "GET",
        wanted.url,
        headers=headers,
        follow_redirects=True,
        timeout=_SECONDS_WITHOUT_ANSWER,
    )
    with _failures_named(wanted), request as response:
        answer = read_answer(response)
        if response.status_code == RANGE_REFUSED and "Range" in headers:
            if answer.total == wanted.n_bytes:  # interrupted after the last byte
                return answer
            wanted.forget()
            raise _BrokenOffError("what was there is no part of the file")
        require_file(response, wanted, has_token=token is not None)
        if answer.start not in {0, wanted.n_bytes}:
            wanted.forget()
            raise _BrokenOffError("another part came than was asked for")
        _receive(response, answer, wanted, progress)
        return answer


def _headers(wanted: Wanted, token: str | None) -> dict[str, str]:
    """Asks for the bytes as they are, and for the missing ones only where that is safe."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "fundus-explorer"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if validator := wanted.validator():
        headers |= {"Range": f"bytes={wanted.n_bytes}-", "If-Range": validator}
    else:
        wanted.forget()
    return headers


@contextmanager
def _failures_named(wanted: Wanted) -> Iterator[None]:
    """Tells an address that cannot be reached from a connection that breaks off."""
    import httpx2

    try:
        yield
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
        raise WeightsError(
            f"{wanted.host} cannot be reached: {_sentence(error)}.",
            hint=f"Check the network. Or download the file elsewhere ({wanted.page}) and put it "
            f"here as {wanted.target}.",
        ) from error
    except httpx2.TransportError as error:
        raise _BrokenOffError(_sentence(error)) from error
    except (httpx2.InvalidURL, httpx2.TooManyRedirects) as error:
        raise WeightsError(
            f"{wanted.url} leads nowhere: {_sentence(error)}.", hint=f"Look at {wanted.page}."
        ) from error


def _receive(
    response: "httpx2.Response", answer: Answer, wanted: Wanted, progress: Progress
) -> None:
    """Appends what comes to what is there."""
    done = answer.start
    missing = 0 if answer.total is None else answer.total - done
    _require_space(wanted.target.parent, missing)
    write_json(wanted.note, {"url": wanted.url, "validator": answer.validator})
    mode = "ab" if done else "wb"
    with full_disk_explained(wanted.part, missing), wanted.part.open(mode) as file:
        for chunk in response.iter_raw():
            file.write(chunk)
            done += len(chunk)
            _report(done, answer.total, wanted.target.name, progress)
    if answer.total is not None and done != answer.total:
        raise _BrokenOffError(f"{answer.total:,} bytes were announced")


def _report(done: int, total: int | None, name: str, progress: Progress) -> None:
    """Tells how far the download is in megabytes, the last one rounded up."""
    megabytes = done // _MEGABYTE
    whole = megabytes + 1 if total is None else -(-total // _MEGABYTE)
    progress(whole if done == total else megabytes, whole, f"Downloading {name} (MB)")


def _put_into_place(wanted: Wanted, answer: Answer, sha256: str, progress: Progress) -> Downloaded:
    """Checks the whole file and gives it its name."""
    name, n_bytes = wanted.target.name, wanted.n_bytes
    progress(0, 1, f"Checking {name}")
    found, expected = file_sha256(wanted.part), sha256 or answer.sha256
    if expected and found != expected:
        wanted.forget()
        whose = "the catalogue has" if sha256 else f"{wanted.host} states"
        raise WeightsError(
            f"{name} from {wanted.url} has the SHA-256 {found}; {whose} {expected}. It was "
            "removed.",
            hint="Try again. If it happens twice, the published file is another one by now: look "
            f"at {wanted.page}.",
        )
    with wanted.part.open("rb+") as file:
        os.fsync(file.fileno())
    wanted.part.replace(wanted.target)
    sync_folder(wanted.target.parent)
    wanted.forget()
    progress(1, 1, f"Checking {name}")
    return Downloaded(wanted.target, found, n_bytes, answer.revision)


def _require_space(folder: Path, n_bytes: int) -> None:
    """Says before the first byte that the file does not fit.

    Raises:
        StoreError: With both sizes.
    """
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise StoreError(
            f"{n_bytes:,} bytes are to be downloaded; {folder} has space for {free:,}.",
            hint="Free some space or choose another place (--workspace).",
        )


def _sentence(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__
