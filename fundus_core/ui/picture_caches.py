"""Photographs as the dashboard remembers them, small, whole and as networks are shown them."""

from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import StoreError
from fundus_core.io.images import read_image
from fundus_core.io.workspace import Workspace
from fundus_core.preprocessing import prepare
from fundus_core.ui import wiring
from fundus_core.workflows.data import photographs


def augmented_versions(image_id: str, path: str, augmentation: str) -> NDArray[np.uint8]:
    """Returns six versions (6, S, S, 3) of a photograph; loads torch the first time.

    Raises:
        ImageError: If it can no longer be read, or is another photograph by now.
    """
    token = wiring.token_of(Path(path), deep=False)
    return _augmented_versions(image_id, path, augmentation, token)


def thumbnail_file(image_id: str, path: str, *, side: int = 192) -> Path | NDArray[np.uint8]:
    """Returns a small JPEG of a photograph; its pixels where no file can be written."""

    def made_in(place: Workspace) -> Path:
        return photographs.thumbnail_file(place, image_id, Path(path), side=side)

    try:
        return wiring.where_there_is_room(made_in)
    except (StoreError, OSError):  # nor in the folder of temporary files
        return photograph(image_id, path, max_side=side)


def photograph(image_id: str, path: str, *, max_side: int = 1024) -> NDArray[np.uint8]:
    """Returns a photograph (H, W, 3), its longer side at most `max_side` pixels.

    Raises:
        ImageError: If it can no longer be read, or is another photograph by now.
    """
    return _photograph(image_id, path, max_side, wiring.token_of(Path(path), deep=False))


def prepared(image_id: str, path: str, recipe: PreprocessRecipe, side: int) -> NDArray[np.uint8]:
    """Returns what a network of `side` pixels is shown of a photograph, shape (side, side, 3).

    Raises:
        ImageError: If it can no longer be read, or is another photograph by now.
    """
    return _prepared(image_id, path, recipe, side, wiring.token_of(Path(path), deep=False))


@st.cache_data(show_spinner="Changing the photograph…", max_entries=16)
def _augmented_versions(
    image_id: str, path: str, augmentation: str, token: object
) -> NDArray[np.uint8]:
    found = photographs.augmented_versions(Path(path), augmentation, image_id=image_id)
    wiring.spare_the_collector()
    return found


@st.cache_data(show_spinner=False, max_size="200MB")
def _photograph(image_id: str, path: str, max_side: int, token: object) -> NDArray[np.uint8]:
    return photographs.photograph(Path(path), image_id=image_id, max_side=max_side)


@st.cache_data(show_spinner=False, max_size="100MB")
def _prepared(
    image_id: str, path: str, recipe: PreprocessRecipe, side: int, token: object
) -> NDArray[np.uint8]:
    image = read_image(Path(path), min_side=2 * side, image_id=image_id)
    return prepare(image, side, recipe).pixels
