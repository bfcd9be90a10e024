"""The frame around every page: what a page could not do ends in a sentence."""

import errno
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.errors import StoreError
from fundus_core.ui.components import doors

ROOT = Path(__file__).parents[2]


def failing(workspace: Path) -> dict[str, Exception]:
    return {
        "is full": OSError(errno.ENOSPC, "No space left on device", str(workspace / "x" / "y")),
        "is damaged": StoreError("The run is damaged.", hint="Run it again."),
    }


@pytest.mark.parametrize(
    ("kind", "said"), [("is full", "No space left in"), ("is damaged", "The run is damaged")]
)
def test_what_a_page_could_not_do_ends_in_a_sentence(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, kind: str, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failing(workspace)[kind]

    monkeypatch.setattr(doors, "doors", fail)

    page = AppTest.from_file(ROOT / "app.py", default_timeout=60).run()

    assert not page.exception
    (error,) = page.error
    assert said in error.value
