"""Embeddings on disk: shards of rows under one recipe, added to by one process at a time.

A shard is two files. `NNNNNN.npy` holds the rows; `NNNNNN.json`, written after it, holds their
image ids and the checksum and makes the shard count. A crash between the two leaves a file that
readers do not look at; a flipped bit in either, or an edit by hand, makes a shard a miss, and its
images are computed again.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from fundus_core.domain.dataset import RejectedRow
from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.recipe import EmbedRecipe, fingerprint_of
from fundus_core.errors import ParameterError
from fundus_core.io.damage import changed_at, remember_damage, remember_unread
from fundus_core.io.event_log import note
from fundus_core.io.files import checksum, in_turn, read_json, write_array, write_json
from fundus_core.io.read_only import require_writable
from fundus_core.io.refused_reading import may_be_read
from fundus_core.io.refused_writing import full_disk_explained
from fundus_core.io.sealed import read_sealed, write_sealed

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
    """All vectors ever made by one `EmbedRecipe`, whichever data set the images came from.

    What an earlier version stored by the same recipe is read where it is; added to is `folder`.
    """

    def __init__(self, root: Path, recipe: EmbedRecipe) -> None:
        """Opens the store of a recipe under `root`; nothing is written yet."""
        self.fingerprint = recipe.fingerprint()
        self.folder = root / self.fingerprint
        self.recipe = recipe
        older = (root / name for name in recipe.older_fingerprints())
        self._folders = (*older, self.folder)
        self._last_number: int | None = None

    def lock(self) -> FileLock:
        """Returns the lock to hold while adding rows; the system frees it if the holder dies."""
        require_writable(self.folder)
        with full_disk_explained(self.folder / ".lock", 0):
            self.folder.mkdir(parents=True, exist_ok=True)
            if (self.folder / _RECIPE).is_file():
                self._write_recipe()
        return FileLock(self.folder / ".lock")

    @contextlib.contextmanager
    def turn(self, tell: Callable[[], None]) -> Iterator[None]:
        """Holds `lock`; while another process does, `tell` is called every few seconds."""
        lock = self.lock()
        with in_turn(Path(lock.lock_file), tell):
            yield

    def known(self) -> set[str]:
        """Returns the ids of images that need not be computed: stored, or known to fail."""
        return {
            image_id
            for shard in self._shards(verify=True)
            for image_id in (*shard.image_ids, *shard.skipped)
        }

    def read(self, image_ids: Sequence[str]) -> Embeddings:
        """Returns the stored vectors of the given images, in their order; others are left out.

        Args:
            image_ids: Distinct.
        """
        place = {image_id: row for row, image_id in enumerate(image_ids)}
        vectors = np.zeros((0, 0), np.float32)
        is_there = np.zeros(len(place), bool)
        skipped: dict[str, RejectedRow] = {}
        for shard in self._shards(verify=True):
            skipped |= {key: row for key, row in shard.skipped.items() if key in place}
            rows = [row for row, image_id in enumerate(shard.image_ids) if image_id in place]
            if not rows:
                continue
            array = np.load(shard.array, mmap_mode="r", allow_pickle=False)
            if not is_there.any():
                vectors = np.zeros((len(place), array.shape[1]), np.float32)
            places = [place[shard.image_ids[row]] for row in rows]
            vectors[places] = array[rows]
            is_there[places] = True
        present = tuple(image_id for image_id in image_ids if is_there[place[image_id]])
        if 0 < len(present) < len(place):
            vectors = vectors[is_there]
        vectors.flags.writeable = False
        failed = tuple(row for key, row in skipped.items() if not is_there[place[key]])
        older = self.recipe.older_fingerprints()
        return Embeddings(vectors, present, self.fingerprint, failed, older)

    def count(self, image_ids: Sequence[str]) -> int:
        """Returns how many of the images are stored, without reading a vector."""
        wanted = set(image_ids)
        return len(set().union(*(wanted.intersection(one.image_ids) for one in self._shards())))

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
        self._write_recipe()
        array = self.folder / f"{self._next_number():06d}.npy"
        write_array(array, vectors)
        about: dict[str, Any] = {
            "recipe": self.fingerprint,
            "image_ids": list(image_ids),
            "checksum": checksum(array),
            "skipped": {key: [row.path, row.reason, row.detail] for key, row in skipped.items()},
        }
        write_sealed(array.with_suffix(".json"), about)

    def remember_weights(self, path: Path | None) -> None:
        """Notes where the weights were, so that the network can be loaded again."""
        if path is not None:
            write_json(self.folder / _WEIGHTS, {"path": str(path.resolve())})

    def weights_path(self) -> Path | None:
        """Returns where the weights were when the embeddings were made, if that was noted."""
        for folder in reversed(self._folders):
            if isinstance(noted := read_json(folder / _WEIGHTS), dict):
                return Path(noted["path"])
        return None

    def _write_recipe(self) -> None:
        """Writes the recipe unless it stands there as it should."""
        if fingerprint_of(read_json(self.folder / _RECIPE)) != self.fingerprint:
            write_json(self.folder / _RECIPE, self.recipe.to_dict())

    def _next_number(self) -> int:
        if self._last_number is None:
            taken = [int(path.stem) for path in self.folder.glob("[0-9]*.json")]
            self._last_number = max(taken, default=-1)
        self._last_number += 1  # to list the folder each time costs most of a large extraction
        while (self.folder / f"{self._last_number:06d}.json").exists():
            self._last_number += 1
        return self._last_number

    def _shards(self, *, verify: bool = False) -> list[_Shard]:
        """Returns the committed shards in order, leaving out corrupt ones."""
        paths = (path for one in self._folders for path in sorted(one.glob("[0-9]*.json")))
        found = (_read_shard(path) for path in paths)
        return [shard for shard in found if shard and not (verify and _is_left_out(shard))]


def _read_shard(path: Path) -> _Shard | None:
    changed, about = changed_at(path), read_sealed(path)
    array, recipe = path.with_suffix(".npy"), path.parent.name
    # Older versions did not say by which recipe the rows were made.
    if about is None or about.get("recipe", recipe) != recipe or not array.is_file():
        remember_damage(path, path, changed)
        return None
    try:
        skipped = {key: RejectedRow(*row) for key, row in about["skipped"].items()}
        return _Shard(array, tuple(about["image_ids"]), skipped, about["checksum"])
    except (KeyError, TypeError, AttributeError):
        remember_damage(path, path, changed)
        return None  # of format 1, changed by hand


def _is_left_out(shard: _Shard) -> bool:
    commit = shard.array.with_suffix(".json")
    changed = changed_at(commit)
    if corrupt := _is_corrupt(shard):
        note("damaged shard left out", store="embeddings", n=len(shard.image_ids))
        remember_damage(commit, commit, changed)
    return corrupt


def _is_corrupt(shard: _Shard) -> bool:
    return checksum(shard.array) != shard.checksum


def damaged_shards(folder: Path) -> tuple[Path, ...]:
    """Returns the shards of a folder that cannot be used, by the file that commits each.

    Of rows that may not be read, nobody knows.
    """
    found = ((path, _read_shard(path)) for path in sorted(folder.glob("[0-9]*.json")))
    return tuple(
        path
        for path, shard in found
        if shard is None or (may_be_read(shard.array) and _is_corrupt(shard))
    )


def stored_recipes(root: Path) -> dict[str, dict[str, Any]]:
    """Returns the recipes that have rows: fingerprint -> the recipe as plain values.

    One that is not what its folder is named after was changed, and is left out.
    """
    found = {}
    for path in sorted(root.glob(f"[!.]*/{_RECIPE}")):
        changed, recipe, name = changed_at(path), read_json(path), path.parent.name
        if isinstance(recipe, dict) and fingerprint_of(recipe) == name:
            found[name] = recipe
        else:
            remember_damage(path.parent, path, changed)
    return found


def understood_recipes(root: Path) -> dict[str, EmbedRecipe]:
    """Returns the recipes that have rows, of earlier versions too: fingerprint -> recipe.

    One that does not lead to the folder it lies in says what this version does not know. It is left
    out, and `known_unread` names its folder.
    """
    found = {}
    for name, values in stored_recipes(root).items():
        folder = root / name
        changed = changed_at(folder / _RECIPE)
        try:
            recipe = recipe_from_dict(values)
        except (TypeError, KeyError, ValueError, ParameterError):
            remember_unread(folder, folder / _RECIPE, changed)
            continue
        if name in {recipe.fingerprint(), *recipe.older_fingerprints()}:
            found[recipe.fingerprint()] = recipe
        else:
            remember_unread(folder, folder / _RECIPE, changed)
    return found


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
