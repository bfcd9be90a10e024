"""Backbones trained on everyday photographs."""

from fundus_core.backbones.specs.convolutional import CONVOLUTIONAL
from fundus_core.backbones.specs.promptable import PROMPTABLE
from fundus_core.backbones.specs.transformers import TRANSFORMERS

GENERAL = (*CONVOLUTIONAL, *TRANSFORMERS, *PROMPTABLE)
