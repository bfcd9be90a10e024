"""Embedding: order kept, failures counted, memory respected, interruptions without a trace."""

from pathlib import Path

import numpy as np
import pytest

import fundus_core.embedding
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.embedding import SHARD_ROWS, Photograph, Shard, embed_photographs
from fundus_core.errors import MemoryLimitError
from fundus_core.io.images import scan_image
from fundus_core.io.square_store import SquareStore
from tests.fakes import MeanBackbone, write_photograph


@pytest.fixture
def photographs(tmp_path: Path) -> list[Photograph]:
    """Photographs that get redder one by one; the first is by far the largest to decode."""
    count = SHARD_ROWS + 6
    return [
        Photograph(
            f"id{number}",
            write_photograph(
                tmp_path / f"{number}.png", (100 + 2 * number, 50, 20), 1200 if number == 0 else 96
            ),
        )
        for number in range(count)
    ]


def collect(backbone: MeanBackbone, photographs: list[Photograph], **options: int) -> list[Shard]:
    """Runs the embedding and returns what it handed over."""
    shards: list[Shard] = []
    embed_photographs(
        backbone, photographs, on_shard=shards.append, **{"batch_size": 4, "workers": 2, **options}
    )
    return shards


def test_embed_photographs__rows_follow_the_order_given(photographs: list[Photograph]) -> None:
    shards = collect(MeanBackbone(), photographs)

    ids = [image_id for shard in shards for image_id in shard.image_ids]
    reds = np.concatenate([shard.vectors[:, 0] for shard in shards])
    assert ids == [photograph.image_id for photograph in photographs]
    assert (np.diff(reds[1:]) > 0).all()


def test_embed_photographs__broken_files_are_skipped_with_a_reason(
    photographs: list[Photograph],
) -> None:
    photographs[2].path.write_bytes(b"not a picture")
    photographs[3].path.unlink()

    shards = collect(MeanBackbone(), photographs)

    first = shards[0]
    assert {key: row.reason for key, row in first.skipped.items()} == {
        "id2": "unreadable",
        "id3": "missing",
    }
    assert first.image_ids[:4] == ("id0", "id1", "id4", "id5")
    assert len(first.vectors) == len(first.image_ids) == SHARD_ROWS - 2


def test_embed_photographs__every_batch_has_the_same_shape(photographs: list[Photograph]) -> None:
    backbone = MeanBackbone()

    collect(backbone, photographs[:10])

    assert backbone.batch_sizes == [4, 4, 4]


def test_embed_photographs__halves_the_batch_until_it_fits(photographs: list[Photograph]) -> None:
    plenty, tight = MeanBackbone(), MeanBackbone(memory=3)

    expected = collect(plenty, photographs, batch_size=16)
    shards = collect(tight, photographs, batch_size=16)

    assert set(tight.batch_sizes) == {2}
    assert all(np.array_equal(a.vectors, b.vectors) for a, b in zip(expected, shards, strict=True))


def test_embed_photographs__says_so_when_one_photograph_is_too_much(
    photographs: list[Photograph],
) -> None:
    with pytest.raises(MemoryLimitError, match="One photograph of 32 x 32 pixels does not fit"):
        collect(MeanBackbone(memory=0), photographs)


def test_embed_photographs__going_on_after_a_shard_gives_the_same_rows(
    photographs: list[Photograph],
) -> None:
    whole = collect(MeanBackbone(), photographs)

    rest = collect(MeanBackbone(), photographs[SHARD_ROWS:])

    assert np.array_equal(whole[1].vectors, rest[0].vectors)


def test_embed_photographs__progress_ends_at_the_total(photographs: list[Photograph]) -> None:
    seen: list[tuple[int, int]] = []

    embed_photographs(
        MeanBackbone(),
        photographs,
        on_shard=lambda shard: None,
        batch_size=4,
        progress=lambda done, total, message: seen.append((done, total)),
    )

    assert seen == [(SHARD_ROWS, len(photographs)), (len(photographs), len(photographs))]


@pytest.fixture
def known(photographs: list[Photograph]) -> list[Photograph]:
    """The photographs under the ids of their contents."""
    return [Photograph(scan_image(each.path).image_id, each.path) for each in photographs]


def squares(folder: Path) -> SquareStore:
    """Opens the kept squares as the next process would."""
    return SquareStore(folder / "squares", PreprocessRecipe(), 32)


def collect_kept(folder: Path, photographs: list[Photograph]) -> list[Shard]:
    """Runs the embedding with kept squares."""
    shards: list[Shard] = []
    embed_photographs(
        MeanBackbone(), photographs, on_shard=shards.append, batch_size=4, kept=squares(folder)
    )
    return shards


def test_embed_photographs__with_kept_squares_no_photograph_is_read_and_no_vector_changes(
    known: list[Photograph], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = collect(MeanBackbone(), known)
    first = collect_kept(tmp_path, known)
    monkeypatch.delattr(fundus_core.embedding, "read_image")

    second = collect_kept(tmp_path, known)

    for shards in (first, second):
        assert [shard.image_ids for shard in shards] == [shard.image_ids for shard in without]
        assert all(
            np.array_equal(a.vectors, b.vectors) for a, b in zip(shards, without, strict=True)
        )


def test_embed_photographs__a_damaged_square_is_decoded_anew(
    known: list[Photograph], tmp_path: Path
) -> None:
    without = collect_kept(tmp_path, known[:5])
    (array,) = (tmp_path / "squares").rglob("*.npy")
    array.write_bytes(array.read_bytes()[:-2] + b"??")

    again = collect_kept(tmp_path, known[:5])

    assert np.array_equal(again[0].vectors, without[0].vectors)


def test_embed_photographs__a_file_with_another_content_is_not_given_the_old_square(
    known: list[Photograph], tmp_path: Path
) -> None:
    collect_kept(tmp_path, known[:2])
    path = write_photograph(known[0].path, (10, 250, 10))
    replaced = Photograph(scan_image(path).image_id, path)

    shards = collect_kept(tmp_path, [replaced])

    assert np.array_equal(shards[0].vectors, collect(MeanBackbone(), [replaced])[0].vectors)


def test_embed_photographs__what_could_not_be_read_is_tried_again(
    known: list[Photograph], tmp_path: Path
) -> None:
    content = known[1].path.read_bytes()
    known[1].path.unlink()
    first = collect_kept(tmp_path, known[:3])
    known[1].path.write_bytes(content)

    second = collect_kept(tmp_path, known[:3])

    assert set(first[0].skipped) == {known[1].image_id}
    assert len(second[0].image_ids) == 3
