"""The selection that all pages share: how much it is, letting go of it, keeping it under a name."""

from collections.abc import Mapping

import streamlit as st

from fundus_core.errors import FundusError
from fundus_core.io.selections import NamedSelection
from fundus_core.ui import messages, outside, selection_caches, state, text, wiring
from fundus_core.ui.selection_caches import Chosen
from fundus_core.workflows.data.selections import (
    Counts,
    delete_selection,
    inverted,
    load_selection,
    save_selection,
)

HELP = (
    "What you select on a map, in a table or by a search stays selected on every page. All else is "
    "greyed out there, not hidden. The address of the page names the selection, so that a link "
    "shows it to a colleague."
)

_OFFERED = "selection.offered"
"""The name, and the key of what had it, when the button that saves was pressed."""


def selection_bar() -> None:
    """Draws what is selected of the open data set; nothing where none is open.

    Call it once, in the frame around the pages.
    """
    session = state.current()
    if session.dataset_id not in {summary.id for summary in wiring.datasets()}:
        return
    try:
        chosen = selection_caches.chosen()
        everything = selection_caches.all_counts(session.dataset_id)
    except FundusError:  # the page says so
        return
    with st.container(key="selection.bar", gap="xsmall"):
        st.markdown("**Selection**", help=HELP)
        if session.lost_selection:
            st.warning(
                f"The address names the selection {text.code(session.lost_selection)}, which this "
                "workspace does not hold any more. Those without a name are forgotten in time."
            )
        st.caption(counts_sentence(chosen.counts if chosen else None, everything))
        if chosen.n_gone:
            are = "is" if chosen.n_gone == 1 else "are"
            st.caption(
                f":material/info: {text.count(chosen.n_gone, 'selected photograph')} {are} no "
                "longer in the data set."
            )
        _buttons(chosen)


def counts_sentence(chosen: Counts | None, everything: Counts) -> str:
    """Returns how much is selected of how much, in a line of markdown each.

    Examples:
        >>> counts_sentence(Counts(3, 2, 1, 0, 0), Counts(20, 12, 6, 0, 0)).splitlines()[1].strip()
        '2 of 12 eyes'
    """
    lines = [_line(chosen.n_images if chosen else None, everything.n_images, "photograph")]
    for noun, field in (("eye", "n_eyes"), ("patient", "n_patients")):
        total = getattr(everything, field)
        if total is None:
            lines.append(f"{noun}s not known")
        else:
            lines.append(_line(getattr(chosen, field) or 0 if chosen else None, total, noun))
    if chosen is not None and chosen.n_without_patient and everything.n_patients is not None:
        lines.append(f"{chosen.n_without_patient:,} of them name no patient")
    if chosen is not None and chosen.n_without_eye and everything.n_eyes is not None:
        lines.append(f"{chosen.n_without_eye:,} of them name no side")
    return "  \n".join(lines)


def toggle(image_id: str) -> None:
    """Draws the button that adds one photograph to the selection, or takes it out."""
    members = selection_caches.chosen().members
    is_in = image_id in members
    st.button(
        "Take out of the selection" if is_in else "Add to the selection",
        key=f"selection.toggle.{image_id}",
        type="tertiary",
        icon=":material/remove_circle:" if is_in else ":material/add_circle:",
        on_click=outside.callback(_toggle),
        args=(image_id,),
    )


def _line(part: int | None, total: int, noun: str) -> str:
    return f"{'none' if part is None else f'{part:,}'} of {text.count(total, noun)}"


def _buttons(chosen: Chosen) -> None:
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Clear",
            key="selection.clear",
            icon=":material/deselect:",
            type="tertiary",
            disabled=not state.current().selection,
            on_click=outside.callback(state.select),
            args=((),),
        )
        st.button(
            "Invert",
            key="selection.invert",
            icon=":material/swap_horiz:",
            type="tertiary",
            disabled=not chosen,
            on_click=outside.callback(_invert),
            help="Selects all photographs of the data set that are not selected now.",
        )
        with st.popover(
            "Saved", icon=":material/bookmarks:", type="tertiary", key="selection.saved"
        ):
            _keeping(chosen)


def _keeping(chosen: Chosen) -> None:
    """Draws the form that saves, and the menu of what was saved."""
    dataset_id = state.current().dataset_id
    saved = {one.name: one for one in selection_caches.saved(dataset_id)}
    name = st.text_input(
        "Save the selection as", key="selection.name", placeholder="hazy photographs"
    )
    there = saved.get(" ".join(name.split()))
    if st.button(
        "Replace it" if there else "Save",
        key="selection.save",
        icon=":material/bookmark_add:",
        disabled=not chosen or not name.strip() or wiring.read_only(),
        on_click=outside.callback(state.keep),
        args=(_OFFERED, (name, there.key if there else "")),
    ):
        _save(name, chosen)
    if not chosen:
        st.caption("Select photographs first: on a map, by a search, or one at a time.")
    if saved:
        _loading(saved)
    else:
        st.caption("No selection of this data set was saved yet.")


def _loading(saved: Mapping[str, NamedSelection]) -> None:
    """Draws the menu of saved selections with what can be done to one."""
    name = st.selectbox(
        "Saved selections",
        list(saved),
        format_func=lambda one: f"{one} ({saved[one].n_images:,})",
        key="selection.menu",
    )
    st.caption(f"Saved {text.when(saved[name].saved_at)}")
    with st.container(horizontal=True):
        # What is done is done to the one that the menu showed: where another window has deleted it
        # since, the menu shows another one by the time the page is drawn anew.
        st.button(
            "Select it",
            key="selection.load",
            icon=":material/bookmark_check:",
            on_click=outside.callback(_load),
            args=(name,),
        )
        st.button(
            "Delete it",
            key="selection.delete",
            icon=":material/delete:",
            disabled=wiring.read_only(),
            on_click=outside.callback(_delete),
            args=(name, saved[name].key),
            help="Forgets the name. No photograph is touched, and what is selected stays so.",
        )


def _save(name: str, chosen: Chosen) -> None:
    """Saves; what has the name gives it up only if the button that was pressed said so."""
    session = state.current()
    offered, key = state.kept(_OFFERED) or ("", "")
    try:
        save_selection(
            wiring.workspace(),
            session.dataset_id,
            name,
            chosen.image_ids,
            origin=session.selection_origin,
            replacing=key if offered == name else "",
        )
    except FundusError as error:
        messages.show_error(error)
        return
    st.rerun()


def _load(name: str) -> None:
    """Selects what was saved; photographs that vanished stay counted."""
    dataset_id = state.current().dataset_id
    found = load_selection(wiring.workspace(), dataset_id, name, wiring.dataset(dataset_id))
    state.select(found.stored_ids, found.origin)


def _delete(name: str, key: str) -> None:
    delete_selection(wiring.workspace(), state.current().dataset_id, name, key=key)


def _invert() -> None:
    dataset = wiring.dataset(state.current().dataset_id)
    state.select(inverted(state.current().selection, dataset), "all but those selected before")


def _toggle(image_id: str) -> None:
    held = state.current().selection
    if image_id in held:
        state.select([one for one in held if one != image_id], "chosen one by one")
    else:
        state.select([*held, image_id], "chosen one by one")
