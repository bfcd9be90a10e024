"""What Streamlit calls outside the run of a page: every callback and fragment says what failed."""

import ast
import errno
import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]
OUTSIDE = ROOT / "fundus_core" / "ui" / "outside.py"
DRAWING = [
    ROOT / "app.py",
    *sorted(ROOT.glob("pages/**/*.py")),
    *sorted(ROOT.glob("fundus_core/ui/**/*.py")),
]


def callbacks_of(tree: ast.AST) -> list[ast.expr]:
    """Returns what is given as `on_click` and the like, by name or in a dict of arguments."""
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg and node.arg.startswith("on_"):
            found.append(node.value)
        elif isinstance(node, ast.Dict):
            keys = [key.value if isinstance(key, ast.Constant) else "" for key in node.keys]
            pairs = zip(keys, node.values, strict=True)
            found += [value for key, value in pairs if str(key).startswith("on_")]
    return found


def is_told(callback: ast.expr) -> bool:
    """Says whether errors of a callback are told; the words `ignore` and `rerun` are none."""
    if isinstance(callback, ast.Constant):
        return isinstance(callback.value, str)
    return isinstance(callback, ast.Call) and ast.unparse(callback.func) == "outside.callback"


def test_every_callback_tells_what_it_could_not_do() -> None:
    files = {path: callbacks_of(ast.parse(path.read_text(encoding="utf-8"))) for path in DRAWING}
    found = [(path.name, one) for path, callbacks in files.items() for one in callbacks]
    bare = [(name, ast.unparse(one)) for name, one in found if not is_told(one)]

    assert len(found) > 40
    assert bare == [("photograph_caches.py", "lambda photo: photo.forget()")]  # of a cache


def test_every_fragment_tells_what_it_could_not_do() -> None:
    bare = [
        path.name
        for path in DRAWING
        if path != OUTSIDE
        and any(
            isinstance(node, ast.Attribute) and ast.unparse(node) in {"st.fragment", "st.dialog"}
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    ]

    assert not bare


def drawn(where: str, error: str) -> None:
    """A page with a button whose callback fails, on the page or in a fragment of it."""
    import streamlit as st

    from fundus_core.ui import outside
    from tests.ui.test_outside import failure

    def fail() -> None:
        raise failure(error)

    @outside.fragment()
    def part() -> None:
        if where == "fragment itself":
            fail()
        st.button("Do it", on_click=outside.callback(fail if "callback" in where else print))
        st.caption("the fragment")

    st.title("Page")
    outside.show_refused()
    if where == "callback of the page":
        st.button("Do it", on_click=outside.callback(fail))
    else:
        part()
    st.caption("the rest")


def failure(kind: str) -> Exception:
    from fundus_core.errors import StoreError

    return {
        "mendable": StoreError("The run is gone.", hint="Choose another one."),
        "full": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        "defect": KeyError("x"),
    }[kind]


@pytest.mark.parametrize("kind", ["mendable", "full"])
@pytest.mark.parametrize("where", ["callback of the page", "callback in a fragment"])
def test_callback__says_in_a_sentence_on_the_page_and_in_its_corner_what_it_could_not_do(
    where: str, kind: str
) -> None:
    page = AppTest.from_function(drawn, args=(where, kind)).run()
    page.button[0].click().run()

    said = {"mendable": "The run is gone", "full": "No space left on a disk"}[kind]
    assert not page.exception
    assert [said in one.value for one in page.error] == [True]
    assert [said in one.value for one in page.toast] == [True]
    assert page.title[0].value == "Page"
    assert page.caption[-1].value == "the rest"
    assert not page.run().error


@pytest.mark.parametrize("kind", ["mendable", "full"])
def test_fragment__says_what_it_could_not_do_and_the_page_goes_on(kind: str) -> None:
    page = AppTest.from_function(drawn, args=("fragment itself", kind)).run()

    assert not page.exception
    assert len(page.error) == 1
    assert page.caption[-1].value == "the rest"


@pytest.mark.parametrize("where", ["callback of the page", "fragment itself"])
def test_a_defect_of_ours_is_not_hidden(where: str) -> None:
    page = AppTest.from_function(drawn, args=(where, "defect")).run()
    if "callback" in where:
        page.button[0].click().run()

    assert page.exception
