"""What running a study would take, what stands in the way, and the button that begins."""

from collections.abc import Sequence

import streamlit as st

from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.errors import WeightsError
from fundus_core.probes import PROBES
from fundus_core.studies.data import StudyData
from fundus_core.studies.document import StudyDocument
from fundus_core.studies.obstacles import Obstacle
from fundus_core.ui import messages, outside, study_caches, text, wiring
from fundus_core.ui.components.weights_fetch import missing_weights
from fundus_core.ui.glossary import help_for
from fundus_core.ui.study_wiring import StudyChoice, StudyPlan, unread

_LISTED = 3
"""Cells that are named of those with the same obstacle."""

_AXES = {
    "data": "data set",
    "models": "model",
    "strategy": "strategy",
    "head": "head",
    "image_size": "input size",
    "preprocessing": "preprocessing",
    "fraction": "share of the patients",
    "draw": "draw",
    "seed": "seed",
}


def photographs_to_read(choice: StudyChoice) -> bool:
    """Says whether photographs must be read before anything can be told, and offers to do so."""
    with messages.shown_to_user():
        document = study_caches.study_document(choice)
        waiting = unread(wiring.workspace(), choice, document)
    st.subheader("Plan")
    with messages.shown_to_user():
        data = () if waiting else study_caches.study(choice).files.data
    st.markdown(grid_sentence(document, data))
    if waiting:
        _offer_reading(choice, document, waiting)
    return bool(waiting)


def study_plan(choice: StudyChoice) -> None:
    """Draws what a study takes with the button that begins; may load the networks' library."""
    with messages.shown_to_user():
        plan = study_caches.study_plan(choice)
    _figures(plan)
    skip = _obstacles(plan)
    title = study_caches.study_document(choice).title
    st.button(
        run_label(plan),
        key="studies.run",
        type="primary",
        icon=":material/play_arrow:",
        disabled=wiring.read_only()
        or not plan.free_left.n_cells
        or (bool(plan.obstacles) and not skip),
        on_click=outside.callback(_submit),
        args=(
            [*choice.arguments, *(["--skip"] if plan.obstacles else [])],
            f"Study: {title} ({choice.size})",
        ),
    )


def run_label(plan: StudyPlan) -> str:
    """Returns what the button says that begins, or why it cannot."""
    if not plan.all_left.n_cells:
        return "Nothing is left to run"
    if not plan.free_left.n_cells:
        return "No cell can be run as things are"
    return f"Run {text.count(plan.free_left.n_cells, 'cell')}"


def grid_sentence(document: StudyDocument, data: Sequence[StudyData]) -> str:
    """Says what the grid is made of and how each cell is validated.

    Args:
        document: What the study file says.
        data: Its data sets; none as long as their photographs were not read.
    """
    axes = document.axes.model_dump()
    train = sum(part.role == "train" for part in document.data)
    sizes = {"data": train, "models": len(document.models)}
    sizes |= {axis: len(axes[axis]) for axis in _AXES if axis in axes}
    factors = [_plural(n, _AXES[axis]) for axis, n in sizes.items() if n > 1]
    grid = " × ".join(factors) or "One model, one strategy"
    left_out = ", less the cells the file leaves out" if document.leave_out else ""
    validation = document.validation
    folds = f"{validation.folds} folds{_grouping(data)}"
    validated = "its table's own split" if validation.use_split else folds
    return f"{grid}{left_out}. Each cell is validated by {validated}{_training_words(document)}."


def _grouping(data: Sequence[StudyData]) -> str:
    """Says whether folds keep a patient together, as far as that is known."""
    learned = [one.dataset.table["patient_id"].notna() for one in data if one.part.role == "train"]
    if learned and all(named.all() for named in learned):
        return ", grouped by patient"
    if learned and not any(named.any() for named in learned):
        return " of single photographs, for patients are unknown"
    return ", grouped by patient where patients are known"


def _training_words(document: StudyDocument) -> str:
    if all(strategy in PROBES for strategy in document.axes.strategy):
        return "; backbones stay frozen"
    return f"; training takes at most {text.count(document.training.epochs, 'epoch')}"


def _plural(number: int, noun: str) -> str:
    irregular = {
        "strategy": "strategies",
        "share of the patients": "shares of the patients",
        "preprocessing": "preprocessings",
    }
    return f"{number} {irregular.get(noun, noun + 's') if number > 1 else noun}"


def _figures(plan: StudyPlan) -> None:
    with st.container(horizontal=True):
        st.metric("Cells", f"{plan.n_cells:,}", width="content", help=help_for("cell"))
        st.metric("Stored already", f"{plan.n_stored:,}", width="content", help=help_for("run"))
        st.metric("Cannot be run", f"{len(plan.obstacles):,}", width="content")
    st.caption(
        f"{_expected_words(plan)} Cells are stored one by one: a study that is stopped goes on "
        "where it was, and studies share the cells they have in common."
    )


def _offer_reading(choice: StudyChoice, document: StudyDocument, waiting: Sequence[str]) -> None:
    """Says that photographs must be read first, and offers to do so."""
    names = ", ".join(map(text.escaped, waiting))
    st.info(
        f"The photographs of **{names}** were not read yet. The number of cells, the time and what "
        "stands in the way are told when they are; synthetic ones are drawn first, in about a "
        "minute.",
        icon=":material/schedule:",
    )
    st.button(
        "Read the photographs",
        key="studies.read",
        type="primary",
        icon=":material/folder_open:",
        disabled=wiring.read_only(),
        on_click=outside.callback(_submit),
        args=([*choice.arguments, "--dry-run"], f"Read the photographs of: {document.title}"),
    )


def _submit(argv: Sequence[str], title: str) -> None:
    """Starts a job before the page is drawn anew, so that it is watched at once."""
    wiring.submit(argv, title)


def _obstacles(plan: StudyPlan) -> bool:
    """Draws what stands in the way; returns whether such cells are to be left out."""
    if not plan.obstacles:
        return False
    by_reason: dict[tuple[str, str], list[Obstacle]] = {}
    for one in plan.obstacles:
        by_reason.setdefault((one.error.message, one.error.hint), []).append(one)
    with st.container(border=True):
        st.markdown(f"**{text.count(len(plan.obstacles), 'cell')} cannot be run as things are**")
        for (message, hint), found in by_reason.items():
            fetchable = _own_weights(found)
            if fetchable:
                missing_weights(fetchable, None, key="studies")
            else:
                st.markdown(f"{text.escaped(message)} {text.escaped(hint)}")
            st.caption(_cells_sentence(found))
        if not plan.free_left.n_cells:
            return False
        return st.checkbox("Leave these cells out and run the others", key="studies.skip")


def _expected_words(plan: StudyPlan) -> str:
    """Says what the cells that are left take, and those among them that can be run."""
    everything, possible = plan.all_left.text(), plan.free_left.text()
    said = f"{everything[:1].upper()}{everything[1:]}."
    if plan.free_left.n_cells and possible != everything:
        said += f" Without the cells that cannot be run: {possible}."
    return said


def _cells_sentence(found: Sequence[Obstacle]) -> str:
    titles = [text.escaped(one.cell.title) for one in found]
    more = f" and {len(titles) - _LISTED} more" if len(titles) > _LISTED else ""
    return f"{text.count(len(titles), 'cell')}: {'; '.join(titles[:_LISTED])}{more}"


def _own_weights(found: Sequence[Obstacle]) -> list[str]:
    """Returns the backbones whose own published weights are asked for and not here."""
    asked = [
        one.cell.backbone
        for one in found
        if one.cell.model.weights is None and isinstance(one.error, WeightsError)
    ]
    return [
        backbone
        for backbone in dict.fromkeys(asked)
        if backbone in BACKBONES and wiring.weights_place(backbone).state == "fetchable"
    ]
