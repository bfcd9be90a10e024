"""An export as a folder that FiftyOne opens, written without FiftyOne.

FiftyOne reads a `samples.json` without a version beside it as its first, plain format, and infers
the fields from the samples.

References:
    FiftyOne user guide, "Importing data into FiftyOne".
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from fundus_core.exports.content import Content
from fundus_core.io.files import write_json
from fundus_core.io.together import appearing_together

_OURS = ("filepath", "tags", "metadata", "id", "embedding", "created_at", "last_modified_at")


def write_fiftyone(content: Content, folder: Path) -> dict[str, str]:
    """Writes samples with their columns as fields, vectors as `embedding`, maps as `map_METHOD`.

    Photographs are named by their paths and not copied. It opens by
    `fiftyone.Dataset.from_dir("FOLDER", fiftyone.types.FiftyOneDataset)`.

    Returns:
        Columns of the table that bear another name as fields -> that name.
    """
    maps = {f"map_{method}": points.tolist() for method, points in content.maps.items()}
    table, renamed = content.named({*_OURS, *maps}, field_name)
    info = {"fundus_explorer": content.noted(renamed)}
    about = {"name": content.name, "media_type": "image", "info": info}
    with appearing_together(folder) as made:
        write_json(made / "metadata.json", about)
        write_json(made / "samples.json", {"samples": list(_samples(content, table, maps))})
    return renamed


def field_name(column: str) -> str:
    """Returns a name that a field may have: letters, digits and underscores.

    Examples:
        >>> field_name("dr grade (0-4)")
        'dr_grade_0_4'
    """
    plain = re.sub(r"\W+", "_", column, flags=re.ASCII).strip("_") or "column"
    return f"column_{plain}" if plain[0].isdigit() else plain


def _samples(
    content: Content, table: pd.DataFrame, maps: Mapping[str, list[list[float]]]
) -> Iterator[dict[str, Any]]:
    vectors = content.vectors.tolist()
    for row, cells in enumerate(table.to_dict("records")):
        fields = {str(name): _plain(cell) for name, cell in cells.items() if name != "path"}
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
