"""Use case: what a backbone may compute in, measured before it is trusted to."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.base import Backbone, BackboneSpec
from fundus_core.compute import (
    EmbedPrecision,
    OpenVinoPrecision,
    Precision,
    choose_device,
    choose_precision,
    out_of_memory,
)
from fundus_core.domain.recipe import PreprocessRecipe, fingerprint_of
from fundus_core.embedding import too_large
from fundus_core.errors import BackboneError
from fundus_core.io.sealed import read_sealed, write_sealed
from fundus_core.io.workspace import Workspace

if TYPE_CHECKING:
    from torch import Tensor

LEAST_COSINE = 0.9995
"""bf16, and OpenVINO, are used only if every test picture's embedding is at least this close to
that of torch in fp32.

Networks made for quantisation miss it by far: MobileNet V2 with its TensorFlow weights reaches
0.99, and a probe's scores then move by 0.15."""

_N_PICTURES = 8


@dataclass(frozen=True, slots=True)
class PrecisionChoice:
    """What a backbone computes in, and what that costs."""

    precision: Literal["fp32", "bf16", OpenVinoPrecision]

    cosine: float | None
    """Least cosine similarity with torch's fp32 embeddings of the test pictures; None where there
    was no question."""


def settle_precision(
    workspace: Workspace,
    spec: BackboneSpec,
    weights: Path | None,
    *,
    weights_sha256: str,
    image_size: int,
    seed: int,
    wanted: EmbedPrecision,
) -> PrecisionChoice:
    """Returns the precision to compute in: fp32 unless bf16 is fast here and does no harm.

    The answer is measured once per network, size and device, and remembered in the workspace. So is
    whether OpenVINO, where it is wished, computes the same network as torch.

    Args:
        workspace: Remembers.
        spec: The backbone.
        weights: Its checkpoint; None for random weights.
        weights_sha256: Hash of the checkpoint.
        image_size: Side of the input in pixels.
        seed: Of random weights.
        wanted: `auto` to measure; fp32 and bf16 are taken as they are.

    Raises:
        BackboneError: If OpenVINO is wanted and missing, cannot convert the network, or computes
            something else than torch.
    """
    if spec.loader == "colour" or wanted == "fp32":
        return PrecisionChoice("fp32", None)  # without asking torch for the device
    device = choose_device()
    network = [spec.architecture, spec.architecture_args, spec.pooling]
    asked = [*network, weights_sha256, image_size, seed, device.type, LEAST_COSINE]

    def measure(precision: str) -> float:
        return _least_cosine(spec, weights, precision, image_size=image_size, seed=seed)

    if wanted in get_args(OpenVinoPrecision):
        return _agreed(workspace, spec, asked, cast(OpenVinoPrecision, wanted), measure)
    proposed = choose_precision(cast(Precision, wanted), device)
    if wanted != "auto" or proposed == "fp32":
        return PrecisionChoice(proposed, None)
    path = workspace.precision / f"{fingerprint_of(asked)}.json"
    known = read_sealed(path)
    if known is not None:
        return PrecisionChoice(**known)
    cosine = measure("bf16")
    choice = PrecisionChoice("bf16" if cosine >= LEAST_COSINE else "fp32", cosine)
    write_sealed(path, asdict(choice))
    return choice


def _agreed(
    workspace: Workspace,
    spec: BackboneSpec,
    asked: list[Any],
    wanted: OpenVinoPrecision,
    measure: Callable[[str], float],
) -> PrecisionChoice:
    """Returns a precision of OpenVINO, unless its embeddings are not those of torch."""
    path = workspace.precision / f"{fingerprint_of([*asked, wanted])}.json"
    known = read_sealed(path)
    choice = PrecisionChoice(**known) if known else PrecisionChoice(wanted, measure(wanted))
    if known is None:
        write_sealed(path, asdict(choice))
    if choice.cosine is None or choice.cosine < LEAST_COSINE:
        raise BackboneError(
            f"Embeddings of {spec.id} in {wanted} reach a cosine similarity of {choice.cosine:.5f} "
            f"with those of torch in fp32; at least {LEAST_COSINE} is asked for.",
            hint="Choose fp32 (--precision fp32).",
        )
    return choice


def _least_cosine(
    spec: BackboneSpec,
    weights: Path | None,
    other: str,
    *,
    image_size: int,
    seed: int,
) -> float:
    """Returns the least cosine similarity of fp32 and other embeddings of the test pictures."""
    from fundus_core.backbones.loaders import load_backbone

    both: dict[str, Any] = {}
    for precision in ("fp32", other):
        backbone = load_backbone(
            spec,
            weights,
            preprocessing=PreprocessRecipe(),
            device=choose_device(),
            precision=precision,
            image_size=image_size,
            seed=seed,
        )
        both[precision] = _embedded(backbone, image_size)
    lengths = {name: np.linalg.norm(rows, axis=1) for name, rows in both.items()}
    if not all((np.isfinite(length) & (length > 0)).all() for length in lengths.values()):
        return 0.0  # vectors without a direction are alike to none
    products = (both["fp32"] * both[other]).sum(axis=1)
    return float((products / (lengths["fp32"] * lengths[other])).min())


def _embedded(backbone: Backbone, image_size: int) -> NDArray[np.float64]:
    """Returns the embeddings of the test pictures, one after the other: they may be large.

    Raises:
        MemoryLimitError: If not even one fits into the device's memory.
    """
    pictures = _test_pictures(image_size)
    try:
        rows = [backbone.embed(picture[None]).numpy() for picture in pictures]
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise too_large(backbone) from None
    return np.concatenate(rows).astype(np.float64)


def _test_pictures(side: int) -> "Tensor":
    """Returns seeded cloudy pictures, shape (n, 3, side, side), uint8: harder than photographs."""
    import torch
    from torch.nn.functional import interpolate

    coarse = np.random.default_rng(0).integers(0, 256, (_N_PICTURES, 3, 8, 8))
    smooth = interpolate(torch.from_numpy(coarse).float(), (side, side), mode="bilinear")
    return smooth.round().to(torch.uint8)
