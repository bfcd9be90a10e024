"""Drawing synthetic photographs to learn from, as a data set of its own."""

import streamlit as st

from fundus_core.io.manifest import DataSource
from fundus_core.ui import outside, text, wiring
from fundus_core.ui.components import job_progress
from fundus_core.workflows.data.datasets import source_arguments

COMMANDS = ("demo", "check")
"""Jobs that end in a new data set."""

_SECOND_VISITS = 1.25
"""Every fourth patient comes twice."""


def phantom_form() -> None:
    """Draws the form that makes phantoms and reads them as a data set."""
    left, middle, right = st.columns(3)
    patients = int(left.number_input("Patients", 8, 100_000, 1000, 100, key="phantoms.patients"))
    size = int(middle.number_input("Size, px", 64, 2048, 256, 32, key="phantoms.size"))
    seed = int(
        right.number_input(
            "Seed", 0, 1_000_000, 1, key="phantoms.seed", help="The demo has the seed 0."
        )
    )
    n_images = round(2 * _SECOND_VISITS * patients)
    st.caption(
        f"About {n_images:,} synthetic photographs of {text.count(patients, 'patient')}, four "
        "fifths of them ill, with the truth of every lesion. Nothing is planted among them."
    )
    st.button(
        "Draw and open them",
        key="phantoms.draw",
        icon=":material/draw:",
        disabled=wiring.read_only(),
        on_click=outside.callback(_draw),
        args=(patients, size, seed),
    )
    job_progress.watch(COMMANDS)
    job_progress.last_failure(COMMANDS)


def _draw(patients: int, size: int, seed: int) -> None:
    """Queues drawing and then reading; both run on the CPU's queue, so in this order."""
    folder = wiring.workspace().root / "phantoms" / f"{patients}-patients-{size}px-seed{seed}"
    options = {"--patients": patients, "--image-size": size, "--seed": seed, "--healthy-share": 0.2}
    words = [str(word) for pair in options.items() for word in pair]
    wiring.submit(["demo", str(folder), *words, "--plain"], f"Draw {patients:,} synthetic patients")
    wiring.submit(["check", *source_arguments(DataSource(folder))], f"Read {folder.name}")
