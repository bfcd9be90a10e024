"""Several processes at once: what one of them says reaches the caller."""

import os
import signal
import sys
from pathlib import Path

import pytest

from fundus_core.domain.progress import silent
from fundus_core.errors import StoreError
from fundus_core.phantom.parallel import for_each


def refuse(item: Path) -> None:
    raise StoreError(f"No space left in {item}.", hint="Free some space.")


@pytest.mark.parametrize("workers", [1, 2])
def test_for_each__an_error_of_a_process_is_the_callers(workers: int) -> None:
    with pytest.raises(StoreError, match=r"No space left in a\.") as raised:
        for_each(refuse, [Path("a")], workers=workers, progress=silent)

    assert raised.value.hint == "Free some space."


def tell_how_ctrl_c_is_taken(place: Path) -> None:
    place.write_text(str(signal.getsignal(signal.SIGINT) == signal.SIG_IGN))


def test_for_each__ctrl_c_is_left_to_the_caller(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)

    for_each(tell_how_ctrl_c_is_taken, [tmp_path / "a"], workers=2, progress=silent)

    assert (tmp_path / "a").read_text() == "True"
    assert signal.getsignal(signal.SIGINT) == before


def test_for_each__leaves_the_main_module_as_it_was() -> None:
    before = sys.modules["__main__"]

    with pytest.raises(StoreError):
        for_each(refuse, [Path("a")], workers=2, progress=silent)

    assert sys.modules["__main__"] is before


def write_down(place: Path) -> None:
    place.write_text("drawn")


def test_for_each__a_notebooks_processes_run_nothing_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("threading", "multiprocessing", "cv2"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)

    for_each(write_down, [tmp_path / "a", tmp_path / "b"], workers=2, progress=silent)

    assert (tmp_path / "b").read_text() == "drawn"
    assert "PYTHONSAFEPATH" not in os.environ
