"""An export as a folder that FiftyOne opens, written without FiftyOne.

FiftyOne reads a `samples.json` without a version beside it as its first, plain format, and infers
the fields from the samples.

References:
    FiftyOne user guide, "Importing data into FiftyOne".
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from fundus_core.exports.content import Content
from fundus_core.io.files import write_json

_OURS = ("filepath", "tags", "metadata", "id", "embedding", "created_at", "last_modified_at")


def write_fiftyone(content: Content, folder: Path) -> None:
    """Writes samples with their columns as fields, vectors as `embedding`, maps as `map_METHOD`.

    Photographs are named by their paths and not copied. It opens by
    `fiftyone.Dataset.from_dir("FOLDER", fiftyone.types.FiftyOneDataset)`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    about = {"name": content.name, "media_type": "image"}
    write_json(folder / "metadata.json", {**about, "info": {"fundus_explorer": content.about}})
    write_json(folder / "samples.json", {"samples": list(_samples(content))})


def field_name(column: str) -> str:
    """Returns a name that a field may have: letters, digits and underscores.

    Examples:
        >>> field_name("dr grade (0-4)")
        'dr_grade_0_4'
        >>> field_name("filepath")
        'filepath_given'
    """
    plain = re.sub(r"\W+", "_", column, flags=re.ASCII).strip("_") or "column"
    if plain[0].isdigit():
        plain = f"column_{plain}"
    return f"{plain}_given" if plain in _OURS else plain


def _samples(content: Content) -> Iterator[dict[str, Any]]:
    columns = [str(name) for name in content.table if name != "path"]
    vectors = content.vectors.tolist()
    maps = {f"map_{method}": points.tolist() for method, points in content.maps.items()}
    for row, cells in enumerate(content.table.to_dict("records")):
        fields = {field_name(name): _plain(cells[name]) for name in columns}
        split = cells.get("split")
        yield {
            "_media_type": "image",
            "filepath": str(cells["path"]),
            "tags": [split] if isinstance(split, str) else [],
            **{name: value for name, value in fields.items() if value is not None},
            "embedding": vectors[row],
            **{name: points[row] for name, points in maps.items()},
        }


def _plain(value: Any) -> Any:
    """Returns a cell as JSON knows it; None for a missing one."""
    if value is None or value is pd.NA or (isinstance(value, float) and pd.isna(value)):
        return None
    return value.item() if hasattr(value, "item") else value
