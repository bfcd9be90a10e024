"""Text towers: the published arithmetic, local files only, and what is refused."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.text_towers import (
    TEXT_TOWERS,
    load_text_tower,
    require_text_tower,
)
from fundus_core.errors import BackboneError, DataError, WeightsError
from tests.backbones import tiny_flair

PROMPTS = ("A fundus photograph of a healthy eye", "A fundus photograph of drusen", "macula")


def by_hand(ids: list[list[int]], *, masked: bool) -> np.ndarray:
    """Returns what FLAIR's text tower makes of word pieces, step by step in NumPy.

    Args:
        ids: One list per prompt, all of the same length; 0 is padding.
        masked: Leave the padding out of the averages.
    """
    tokens = torch.tensor(ids)
    attended = (tokens != 0).long()
    with torch.no_grad():
        states = tiny_flair.bert()(
            input_ids=tokens, attention_mask=attended, output_hidden_states=True
        ).hidden_states
    layers = np.stack([states[number].numpy() for number in (1, 2, 3)])  # (3, n, tokens, width)
    rows = []
    for row, kept in enumerate(attended.numpy().astype(bool)):
        places = kept if masked else np.ones_like(kept)
        mean = layers[:, row, places].mean(axis=1).mean(axis=0)
        projected = tiny_flair.projection().numpy() @ (mean / np.linalg.norm(mean))
        rows.append(projected / np.linalg.norm(projected))
    return np.stack(rows)


def pieces(*words: str, length: int) -> list[int]:
    """Returns word pieces between the marks of beginning and end, padded to a length."""
    numbers = [tiny_flair.PIECES.index(word) for word in ("[CLS]", *words, "[SEP]")]
    return numbers + [0] * (length - len(numbers))


@pytest.mark.parametrize("reading", ["published", "masked"])
def test_flair__equals_the_published_steps(tmp_path: Path, reading: str) -> None:
    weights = tiny_flair.write(tmp_path)
    tower = load_text_tower(tiny_flair.SPEC, weights, folders=[tmp_path], reading=reading)

    vectors = tower.encode(PROMPTS)

    beginning = ("a", "fun", "##dus", "photograph", "of")
    ids = [
        pieces(*beginning, "a", "healthy", "eye", length=10),
        pieces(*beginning, "dru", "##sen", length=10),
        pieces("macula", length=10),
    ]
    np.testing.assert_allclose(vectors, by_hand(ids, masked=reading == "masked"), atol=1e-5)


def test_flair__a_longer_neighbour_changes_a_prompt_only_as_published(tmp_path: Path) -> None:
    weights = tiny_flair.write(tmp_path)
    published = load_text_tower(tiny_flair.SPEC, weights, folders=[tmp_path])
    masked = load_text_tower(tiny_flair.SPEC, weights, folders=[tmp_path], reading="masked")

    moved = {
        name: float(np.abs(tower.encode(PROMPTS)[2] - tower.encode(PROMPTS[2:])[0]).max())
        for name, tower in {"published": published, "masked": masked}.items()
    }

    assert moved["published"] > 1e-3
    assert moved["masked"] < 1e-5


def test_flair__words_are_lower_cased(tmp_path: Path) -> None:
    tower = load_text_tower(tiny_flair.SPEC, tiny_flair.write(tmp_path), folders=[tmp_path])

    vectors = tower.encode(["MACULA", "macula"])

    np.testing.assert_array_equal(vectors[0], vectors[1])


@pytest.mark.parametrize(("stored", "used"), [(9.0, 4.6052), (-1.0, 0.0), (3.0, 3.0)])
def test_flair__the_scale_is_clamped_as_published(
    tmp_path: Path, stored: float, used: float
) -> None:
    weights = tiny_flair.write(tmp_path, log_scale=stored)

    assert load_text_tower(tiny_flair.SPEC, weights, folders=[tmp_path]).log_scale == used


def test_flair__a_prompt_that_would_be_cut_off_is_refused(tmp_path: Path) -> None:
    tower = load_text_tower(tiny_flair.SPEC, tiny_flair.write(tmp_path), folders=[tmp_path])

    with pytest.raises(DataError, match="78 tokens; the text tower reads at most 77"):
        tower.encode(["eye " * 76])


def test_flair__the_vocabulary_may_lie_in_a_folder_of_its_own(tmp_path: Path) -> None:
    weights = tiny_flair.write(tmp_path / "elsewhere")
    (tmp_path / "Bio_ClinicalBERT").mkdir()
    (tmp_path / "elsewhere" / "vocab.txt").rename(tmp_path / "Bio_ClinicalBERT" / "vocab.txt")

    tower = load_text_tower(tiny_flair.SPEC, weights, folders=[tmp_path])

    assert tower.encode(["macula"]).shape == (1, tiny_flair.EMBED_DIM)


def test_flair__without_a_vocabulary_it_says_which_file_goes_where(tmp_path: Path) -> None:
    weights = tiny_flair.write(tmp_path)
    (tmp_path / "vocab.txt").unlink()

    with pytest.raises(WeightsError, match=r"vocab\.txt is not on this machine") as caught:
        load_text_tower(tiny_flair.SPEC, weights, folders=[tmp_path])

    assert str(tmp_path / "Bio_ClinicalBERT") in caught.value.hint
    assert "emilyalsentzer/Bio_ClinicalBERT" in caught.value.hint


def test_flair__a_vocabulary_of_another_model_is_refused(tmp_path: Path) -> None:
    weights = tiny_flair.write(tmp_path)
    tiny_flair.write_vocabulary(tmp_path, tiny_flair.PIECES[:-1])

    with pytest.raises(WeightsError, match="19 word pieces; the text tower knows 20"):
        load_text_tower(tiny_flair.SPEC, weights, folders=[tmp_path])


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        ("text_model.projection_head_text.projection.weight", "holds no text tower of FLAIR"),
        ("text_model.model.encoder.layer.1.output.dense.bias", "encoder.layer.1.output.dense.bias"),
        ("text_model.model.embeddings.word_embeddings.weight", "word_embeddings.weight is missing"),
    ],
)
def test_flair__a_checkpoint_that_lacks_a_part_is_refused(
    tmp_path: Path, left_out: str, said: str
) -> None:
    from safetensors.torch import save_file

    tiny_flair.write_vocabulary(tmp_path)
    weights = tmp_path / "half.safetensors"
    kept = {name: t.contiguous() for name, t in tiny_flair.tensors().items() if name != left_out}
    save_file(kept, weights)

    with pytest.raises(WeightsError, match=said):
        load_text_tower(tiny_flair.SPEC, weights, folders=[tmp_path])


CLIP = BackboneSpec("tiny_clip", "CLIP, tiny", "any", 16, text_tower="open_clip:tiny-clip")


def open_clip_architecture(
    folder: Path, more: dict[str, object] | None = None, text: dict[str, object] | None = None
) -> Path:
    """Makes open_clip know a tiny architecture, `tiny-clip`, and returns the file that says so."""
    import open_clip

    about = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
        "text_cfg": {
            "context_length": 20,
            "vocab_size": 49408,
            "width": 32,
            "heads": 2,
            "layers": 2,
            **(text or {}),
        },
        **(more or {}),
    }
    path = folder / "architectures" / "tiny-clip.json"
    path.parent.mkdir()
    path.write_text(json.dumps(about), encoding="utf-8")
    open_clip.add_model_config(path)
    return path


@pytest.fixture
def tiny_clip(tmp_path: Path) -> Iterator[Path]:
    """A folder to put things into, while open_clip knows `tiny-clip`."""
    architecture = open_clip_architecture(tmp_path)
    yield tmp_path
    architecture.unlink()


def write_tokenizer(folder: Path) -> None:
    """Writes a tokenizer of whole words, as a model hub would offer it."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {"<pad>": 0, "<unk>": 1, "macula": 2, "drusen": 3, "eye": 4}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(about), encoding="utf-8")


def write_clip(folder: Path) -> tuple[Path, torch.nn.Module]:
    """Writes a random checkpoint; returns it and the model it was saved from."""
    import open_clip

    logging.disable(logging.WARNING)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        model = open_clip.create_model("tiny-clip", load_weights=False).eval()
    logging.disable(logging.NOTSET)
    path = folder / "tiny_clip.pth"
    torch.save({"state_dict": model.state_dict()}, path)
    return path, model


def test_open_clip__equals_its_own_encode_text(tiny_clip: Path) -> None:
    import open_clip

    weights, model = write_clip(tiny_clip)

    tower = load_text_tower(CLIP, weights, folders=[tiny_clip])
    vectors = tower.encode(PROMPTS)

    tokens = open_clip.get_tokenizer("tiny-clip")(list(PROMPTS))
    with torch.no_grad():
        expected = model.encode_text(tokens, normalize=True).numpy()
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert tower.log_scale == pytest.approx(model.logit_scale.item())


def test_open_clip__reads_a_tokenizer_from_a_local_folder(tmp_path: Path) -> None:
    import open_clip

    names = open_clip_architecture(
        tmp_path,
        {"custom_text": True, "init_logit_bias": -10},
        {"vocab_size": 12, "hf_tokenizer_name": "someone/words", "pool_type": "last"},
    )
    write_tokenizer(tmp_path / "words")
    weights, model = write_clip(tmp_path)

    vectors = load_text_tower(CLIP, weights, folders=[tmp_path]).encode(["macula", "drusen eye"])

    names.unlink()
    ids = torch.zeros(2, 20, dtype=torch.long)
    ids[0, 0] = 2
    ids[1, :2] = torch.tensor([3, 4])
    with torch.no_grad():
        expected = model.encode_text(ids, normalize=True).numpy()
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert isinstance(model, open_clip.CustomTextCLIP)


def test_open_clip__a_prompt_that_would_be_cut_off_is_refused(tiny_clip: Path) -> None:
    weights, _ = write_clip(tiny_clip)
    tower = load_text_tower(CLIP, weights, folders=[tiny_clip])

    with pytest.raises(DataError, match="21 tokens; the text tower reads at most 20"):
        tower.encode(["eye " * 19])


def test_open_clip__a_vision_tower_alone_is_refused(tiny_clip: Path) -> None:
    weights, model = write_clip(tiny_clip)
    torch.save({f"visual.{k}": v for k, v in model.visual.state_dict().items()}, weights)

    with pytest.raises(WeightsError, match="fills 0 of the"):
        load_text_tower(CLIP, weights, folders=[tiny_clip])


@pytest.mark.parametrize(
    ("text_tower", "error", "said"),
    [
        ("open_clip:ViT-B-16-SigLIP2", WeightsError, "a tokenizer that is not part of the program"),
        ("open_clip:roberta-ViT-B-32", BackboneError, "of a kind that cannot be read here"),
        ("open_clip:no-such-model", BackboneError, "not known to open_clip"),
    ],
)
def test_open_clip__what_would_need_a_download_is_said(
    tmp_path: Path, text_tower: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        load_text_tower(
            replace(CLIP, text_tower=text_tower), tmp_path / "any.pth", folders=[tmp_path]
        )


def test_open_clip__has_one_reading(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="in one way only, not 'masked'"):
        load_text_tower(CLIP, tmp_path / "any.pth", folders=[tmp_path], reading="masked")


def test_require_text_tower__a_backbone_without_words_is_refused() -> None:
    with pytest.raises(BackboneError, match="resnet50 was not trained on words"):
        require_text_tower(BackboneSpec("resnet50", "ResNet-50", "resnet50", 2048))


def test_every_text_tower_of_the_catalogue_is_known() -> None:
    from fundus_core.backbones.catalogue import BACKBONES

    speaking = [spec for spec in BACKBONES.values() if spec.text_tower]

    assert all(spec.text_tower.partition(":")[0] in TEXT_TOWERS for spec in speaking)
    assert all("projected" in {each.name for each in spec.poolings} for spec in speaking)
