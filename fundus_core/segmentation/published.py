"""Checkpoints of the fundus foundation model's U-Net, as its first author publishes them.

The names are flat: `conv1`, `bn1`, `layer1` to `layer4` of a ResNet-50, `up4` to `up1`,
`final_conv`. That ResNet adds a bias in the first convolution of every block and in its shortcuts,
which other ResNet-50s lack. A normalisation follows each of them at once, and it subtracts a mean;
so a mean that is smaller by the bias gives the same answers, and the network is an ordinary one.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.errors import WeightsError
from fundus_core.segmentation.networks import Normalised, PaperUNet, Pyramid

_ENCODER = re.compile(r"(conv1|bn1|layer[1-4])\.")
_BIASED = (
    (re.compile(r"(layer\d\.\d+\.)conv1\.bias"), r"\1bn1.running_mean"),
    (re.compile(r"(layer\d\.\d+\.downsample\.)0\.bias"), r"\g<1>1.running_mean"),
)
_COUNTER = "num_batches_tracked"
_NAMED_AT_MOST = 3


def published_unet(tensors: Mapping[str, Tensor], *, source: str) -> Normalised:
    """Returns the U-Net of a published checkpoint, in eval mode; every tensor has its place.

    Args:
        tensors: The checkpoint, see `read_state_dict`.
        source: Its name, for the message.

    Raises:
        WeightsError: If it is not one of this U-Net on a ResNet-50.
    """
    final = tensors.get("final_conv.weight")
    if final is None:
        raise WeightsError(
            f"{source} is no checkpoint of the fundus foundation model's U-Net: it lacks "
            "final_conv.",
            hint="Choose its vessel weights, or another model.",
        )
    spec = replace(backbone_spec("timm:resnet50"), architecture_args=())
    network = PaperUNet(Pyramid(spec), final.shape[1])
    arranged = {
        f"encoder.network.{name}" if _ENCODER.match(name) else name: value.float()
        for name, value in without_biases(tensors).items()
    }
    own = network.state_dict()
    arranged = {name: own[name] for name in own if name.endswith(_COUNTER)} | arranged
    wrong = sorted(own.keys() ^ arranged.keys())
    wrong += [n for n in own if n in arranged and own[n].shape != arranged[n].shape]
    if wrong:
        raise WeightsError(
            f"{source} does not fit the U-Net: {len(wrong)} of {len(own)} tensors are missing, "
            f"left over or of another shape, e.g. {', '.join(wrong[:_NAMED_AT_MOST])}.",
            hint="Choose the weights of the ResNet-50 U-Net, or copy the file again.",
        )
    network.load_state_dict(arranged)
    return Normalised(network).eval()


def without_biases(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns a checkpoint whose biases before a normalisation are part of the latter's mean."""
    kept = dict(tensors)
    for name in tensors:
        for pattern, place in _BIASED:
            mean = pattern.sub(place, name)
            if pattern.fullmatch(name) and mean in kept:
                kept[mean] = kept[mean] - kept.pop(name)
    return kept
