"""The choice of earlier blocks whose output becomes an embedding as well."""

from collections.abc import Sequence

import streamlit as st

from fundus_core.backbones.blocks import CUT_OFF
from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.finetune.strategies import DEFAULTS
from fundus_core.ui import messages, text, wiring


def earlier_blocks_choice(backbones: Sequence[str]) -> list[str]:
    """Draws the choice of blocks to cut backbones off after, where the reader asks for it.

    Args:
        backbones: Ids; the mean colour has no blocks.

    Returns:
        `ID@block:NAME`, as the command line takes them.
    """
    networks = [name for name in backbones if _is_network(name)]
    if not networks or not st.toggle(
        "After earlier blocks too",
        key="extract.blocks",
        help="Cuts the network off after a block and takes the mean of its output. On small sets "
        "of medical photographs, the last block is not always the best one to probe.",
    ):
        return []
    return [f"{name}@{CUT_OFF}{block}" for name in networks for block in _pick(name)]


def _is_network(backbone: str) -> bool:
    spec = BACKBONES.get(backbone)
    return spec is None or spec.loader != "colour"


def _pick(backbone: str) -> list[str]:
    """Draws the menu of the blocks of one backbone, the last left out: it is the whole."""
    with messages.shown_to_user():
        *blocks, _last, _head = wiring.strategy_plan(backbone, "ft", 1, DEFAULTS).blocks
    picked: list[str] = st.multiselect(
        text.field_label(f"Blocks of {backbone}"), blocks, key=f"extract.blocks.{backbone}"
    )
    return picked
