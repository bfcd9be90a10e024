"""Models that mark photographs: ours, published ones, the classical baseline, by name."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fundus_core.compute import choose_device
from fundus_core.domain.beginnings import meant
from fundus_core.errors import StoreError, WeightsError
from fundus_core.io.damage import known_damage, known_unread
from fundus_core.io.left_out import hint_with_left_out
from fundus_core.io.weights import SCRATCH, file_sha256, weights_folders
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.kinds import build, encoder_spec
from fundus_core.segmentation.ready import FRANGI, READY, classical, load_ready
from fundus_core.segmentation.segmenters import NetworkSegmenter, Segmenter
from fundus_core.workflows.segmenting.segmenter_store import (
    NETWORKS,
    Knowledge,
    TrainedSegmenter,
    list_segmenters,
    segmenters_store,
)

if TYPE_CHECKING:
    from torch import nn

_MULTIPLE, _SMALLEST, _LARGEST = 32, 64, 2048
"""Of the side of a photograph as it is shown to a network, in pixels."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A model at work; its networks stay in memory."""

    id: str
    title: str
    channels: tuple[str, ...]
    whole: Segmenter
    """What marks photographs that it never saw: the mean of all of its networks."""

    folds: tuple[Segmenter, ...] = ()
    """Each network alone."""

    about: TrainedSegmenter | None = None
    """Of a network of ours."""

    trained_on: tuple[str, ...] = ()
    """Names of data sets that it has learned from, as far as they are known."""

    def knows(self, image_id: str) -> Knowledge:
        """Returns what the model knew of a photograph, as far as this program can tell."""
        return self.about.knows(image_id) if self.about else "new"

    def mark(
        self, image_id: str, photograph: NDArray[np.uint8], field: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Returns shares (C, H, W) of a photograph; by the network that did not learn from it."""
        number = self.about.held_out.get(image_id) if self.about else None
        chosen = self.whole if number is None else self.folds[number]
        return chosen.mark(photograph, field)


def split_side(name: str) -> tuple[str, int | None]:
    """Returns the name of a model, and the side of the square that was asked for behind an @.

    A network marks vessels as wide as those it has learned from. A camera that shows half as many
    degrees makes them twice as wide, so photographs are shown at half the side.

    Raises:
        StoreError: If the side is no multiple of 32 from 64 to 2048.

    Examples:
        >>> split_side("wnet-vessel@384"), split_side("frangi")
        (('wnet-vessel', 384), ('frangi', None))
    """
    own, is_given, side = name.rpartition("@")
    if not is_given:
        return name, None
    number = int(side) if side.isdecimal() else 0
    if number % _MULTIPLE or not _SMALLEST <= number <= _LARGEST:
        raise StoreError(
            f"{name!r} asks for photographs of {side!r} pixels; multiples of {_MULTIPLE} from "
            f"{_SMALLEST} to {_LARGEST} are possible.",
            hint=f"Write e.g. {own}@512, or leave the side out for that of the training.",
        )
    return own, number


def ready_file(workspace: Workspace, name: str) -> Path | None:
    """Returns the file of a published model, if it is on this machine."""
    folders = weights_folders(workspace)
    candidates = (folder / file for folder in folders for file in READY[name].files)
    return next((path for path in candidates if path.is_file()), None)


def open_marker(workspace: Workspace, name: str) -> Marker:
    """Loads a model.

    Args:
        workspace: Where trained ones are.
        name: `frangi`, a key of `READY`, or the id of a trained segmenter or its beginning; with
            `@SIDE` behind it, see `split_side`.

    Raises:
        StoreError: If there is no such model, or its files are damaged.
        WeightsError: If a published model's file is not on this machine, or not one of it.
    """
    own, side = split_side(name)
    return _shown_at(_open(workspace, own), side)


def _open(workspace: Workspace, name: str) -> Marker:
    if name == FRANGI:
        return Marker(FRANGI, "Frangi's filter, Otsu's threshold", ("vessel",), classical())
    if name not in READY:
        return _open_trained(workspace, find_segmenter(workspace, name))
    model, path = READY[name], ready_file(workspace, name)
    if path is None:
        raise WeightsError(
            f"The weights of {name} are not on this machine: {' or '.join(model.files)}.",
            hint=f"Put the file into {workspace.weights}.",
        )
    loaded = load_ready(model, path, choose_device())
    return Marker(name, model.title, model.channels, loaded, trained_on=model.trained_on)


def _shown_at(marker: Marker, side: int | None) -> Marker:
    """Returns a model that is shown photographs at another side."""
    if side is None:
        return marker

    def at(segmenter: Segmenter) -> Segmenter:
        if isinstance(segmenter, NetworkSegmenter):
            return replace(segmenter, size=side)
        raise StoreError(
            f"{marker.title} is no network: it takes photographs at their own size.",
            hint=f"Leave @{side} out.",
        )

    return replace(
        marker,
        title=f"{marker.title}, shown at {side} px",
        whole=at(marker.whole),
        folds=tuple(at(one) for one in marker.folds),
    )


def full_name(workspace: Workspace, name: str) -> str:
    """Returns the name of a model in full, whichever beginning of it was given.

    Raises:
        StoreError: If there is none, or several begin so.
    """
    own, side = split_side(name)
    if own != FRANGI and own not in READY:
        own = find_segmenter(workspace, own).id
    return own if side is None else f"{own}@{side}"


def segmenter_key(workspace: Workspace, name: str) -> str:
    """Returns what tells a model from others, its weights included, without loading it."""
    own, side = split_side(name)
    if side is not None:
        return f"{segmenter_key(workspace, own)}@{side}"
    if name == FRANGI:
        return FRANGI
    path = ready_file(workspace, name) if name in READY else None
    if path is not None:
        return f"{name} {file_sha256(path)}"
    return name if name in READY else find_segmenter(workspace, name).id


def find_segmenter(workspace: Workspace, name: str) -> TrainedSegmenter:
    """Returns a trained segmenter; a unique beginning of its id is enough.

    Raises:
        StoreError: If there is none, or several begin so.
    """
    known = {one.id: one for one in list_segmenters(workspace)}
    root = segmenters_store(workspace).root
    found = meant(name, (*known, *known_damage(root), *known_unread(root)))
    if len(found) == 1 and found[0] in known:
        return known[found[0]]
    names = ", ".join([FRANGI, *READY, *tuple(known)[:5]])
    problem = "Several models begin with" if len(found) > 1 else "There is no model"
    raise StoreError(
        f"{problem} {name!r}; there are: {names}.",
        hint=hint_with_left_out(
            "List them with `fundus segment models`, or train one with `fundus segment train`.",
            workspace.root,
            root.name,
        ),
    )


def _open_trained(workspace: Workspace, trained: TrainedSegmenter) -> Marker:
    from safetensors.torch import load_file

    folder = segmenters_store(workspace).get(trained.id)
    if folder is None:
        raise StoreError(
            f"The files of {trained.id} are missing or damaged.", hint="Train it again."
        )
    tensors = load_file(folder / NETWORKS)
    device = choose_device()
    spec = encoder_spec(trained.network, trained.backbone)
    networks: list[nn.Module] = []
    for number in range(trained.n_networks):
        network = build(trained.network, spec, None, len(trained.channels), 0)
        prefix = f"{number}/"
        own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        network.load_state_dict(own)
        networks.append(network.to(device).eval())
    names = tuple(channel.name for channel in trained.channels)

    def of(some: "list[nn.Module]") -> Segmenter:
        return NetworkSegmenter(
            tuple(some),
            names,
            trained.size,
            trained.preprocessing,
            device,
            flips=trained.mirrors,
        )

    folds = tuple(of([network]) for network in networks)
    seen = spec.seen_in_pretraining if spec and trained.weights != SCRATCH else ()
    return Marker(trained.id, trained.label, names, of(networks), folds, trained, seen)
