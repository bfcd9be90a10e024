"""SEEM's image encoder: a FocalNet with three changes that the timm library lacks.

Before each half of a block, a depth-wise 3 x 3 convolution is added to its input; layer norms come
after the sum with the shortcut instead of before it; the first convolution is padded by 3 pixels.

References:
    Yang et al. (2022), Focal Modulation Networks, arXiv:2203.11926.
    Zou et al. (2023), Segment Everything Everywhere All at Once, arXiv:2304.06718.
"""

from functools import partial
from typing import Any

from timm.layers.norm import LayerNorm2d
from timm.models.focalnet import FocalNet, FocalNetBlock
from torch import Tensor, nn

_FOCAL_TINY: dict[str, Any] = {
    "depths": (2, 2, 6, 2),
    "embed_dim": 96,
    "focal_levels": (3, 3, 3, 3),
    "focal_windows": (3, 3, 3, 3),
}
_SHARED: dict[str, Any] = {
    "use_post_norm": True,
    "normalize_modulator": True,
    "layerscale_value": 1e-4,
}
_STEM_PADDING = 3


class SeemBlock(FocalNetBlock):
    """A block of focal modulation as in SEEM."""

    def __init__(self, dim: int, **options: Any) -> None:
        """Adds the two depth-wise convolutions to a block of `dim` channels."""
        super().__init__(dim, **options)
        self.dw1 = nn.Conv2d(dim, dim, kernel_size=3, padding=1, groups=dim)
        self.dw2 = nn.Conv2d(dim, dim, kernel_size=3, padding=1, groups=dim)

    def forward(self, x: Tensor) -> Tensor:
        """Maps features (B, C, h, w) to features of the same shape."""
        x = x + self.dw1(x)
        x = self.norm1_post(x + self.drop_path1(self.ls1(self.modulation(x))))
        x = x + self.dw2(x)
        normed: Tensor = self.norm2_post(x + self.drop_path2(self.ls2(self.mlp(x))))
        return normed


class SeemFocalNet(FocalNet):
    """SEEM's encoder up to its last stage, `res5`, whose mean over all places is the embedding."""

    def __init__(self, **arguments: Any) -> None:
        """Builds Focal-T.

        Args:
            arguments: Of `FocalNet`, in place of those of Focal-T.
        """
        shape = {**_FOCAL_TINY, **arguments}
        super().__init__(
            num_classes=0, use_overlap_down=True, drop_path_rate=0.0, **_SHARED, **shape
        )
        self.stem.proj.padding = (_STEM_PADDING, _STEM_PADDING)
        stages: Any = self.layers
        for index, stage in enumerate(stages):
            stage.blocks = nn.ModuleList(
                SeemBlock(
                    block.dim,
                    focal_level=shape["focal_levels"][index],
                    focal_window=shape["focal_windows"][index],
                    norm_layer=partial(LayerNorm2d, eps=1e-5),
                    **_SHARED,
                )
                for block in stage.blocks
            )
