"""Use case: whether a backbone may compute in bf16, measured before it is trusted to."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fundus_core.backbones.base import BackboneSpec
from fundus_core.compute import Precision, choose_device, choose_precision
from fundus_core.domain.recipe import PreprocessRecipe, fingerprint_of
from fundus_core.io.files import read_json, write_json
from fundus_core.io.workspace import Workspace

if TYPE_CHECKING:
    from torch import Tensor

LEAST_COSINE = 0.9995
"""bf16 is used only if every test picture's embedding is at least this close to that of fp32.

Networks made for quantisation miss it by far: MobileNet V2 with its TensorFlow weights reaches
0.99, and a probe's scores then move by 0.15."""

_N_PICTURES = 8


@dataclass(frozen=True, slots=True)
class PrecisionChoice:
    """What a backbone computes in, and what that costs."""

    precision: Literal["fp32", "bf16"]

    cosine: float | None
    """Least cosine similarity of bf16 and fp32 embeddings of the test pictures; None where bf16 was
    not a question."""


def settle_precision(
    workspace: Workspace,
    spec: BackboneSpec,
    weights: Path | None,
    *,
    weights_sha256: str,
    image_size: int,
    seed: int,
    wanted: Precision,
) -> PrecisionChoice:
    """Returns the precision to compute in: fp32 unless bf16 is fast here and does no harm.

    The answer is measured once per network, size and device, and remembered in the workspace.

    Args:
        workspace: Remembers.
        spec: The backbone.
        weights: Its checkpoint; None for random weights.
        weights_sha256: Hash of the checkpoint.
        image_size: Side of the input in pixels.
        seed: Of random weights.
        wanted: `auto` to measure; anything else is taken as it is.
    """
    device = choose_device()
    proposed = choose_precision(wanted, device)
    if wanted != "auto" or proposed == "fp32" or spec.loader == "colour":
        return PrecisionChoice("fp32" if spec.loader == "colour" else proposed, None)
    network = [spec.architecture, spec.architecture_args, spec.pooling]
    asked = [*network, weights_sha256, image_size, seed]
    path = workspace.precision / f"{fingerprint_of([*asked, device.type, LEAST_COSINE])}.json"
    known = read_json(path)
    if isinstance(known, dict):
        return PrecisionChoice(**known)
    cosine = _least_cosine(spec, weights, image_size=image_size, seed=seed)
    choice = PrecisionChoice("bf16" if cosine >= LEAST_COSINE else "fp32", cosine)
    write_json(path, asdict(choice))
    return choice


def _least_cosine(spec: BackboneSpec, weights: Path | None, *, image_size: int, seed: int) -> float:
    """Returns the least cosine similarity of bf16 and fp32 embeddings of the test pictures."""
    from fundus_core.backbones.loaders import load_backbone

    both: dict[str, Any] = {}
    for precision in ("fp32", "bf16"):
        backbone = load_backbone(
            spec,
            weights,
            preprocessing=PreprocessRecipe(),
            device=choose_device(),
            precision=precision,
            image_size=image_size,
            seed=seed,
        )
        both[precision] = backbone.embed(_test_pictures(image_size)).numpy().astype(np.float64)
    unit = {name: rows / np.linalg.norm(rows, axis=1, keepdims=True) for name, rows in both.items()}
    return float((unit["fp32"] * unit["bf16"]).sum(axis=1).min())


def _test_pictures(side: int) -> "Tensor":
    """Returns seeded cloudy pictures, shape (n, 3, side, side), uint8: harder than photographs."""
    import torch
    from torch.nn.functional import interpolate

    coarse = np.random.default_rng(0).integers(0, 256, (_N_PICTURES, 3, 8, 8))
    smooth = interpolate(torch.from_numpy(coarse).float(), (side, side), mode="bilinear")
    return smooth.round().to(torch.uint8)
