"""Published models that mark photographs as they are: READY. To add one, add one entry."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fundus_core.backbones.checkpoints import read_state_dict
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.segmentation.segmenters import FrangiSegmenter, NetworkSegmenter, Segmenter

if TYPE_CHECKING:
    import torch

FRANGI = "frangi"
"""The classical baseline, which needs no file."""


@dataclass(frozen=True, slots=True)
class ReadyModel:
    """A published network: its file, what it marks, and how photographs are shown to it."""

    title: str
    files: tuple[str, ...]
    """Names looked for in the weights folders."""

    layout: Literal["wnet", "unet"]
    channels: tuple[str, ...]
    classes: tuple[tuple[float, ...], ...] = ()
    """As `NetworkSegmenter.classes`."""

    size: int = 512
    """Side of the square shown to the network, in pixels."""

    trained_on: tuple[str, ...] = ()
    """Names of data sets."""

    licence: str = ""
    reference: str = ""


_GALDRAN = "Galdran et al. (2022), Scientific Reports 12, 6174"
_AUTOMORPH = "Zhou et al. (2022), AutoMorph, TVST 11(7):12"

READY: dict[str, ReadyModel] = {
    "wnet-vessel": ReadyModel(
        "W-Net, vessels (DRIVE)",
        ("wnet_vessel.drive.pth",),
        "wnet",
        ("vessel",),
        trained_on=("DRIVE",),
        licence="MIT",
        reference=_GALDRAN,
    ),
    # Classes: background, not certain, artery, vein; what is not certain counts half for each.
    "wnet-artery-vein": ReadyModel(
        "Big W-Net, arteries and veins (DRIVE)",
        ("bigwnet_artery_vein.drive.pth",),
        "wnet",
        ("artery", "vein"),
        ((0.0, 0.5, 1.0, 0.0), (0.0, 0.5, 0.0, 1.0)),
        trained_on=("DRIVE",),
        licence="MIT",
        reference=_GALDRAN,
    ),
    # Here the second class is that of crossings, which are both.
    "wnet-artery-vein-hrf": ReadyModel(
        "Big W-Net, arteries and veins (HRF)",
        ("bigwnet_artery_vein.hrf1024.pth",),
        "wnet",
        ("artery", "vein"),
        ((0.0, 1.0, 1.0, 0.0), (0.0, 1.0, 0.0, 1.0)),
        size=1024,
        trained_on=("HRF",),
        licence="MIT",
        reference=_GALDRAN,
    ),
    # Classes: background, rim, cup; the disc is both of the latter.
    "wnet-disc-cup": ReadyModel(
        "W-Net, optic disc and cup (REFUGE, GAMMA)",
        ("wnet_disc_cup.refuge_gamma_s28.pth",),
        "wnet",
        ("disc", "cup"),
        ((0.0, 1.0, 1.0), (0.0, 0.0, 1.0)),
        trained_on=("REFUGE", "GAMMA"),
        licence="Apache-2.0",
        reference=_AUTOMORPH,
    ),
    "fundus-unet": ReadyModel(
        "U-Net of the fundus foundation model, vessels",
        ("M-FunFound_Vessel.pth", "ImFun_Vessel_Weight.pth", "fundus_unet_vessel.safetensors"),
        "unet",
        ("vessel",),
        licence="not published",
        reference="Jang et al. (2024), arXiv:2408.08790",
    ),
}
"""By the name that the command line takes."""

AS_PUBLISHED = PreprocessRecipe(crop=True, fit="squash", decoder="exact")
"""How all of them are shown photographs: cropped to the field of view, stretched to a square,
pixels in [0, 1]."""


def load_ready(model: ReadyModel, path: Path, device: "torch.device") -> Segmenter:
    """Loads a published network; every tensor of its file must have its place.

    W-Nets answer by the mean over the photograph and its mirror images, as their authors do.

    Args:
        model: Which one.
        path: Its file.
        device: Where to compute.

    Raises:
        WeightsError: If the file is not one of this network.
    """
    from fundus_core.segmentation.published import published_unet
    from fundus_core.segmentation.wnet import wnet_from

    load = {"wnet": wnet_from, "unet": published_unet}[model.layout]
    network = load(read_state_dict(path), source=path.name).to(device)
    return NetworkSegmenter(
        networks=(network,),
        channels=model.channels,
        size=model.size,
        preprocessing=AS_PUBLISHED,
        device=device,
        classes=model.classes,
        flips=model.layout == "wnet",
    )


def classical() -> Segmenter:
    """Returns the classical baseline."""
    return FrangiSegmenter()
