"""Cautions on pages: those without which figures must not be believed are seen first."""

from streamlit.testing.v1 import AppTest

from fundus_core.caution_codes import CAUTIONS, LOUD


def _all_cautions() -> None:
    from fundus_core.caution_codes import CAUTIONS
    from fundus_core.checks import Caution
    from fundus_core.ui import messages

    messages.cautions([Caution(code, "Found.") for code in reversed(CAUTIONS)])


def test_cautions__the_loud_ones_are_warnings_in_the_order_of_their_codes() -> None:
    page = AppTest.from_function(_all_cautions).run()

    assert not page.exception
    warned = [one.value.partition(" ")[0].strip("*") for one in page.warning]
    assert warned == sorted(LOUD)
    said = "\n".join(one.value for one in page.caption)
    quiet = {code for code in CAUTIONS if f"**{code}**" in said}
    kinds = [one.type for one in page.main.children.values()]
    assert kinds[: len(LOUD)] == ["warning"] * len(LOUD)
    assert quiet == set(CAUTIONS) - set(LOUD) - {"FD007"}  # the banner says that one


def _counted() -> None:
    from fundus_core.caution_codes import CAUTIONS
    from fundus_core.checks import Caution
    from fundus_core.ui import messages

    messages.cautions([Caution("FD006", f"{CAUTIONS['FD006']} (2 of 6 models)")])


def test_cautions__what_a_caution_says_itself_is_not_said_twice() -> None:
    page = AppTest.from_function(_counted).run()

    (said,) = [one.value for one in page.warning]
    assert said.count("mean colour of the photograph") == 1
    assert "2 of 6 models" in said
