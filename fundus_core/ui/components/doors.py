"""Three doors: look at a model, compare backbones, try the demo; each says what is missing."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from fundus_core.ui import messages, state, text, wiring
from fundus_core.ui.components import open_dataset
from fundus_core.workflows.data.datasets import DatasetSummary, dataset_id
from fundus_core.workflows.data.demo import demo_source
from fundus_core.workflows.models.run_names import averaged_text, names_by_target, no_auc_text
from fundus_core.workflows.models.run_record import Run

_FEWEST, _MOST = 2, 4
"""Models that are compared."""


def doors(dataset: DatasetSummary | None) -> None:
    """Draws the doors side by side.

    Args:
        dataset: The open data set; None where none was opened yet.
    """
    runs = () if dataset is None else wiring.runs(dataset.id)
    evaluated = [run for run in runs if run.auc is not None]
    browse, compare, demo = st.columns(3, border=True)
    with browse:
        _browse(dataset, evaluated)
    with compare:
        _compare(dataset, evaluated)
    with demo:
        _demo()


def _browse(dataset: DatasetSummary | None, runs: Sequence[Run]) -> None:
    _heading("Look at a model", "What does it say of each photograph, and where does it look?")
    if not runs:
        _missing(dataset, "No model was evaluated on it yet.")
        return
    # AUCs of different targets cannot be compared.
    best = max(comparable(runs) or runs[:1], key=lambda run: run.auc.auc if run.auc else 0.0)
    name = names_by_target(list(runs))[best.id]
    target = text.escaped(best.target.name)
    st.caption(f"The highest AUC for {target}: {text.escaped(name)}, {_auc(best)}.")
    _door("Its ROC curve and errors", "roc", "pages/evaluate/roc.py", (best,))
    _door("Where it looks", "maps", "pages/explain/grad_cam.py", (best,))
    _door("One photograph of your own", "photograph", "pages/explain/photograph.py", (best,))


def _compare(dataset: DatasetSummary | None, runs: Sequence[Run]) -> None:
    _heading("Compare backbones", "Which one should I trust on my photographs; is it real?")
    group = comparable(runs)
    if not group:
        _missing(dataset, f"There are fewer than {_FEWEST} models of one target.")
        return
    st.caption(
        f"{text.count(len(group), 'model')} for {text.escaped(group[0].target.name)} on the same "
        f"{text.count(group[0].n_images, 'photograph')}."
    )
    _door("Test their difference", "compare", "pages/evaluate/compare.py", group)
    _door("Their heat maps side by side", "side", "pages/explain/grad_cam.py", group)


def _demo() -> None:
    _heading("Try the demo", "Synthetic photographs, drawn by a program; no network is needed.")
    drawn = dataset_id(demo_source(wiring.workspace()))
    if wiring.story() is not None or any(one.id == drawn for one in wiring.datasets()):
        messages.next_step("pages/data/story.py", "The demo's story", ":material/auto_stories:")
        return
    if wiring.read_only():
        st.caption("The demo was not drawn in this workspace.")
        return
    open_dataset.demo_button(key="door.demo", label="Open the demo (synthetic)")
    st.caption("A minute for the photographs, some more for the story.")


def comparable(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Returns models of one target evaluated on equally many photographs, the newest first.

    The largest such group is taken; none where no two models belong together.
    """
    kinds = Counter((run.target.name, run.n_images) for run in runs)
    if not kinds or max(kinds.values()) < _FEWEST:
        return ()
    (usual, _), *_ = kinds.most_common(1)
    return tuple(run for run in runs if (run.target.name, run.n_images) == usual)[:_MOST]


def _heading(title: str, question: str) -> None:
    st.subheader(title)
    st.markdown(question)


def _missing(dataset: DatasetSummary | None, reason: str) -> None:
    """Says what the door needs first, and where to get it."""
    if dataset is None:
        st.caption("It begins with photographs.")
        messages.next_step("pages/data/overview.py", "Open a data set", ":material/folder_open:")
        return
    st.caption(f"{text.escaped(dataset.name)} is open. {reason}")
    if wiring.embeddings_list(dataset.id):
        messages.next_step("pages/model/linear_probe.py", "Fit one", ":material/linear_scale:")
    else:
        messages.next_step("pages/embed/extract.py", "Extract embeddings", ":material/memory:")


def _door(label: str, name: str, page: str, runs: Sequence[Run]) -> None:
    """Draws a button that opens a page on some models."""
    if st.button(label, key=f"door.{name}", icon=":material/arrow_forward:"):
        target = runs[0].target
        state.choose(
            run_ids=tuple(run.id for run in runs),
            target=target.name,
            class_name=target.scored_classes[0] if target.task == "binary" else "",
        )
        st.switch_page(page)


def _auc(run: Run) -> str:
    over = averaged_text(run)
    of = f" of {over}" if over else ""
    return no_auc_text(run) if run.auc is None else f"AUC{of} {text.auc(run.auc)}"
