"""A first look at a data set: a few photographs of each class."""

import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import ImageError
from fundus_core.ui import picture_caches, text
from fundus_core.ui.components.gallery import alt_of, title_of

SHOWN = 7


def examples(dataset: FundusDataset) -> None:
    """Draws a row of photographs, spread over the classes of the first target."""
    table = dataset.table
    if dataset.targets:
        labels = table[dataset.targets[0].columns[0]]
        rank = table.groupby(labels, dropna=False).cumcount()
        table = table.loc[rank.nsmallest(SHOWN).index]
    with st.grid(SHOWN, min_column_width=90, gap="xsmall"):
        for row in table.head(SHOWN).to_dict("records"):
            try:
                picture = picture_caches.thumbnail_file(str(row["image_id"]), str(row["path"]))
            except ImageError as error:
                st.caption(f":material/broken_image: {text.escaped(error.message)}")
                continue
            st.image(picture, text.escaped(title_of(row)), width="stretch", alt=alt_of(row))
