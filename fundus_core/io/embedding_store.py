"""Embeddings on disk: shards of rows under one recipe, added to by one process at a time.

A shard is two files. `NNNNNN.npy` holds the rows; `NNNNNN.json`, written after it, holds their
image ids and the checksum and makes the shard count. A crash between the two leaves a file that
readers do not look at; a flipped bit makes a shard a miss, and its images are computed again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from fundus_core.domain.dataset import RejectedRow
from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.io.files import checksum, read_json, write_array, write_json
from fundus_core.io.read_only import require_writable

_RECIPE = "recipe.json"
_WEIGHTS = "weights.json"


@dataclass(frozen=True, slots=True)
class _Shard:
    """A committed group of rows."""

    array: Path
    image_ids: tuple[str, ...]
    skipped: dict[str, RejectedRow]
    checksum: str


class EmbeddingStore:
    """All vectors ever made by one `EmbedRecipe`, whichever data set the images came from."""

    def __init__(self, root: Path, recipe: EmbedRecipe) -> None:
        """Opens the store of a recipe under `root`; nothing is written yet."""
        self.fingerprint = recipe.fingerprint()
        self.folder = root / self.fingerprint
        self._recipe = recipe

    def lock(self) -> FileLock:
        """Returns the lock to hold while adding rows; the system frees it if the holder dies."""
        require_writable(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / ".lock")

    def known(self) -> set[str]:
        """Returns the ids of images that need not be computed: stored, or known to fail."""
        return {
            image_id
            for shard in self._shards(verify=True)
            for image_id in (*shard.image_ids, *shard.skipped)
        }

    def read(self, image_ids: Sequence[str]) -> Embeddings:
        """Returns the stored vectors of the given images, in their order; others are left out."""
        wanted = set(image_ids)
        rows: dict[str, NDArray[np.float32]] = {}
        skipped: dict[str, RejectedRow] = {}
        for shard in self._shards(verify=True):
            array = np.load(shard.array, mmap_mode="r", allow_pickle=False)
            rows |= {
                image_id: row
                for image_id, row in zip(shard.image_ids, array, strict=True)
                if image_id in wanted
            }
            skipped |= {key: row for key, row in shard.skipped.items() if key in wanted}
        present = tuple(image_id for image_id in image_ids if image_id in rows)
        vectors = (
            np.stack([rows[image_id] for image_id in present]).astype(np.float32)
            if present
            else np.zeros((0, 0), np.float32)
        )
        vectors.flags.writeable = False
        failed = tuple(row for key, row in skipped.items() if key not in rows)
        return Embeddings(vectors, present, self.fingerprint, failed)

    def count(self, image_ids: Sequence[str]) -> int:
        """Returns how many of the images are stored, without reading a vector."""
        wanted = set(image_ids)
        return sum(len(wanted.intersection(shard.image_ids)) for shard in self._shards())

    def add(
        self,
        vectors: NDArray[np.float32],
        image_ids: Sequence[str],
        skipped: dict[str, RejectedRow],
    ) -> None:
        """Commits one shard. Call it while holding `lock`.

        Args:
            vectors: Shape (n, D).
            image_ids: n ids.
            skipped: Images that failed for good, by id.

        Raises:
            StoreError: If the disk is full.
        """
        if not (self.folder / _RECIPE).is_file():
            write_json(self.folder / _RECIPE, self._recipe.to_dict())
        array = self.folder / f"{self._next_number():06d}.npy"
        write_array(array, vectors)
        about: dict[str, Any] = {
            "image_ids": list(image_ids),
            "checksum": checksum(array),
            "skipped": {key: [row.path, row.reason, row.detail] for key, row in skipped.items()},
        }
        write_json(array.with_suffix(".json"), about)

    def remember_weights(self, path: Path | None) -> None:
        """Notes where the weights were, so that the network can be loaded again."""
        if path is not None:
            write_json(self.folder / _WEIGHTS, {"path": str(path.resolve())})

    def weights_path(self) -> Path | None:
        """Returns where the weights were when the embeddings were made, if that was noted."""
        noted = read_json(self.folder / _WEIGHTS)
        return Path(noted["path"]) if isinstance(noted, dict) else None

    def _next_number(self) -> int:
        taken = [int(path.stem) for path in self.folder.glob("[0-9]*.json")]
        return max(taken, default=-1) + 1

    def _shards(self, *, verify: bool = False) -> list[_Shard]:
        """Returns the committed shards in order, leaving out corrupt ones."""
        found = (_read_shard(path) for path in sorted(self.folder.glob("[0-9]*.json")))
        return [shard for shard in found if shard and not (verify and _is_corrupt(shard))]


def _read_shard(path: Path) -> _Shard | None:
    about = read_json(path)
    array = path.with_suffix(".npy")
    if not isinstance(about, dict) or not array.is_file():
        return None
    skipped = {key: RejectedRow(*row) for key, row in about["skipped"].items()}
    return _Shard(array, tuple(about["image_ids"]), skipped, about["checksum"])


def _is_corrupt(shard: _Shard) -> bool:
    return checksum(shard.array) != shard.checksum


def stored_recipes(root: Path) -> dict[str, dict[str, Any]]:
    """Returns the recipes that have rows: fingerprint -> the recipe as plain values."""
    found = ((path.parent.name, read_json(path)) for path in sorted(root.glob(f"[!.]*/{_RECIPE}")))
    return {name: recipe for name, recipe in found if isinstance(recipe, dict)}


def recipe_from_dict(values: dict[str, Any]) -> EmbedRecipe:
    """Returns the recipe that `Recipe.to_dict` wrote."""
    from fundus_core.domain.recipe import PreprocessRecipe

    fields = {key: value for key, value in values.items() if key not in {"kind", "schema"}}
    fields["architecture_args"] = tuple(
        (name, value) for name, value in fields["architecture_args"]
    )
    fields["mean"], fields["std"] = tuple(fields["mean"]), tuple(fields["std"])
    fields["preprocessing"] = PreprocessRecipe(**fields["preprocessing"])
    return EmbedRecipe(**fields)
