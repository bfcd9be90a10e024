"""Which models mark which photograph, what of it is looked at, and which masks are the truth."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import FundusError
from fundus_core.plots.segmentation import ERRORS
from fundus_core.segmentation.channels import parse_channels
from fundus_core.segmentation.ready import FRANGI
from fundus_core.segmentation.scoring import THRESHOLD
from fundus_core.ui import messages, segmentation_caches, state, text
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.segmenting.masks import mask_columns, usual_column

MODELS_SIDE_BY_SIDE = 2

VIEWS = {
    "shares": "Shares",
    "marks": "Marks",
    "errors": "Errors",
}
"""Ways to draw a model's answer: key -> label."""

_NO_TRUTH = "none"
_AS_TRAINED = "as in training"
_SIDES = (256, 320, 384, 448, 512, 640, 768, 1024)


@dataclass(frozen=True, slots=True)
class PickedTruth:
    """Where the reader says the truth is."""

    column: str
    """Column of masks; empty for none."""

    channels: str
    """As `parse_channels` reads them."""


@dataclass(frozen=True, slots=True)
class PickedView:
    """How marks are drawn."""

    view: str
    """Key of `VIEWS`."""

    channel: str
    threshold: float
    opacity: float
    kinds: tuple[str, ...]
    """Keys of `ERRORS` that are painted."""


def pick_models() -> dict[str, str]:
    """Draws the menu of models; returns one or two, name -> title."""
    titles = segmentation_caches.model_titles()
    left, right = st.columns([3, 1])
    state.preset("vessels.models", list(titles)[:1])
    chosen = left.multiselect(
        "Models",
        list(titles),
        format_func=lambda name: titles.get(name, name),
        max_selections=MODELS_SIDE_BY_SIDE,
        key="vessels.models",
        persist_state="session",
        help="One, or two side by side. Published models are listed when their weights are in the "
        "weights folder.",
    )
    side = right.selectbox(
        "Shown to networks at",
        [_AS_TRAINED, *_SIDES],
        format_func=lambda one: one if one == _AS_TRAINED else f"{one} px",
        key="vessels.side",
        persist_state="session",
        help="Side of the square that holds the field of view. Vessels should be as wide as in the "
        "network's training: for a camera that shows half as many degrees, half the side.",
    )
    if not chosen:
        st.info("Choose a model.")
        st.stop()
    return dict(_shown(name, side, titles[name]) for name in chosen)


def _shown(name: str, side: object, title: str) -> tuple[str, str]:
    """Returns the name and title of a model that is shown photographs at a side."""
    if side == _AS_TRAINED or name == FRANGI:
        return name, title
    return f"{name}@{side}", f"{title}, shown at {side} px"


def pick_truth(dataset: FundusDataset, models: Sequence[str]) -> PickedTruth:
    """Draws the menu of mask columns; returns the choice."""
    columns = mask_columns(dataset)
    usual = segmentation_caches.model_channels(models[0])
    likely = usual_column(columns, parse_channels(usual))
    columns.sort(key=lambda name: name != likely)
    left, right = st.columns(2)
    column = left.selectbox(
        "Truth",
        [*columns, _NO_TRUTH],
        key=f"vessels.truth.{usual}.{','.join(columns)}",  # each model has masks of its own
        persist_state="session",
        help="Column of mask files, drawn by people or by the phantom's program.",
    )
    channels = right.text_input(
        "Channels in the masks",
        usual,
        key=f"vessels.channels.{usual}",
        help="NAME for all marked pixels; NAME=BITS for those whose value has any of the bits, "
        "e.g. artery=1,vein=2.",
    )
    return PickedTruth("" if column == _NO_TRUTH else str(column), _valid(str(channels), usual))


def _valid(channels: str, usual: str) -> str:
    """Returns the channels that were entered, or says what is wrong and returns the usual ones."""
    try:
        parse_channels(channels)
    except FundusError as error:
        messages.show_error(error)
        return usual
    return channels


def pick_view(channels: Sequence[str], *, has_truth: bool) -> PickedView:
    """Draws the controls of the pictures and returns what is chosen.

    Args:
        channels: What the models mark.
        has_truth: Whether errors can be shown.
    """
    views = [view for view in VIEWS if has_truth or view != "errors"]
    first, second, third = st.columns([2, 2, 2])
    with first:
        view = st.segmented_control(
            "Show",
            views,
            format_func=VIEWS.__getitem__,
            default="marks",
            required=True,
            wrap=True,
            key=f"vessels.view.{has_truth}",
            persist_state="session",
        )
        channel = channels[0]
        if len(channels) > 1:
            channel = st.selectbox(
                "Channel", channels, key="vessels.channel", help=help_for("channel")
            )
    threshold = second.slider(
        "Marked from a share of",
        0.01,
        0.99,
        THRESHOLD,
        step=0.01,
        key="vessels.threshold",
        persist_state="session",
        help="A network's share is no calibrated probability.",
    )
    with third:
        kinds = tuple(ERRORS)
        opacity = 0.6
        if view == "errors":
            kinds = tuple(_pick_kinds())
        else:
            opacity = st.slider("Opacity", 0.0, 1.0, 0.6, step=0.05, key="vessels.opacity")
    return PickedView(str(view), str(channel), float(threshold), float(opacity), kinds)


def _pick_kinds() -> list[str]:
    return st.pills(
        "Pixels",
        list(ERRORS),
        selection_mode="multi",
        format_func=str.capitalize,
        default=list(ERRORS),
        key="vessels.kinds",
        help="Each kind can be looked at alone, without telling colours apart.",
    )


def pick_photograph(dataset: FundusDataset) -> str:
    """Returns the photograph looked at; the first until one is chosen."""
    known = set(dataset.image_ids)
    wanted = state.current().image_id
    if wanted in known:
        return wanted
    if wanted:
        st.warning(f"{text.code(wanted)} is no photograph of this data set; here is another.")
    state.choose(image_id=dataset.image_ids[0])
    return dataset.image_ids[0]
