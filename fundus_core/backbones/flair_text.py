"""FLAIR's text tower."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.checkpoints import load_into, read_state_dict
from fundus_core.backbones.text_reading import COUNTERS, require_short
from fundus_core.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

BERT_VOCABULARY = "vocab.txt"
_BERT_FOLDER = "Bio_ClinicalBERT"
_BERT_REPOSITORY = "emilyalsentzer/Bio_ClinicalBERT"
_BERT_HEAD_WIDTH = 64
_FLAIR_TOKENS = 77
_FLAIR_LARGEST_LOG_SCALE = 4.6052
_FLAIR_TEXT = "text_model.model."
_FLAIR_PROJECTION = "text_model.projection_head_text.projection.weight"


class FlairText:
    """FLAIR's text tower: Bio_ClinicalBERT, three of its layers averaged, and a projection."""

    def __init__(
        self,
        bert: "nn.Module",
        projection: "Tensor",
        tokenizer: Any,
        *,
        log_scale: float,
        vocabulary: str,
        reading: str = "published",
    ) -> None:
        """Puts the parts together.

        Args:
            bert: A `transformers.BertModel`.
            projection: Shape (D, width of the model).
            tokenizer: Of the same vocabulary.
            log_scale: As stored; it is clamped as FLAIR does before use.
            vocabulary: SHA-256 of the vocabulary.
            reading: Key of `READINGS`.
        """
        self.log_scale = min(max(log_scale, 0.0), _FLAIR_LARGEST_LOG_SCALE)
        self.vocabulary = vocabulary
        self._bert = bert.eval().requires_grad_(False)
        self._projection = projection.float()
        self._tokenizer = tokenizer
        self._reading = reading

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns vectors of length 1, shape (len(texts), D); the texts are read as one batch.

        Hidden states 1, 2 and last are averaged over tokens and over the three layers; the mean is
        brought to length 1, projected, and brought to length 1 again.

        Raises:
            DataError: If a text has more than 77 tokens.

        References:
            Silva-Rodríguez et al. (2025), Medical Image Analysis 99, 103357.
        """
        import torch
        from torch.nn import functional

        tokens = self._tokenizer(list(texts), padding=True, return_tensors="pt")
        require_short(texts, tokens.attention_mask.sum(dim=1).tolist(), _FLAIR_TOKENS)
        with torch.inference_mode():
            read = self._bert(
                input_ids=tokens.input_ids,
                attention_mask=tokens.attention_mask,
                output_hidden_states=True,
            )
            states = read.hidden_states
            layers = (states[1] + states[2] + states[-1]) / 3  # (n, tokens, width)
            mean = self._mean(layers, tokens.attention_mask)
            projected = functional.normalize(mean, dim=1) @ self._projection.T
            return np.asarray(functional.normalize(projected, dim=1).numpy(), np.float32)

    def _mean(self, layers: "Tensor", attended: "Tensor") -> "Tensor":
        """Averages over tokens, with the padding or without."""
        if self._reading == "published":
            return layers.mean(dim=1)
        weights = attended.unsqueeze(2).float()
        return (layers * weights).sum(dim=1) / weights.sum(dim=1)


def load_flair(
    spec: BackboneSpec, weights: Path, folders: Sequence[Path], reading: str
) -> FlairText:
    """Builds Bio_ClinicalBERT in the size that the checkpoint's tensors have, and fills it."""
    tensors = read_state_dict(weights)
    if _FLAIR_PROJECTION not in tensors or "logit_scale" not in tensors:
        raise WeightsError(
            f"{weights.name} holds no text tower of FLAIR: {_FLAIR_PROJECTION} is not in it.",
            hint="Take the whole checkpoint of FLAIR, not its vision tower alone.",
        )
    own = {
        name.removeprefix(_FLAIR_TEXT): value
        for name, value in tensors.items()
        if name.startswith(_FLAIR_TEXT) and not name.endswith(COUNTERS)
    }
    bert = _bert_like(own, weights)
    load_into(bert, own, source=weights.name)
    vocabulary = _find_vocabulary(spec, weights, folders)
    return FlairText(
        bert,
        tensors[_FLAIR_PROJECTION],
        _bert_tokenizer(vocabulary, own["embeddings.word_embeddings.weight"].shape[0]),
        log_scale=float(tensors["logit_scale"]),
        vocabulary=hashlib.sha256(vocabulary.read_bytes()).hexdigest(),
        reading=reading,
    )


def _bert_like(tensors: Mapping[str, "Tensor"], weights: Path) -> "nn.Module":
    """Returns a BERT model of the sizes that tensors have; heads are 64 wide, as in all of BERT."""
    from transformers import BertConfig, BertModel

    try:
        words, width = tensors["embeddings.word_embeddings.weight"].shape
        n_positions = tensors["embeddings.position_embeddings.weight"].shape[0]
        n_inner = tensors["encoder.layer.0.intermediate.dense.weight"].shape[0]
    except KeyError as error:
        raise WeightsError(
            f"{weights.name} holds no BERT text tower: {_FLAIR_TEXT}{error.args[0]} is missing.",
            hint="Download the file again, and check its size.",
        ) from error
    config = BertConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=len({n.split(".")[2] for n in tensors if n.startswith("encoder.layer.")}),
        num_attention_heads=width // _BERT_HEAD_WIDTH,
        intermediate_size=n_inner,
        max_position_embeddings=n_positions,
    )
    return BertModel(config, add_pooling_layer="pooler.dense.weight" in tensors)


def _find_vocabulary(spec: BackboneSpec, weights: Path, folders: Sequence[Path]) -> Path:
    """Returns the file of word pieces: beside the weights, in a local folder, or in the cache."""
    beside = weights.with_name(f"{weights.stem}.{BERT_VOCABULARY}")
    places = [folder / name for folder in folders for name in (_BERT_FOLDER, "")]
    for candidate in (beside, *(place / BERT_VOCABULARY for place in places)):
        if candidate.is_file():
            return candidate
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(_BERT_REPOSITORY, BERT_VOCABULARY)
    if isinstance(cached, str):
        return Path(cached)
    raise WeightsError(
        f"The words of {spec.id} are cut into the pieces of Bio_ClinicalBERT, whose "
        f"{BERT_VOCABULARY} is not on this machine.",
        hint=f"Put {BERT_VOCABULARY} (from {_BERT_REPOSITORY} on the hub) into "
        f"{folders[0] / _BERT_FOLDER}, or bring prototypes made on another machine "
        "(--import-prototypes FILE).",
    )


def _bert_tokenizer(vocabulary: Path, n_words: int) -> Any:
    """Returns the tokenizer that FLAIR was trained with.

    It lower-cases although the vocabulary is cased: the published vocabulary comes without a
    setting, and the library's own is to lower-case (EmilyAlsentzer/clinicalBERT, issue 26).
    """
    from transformers import BertTokenizer

    pieces = vocabulary.read_text(encoding="utf-8").splitlines()
    if len(pieces) != n_words:
        raise WeightsError(
            f"{vocabulary} has {len(pieces):,} word pieces; the text tower knows {n_words:,}.",
            hint=f"Take {BERT_VOCABULARY} from {_BERT_REPOSITORY} on the hub.",
        )
    known = {piece: number for number, piece in enumerate(pieces)}
    return BertTokenizer(vocab=known, do_lower_case=True)
