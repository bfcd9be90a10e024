"""Trainings as they run: their jobs, and the learning curves as far as they have come."""

from collections.abc import Collection, Sequence

import streamlit as st

from fundus_core.checks import Caution
from fundus_core.finetune.curves import LearningCurves
from fundus_core.finetune.state import Epoch
from fundus_core.plots.movement import movement_figure
from fundus_core.plots.training import learning_curves_figure
from fundus_core.ui import outside, wiring
from fundus_core.ui.components import downloads, job_progress

SECONDS_BETWEEN_LOOKS = 2.0

HOW_TO_READ = (
    "Solid: loss on patients set aside to choose the epoch; dotted: on the augmented photographs "
    "that were learned from. The ring marks the lowest solid point, whose weights are used. A "
    "solid line that rises while the dotted one falls is learning photographs by heart."
)


HOW_TO_READ_MOVEMENT = (
    "Distance of each part's weights to where they began, in percent of their length there. The "
    "head has no distance if it began at zero."
)


def watch(commands: Collection[str]) -> None:
    """Shows the unfinished jobs of some commands with their curves; nothing where there are none.

    Args:
        commands: First words of command lines that train.
    """
    job_progress.watch(commands)
    if job_progress.under_way(commands):
        _live_curves(tuple(commands))


def curves_chart(curves: LearningCurves, *, key: str, cautions: Sequence[Caution]) -> None:
    """Draws learning curves and says how to read them; the cautions go into its files."""
    drawn = learning_curves_figure(curves)
    st.plotly_chart(drawn, key=key, alt=curves_in_words(curves))
    st.caption(HOW_TO_READ)
    downloads.figure(
        drawn,
        name=f"curves-{key}",
        caption=f"Learning curves of {curves.title}, fold by fold.",
        methods=HOW_TO_READ,
        cautions=cautions,
    )


def movement_chart(curves: LearningCurves, *, key: str, cautions: Sequence[Caution]) -> None:
    """Draws how far each part moved in one fold; nothing where that was not recorded."""
    recorded = [number for number, fold in enumerate(curves.folds, 1) if fold and fold[-1].drift]
    if not recorded:
        return
    st.markdown("**Which parts moved, and how far**")
    fold = st.segmented_control(
        "Fold", recorded, default=recorded[0], required=True, wrap=True, key=f"{key}.fold"
    )
    number = int(fold or recorded[0])
    drawn = movement_figure(curves.folds[number - 1])
    st.plotly_chart(drawn, key=key, alt=movement_in_words(curves.folds[number - 1]))
    st.caption(HOW_TO_READ_MOVEMENT)
    downloads.figure(
        drawn,
        name=f"movement-{key}",
        caption=f"How far each part of {curves.title} moved in fold {number}.",
        methods=HOW_TO_READ_MOVEMENT,
        cautions=cautions,
    )


def curves_in_words(curves: LearningCurves) -> str:
    """Returns learning curves for those who do not see them: the lowest held-out loss of folds."""
    said = []
    for number, fold in enumerate(curves.folds, 1):
        losses = [
            (one.validation_loss, one.number) for one in fold if one.validation_loss is not None
        ]
        if losses:
            lowest, epoch = min(losses)
            said.append(f"fold {number}: lowest held-out loss {lowest:.3f}, epoch {epoch}")
    return f"Learning curves of {curves.title}. {'; '.join(said) or 'No held-out loss yet'}."


def movement_in_words(fold: Sequence[Epoch]) -> str:
    """Returns how far each part had moved by the last epoch of a fold."""
    drift = fold[-1].drift if fold else {}
    said = [f"{part} {share:.1%}" for part, share in drift.items() if share is not None]
    return f"Movement of each part by the last epoch. {'; '.join(said)}."


@outside.fragment(run_every=SECONDS_BETWEEN_LOOKS)
def _live_curves(commands: tuple[str, ...]) -> None:
    started = [job.started_at for job in job_progress.under_way(commands) if job.started_at]
    under_way = wiring.curves_since(min(started)) if started else ()
    for number, curves in enumerate(under_way):
        st.plotly_chart(
            learning_curves_figure(curves),
            key=f"training.live.{number}",
            alt=curves_in_words(curves),
        )
        latest = curves.folds[-1] if curves.folds else ()
        if latest and latest[-1].drift:
            st.plotly_chart(
                movement_figure(latest),
                key=f"training.moved.{number}",
                alt=movement_in_words(latest),
            )
    if under_way:
        st.caption(HOW_TO_READ)
    elif started:
        st.caption("The learning curves appear after the first epoch.")
