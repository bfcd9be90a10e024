"""Use case: results as files that other programs read."""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core import __version__
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import DataError, DifferentImagesError
from fundus_core.exports.anndata_file import write_anndata
from fundus_core.exports.arrow import write_atlas, write_parquet
from fundus_core.exports.content import Content
from fundus_core.exports.fiftyone import write_fiftyone
from fundus_core.exports.mlflow_log import Logged
from fundus_core.io.files import write_array
from fundus_core.io.together import appearing_together
from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import AucInterval
from fundus_core.tables import write_csv
from fundus_core.workflows.data.photographs import photograph
from fundus_core.workflows.embeddings.backbone_choice import ResolvedChoice
from fundus_core.workflows.embeddings.project import project_embeddings
from fundus_core.workflows.models.averages import n_averaged_of
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import PREDICTIONS, load_run, run_predictions, run_table

FORMATS: dict[str, str] = {
    "npy": "a folder with vectors.npy and image_ids.csv, for NumPy",
    "parquet": "one table with the vectors as a column, for pandas, DuckDB, R",
    "anndata": "one .h5ad file, for scanpy (needs anndata)",
    "fiftyone": "a folder that FiftyOne opens",
    "atlas": "one table that Embedding Atlas opens",
}
"""Formats -> what they are."""

SUFFIXES = {"parquet": ".parquet", "anndata": ".h5ad", "atlas": ".parquet"}
"""Formats that are one file -> its suffix; the others are folders."""

_PICTURE_SIDE = 128


def require_format(name: str) -> None:
    """Refuses a format that there is not.

    Raises:
        DataError: If it is none of `FORMATS`.
    """
    if name not in FORMATS:
        raise DataError(
            f"There is no format {name!r}.", hint=f"Choose one of {', '.join(FORMATS)}."
        )


def export_embeddings(embeddings: Embeddings, dataset: FundusDataset, folder: Path) -> Path:
    """Writes `vectors.npy` (N, D) and `image_ids.csv`, whose row i describes vector i.

    Raises:
        StoreError: If they cannot be written; both files that were there before still are.
    """
    columns = ["image_id", "path", "patient_id", "eye", "split"]
    about = dataset.select(embeddings.image_ids).table[columns]
    with appearing_together(folder) as made:
        write_array(made / "vectors.npy", embeddings.vectors)
        write_csv(about, made / "image_ids.csv")
    return folder


def export(
    workspace: Workspace,
    dataset: FundusDataset,
    resolved: ResolvedChoice,
    embeddings: Embeddings,
    *,
    format_name: str,
    out: Path,
    runs: Sequence[str] = (),
    methods: Sequence[str] = (),
    pictures: bool = False,
    progress: Progress = silent,
) -> dict[str, str]:
    """Writes what is known of photographs, and what a backbone and models made of them.

    Args:
        workspace: Where maps and runs are kept.
        dataset: The photographs.
        resolved: The backbone, as `resolve` gave it.
        embeddings: What it made of them.
        format_name: Key of `FORMATS`.
        out: File or folder to write; a file that is there is replaced.
        runs: Runs whose scores become columns.
        methods: Maps to add, keys of `PROJECTORS`; Embedding Atlas gets the first, PCA by default.
        pictures: Put small pictures into the file for Embedding Atlas.
        progress: Told about maps that are computed.

    Returns:
        Columns of the table that bear another name in the file -> that name.

    Raises:
        DataError: If the format is unknown, its library not installed, or has no place for scores
            and maps.
        StoreError: If there is no such run.
    """
    require_format(format_name)
    if format_name == "npy":
        if runs or methods:
            raise DataError(
                "npy holds vectors and ids; there is no place in it for scores and maps.",
                hint="Take parquet, or leave the runs and maps out.",
            )
        export_embeddings(embeddings, dataset, out)
        return {}
    if format_name == "atlas" and not methods:
        methods = ("pca",)
    maps = {
        method: project_embeddings(workspace, embeddings, method=method, progress=progress).points
        for method in methods
    }
    told = [load_run(workspace, run) for run in runs]
    table = dataset.select(embeddings.image_ids).table
    scores: dict[str, NDArray[np.float64]] = {}
    for run in told:
        scores |= _scores(workspace, embeddings.image_ids, run)
    content = Content(
        dataset.name, table, embeddings.vectors, maps, _about(dataset, resolved, told), scores
    )
    if format_name == "atlas":
        known = dict(zip(table["path"], table["image_id"], strict=True))
        return write_atlas(content, out, picture=partial(_thumbnail, known) if pictures else None)
    return _WRITERS[format_name](content, out)


_WRITERS: dict[str, Callable[[Content, Path], dict[str, str]]] = {
    "parquet": write_parquet,
    "anndata": write_anndata,
    "fiftyone": write_fiftyone,
}


def runs_to_log(workspace: Workspace, run_ids: Sequence[str]) -> list[Logged]:
    """Returns runs as MLflow is told of them: recipe, AUCs with intervals, predictions.

    Raises:
        StoreError: If there is no such run.
    """
    return [_logged(workspace, load_run(workspace, run_id)) for run_id in run_ids]


def _logged(workspace: Workspace, run: Run) -> Logged:
    params = {
        "kind": run.kind,
        "probe": run.probe,
        "target": run.target.name,
        "dataset": run.dataset_name,
        **{f"embed.{name}": str(value) for name, value in asdict(run.embeddings).items()},
    }
    said = run_table(workspace, run, PREDICTIONS)
    return Logged(
        run.id,
        run.label,
        params,
        _figures(run),
        {
            "synthetic": str(run.synthetic).lower(),
            "cautions": ", ".join(one.code for one in run.cautions),
            "created_at": run.created_at,
        },
        {} if said is None else {PREDICTIONS: said},
    )


def _figures(run: Run) -> dict[str, float]:
    """Returns the figures of a run by name; those that could not be computed are left out."""
    intervals: dict[str, AucInterval | None] = {"auc": run.auc, "baseline_auc": run.baseline_auc}
    if len(run.class_aucs) > 1:
        intervals |= {f"auc.{name}": one for name, one in run.class_aucs.items()}
    found: dict[str, float | None] = {"n_images": run.n_images, "n_patients": run.n_patients}
    found["n_averaged"] = n_averaged_of(run)
    for name, one in intervals.items():
        if one is not None:
            found |= {name: one.auc, f"{name}_low": one.low, f"{name}_high": one.high}
    found |= {f"fold_{one.fold}.auc": one.auc for one in run.folds}
    return {name: float(value) for name, value in found.items() if value is not None}


def _scores(
    workspace: Workspace, image_ids: Sequence[str], run: Run
) -> dict[str, NDArray[np.float64]]:
    """Returns the scores of a run and the fold that held each photograph out, as columns.

    Raises:
        DifferentImagesError: If it scored none of the photographs.
    """
    said = run_predictions(workspace, run)
    if not set(said.image_ids) & set(image_ids):
        raise DifferentImagesError(
            f"{run.id} scored none of the {len(image_ids):,} photographs that are written; its "
            f"scores are of {run.dataset_name}.",
            hint="Name a run of this data set (`fundus runs` lists them), or export that one.",
        )
    names = ["score"] if len(said.class_names) == 1 else [f"score {c}" for c in said.class_names]
    columns: dict[str, Any] = {
        f"{name} {run.id}": said.y_score[:, k] for k, name in enumerate(names)
    }
    if said.fold is not None:
        columns[f"fold {run.id}"] = said.fold
    found = pd.DataFrame(columns, index=list(said.image_ids)).reindex(list(image_ids))
    return {name: found[name].to_numpy() for name in columns}


def _about(
    dataset: FundusDataset, resolved: ResolvedChoice, runs: Sequence[Run]
) -> Mapping[str, Any]:
    """Returns how the content was made, as JSON values."""
    return {
        "program": f"fundus-explorer {__version__}",
        "python": platform.python_version(),
        "synthetic": dataset.synthetic,
        "embeddings": {name: _plain(value) for name, value in resolved.recipe.to_dict().items()},
        "runs": [
            {
                "id": run.id,
                "label": run.label,
                "target": run.target.name,
                "auc": None if run.auc is None else run.auc.auc,
                "cautions": [f"{one.code}: {one.text}" for one in run.cautions],
            }
            for run in runs
        ],
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _thumbnail(known: Mapping[str, str], path: str) -> bytes:
    """Returns a small picture of one of the photographs that are known by path -> image id."""
    from PIL import Image

    file = BytesIO()
    pixels = photograph(Path(path), image_id=known[path], max_side=_PICTURE_SIDE)
    Image.fromarray(pixels).save(file, "JPEG", quality=85)
    return file.getvalue()
