"""An export as an AnnData file (`.h5ad`), which scanpy and single-cell tools open.

References:
    Virshup et al. (2024), JOSS 9(101), 4371.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from fundus_core.domain.dataset import RESERVED_COLUMNS
from fundus_core.errors import DataError
from fundus_core.exports.content import Content
from fundus_core.io.files import appearing, sync_file
from fundus_core.io.refused_writing import full_disk_explained

_OURS = ("_index", ".")
"""What `obs` can have no column of: anndata's name of the index, and HDF5's of a group itself."""


def write_anndata(content: Content, path: Path) -> dict[str, str]:
    """Writes vectors as `X`, the table as `obs`, maps as `obsm["X_METHOD"]`, the rest as `uns`.

    Returns:
        Columns of the table that bear another name in the file -> that name.

    Raises:
        DataError: If anndata is not installed.
        StoreError: If the disk is full.
    """
    try:
        import anndata
    except ImportError as error:
        raise DataError(
            "AnnData files are written by anndata, which is not installed.",
            hint="Install it (pip install anndata), or export as parquet, which needs nothing.",
        ) from error
    table, renamed = content.named(_OURS, lambda name: name.replace("/", "_"))
    about = table.set_index("image_id").astype(object)
    # h5ad knows text and numbers: what is mixed or missing is written as text, and so are ids,
    # of which 7 and 007 are two.
    columns = {
        name: _text(about[name]) if name in RESERVED_COLUMNS else _column(about[name])
        for name in about
    }
    found = anndata.AnnData(
        X=content.vectors,
        obs=pd.DataFrame(columns, index=_index(about.index)),
        var=pd.DataFrame(index=_index(range(content.vectors.shape[1]))),
        obsm={f"X_{method}": points for method, points in content.maps.items()},
        uns={"fundus_explorer": json.dumps(content.noted(renamed), ensure_ascii=False)},
    )
    with appearing(path) as unfinished, full_disk_explained(path, 0):
        found.write_h5ad(unfinished)
        sync_file(unfinished)
    return renamed


def _index(names: Iterable[Any]) -> "pd.Index[str]":
    """Returns names as plain objects: older readers know no other text."""
    return pd.Index([str(name) for name in names], dtype=object)


def _column(values: "pd.Series[Any]") -> "pd.Series[Any]":
    numbers = pd.to_numeric(values, errors="coerce")
    if values.notna().any() and numbers.notna().equals(values.notna()):
        return numbers.astype(float)
    return _text(values)


def _text(values: "pd.Series[Any]") -> "pd.Series[Any]":
    return values.map(lambda one: "" if pd.isna(one) else str(one)).astype(object)
