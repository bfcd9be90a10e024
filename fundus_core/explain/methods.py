"""The ways to make a map. To add one, add one entry to `METHODS`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fundus_core.explain import combine
from fundus_core.explain.attention import attention_rollout, weighted_attention
from fundus_core.explain.integrated import integrated_gradients
from fundus_core.explain.layers import cam_layer
from fundus_core.explain.perturbed import ablation_cam, occlusion, score_cam
from fundus_core.explain.question import Question
from fundus_core.explain.tail import record_tail

if TYPE_CHECKING:
    from torch import Tensor

_ANY_PLACES = "any network whose layers keep places"
_PLAIN_TRANSFORMERS = "transformers whose blocks attend from every token to every token"
_ANY_NETWORK = "any network"


@dataclass(frozen=True, slots=True)
class SaliencyMethod:
    """One row of the menu of methods."""

    label: str
    """What the page offers."""

    compute: "Callable[[Question], Tensor]"
    """Maps what is asked to signed maps (B, h, w): above zero speaks for the target."""

    reference: str
    """The paper."""

    serves: str
    """Which networks, as a phrase; it refuses others with a reason."""

    cost: str
    """Per photograph, as a phrase."""

    class_specific: bool = True
    """False if the map is the same whichever class is asked for."""

    by_layer: bool = True
    """It shows the places of one layer, which can be chosen."""

    quick: bool = True
    """It takes about as long as embedding the photograph; False for many times that."""


def _one_pass(
    of_layer: "Callable[[Tensor, Tensor], Tensor]",
) -> "Callable[[Question], Tensor]":
    """Returns the method that makes maps of one layer's activations and gradients."""

    def compute(question: Question) -> "Tensor":
        layer = question.layer or cam_layer(question.backbone)
        record = record_tail(question.backbone, question.batch, question.target, layer)
        return of_layer(record.activations, record.gradients)

    return compute


_ONE_PASS = "one forward pass and the tail of a backward one"

METHODS: dict[str, SaliencyMethod] = {
    "grad_cam": SaliencyMethod(
        label="Grad-CAM",
        compute=_one_pass(combine.grad_cam),
        reference="Selvaraju et al. (2017), ICCV, arXiv:1610.02391",
        serves=_ANY_PLACES,
        cost=_ONE_PASS,
    ),
    "hires_cam": SaliencyMethod(
        label="HiResCAM",
        compute=_one_pass(combine.hires_cam),
        reference="Draelos & Carin (2020), arXiv:2011.08891",
        serves=_ANY_PLACES,
        cost=_ONE_PASS,
    ),
    "layer_cam": SaliencyMethod(
        label="LayerCAM",
        compute=_one_pass(combine.layer_cam),
        reference="Jiang et al. (2021), IEEE Transactions on Image Processing 30, 5875-5888",
        serves=_ANY_PLACES,
        cost=_ONE_PASS,
    ),
    "grad_cam_plus_plus": SaliencyMethod(
        label="Grad-CAM++",
        compute=_one_pass(combine.grad_cam_plus_plus),
        reference="Chattopadhay et al. (2018), WACV, arXiv:1710.11063",
        serves=_ANY_PLACES,
        cost=_ONE_PASS,
    ),
    "eigen_cam": SaliencyMethod(
        label="EigenCAM (the same for every class)",
        compute=_one_pass(combine.eigen_cam),
        reference="Muhammad & Yeasin (2020), IJCNN, arXiv:2008.00299",
        serves=_ANY_PLACES,
        cost=_ONE_PASS,
        class_specific=False,
    ),
    "weighted_attention": SaliencyMethod(
        label="Gradient-weighted attention",
        compute=weighted_attention,
        reference="Chefer, Gur & Wolf (2021), ICCV, arXiv:2103.15679",
        serves=_PLAIN_TRANSFORMERS,
        cost="one forward and one backward pass",
        by_layer=False,
    ),
    "attention_rollout": SaliencyMethod(
        label="Attention rollout (the same for every class)",
        compute=attention_rollout,
        reference="Abnar & Zuidema (2020), ACL, arXiv:2005.00928",
        serves=_PLAIN_TRANSFORMERS,
        cost="one forward and one backward pass",
        class_specific=False,
        by_layer=False,
    ),
    "integrated_gradients": SaliencyMethod(
        label="Integrated gradients",
        compute=integrated_gradients,
        reference="Sundararajan, Taly & Yan (2017), ICML, arXiv:1703.01365",
        serves=_ANY_NETWORK,
        cost="32 forward and backward passes",
        by_layer=False,
        quick=False,
    ),
    "occlusion": SaliencyMethod(
        label="Occlusion",
        compute=occlusion,
        reference="Zeiler & Fergus (2014), ECCV, arXiv:1311.2901",
        serves=_ANY_NETWORK,
        cost="226 forward passes",
        by_layer=False,
        quick=False,
    ),
    "ablation_cam": SaliencyMethod(
        label="Ablation-CAM",
        compute=ablation_cam,
        reference="Desai & Ramaswamy (2020), WACV, 983-991",
        serves=_ANY_PLACES,
        cost="the network's part after the layer once per feature of the layer",
        quick=False,
    ),
    "score_cam": SaliencyMethod(
        label="Score-CAM",
        compute=score_cam,
        reference="Wang et al. (2020), CVPR workshops, arXiv:1910.01279",
        serves=_ANY_PLACES,
        cost="a forward pass per feature of the layer",
        quick=False,
    ),
}
"""The methods by the name that recipes and the command line use."""
