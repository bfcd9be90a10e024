"""A short tour: five steps in the sidebar, each with the page it is about."""

from dataclasses import dataclass

import streamlit as st

from fundus_core.ui import messages, outside, state, text


@dataclass(frozen=True, slots=True)
class Step:
    """One step."""

    title: str
    words: str
    page: str
    link: str
    icon: str


STEPS = (
    Step(
        "Photographs",
        "Everything begins with a data set: photographs, what each is labelled with, and whose "
        "they are. Both eyes of a patient always stay together.",
        "pages/data/overview.py",
        "See the data set",
        ":material/dataset:",
    ),
    Step(
        "Embeddings and maps",
        "A backbone turns each photograph into a list of numbers. A map shows which photographs it "
        "finds alike; draw round some to look at them.",
        "pages/embed/map.py",
        "See the map",
        ":material/bubble_chart:",
    ),
    Step(
        "Models",
        "A linear probe learns from the numbers alone, fine-tuning moves the backbone too. Each is "
        "tested on patients it did not learn from.",
        "pages/model/linear_probe.py",
        "See the probes",
        ":material/linear_scale:",
    ),
    Step(
        "Is the difference real?",
        "AUCs with intervals by patient, tests between models, and the photographs about which "
        "only one of them is right.",
        "pages/evaluate/compare.py",
        "Compare models",
        ":material/balance:",
    ),
    Step(
        "Where does it look?",
        "Heat maps, and whether they may be read; or hand over one photograph and see what every "
        "model says of it.",
        "pages/explain/grad_cam.py",
        "See where models look",
        ":material/center_focus_strong:",
    ),
)


def offer() -> None:
    """Draws the button that begins the tour."""
    st.button(
        "Take the tour: five steps",
        key="tour.begin",
        icon=":material/tour:",
        on_click=outside.callback(_go),
        args=(1,),
        help="It stays in the sidebar while you look around, until you close it.",
    )


def in_sidebar() -> None:
    """Draws the current step in the sidebar; nothing where no tour is taken."""
    number = state.current().tour_step
    if not 1 <= number <= len(STEPS):
        return
    step = STEPS[number - 1]
    with st.container(border=True, gap="xsmall", key="tour"):
        st.markdown(f":material/tour: **{number} of {len(STEPS)}: {text.escaped(step.title)}**")
        st.caption(step.words)
        messages.next_step(step.page, step.link, step.icon)
        with st.container(horizontal=True):
            if number > 1:
                _button("Back", ":material/arrow_back:", number - 1)
            if number < len(STEPS):
                _button("Next", ":material/arrow_forward:", number + 1)
            _button("Close the tour", ":material/close:", 0)


def _button(label: str, icon: str, step: int) -> None:
    st.button(
        label,
        key=f"tour.{label}",
        icon=icon,
        type="tertiary",
        on_click=outside.callback(_go),
        args=(step,),
    )


def _go(step: int) -> None:
    state.choose(tour_step=step)
