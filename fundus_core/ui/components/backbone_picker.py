"""The choices that go with extracting embeddings: weights, sizes, poolings, fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import streamlit as st

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.catalogue import BACKBONES, TIMM_PREFIX
from fundus_core.domain.recipe import Fit, PreprocessRecipe
from fundus_core.errors import DataError
from fundus_core.io.manifest import DataSource
from fundus_core.io.weights import SCRATCH, require_allowed
from fundus_core.ui import messages, text, wiring
from fundus_core.ui.components.backbone_table import offered
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.data.datasets import source_arguments

OWN = "The backbone's own"
RANDOM = "Random"
FILE = "From a file"

SIZES = (224, 256, 384, 512, 768, 1024)
SMALLEST, LARGEST = 32, 2048

FITS: dict[Fit, str] = {
    "pad": "Padded to the middle of a black square",
    "corner": "Padded, in the upper left corner",
    "squash": "Its shorter side stretched",
    "centre_crop": "The middle seven eighths",
}

_AS_TRAINED = "As each backbone was trained"


@dataclass(frozen=True, slots=True)
class Extraction:
    """Backbones at sizes, to be run one after the other in one job."""

    backbones: tuple[str, ...]
    """`ID` or `ID@POOLING`, as the command line takes them."""

    sizes: tuple[int, ...]
    """Sides of the input in pixels; empty for each backbone's own."""

    weights: str | None
    """As `--weights` takes it."""

    recipe: PreprocessRecipe
    fit: Fit | None

    @property
    def count(self) -> int:
        """Says how many embeddings of each photograph it makes."""
        return len(self.backbones) * max(1, len(self.sizes))

    @property
    def title(self) -> str:
        """Names the job."""
        first = self.backbones[0]
        spec = BACKBONES.get(first.partition("@")[0])
        one = first if spec is None else spec.title
        named = one if len(self.backbones) == 1 else text.count(len(self.backbones), "backbone")
        at = f" at {' and '.join(str(size) for size in self.sizes)} px" if self.sizes else ""
        return f"Embeddings: {named}{at}{', random weights' if self.weights == SCRATCH else ''}"

    def arguments(self, source: DataSource) -> list[str]:
        """Returns the command line."""
        named = [word for one in self.backbones for word in ("--backbone", one)]
        sizes = [word for size in self.sizes for word in ("--image-size", str(size))]
        weights = ["--weights", self.weights] if self.weights else []
        fit = ["--fit", self.fit] if self.fit else []
        preprocessing = wiring.preprocessing_arguments(self.recipe)
        return [
            "embed-grid",
            *source_arguments(source),
            *(*named, *sizes, *weights, *fit, *preprocessing),
        ]

    def submit(self, source: DataSource) -> None:
        """Queues the job."""
        wiring.submit(self.arguments(source), self.title)


def other_backbones(*, key: str = "extract") -> list[str]:
    """Draws a field for any other network and returns the names entered; `key` begins its key."""
    entered = st.text_input(
        "Any other network",
        key=f"{key}.timm",
        placeholder="resnext50_32x4d, swin_tiny_patch4_window7_224",
        help="timm:NAME or open_clip:NAME, joined by commas; see `timm.list_models()`.",
    )
    names = [name.strip() for name in entered.split(",") if name.strip()]
    return [name if name in BACKBONES else TIMM_PREFIX + name for name in names]


def weights_choice(backbones: Sequence[str], *, key: str = "extract") -> str | None:
    """Draws the choice of weights and returns it as `--weights` takes it; None: the own ones.

    Where no weights at all are on this machine, random ones are proposed: they always work.
    """
    any_here = any(wiring.weights_place(spec.id).usable for spec in offered())
    chosen = st.segmented_control(
        "Weights",
        [OWN, RANDOM, FILE],
        default=OWN if any_here else RANDOM,
        required=True,
        wrap=True,
        key=f"{key}.weights",
        help=help_for("weights"),
    )
    if chosen == RANDOM:
        st.caption(
            ":material/info: A network that learned nothing: a floor for comparison, not a model."
        )
    if chosen == FILE:
        if len(backbones) != 1:
            st.caption("A weights file belongs to one backbone: choose one only.")
        entered = st.text_input(
            "Weights file",
            key=f"{key}.weights_file",
            placeholder="/path/to/weights.safetensors",
            help="Full path, or the name of a file in a weights folder.",
        )
        return allowed_weights(entered)
    return SCRATCH if chosen == RANDOM else None


def allowed_weights(entered: str) -> str:
    """Returns the weights file that was entered; empty, and said, where it may not be read."""
    wanted = entered.strip()
    try:
        if wanted:
            require_allowed(wanted, wiring.workspace())
    except DataError as error:
        messages.show_error(error)
        return ""
    return wanted


def image_size_choice(*, key: str = "extract") -> int | None:
    """Draws the choice of one size of the input; None: each backbone's own."""
    size = st.number_input(
        "Input size, px",
        min_value=SMALLEST,
        max_value=LARGEST,
        value=None,
        step=32,
        key=f"{key}.image_size",
        placeholder="each backbone's own",
        help="Larger inputs show smaller lesions and take longer: four times at twice the side.",
    )
    return None if size is None else int(size)


def image_sizes_choice(backbones: Sequence[str]) -> tuple[int, ...] | None:
    """Draws the choice of sizes of the input.

    Returns:
        Sides in pixels, none for each backbone's own; None where an entry cannot be used, which is
        said below the field.
    """
    entered = st.multiselect(
        "Input sizes, px",
        SIZES,
        key="extract.image_sizes",
        accept_new_options=True,
        placeholder="each backbone's own; choose or type several",
        help="Every backbone is run at every size. Larger inputs show smaller lesions and take "
        "longer: four times at twice the side.",
    )
    wrong = [str(entry) for entry in entered if not _is_size(str(entry))]
    if wrong:
        said = text.escaped(", ".join(wrong))
        st.warning(f"No size in pixels from {SMALLEST} to {LARGEST}: {said}.")
        return None
    sizes = tuple(sorted({int(entry) for entry in entered}))
    refused = [said for name in backbones for size in sizes if (said := _refusal(name, size))]
    for said in dict.fromkeys(refused):
        st.warning(text.escaped(said))
    return None if refused else sizes


def _is_size(entry: str) -> bool:
    return entry.isdigit() and SMALLEST <= int(entry) <= LARGEST


def _refusal(backbone: str, size: int) -> str:
    """Returns why a backbone of the catalogue does not take a size; empty where it does."""
    spec = BACKBONES.get(backbone)
    if spec is None or size == spec.image_size:
        return ""
    if spec.size_multiple == 0:
        return f"{spec.title} takes {spec.image_size} px only."
    if size % spec.size_multiple:
        return f"{spec.title} takes multiples of {spec.size_multiple} px, which {size} is not."
    return ""


def poolings_choice(backbones: Sequence[str]) -> list[str]:
    """Draws the choice of poolings of those that have several; returns `ID` or `ID@POOLING`."""
    chosen: list[str] = []
    for backbone in backbones:
        spec = BACKBONES.get(backbone)
        if spec is None or len(spec.poolings) < 2:
            chosen.append(backbone)
        else:
            chosen += [f"{backbone}@{name}" for name in _pick_poolings(spec)]
    return chosen


def _pick_poolings(spec: BackboneSpec) -> list[str]:
    titles = {each.name: f"{each.title} ({each.embed_dim:,} numbers)" for each in spec.poolings}
    picked: list[str] = st.multiselect(
        text.field_label(f"Pooling of {spec.title}"),
        list(titles),
        default=[spec.pooling],
        format_func=lambda name: titles[name],
        key=f"extract.pooling.{spec.id}",
        help="How the last features of a photograph become one list of numbers.",
    )
    return picked or [spec.pooling]


def fit_choice() -> Fit | None:
    """Draws the choice of how photographs become square; None: as each backbone was trained."""
    chosen = st.selectbox(
        "A photograph becomes square",
        [_AS_TRAINED, *get_args(Fit)],
        format_func=lambda name: FITS.get(name, name),
        key="extract.fit",
        help=help_for("fit"),
    )
    return None if chosen == _AS_TRAINED else chosen


def is_ready(backbones: Sequence[str], weights: str | None) -> bool:
    """Says whether the choices make a job: own weights are at hand, a file fits one backbone."""
    if weights is None:
        known = [name for name in backbones if name in BACKBONES]
        return bool(backbones) and all(wiring.weights_place(name).usable for name in known)
    is_file = weights != SCRATCH
    return bool(backbones) and (not is_file or (weights != "" and len(backbones) == 1))
