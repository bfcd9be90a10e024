"""What augmentation makes of one photograph."""

import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.ui import messages, picture_caches, state


def augmentation_preview(dataset: FundusDataset, augmentation: str, *, key: str) -> None:
    """Draws six versions of the photograph looked at, once the reader asks for them.

    Args:
        dataset: The photograph is the one chosen on other pages, else the first.
        augmentation: Key of `AUGMENTATIONS`.
        key: Beginning of the widget's key.
    """
    if not st.toggle("Show what the augmentation does to one photograph", key=f"{key}.preview"):
        return
    wanted = state.current().image_id
    image_id = wanted if wanted in dataset.image_ids else dataset.image_ids[0]
    path = dataset.table.set_index("image_id").loc[image_id, "path"]
    with messages.shown_to_user():
        versions = picture_caches.augmented_versions(image_id, str(path), augmentation)
    for number, (place, version) in enumerate(
        zip(st.columns(len(versions)), versions, strict=True)
    ):
        place.image(version, alt=f"Version {number + 1} of the photograph", width="stretch")
    st.caption("The same photograph as the network may meet it in six epochs.")
