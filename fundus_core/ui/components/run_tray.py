"""The chosen models, in the sidebar of every page that looks at models, with where to take them."""

from collections.abc import Sequence

import streamlit as st

from fundus_core.ui import messages, outside, state, text
from fundus_core.workflows.models.run_names import averaged_text, names_by_target
from fundus_core.workflows.models.run_record import Run

LINKS = (
    ("pages/evaluate/roc.py", "ROC", ":material/show_chart:"),
    ("pages/evaluate/compare.py", "Compare, errors that differ", ":material/balance:"),
    ("pages/evaluate/calibration.py", "Calibration", ":material/speed:"),
    ("pages/explain/grad_cam.py", "Heat maps side by side", ":material/center_focus_strong:"),
    ("pages/explain/photograph.py", "One photograph", ":material/add_a_photo:"),
)
"""Where chosen models can be looked at: page, what is seen there, icon."""


def tray(runs: Sequence[Run], target: str = "") -> None:
    """Draws the chosen models with a way to add, remove and clear, and where they can be taken.

    Args:
        runs: All evaluated models of the data set.
        target: What the page looks at; models of others are marked. Empty where it shows all: then
            all are, if there are several targets.
    """
    known = {run.id: run for run in runs if run.auc is not None}
    chosen = [run_id for run_id in state.current().run_ids if run_id in known]
    names = names_by_target(list(known.values()))
    targets = {run.target.name for run in known.values()}
    looked_at = target or (targets.pop() if len(targets) == 1 else "")
    entries = {run_id: f"{known[run_id].target.name}: {name}" for run_id, name in names.items()}
    with st.sidebar, st.container(border=True, gap="xsmall", key="tray"):
        st.markdown(f":material/inbox: **{text.count(len(chosen), 'model')} chosen**")
        for run_id in chosen:
            _row(known[run_id], names[run_id], looked_at)
        if not chosen:
            st.caption("Add a model to take it along from page to page.")
        _adder([run_id for run_id in known if run_id not in chosen], entries)
        if chosen:
            for page, label, icon in LINKS:
                messages.next_step(page, label, icon)


def _row(run: Run, name: str, target: str) -> None:
    over = averaged_text(run)
    auc = "" if run.auc is None else f"AUC {run.auc.auc:.2f}{f' ({over})' if over else ''}"
    elsewhere = f" · {text.escaped(run.target.name)}" if run.target.name != target else ""
    words, button = st.columns([5, 1], vertical_alignment="center", gap="xsmall")
    words.caption(f"{text.escaped(name)} · {auc}{elsewhere}")
    button.button(
        "",
        key=f"tray.remove.{run.id}",
        icon=":material/close:",
        type="tertiary",
        help=f"Remove {text.escaped(name)}",
        on_click=outside.callback(_remove),
        args=(run.id,),
    )


def _adder(others: Sequence[str], entries: dict[str, str]) -> None:
    """Draws the menu of models that are not chosen, and the button that empties the tray.

    Args:
        others: Ids of the models.
        entries: Id -> what no other model is called, of whatever target.
    """
    with st.popover("Add, or start over", icon=":material/edit:", key="tray.edit"):
        wanted = st.selectbox(
            "Add a model",
            others,
            index=None,
            format_func=entries.__getitem__,
            placeholder="Choose one" if others else "All are chosen",
            key="tray.more",
        )
        st.button(
            "Add",
            key="tray.add",
            icon=":material/add:",
            disabled=wanted is None,
            on_click=outside.callback(_add),
            args=(wanted,),
        )
        st.button(
            "Start over",
            key="tray.clear",
            icon=":material/delete_sweep:",
            help="Empties the tray; a page that needs models begins with the newest again.",
            on_click=outside.callback(_clear),
        )


def _add(run_id: str) -> None:
    held = state.current().run_ids
    state.choose(run_ids=(*held, *([run_id] if run_id not in held else [])))


def _remove(run_id: str) -> None:
    state.choose(run_ids=tuple(one for one in state.current().run_ids if one != run_id))


def _clear() -> None:
    state.choose(run_ids=())
