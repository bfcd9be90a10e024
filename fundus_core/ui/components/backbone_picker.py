"""The table of backbones, and the choices that go with extracting embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.catalogue import BACKBONES, SHORTCUT, TIMM_PREFIX
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.io.manifest import DataSource
from fundus_core.io.weights import SCRATCH
from fundus_core.ui import text, wiring
from fundus_core.workflows.datasets import source_arguments

OWN = "The backbone's own"
RANDOM = "Random"
FILE = "From a file"

_SMALLEST = 1
"""Row of ResNet-18, which is quick on any machine."""

_STATES = {
    "here": "on this machine",
    "hub": "on the hub",
    "absent": "not here, not on the hub",
}


@dataclass(frozen=True, slots=True)
class Extraction:
    """One backbone to run, as the command line takes it."""

    title: str
    arguments: tuple[str, ...]
    """Everything after `embed DATA`."""


def backbone_table() -> list[str]:
    """Draws the catalogue and returns the ids of the chosen rows."""
    specs = offered()
    states = [wiring.weights_state(spec.id) for spec in specs]
    table = pd.DataFrame(
        {
            "backbone": [spec.title for spec in specs],
            "weights": [_STATES[weights.state] for weights in states],
            "licence": [spec.licence for spec in specs],
            "input": [f"{spec.image_size} px" for spec in specs],
            "embedding": [f"{spec.embed_dim:,} numbers" for spec in specs],
            "file": [weights.file for weights in states],
            "id": [spec.id for spec in specs],
        }
    )
    here = [row for row, weights in enumerate(states) if weights.state == "here"]
    event = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": here[:1] or [_SMALLEST]}},
        key="extract.backbones",
        alt="Backbones, their sizes, licences and where their weights are",
    )
    return [specs[row].id for row in event["selection"]["rows"]]


def offered() -> list[BackboneSpec]:
    """Returns the catalogue without the shortcut baseline, which is made with every probe."""
    return [spec for spec in BACKBONES.values() if spec.id != SHORTCUT]


def other_backbones(*, key: str = "extract") -> list[str]:
    """Draws a field for any timm network and returns the names entered; `key` begins its key."""
    entered = st.text_input(
        "Any other timm network",
        key=f"{key}.timm",
        placeholder="convnext_tiny, swin_tiny_patch4_window7_224",
        help="Names of the timm library, joined by commas; see `timm.list_models()`.",
    )
    names = [name.strip() for name in entered.split(",") if name.strip()]
    return [name if name in BACKBONES else TIMM_PREFIX + name for name in names]


def weights_choice(backbones: Sequence[str], *, key: str = "extract") -> str | None:
    """Draws the choice of weights and returns it as `--weights` takes it; None: the own ones.

    Where no weights at all are on this machine, random ones are proposed: they always work.
    """
    any_here = any(wiring.weights_state(spec.id).state == "here" for spec in offered())
    chosen = st.segmented_control(
        "Weights",
        [OWN, RANDOM, FILE],
        default=OWN if any_here else RANDOM,
        required=True,
        key=f"{key}.weights",
    )
    if chosen == RANDOM:
        st.caption(
            ":material/info: A network that learned nothing: a floor for comparison, not a model."
        )
    if chosen == FILE:
        if len(backbones) != 1:
            st.caption("A weights file belongs to one backbone: choose one only.")
        return st.text_input(
            "Weights file",
            key=f"{key}.weights_file",
            placeholder="/path/to/weights.safetensors",
            help="Full path, or the name of a file in a weights folder.",
        ).strip()
    return SCRATCH if chosen == RANDOM else None


def image_size_choice(*, key: str = "extract") -> int | None:
    """Draws the choice of the input's size; None: each backbone's own."""
    size = st.number_input(
        "Input size, px",
        min_value=32,
        max_value=2048,
        value=None,
        step=32,
        key=f"{key}.image_size",
        placeholder="each backbone's own",
        help="Larger inputs show smaller lesions and take longer: four times at twice the side.",
    )
    return None if size is None else int(size)


def extraction(
    backbone: str, weights: str | None, image_size: int | None, recipe: PreprocessRecipe
) -> Extraction:
    """Returns the job that a choice stands for."""
    options = ["--backbone", backbone, *wiring.preprocessing_arguments(recipe)]
    options += ["--weights", weights] if weights else []
    options += ["--image-size", str(image_size)] if image_size else []
    spec: BackboneSpec | None = BACKBONES.get(backbone)
    name = backbone if spec is None else spec.title
    suffix = ", random weights" if weights == SCRATCH else ""
    return Extraction(f"Embeddings: {name}{suffix}", tuple(options))


def is_ready(backbones: Sequence[str], weights: str | None) -> bool:
    """Says whether the choices make jobs: a weights file needs a name, and fits one backbone."""
    is_file = weights not in {None, SCRATCH}
    return bool(backbones) and (not is_file or (weights != "" and len(backbones) == 1))


def missing_weights(backbones: Sequence[str], weights: str | None) -> None:
    """Says which files go where, for chosen backbones whose own weights are not at hand."""
    if weights is not None:
        return
    for backbone in backbones:
        found = wiring.weights_state(backbone) if backbone in BACKBONES else None
        if found is not None and found.state != "here":
            st.caption(
                f":material/info: **{text.escaped(backbone)}**: {text.escaped(found.advice)}"
            )


def start(source: DataSource, extractions: Sequence[Extraction]) -> None:
    """Queues one job per backbone; they run one after the other on each device."""
    for one in extractions:
        wiring.submit(["embed", *source_arguments(source), *one.arguments], one.title)
