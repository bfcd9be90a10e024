"""The text towers of open_clip's models."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.checkpoints import load_into, read_state_dict
from fundus_core.backbones.text_reading import COUNTERS, require_short
from fundus_core.errors import BackboneError, WeightsError

_USUAL_TOKENS = 77
_NO_VISION = {"image_size": 16, "patch_size": 16, "layers": 1, "width": 64}
"""The smallest vision tower: it is built with the model and taken away before it is filled."""


class OpenClipText:
    """The text tower of an open_clip model."""

    vocabulary = ""

    def __init__(self, model: Any, tokenizer: Any, *, n_tokens: int) -> None:
        """Takes a model with its weights; its vision tower is not used.

        Args:
            model: An open_clip model.
            tokenizer: Of the same architecture.
            n_tokens: Most tokens that the model reads.
        """
        self.log_scale = float(model.logit_scale.detach())
        self._model = model.eval().requires_grad_(False)
        self._tokenizer = tokenizer
        self._n_tokens = n_tokens

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns vectors of length 1, shape (len(texts), D).

        Raises:
            DataError: If a text has more tokens than the model reads.
        """
        import torch

        require_short(texts, [self._length(text) for text in texts], self._n_tokens)
        with torch.inference_mode():
            tokens = self._tokenizer(list(texts), context_length=self._n_tokens)
            return np.asarray(self._model.encode_text(tokens, normalize=True).numpy(), np.float32)

    def _length(self, text: str) -> int:
        """Returns how many tokens a text has, with those for its beginning and end."""
        if hasattr(self._tokenizer, "encode"):
            return len(self._tokenizer.encode(text)) + 2
        return len(self._tokenizer.tokenizer(self._tokenizer.clean_fn(text)).input_ids)


def load_open_clip(
    spec: BackboneSpec, weights: Path, folders: Sequence[Path], reading: str
) -> OpenClipText:
    """Builds an open_clip model with a vision tower of no consequence, and fills the rest."""
    import open_clip

    name = _open_clip_name(spec)
    about: dict[str, Any] = open_clip.get_model_config(name) or {}
    text = about.get("text_cfg", {})
    if not text or text.get("hf_model_name") or "multimodal_cfg" in about:
        kind = "is of a kind that cannot be read here" if text else "is not known to open_clip"
        raise BackboneError(
            f"The text tower {name!r} of {spec.id} {kind}.",
            hint="Choose an architecture with a text model of open_clip's own: ViT-B-16, for one.",
        )
    tokenizer = _open_clip_tokenizer(spec, name, text, folders)
    build = open_clip.CustomTextCLIP if about.pop("custom_text", False) else open_clip.CLIP
    model: Any = build(**{**about, "vision_cfg": dict(_NO_VISION)})
    model.visual = None
    tensors = {
        key: value
        for key, value in read_state_dict(weights).items()
        if not key.startswith("visual.") and not key.endswith(COUNTERS)
    }
    load_into(model, tensors, source=weights.name)
    return OpenClipText(model, tokenizer, n_tokens=int(text.get("context_length", _USUAL_TOKENS)))


def _open_clip_name(spec: BackboneSpec) -> str:
    """Returns the architecture's name in open_clip: after the colon, else the spec's own."""
    return spec.text_tower.partition(":")[2] or spec.architecture


def _open_clip_tokenizer(
    spec: BackboneSpec, name: str, about: Mapping[str, Any], folders: Sequence[Path]
) -> Any:
    """Returns CLIP's own tokenizer, or one whose files lie in a local folder."""
    from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

    repository = str(about.get("hf_tokenizer_name", ""))
    options = dict(about.get("tokenizer_kwargs", {}))
    if not repository and "siglip" not in name.lower():
        return SimpleTokenizer(
            context_length=int(about.get("context_length", _USUAL_TOKENS)), **options
        )
    repository = repository or "the tokenizer's repository"
    folder = repository.rpartition("/")[2]
    for place in folders:
        if (place / folder / "tokenizer.json").is_file():
            return HFTokenizer(
                str(place / folder), context_length=about.get("context_length"), **options
            )
    raise WeightsError(
        f"The words of {spec.id} are cut by a tokenizer that is not part of the program, and its "
        "tokenizer.json is not on this machine.",
        hint=f"Put the files of {repository} (tokenizer.json, tokenizer_config.json) into "
        f"{folders[0] / folder}, or bring prototypes made on another machine "
        "(--import-prototypes FILE).",
    )
