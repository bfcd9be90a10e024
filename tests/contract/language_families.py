"""The tensors of published models of pictures and words; see `families`."""

from typing import Any

import timm
import torch
from torch import nn
from torchvision.models.resnet import Bottleneck

from tests.contract.families import Tensors, linear, norm, prefixed, resnet, vit, weights


def bert(width: int) -> Tensors:
    """The beginning of a BERT, as the transformers library names it."""
    layer = "encoder.layer.0"
    return {
        "embeddings.word_embeddings.weight": weights(32, width),
        "embeddings.position_ids": torch.arange(16).reshape(1, 16),
        **norm("embeddings.LayerNorm", width),
        **linear(f"{layer}.attention.self.query", width, width),
        **linear(f"{layer}.attention.self.key", width, width),
        **linear(f"{layer}.attention.self.value", width, width),
        **linear(f"{layer}.attention.output.dense", width, width),
        **norm(f"{layer}.output.LayerNorm", width),
        **linear("pooler.dense", width, width),
    }


def vision_language(width: int, projected: int) -> Tensors:
    """What FLAIR and its kin have beside the vision model."""
    return {
        **linear("vision_model.projection_head_vision.projection", projected, width, bias=False),
        **prefixed("text_model.model.", bert(8)),
        **linear("text_model.projection_head_text.projection", projected, 8, bias=False),
        "logit_scale": torch.tensor(2.66),
    }


def adapted_vit(depth: int, width: int, *, projected: int) -> Tensors:
    """A transformer with low-rank adapters of rank 8, beside a text model."""
    encoder = vit(depth, width)
    for index in range(depth):
        stem = f"blocks.{index}.attn.qkv"
        encoder[f"{stem}.qkv.weight"] = encoder.pop(f"{stem}.weight")
        encoder[f"{stem}.qkv.bias"] = encoder.pop(f"{stem}.bias")
        for part in "qv":
            encoder |= linear(f"{stem}.linear_a_{part}", 8, width, bias=False)
            encoder |= linear(f"{stem}.linear_b_{part}", width, 8, bias=False)
    return prefixed("vision_model.model.lora_vit.", encoder) | vision_language(width, projected)


def blip(depth: int, width: int) -> Tensors:
    return (
        prefixed("visual_encoder.", vit(depth, width))
        | prefixed("text_encoder.", bert(8))
        | prefixed("text_decoder.bert.", bert(8))
        | linear("vision_proj", 8, width)
        | linear("text_proj", 8, 8)
    )


def flair(layers: tuple[int, ...]) -> Tensors:
    encoder = {
        name: value
        for name, value in resnet(Bottleneck, layers).items()
        if not name.startswith("fc.")
    }
    return prefixed("vision_model.model.", encoder) | vision_language(2048, 512)


def keepfit(layers: tuple[int, ...]) -> Tensors:
    attention = linear("attention.in_proj", 16, 16) | linear("attention.out_proj", 16, 16)
    return flair(layers) | attention


def clip(depth: int, width: int, *, patch: int, positions: int, projected: int) -> Tensors:
    """The vision tower of CLIP, as OpenAI and open_clip name it."""
    tensors = {
        "class_embedding": weights(width),
        "positional_embedding": weights(positions, width),
        "proj": weights(width, projected),
        "conv1.weight": weights(width, 3, patch, patch),
        **norm("ln_pre", width),
        **norm("ln_post", width),
    }
    for index in range(depth):
        block = {
            **norm("ln_1", width),
            "attn.in_proj_weight": weights(3 * width, width),
            "attn.in_proj_bias": weights(3 * width),
            **linear("attn.out_proj", width, width),
            **norm("ln_2", width),
            **linear("mlp.c_fc", 4 * width, width),
            **linear("mlp.c_proj", width, 4 * width),
        }
        tensors |= prefixed(f"transformer.resblocks.{index}.", block)
    return prefixed("visual.", tensors)


def eyeclip(depth: int, width: int, *, projected: int) -> Tensors:
    """CLIP with the decoder of a masked autoencoder."""
    texts = {"text_projection": weights(8, projected), "token_embedding.weight": weights(32, 8)}
    decoder = linear("visual.decoder.embed", 16, width) | linear("visual.decoder.pred", 48, 16)
    tower = clip(depth, width, patch=32, positions=50, projected=projected)
    return tower | decoder | texts | {"logit_scale": torch.tensor(4.6)}


def ret_clip(depth: int, width: int, *, projected: int) -> Tensors:
    """Chinese CLIP with mappings for two eyes, as data-parallel training saves it."""
    tower = clip(depth, width, patch=16, positions=197, projected=projected)
    mappings = linear("img_mapping_left", 8, 8) | linear("img_mapping_right", 8, 8)
    texts = prefixed("bert.", bert(8)) | {"text_projection": weights(8, projected)}
    return prefixed("module.", tower | mappings | texts)


def open_clip_model(name: str, **changes: Any) -> Tensors:
    """The state of a whole open_clip model."""
    import open_clip
    from open_clip.model import CLIP, CustomTextCLIP

    config = dict(open_clip.get_model_config(name))
    is_custom = config.pop("custom_text", False)
    config["vision_cfg"] = {**config["vision_cfg"], **changes.pop("vision_cfg", {})}
    config["text_cfg"] = {**config["text_cfg"], **changes.pop("text_cfg", {})}
    model: nn.Module = (CustomTextCLIP if is_custom else CLIP)(**{**config, **changes})
    return model.state_dict()


TINY_TEXT = {"width": 16, "heads": 2, "layers": 1, "vocab_size": 64, "context_length": 8}


def siglip(depth: int, width: int) -> Tensors:
    """An open_clip model with a tower of timm's, its text model cut short."""
    tower = timm.create_model(
        "vit_base_patch16_siglip_224", num_classes=0, depth=depth, embed_dim=width, num_heads=2
    )
    texts = {"text.token_embedding.weight": weights(64, 16), **linear("text.ln_final", 16, 16)}
    scales = {"logit_scale": torch.tensor(4.6), "logit_bias": torch.tensor(-10.0)}
    return prefixed("visual.trunk.", tower.state_dict()) | texts | scales
