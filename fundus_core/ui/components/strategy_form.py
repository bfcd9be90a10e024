"""Which strategy of fine-tuning, with its settings, and a picture of what it moves when."""

from dataclasses import dataclass, replace

import streamlit as st

from fundus_core.finetune.heads import HEADS
from fundus_core.finetune.plan import StrategyPlan
from fundus_core.finetune.strategies import DEFAULTS, STRATEGIES, StrategyOptions
from fundus_core.plots.strategy import strategy_figure
from fundus_core.ui import messages, wiring
from fundus_core.ui.components import downloads
from fundus_core.ui.glossary import help_for

_VALUES = ("pull", "head_decay", "layer_decay", "block", "lora_rank", "lora_alpha")
"""Settings that the command line takes with a value; the others are flags."""

_OF_ONE_BLOCK = {"surgical": "Block", "ft-from": "First block"}
"""Strategies that need the name of a block -> what the menu calls it."""


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
        for name in _VALUES:
            value = getattr(self.options, name)
            if value != getattr(DEFAULTS, name):
                given.append((f"--{name.replace('_', '-')}", str(value)))
        flags = [] if self.options.still_norms else ["--moving-norms"]
        flags += ["--fresh-optimiser"] if self.options.fresh_optimiser else []
        return (*(part for pair in given for part in pair), *flags)


def pick_strategy(backbones: tuple[str, ...], *, key: str) -> PickedStrategy:
    """Draws the menu of strategies with the settings of the chosen one.

    Args:
        backbones: Ids of those that it is for.
        key: What the keys of the widgets begin with.
    """
    code: str = st.selectbox(
        "Strategy",
        list(STRATEGIES),
        format_func=lambda name: f"{STRATEGIES[name].label} ({name})",
        key=f"{key}.strategy",
    )
    chosen = STRATEGIES[code]
    st.caption(f"{chosen.rule[:1].upper()}{chosen.rule[1:]}. {chosen.reference}")
    options = _pick_settings(code, backbones, key)
    heads = [name for name, kind in HEADS.items() if kind.from_probe or not chosen.from_probe]
    head: str = st.selectbox(
        "Head",
        heads,
        format_func=lambda name: HEADS[name].label,
        key=f"{key}.head",
        help=help_for("head"),
    )
    return PickedStrategy(code, options, head)


def _pick_settings(code: str, backbones: tuple[str, ...], key: str) -> StrategyOptions:
    """Draws the settings of one strategy."""
    chosen, options = STRATEGIES[code], DEFAULTS
    if code in {"l1-sp", "l2-sp"}:
        pull = st.number_input("Pull", 0.0, 10.0, DEFAULTS.pull, 0.05, key=f"{key}.pull")
        options = replace(options, pull=pull)
    if code == "llrd":
        decay = st.slider("Decay per block", 0.3, 1.0, DEFAULTS.layer_decay, key=f"{key}.llrd")
        options = replace(options, layer_decay=decay)
    if code in _OF_ONE_BLOCK:
        options = replace(options, block=_pick_block(_OF_ONE_BLOCK[code], backbones, key))
    if code == "lora":
        rank = st.number_input("Rank", 1, 256, DEFAULTS.lora_rank, key=f"{key}.lora_rank")
        alpha = st.number_input(
            "Alpha",
            0.5,
            1024.0,
            DEFAULTS.lora_alpha,
            key=f"{key}.lora_alpha",
            help="Adapters weigh alpha divided by the rank.",
        )
        options = replace(options, lora_rank=rank, lora_alpha=alpha)
    if chosen.still_norms:
        still = st.checkbox("Norms keep their statistics", DEFAULTS.still_norms, key=f"{key}.norms")
        options = replace(options, still_norms=still)
    if chosen.may_forget:
        fresh = st.checkbox(
            "Forget the optimiser's moments", DEFAULTS.fresh_optimiser, key=f"{key}.fresh"
        )
        options = replace(options, fresh_optimiser=fresh)
    return options


def _pick_block(label: str, backbones: tuple[str, ...], key: str) -> str:
    """Draws the menu of the blocks that all backbones have."""
    of_each = []
    with messages.shown_to_user():
        of_each = [wiring.strategy_plan(each, "ft", 1, DEFAULTS).blocks[:-1] for each in backbones]
    common = [name for name in next(iter(of_each), ()) if all(name in each for each in of_each)]
    if len(backbones) > 1 and not common:
        st.warning("The chosen backbones have no block in common: start them one by one.")
    return st.selectbox(label, common, key=f"{key}.block") or ""


def strategy_picture(
    picked: PickedStrategy, backbones: tuple[str, ...], n_epochs: int, *, key: str
) -> None:
    """Draws which blocks of the first backbone move when, if the reader wants to see it."""
    if not backbones or not st.toggle("Show which blocks move when", key=f"{key}.picture"):
        return
    backbone = backbones[0]
    with messages.shown_to_user():
        if picked.code in _OF_ONE_BLOCK and not picked.options.block:
            st.info("Choose a block first.")
            return
        plan = wiring.strategy_plan(backbone, picked.code, n_epochs, picked.options)
        drawn = strategy_figure(plan)
        st.plotly_chart(drawn, key=f"{key}.plan", alt=_plan_in_words(plan))
        downloads.figure(
            drawn,
            name=f"plan-{picked.code}",
            caption=f"Which blocks of {backbone} move in which epoch by {picked.code}.",
            methods="The darker a cell, the higher the learning rate; empty cells rest.",
            cautions=(),  # it rests on no photograph
        )
    st.caption(
        f"{backbone}: the darker a cell, the faster the block moves in that epoch; empty cells "
        "rest."
    )


def _plan_in_words(plan: StrategyPlan) -> str:
    """Returns in how many epochs each block moves."""
    moving = (plan.rates != 0).sum(axis=1)  # NaN: it moves, at a rate measured while training
    said = "; ".join(f"{name} {n}" for name, n in zip(plan.blocks, moving, strict=True))
    return f"Epochs of {plan.rates.shape[1]} in which each block moves. {said}."
