"""Reads a folder or a table of photographs as a data set, accounting for every row of it."""

from collections.abc import Mapping

import pandas as pd

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.progress import Progress, silent
from fundus_core.io.columns import ColumnMapping
from fundus_core.io.images import ScannedImage
from fundus_core.io.listing import DataSource, list_photographs
from fundus_core.io.row_checks import (
    PhotographFile,
    locate,
    same_files,
    same_images,
    scan,
    unknown_labels,
)
from fundus_core.io.scans import ScanCache, ScanFile
from fundus_core.io.targets import infer_targets

__all__ = ["ColumnMapping", "DataSource", "ScanCache", "ScanFile", "read_dataset"]


def read_dataset(
    source: DataSource,
    *,
    scans: ScanCache | None = None,
    progress: Progress = silent,
    workers: int = 2,
) -> FundusDataset:
    """Reads a source and checks every photograph in it.

    A source is a folder with a sub-folder per class (also inside train, val and test), a table with
    a column of paths, a folder and a table, a folder that holds one such table, or one photograph.
    Each row of it ends either in the data set's table or among its rejected rows. The same file
    listed twice, and the same bytes under two names, count once: the first row is kept,
    and a later one that contradicts it says so.

    Values in the table are strings, blank ones None; whole numbers have no ".0". Columns with names
    that are reserved for other things get `_given` at the end of theirs.

    Args:
        source: What to read.
        scans: Earlier findings; new ones are put into it.
        progress: Told how many photographs have been looked at.
        workers: Threads that decode.

    Returns:
        The data set; it is empty if every row was rejected.

    Raises:
        DataError: If there is nothing to read, or it is not clear which table or column to use.
        TargetError: If the target that `source` names cannot be one.
    """
    listing = list_photographs(source)
    rows, named = listing.rows, ColumnMapping(target=listing.target)
    targets = infer_targets(rows, named, source.classes)
    files, rejected = locate(rows["path"], listing.finder)
    rejected |= unknown_labels(rows, files, targets, source.classes)
    left = {row: file for row, file in files.items() if row not in rejected}
    rejected |= same_files(rows, left, targets)
    wanted = {row: file for row, file in files.items() if row not in rejected}
    scanned, unusable = scan(wanted, scans, progress, workers)
    rejected |= unusable
    rejected |= same_images(rows, files, scanned, targets)
    table = _finished(rows, files, {r: s for r, s in scanned.items() if r not in rejected})
    return FundusDataset(
        listing.name,
        listing.source,
        table,
        infer_targets(table, named, source.classes) if len(table) else (),
        (*listing.rejected, *(rejected[row] for row in sorted(rejected))),
        synthetic="synthetic" in table and set(table["synthetic"]) == {"1"},
    )


def _finished(
    rows: pd.DataFrame,
    files: Mapping[int, PhotographFile],
    scanned: Mapping[int, ScannedImage],
) -> pd.DataFrame:
    """Returns the rows of usable photographs, with their id and absolute path."""
    usable = sorted(scanned)
    table = rows.loc[usable].reset_index(drop=True)
    table["path"] = pd.Series([str(files[row].path) for row in usable], dtype=object)
    image_ids = pd.Series([scanned[row].image_id for row in usable], dtype=object)
    table.insert(0, "image_id", image_ids)
    return table
