"""A checkpoint in FLAIR's layout that is small enough for tests, random and never trained."""

from pathlib import Path

import timm
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import BertConfig, BertModel

from fundus_core.backbones.base import BackboneSpec, Pooling

EMBED_DIM = 8
PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "fun", "##dus", "photograph", "of")
PIECES += (
    "healthy",
    "eye",
    "haemorrhage",
    "macula",
    "disc",
    "the",
    "in",
    "without",
    "dru",
    "##sen",
)

SPEC = BackboneSpec(
    id="tiny_flair",
    title="FLAIR, tiny",
    architecture="test_resnet",
    embed_dim=EMBED_DIM,
    layouts=("flair",),
    image_size=64,
    poolings=(
        Pooling("projected", "In the space of the words", EMBED_DIM, head="unit_projection"),
    ),
    pooling="projected",
    weights_files=("tiny_flair.safetensors",),
    text_tower="flair",
)


def bert(*, n_layers: int = 3) -> BertModel:
    """Returns a text model of 128 features in two heads, the same at each call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        config = BertConfig(
            vocab_size=len(PIECES),
            hidden_size=128,
            num_hidden_layers=n_layers,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=96,
        )
        return BertModel(config).eval()


def projection() -> Tensor:
    """Returns the matrix after the text model, shape (8, 128)."""
    return torch.randn(EMBED_DIM, 128, generator=torch.Generator().manual_seed(2))


def tensors(*, log_scale: float = 3.0) -> dict[str, Tensor]:
    """Returns all tensors of the checkpoint by their published names."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        vision = timm.create_model("test_resnet", pretrained=False, num_classes=0)
        matrix = torch.randn(EMBED_DIM, int(vision.num_features))
    named = {f"vision_model.model.{name}": value for name, value in vision.state_dict().items()}
    named["vision_model.projection_head_vision.projection.weight"] = matrix
    named |= {f"text_model.model.{name}": value for name, value in bert().state_dict().items()}
    named["text_model.projection_head_text.projection.weight"] = projection()
    named["logit_scale"] = torch.tensor(log_scale)
    return named


def write(folder: Path, *, log_scale: float = 3.0) -> Path:
    """Writes the checkpoint and its vocabulary, and returns the checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    write_vocabulary(folder)
    path = folder / "tiny_flair.safetensors"
    contiguous = {name: value.contiguous() for name, value in tensors(log_scale=log_scale).items()}
    save_file(contiguous, path)
    return path


def write_vocabulary(folder: Path, pieces: tuple[str, ...] = PIECES) -> Path:
    """Writes the word pieces, one per line."""
    path = folder / "vocab.txt"
    path.write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return path
