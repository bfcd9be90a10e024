"""Which strategy of fine-tuning, with its settings, and a picture of what it moves when."""

from dataclasses import dataclass

import streamlit as st

from fundus_core.finetune.heads import HEADS
from fundus_core.finetune.strategies import DEFAULTS, STRATEGIES, StrategyOptions
from fundus_core.plots.strategy import strategy_figure
from fundus_core.ui import messages, wiring


@dataclass(frozen=True, slots=True)
class PickedStrategy:
    """What the reader chose."""

    code: str
    """Key of `STRATEGIES`."""

    options: StrategyOptions
    head: str
    """Key of `HEADS`."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """Returns the choice as options of `fundus finetune`."""
        given = [("--strategy", self.code)]
        given += [] if self.head == "linear" else [("--head", self.head)]
        for name in ("pull", "head_decay", "layer_decay", "block"):
            value = getattr(self.options, name)
            if value != getattr(DEFAULTS, name):
                given.append((f"--{name.replace('_', '-')}", str(value)))
        flags = [] if self.options.still_norms else ["--moving-norms"]
        flags += ["--fresh-optimiser"] if self.options.fresh_optimiser else []
        return (*(part for pair in given for part in pair), *flags)


def pick_strategy(*, key: str) -> PickedStrategy:
    """Draws the menu of strategies with the settings of the chosen one."""
    code: str = st.selectbox(
        "Strategy",
        list(STRATEGIES),
        format_func=lambda name: f"{STRATEGIES[name].label} ({name})",
        key=f"{key}.strategy",
    )
    chosen = STRATEGIES[code]
    st.caption(f"{chosen.rule[:1].upper()}{chosen.rule[1:]}. {chosen.reference}")
    pull, layer_decay, block = DEFAULTS.pull, DEFAULTS.layer_decay, ""
    still_norms, fresh = DEFAULTS.still_norms, DEFAULTS.fresh_optimiser
    if code in {"l1-sp", "l2-sp"}:
        pull = st.number_input("Pull", 0.0, 10.0, pull, 0.05, key=f"{key}.pull")
    if code == "llrd":
        layer_decay = st.slider("Decay per block", 0.3, 1.0, layer_decay, key=f"{key}.llrd")
    if code == "surgical":
        block = st.text_input("Block", key=f"{key}.block", help="As the picture below names it.")
    if chosen.still_norms:
        still_norms = st.checkbox("Norms keep their statistics", still_norms, key=f"{key}.norms")
    if chosen.may_forget:
        fresh = st.checkbox("Forget the optimiser's moments", fresh, key=f"{key}.fresh")
    options = StrategyOptions(pull, DEFAULTS.head_decay, layer_decay, block, still_norms, fresh)
    heads = [name for name, kind in HEADS.items() if kind.from_probe or not chosen.from_probe]
    head: str = st.selectbox(
        "Head", heads, format_func=lambda name: HEADS[name].label, key=f"{key}.head"
    )
    return PickedStrategy(code, options, head)


def strategy_picture(
    picked: PickedStrategy, backbones: tuple[str, ...], n_epochs: int, *, key: str
) -> None:
    """Draws which blocks of the first backbone move when, if the reader wants to see it."""
    if not backbones or not st.toggle("Show which blocks move when", key=f"{key}.picture"):
        return
    backbone = backbones[0]
    with messages.shown_to_user():
        if picked.code == "surgical" and not picked.options.block:
            names = wiring.strategy_plan(backbone, "ft", 1, DEFAULTS).blocks[:-1]
            st.info(f"The blocks of {backbone}: {', '.join(names)}.")
            return
        plan = wiring.strategy_plan(backbone, picked.code, n_epochs, picked.options)
        st.plotly_chart(strategy_figure(plan), key=f"{key}.plan")
    st.caption(
        f"{backbone}: the darker a cell, the faster the block moves in that epoch; empty cells "
        "rest."
    )
