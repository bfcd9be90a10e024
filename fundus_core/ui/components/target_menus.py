"""What to predict, and on which photographs it is tested: menus that several forms share."""

from dataclasses import dataclass

import streamlit as st

from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.ui import text
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.data.labelled import Validation

FEWEST_FOLDS, USUAL_FOLDS, MOST_FOLDS = 2, 5, 10
_BINARY_LABELS = {"0", "1"}
_ALL_CLASSES = "all, each against the rest"
_TOGETHER = "several 0/1 columns together"
_CROSS, _OWN_SPLIT = "cross-validation", "the table's own split"


@dataclass(frozen=True, slots=True)
class PickedValidation:
    """How a model is to be validated."""

    folds: int
    seed: int
    use_split: bool

    @property
    def arguments(self) -> tuple[str, ...]:
        """Returns it as options of the command line."""
        folds = ("--use-split",) if self.use_split else ("--folds", str(self.folds))
        return ("--seed", str(self.seed), *folds)

    def of(self, target: str) -> Validation:
        """Returns it for a target."""
        return Validation(target, self.folds, self.seed, self.use_split)


def pick_target(dataset: FundusDataset, *, key: str) -> str:
    """Draws the menus of target and class; returns the name that stands for both.

    Args:
        dataset: With at least one target.
        key: Beginning of the widgets' keys.

    Returns:
        As `FundusDataset.target` takes it; empty while it is not complete.
    """
    by_name = {target.name: target for target in dataset.targets}
    columns = [name for name, target in by_name.items() if set(target.classes) == _BINARY_LABELS]
    offered = [*by_name, *([_TOGETHER] if len(columns) > 1 else [])]
    chosen = st.selectbox("Target", offered, key=f"{key}.target", help=help_for("target"))
    if chosen == _TOGETHER:
        together = st.multiselect(
            "Columns", columns, default=columns, key=f"{key}.columns.{','.join(columns)}"
        )
        return ",".join(together)
    return _pick_class(by_name[chosen], key)


def pick_validation(dataset: FundusDataset, *, key: str) -> PickedValidation:
    """Draws the choice between folds and the table's own split.

    Args:
        dataset: Its split is offered if it has one.
        key: Beginning of the widgets' keys.
    """
    has_split = bool(dataset.table["split"].notna().any())
    chosen = st.radio(
        "Validated by",
        [_CROSS, _OWN_SPLIT] if has_split else [_CROSS],
        horizontal=True,
        key=f"{key}.validation",
        help="Folds are grouped by patient and stratified by class. The own split trains on "
        "`train` and `val` and tests on all else.",
    )
    use_split = bool(chosen == _OWN_SPLIT)
    left, right = st.columns(2)
    folds = left.number_input(
        "Folds",
        FEWEST_FOLDS,
        MOST_FOLDS,
        USUAL_FOLDS,
        disabled=use_split,
        key=f"{key}.folds",
        help=help_for("fold"),
    )
    seed = right.number_input(
        "Seed of the folds", 0, 10_000, 0, disabled=use_split, key=f"{key}.seed"
    )
    return PickedValidation(int(folds), int(seed), use_split)


def _pick_class(target: Target, key: str) -> str:
    if target.task == "binary":
        st.caption(
            f"Positive: {text.escaped(text.class_label(target, target.classes[1]))}; negative: "
            f"{text.escaped(text.class_label(target, target.classes[0]))}."
        )
        return target.name
    chosen = st.selectbox(
        "Classes", [_ALL_CLASSES, *target.classes], key=f"{key}.class", help=help_for("task")
    )
    return target.name if chosen == _ALL_CLASSES else f"{target.name}={chosen}"
