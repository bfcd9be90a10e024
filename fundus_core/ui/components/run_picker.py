"""Which evaluated models a page looks at: of one target, several at once."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import streamlit as st

from fundus_core.checks import Caution, joined_cautions
from fundus_core.ui import state, text
from fundus_core.ui.components.run_tray import tray
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.models.run_names import run_names
from fundus_core.workflows.models.run_record import Run

ALL_CLASSES = ""
"""What is chosen where all classes of a target are looked at together."""

MOST_MODELS = 8
"""One model per colour; more curves than that cannot be told apart."""

_FIRST_SHOWN = 4
"""How many models are chosen until the reader chooses."""


@dataclass(frozen=True, slots=True)
class PickedRuns:
    """What a page looks at."""

    runs: tuple[Run, ...]
    """At least as many as were asked for, all of one target."""

    names: dict[str, str]
    """Run id -> name, different for each run of the target."""

    class_name: str
    """The class looked at; `ALL_CLASSES` for all of them together."""

    @property
    def all_classes(self) -> bool:
        """True when the page is to show all classes together."""
        return self.class_name == ALL_CLASSES

    @property
    def scored_class(self) -> str:
        """Returns the class whose scores are stored: of a binary target the positive one."""
        scored = self.runs[0].target.scored_classes
        return self.class_name if self.class_name in scored else scored[0]

    @property
    def class_label(self) -> str:
        """Returns the class in a way that reads alone."""
        return text.class_label(self.runs[0].target, self.class_name)

    @property
    def scored_label(self) -> str:
        """Returns the class whose scores are stored in a way that reads alone."""
        return text.class_label(self.runs[0].target, self.scored_class)

    @property
    def cautions(self) -> list[Caution]:
        """Returns what limits the figures of these runs."""
        return list(joined_cautions([(self.names[run.id], run.cautions) for run in self.runs]))

    def cautions_with(self, more: Iterable[Caution]) -> list[Caution]:
        """Returns these, and of more cautions those that the runs do not have."""
        return [*self.cautions, *self.further(more)]

    def further(self, found: Iterable[Caution]) -> list[Caution]:
        """Returns the cautions that are none of the runs', whichever models they name."""
        own = {caution for run in self.runs for caution in run.cautions}
        return [
            one
            for one in found
            if not any(one.code == known.code and one.text.endswith(known.text) for known in own)
        ]


def pick_runs(
    runs: Sequence[Run],
    *,
    minimum: int = 1,
    most: int = MOST_MODELS,
    both_classes: bool = False,
    all_classes: bool = False,
    aside: Sequence[Run] = (),
) -> PickedRuns:
    """Draws the menus of target, models and class; ends the page when too few are chosen.

    Models of photographs without labels have no AUC and are not offered.

    Args:
        runs: To choose from.
        minimum: Fewest models the page can work with.
        most: Most models it can draw; of more the first are taken, and the choice is kept for other
            pages.
        both_classes: Offer the negative class of a binary target too.
        all_classes: Offer, first of all, to look at all classes together where there are several.
        aside: Models that the page cannot show; what is chosen of them, and of models of another
            target, stays so for other pages.
    """
    evaluated = [run for run in runs if run.auc is not None]
    if not evaluated:
        st.info("None of the models was evaluated on photographs with labels of its target.")
        st.stop()
    left, right = st.columns(2)
    target = _pick_target(left, evaluated)
    offered = [run for run in evaluated if run.target.name == target]
    names = run_names(offered)
    elsewhere = [run for run in evaluated if run.target.name != target]
    kept = list(dict.fromkeys(run.id for run in (*aside, *elsewhere)))
    _choose_some(offered, kept)
    by_id = {run.id: run for run in offered}
    class_name = _pick_class(right, offered[0], both_classes=both_classes, all_classes=all_classes)
    chosen = st.multiselect(
        "Models",
        list(names),
        format_func=names.__getitem__,
        wrap=True,
        help="Probes fitted for this target, newest first.",
        **state.bound("run_ids", list(names), aside=kept),
    )
    tray([*runs, *aside], target)
    if len(chosen) < minimum:
        st.info(f"Choose at least {text.count(minimum, 'model')} above.")
        st.stop()
    if len(chosen) > most:
        st.caption(f"The first {most} of the {len(chosen)} chosen models are drawn.")
    return PickedRuns(tuple(by_id[run_id] for run_id in chosen[:most]), names, class_name)


def _pick_target(place: st.delta_generator.DeltaGenerator, runs: Sequence[Run]) -> str:
    """Draws the menu of targets; starts with that of the first run in the address."""
    targets = list(dict.fromkeys(run.target.name for run in runs))
    session = state.current()
    if session.target not in targets:
        of_run = {run.id: run.target.name for run in runs}
        named = [of_run[run_id] for run_id in session.run_ids if run_id in of_run]
        state.choose(target=(named or targets)[0])
    labels = text.target_labels(targets)
    target: str = place.selectbox(
        "Target",
        targets,
        format_func=labels.__getitem__,
        help=help_for("target"),
        **state.bound("target", targets),
    )
    return target


def _choose_some(offered: Sequence[Run], kept: Collection[str]) -> None:
    """Chooses models that can be compared, the newest first, where none of this target is chosen.

    Those evaluated on equally many photographs most likely are: the largest such group is taken.
    """
    chosen = state.current().run_ids
    if set(chosen) & {run.id for run in offered}:
        return
    (usual, _), *_ = Counter(run.n_images for run in offered).most_common(1)
    comparable = [run.id for run in offered if run.n_images == usual]
    stays = [run_id for run_id in chosen if run_id in kept]
    state.choose(run_ids=(*stays, *comparable[:_FIRST_SHOWN]))


def _pick_class(
    place: st.delta_generator.DeltaGenerator, run: Run, *, both_classes: bool, all_classes: bool
) -> str:
    """Draws the menu of classes where there are several."""
    target = run.target
    is_binary = target.task == "binary"
    classes = target.classes[::-1] if is_binary and both_classes else target.scored_classes
    if len(classes) == 1:
        return classes[0]
    if all_classes and not is_binary:
        classes = (ALL_CLASSES, *classes)
    chosen: str = place.selectbox(
        "Class" if is_binary else "Class against the rest",
        classes,
        format_func=lambda name: text.class_label(target, name) or "All classes",
        **state.bound("class_name", classes),
    )
    return chosen
