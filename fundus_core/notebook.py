"""For notebooks and scripts: what the pages and commands do, as `import fundus_core as fundus`.

Everything is stored in the same workspace, so that the dashboard shows what a notebook computed and
the other way round. Figures are those of the pages.

References:
    The notebook `docs/notebook.ipynb` walks through all of it.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from fundus_core.checks import Caution, dataset_cautions
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import ParameterError, StoreError
from fundus_core.io.columns import ColumnMapping
from fundus_core.io.left_out import left_out
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import (
    Workspace,
    find_workspace,
    unmade_workspace,
    workspace_folders,
)
from fundus_core.notebook_arguments import (
    Model,
    backbone_choice,
    column_mapping,
    model_id,
    model_ids,
    require_kind,
    written_path,
)
from fundus_core.plots.map import colouring_by, map_figure
from fundus_core.plots.roc import roc_figure
from fundus_core.report.files import ENDINGS, write_report
from fundus_core.workflows.data import demo
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.data.result_places import ARGUMENT, require_result_place
from fundus_core.workflows.embeddings import embed, project
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.evaluation import classes, compare
from fundus_core.workflows.evaluation.aligned import (
    read_different,
    read_model,
    require_one_question,
)
from fundus_core.workflows.evaluation.classes import ClassComparison
from fundus_core.workflows.evaluation.compare import Comparison
from fundus_core.workflows.evaluation.comparison_table import comparison_table as comparison_table
from fundus_core.workflows.evaluation.roc_traces import roc_trace
from fundus_core.workflows.evaluation.viewed import viewed
from fundus_core.workflows.explanations import explain
from fundus_core.workflows.explanations.explain import Explanation
from fundus_core.workflows.models import finetune, probe, runs
from fundus_core.workflows.models.finetune import FinetuneChoice
from fundus_core.workflows.models.probe import ProbeChoice
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.reports import report


def open_data(
    data: str | Path,
    workspace: str | Path | None = None,
    *,
    columns: ColumnMapping | Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> "Photographs":
    """Opens a folder or a table of photographs; every one is looked at once.

    Args:
        data: A folder with one sub-folder per class, a folder with a table, or a table.
        workspace: Where results are kept; by default as for the commands.
        columns: Which column of the table means what, where its name does not tell, such as
            `{"patient": "MRN"}`.
        progress: Told (done, total, message).

    Raises:
        DataError: If there is no usable photograph, or a path is empty or none.
        ParameterError: If `columns` names something else than fields of `ColumnMapping`.
    """
    place = find_workspace(None if workspace is None else written_path(workspace))
    source = DataSource(written_path(data), columns=column_mapping(columns))
    return Photographs(place, dataset_id(source), open_dataset(place, source, progress=progress))


def draw_demo(
    folder: str | Path,
    *,
    n_patients: int = demo.N_PATIENTS,
    side: int = 512,
    replace: bool = False,
) -> Path:
    """Draws the synthetic demo photographs into a folder and returns it.

    Args:
        folder: Made if it is not there.
        n_patients: Two photographs each; every fourth comes twice.
        side: Of a photograph, in pixels.
        replace: Whether a demo that was drawn with other arguments may be drawn over.

    Raises:
        DataError: If the folder holds a demo that may not be drawn over.
        StoreError: If it holds other things, or lies in a workspace that was opened, or in the
            folder of a data set that was opened there.
    """
    place = written_path(folder)
    for workspace in _workspaces(unmade_workspace()):
        demo.require_demo_place(workspace, place, replace=replace, asked_by=ARGUMENT)
    demo.make_demo(place, n_patients=n_patients, image_size=side, replace=replace)
    return place


@dataclass(frozen=True, slots=True)
class Photographs:
    """An open data set, and what can be asked of it."""

    workspace: Workspace
    id: str
    """As addresses of the dashboard and `--json` name it."""

    dataset: FundusDataset

    @property
    def table(self) -> pd.DataFrame:
        """A copy of the table, a row per usable photograph."""
        return self.dataset.table.copy()

    @property
    def rejected(self) -> pd.DataFrame:
        """The rows that cannot be used: `path`, `reason`, `detail`."""
        columns = ["path", "reason", "detail"]
        return pd.DataFrame([asdict(row) for row in self.dataset.rejected], columns=columns)

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What to mind when reading results on these photographs."""
        return dataset_cautions(self.dataset)

    @property
    def runs(self) -> tuple[Run, ...]:
        """The models evaluated on these photographs, the newest first.

        Warns of those that are left out because they are damaged or may not be read.
        """
        found = runs.list_runs(self.workspace, dataset_id=self.id)
        _warn_of_left_out(self.workspace, "runs")
        return found

    def embed(
        self, backbone: str | BackboneChoice, *, progress: Progress = silent, **options: Any
    ) -> Embeddings:
        """Returns the embeddings by a backbone; computes only those that are not stored.

        Args:
            backbone: Id of the catalogue, `timm:NAME`, or a whole choice.
            progress: Told (done, total, message).
            **options: Further fields of `BackboneChoice`, such as `weights` and `image_size`.
        """
        _require_there(self.workspace)
        return embed.embed(
            self.workspace, self.dataset, backbone_choice(backbone, options), progress=progress
        )

    def map_figure(
        self,
        backbone: str | BackboneChoice,
        *,
        method: str = "tsne",
        colour_by: str | None = None,
        seed: int = 0,
        **options: Any,
    ) -> go.Figure:
        """Returns the map of the **Map** page.

        Args:
            backbone: As for `embed`.
            method: `pca`, `tsne`, `umap` or `pacmap`.
            colour_by: A column of the table; the first target by default.
            seed: Of the map; equal seeds give equal maps.
            **options: As for `embed`.
        """
        _require_there(self.workspace)
        laid_out = project.project_dataset(
            self.workspace,
            self.dataset,
            backbone_choice(backbone, options),
            method=method,
            seed=seed,
        )
        targets = [name for target in self.dataset.targets for name in target.columns]
        column = colour_by or (targets or ["split"])[0]
        colours = colouring_by(self.dataset, laid_out.image_ids, column)
        return map_figure(laid_out.points, colours)

    def probe(
        self,
        backbone: str | BackboneChoice,
        choice: str | ProbeChoice,
        *,
        progress: Progress = silent,
        **options: Any,
    ) -> Run:
        """Fits a linear probe and evaluates it on held-out patients, or returns the stored run.

        Args:
            backbone: As for `embed`.
            choice: The target as `COLUMN`, `COLUMN=CLASS` or 0/1 columns joined by commas; or a
                whole choice with the kind of probe, folds and seed.
            progress: Told (done, total, message).
            **options: As for `embed`.
        """
        if isinstance(choice, str):
            choice = ProbeChoice(choice)
        require_kind(choice, ProbeChoice)
        _require_there(self.workspace)
        return probe.probe_dataset(
            self.workspace,
            self.dataset,
            self.id,
            backbone_choice(backbone, options),
            choice,
            progress=progress,
        )

    def finetune(
        self,
        backbone: str | BackboneChoice,
        choice: str | FinetuneChoice,
        *,
        progress: Progress = silent,
        **options: Any,
    ) -> Run:
        """Trains the backbone itself and evaluates it on held-out patients; see `probe`."""
        if isinstance(choice, str):
            choice = FinetuneChoice(Validation(choice))
        require_kind(choice, FinetuneChoice)
        _require_there(self.workspace)
        return finetune.finetune_dataset(
            self.workspace,
            self.dataset,
            self.id,
            backbone_choice(backbone, options),
            choice,
            progress=progress,
        )

    def predictions(self, run: Model) -> pd.DataFrame:
        """Returns what a model said of each photograph that was held out from it."""
        return read_model(self.workspace, model_id(run)).predictions.frame()

    def roc_figure(
        self, models: Sequence[Model], *, class_name: str | None = None, with_band: bool = True
    ) -> go.Figure:
        """Returns the curves of the **ROC** page, each with its AUC and interval by patient.

        Args:
            models: Runs of one target, their ids, or paths of tables of predictions.
            class_name: Of several classes, the one against the rest.
            with_band: Draw 95 % bands, which takes a second each.

        Raises:
            ParameterError: If there is no model.
            TargetError: If runs predict different things, one is named twice, or a class must be
                chosen or is not predicted.
        """
        read = read_different(self.workspace, model_ids(models))
        shown = [viewed(one, class_name, None) for one in read]
        require_one_question(self.workspace, shown)
        figure = roc_figure([roc_trace(one.predictions, with_band=with_band) for one in shown])
        name = shown[0].predictions.class_names[0]
        of_runs = [one.run.target.class_label(name) for one in shown if one.run is not None]
        label = escape(of_runs[0] if of_runs else name)
        return figure.update_layout(title={"text": f"ROC curves for {label}"}, margin_t=60)

    def compare(
        self, models: Sequence[Model], *, class_name: str | None = None, common: bool = False
    ) -> Comparison | ClassComparison:
        """Tests whether models differ: DeLong's test, by patient where patients are known.

        Args:
            models: Runs of one target, their ids, or paths of tables of predictions.
            class_name: Of several classes, the one to compare on; all of them, and their averages,
                by default, as `fundus compare` does.
            common: Compare on the photographs that all models scored.

        Raises:
            DifferentImagesError: If the models scored partly different photographs.
            TargetError: If there are fewer than two models, one is named twice, they predict
                different things, or the class is not predicted.
        """
        ids = model_ids(models)
        if class_name is None and classes.has_several_classes(self.workspace, ids[0]):
            return classes.compare_classes(self.workspace, ids, common=common)
        return compare.compare(self.workspace, ids, class_name=class_name, common=common)

    def explain(
        self, run: Run | str, image: str | Path, *, method: str = "grad_cam"
    ) -> Explanation:
        """Returns where a model looked in a photograph, by the fold that had not seen its patient.

        Args:
            run: A run, or its id.
            image: Id of a photograph of the run, or the path of any other.
            method: As `fundus explain --help` lists them.

        Raises:
            ParameterError: If the image is neither text nor a path.
        """
        if not isinstance(image, str | Path):
            raise ParameterError(
                f"The image is {image!r:.100}.", hint="Give the id of a photograph, or a path."
            )
        _require_there(self.workspace)
        return explain.explain(self.workspace, model_id(run), str(image), method=method)

    def report(self, models: Sequence[Model], out: str | Path, *, replace: bool = False) -> Path:
        """Writes the report on some models as one HTML or PDF file, and returns its path.

        Warns of what could not be read and is not in it.

        Args:
            models: Runs, or their ids.
            out: The file, ending in `.html` or `.pdf`.
            replace: Whether another file there may be written over; never one of a data set.

        Raises:
            StoreError: If nothing may be written there.
        """
        place = written_path(out)
        for workspace in _workspaces(self.workspace):
            require_result_place(
                workspace, place, suffixes=ENDINGS, replace=replace, asked_by=ARGUMENT
            )
        write_report(report.make_report(self.workspace, model_ids(models)), place)
        _warn_of_left_out(self.workspace)
        return place


def _warn_of_left_out(workspace: Workspace, *stores: str) -> None:
    """Warns of what reading has met in a workspace and left out, as commands and pages do."""
    for one in left_out(workspace.root, *stores):
        warnings.warn(one.sentences(), stacklevel=3)


def _require_there(workspace: Workspace) -> None:
    """Refuses to make anew a workspace that was moved or deleted since the data were opened.

    Raises:
        StoreError: If it is not there.
    """
    if not workspace.root.is_dir():
        raise StoreError(
            f"The workspace {workspace.root} is no longer there.",
            hint="Open the data again, with the place it was moved to: "
            "`fundus.open_data(DATA, workspace=...)`.",
        )


def _workspaces(own: Workspace) -> tuple[Workspace, ...]:
    """Returns a workspace and all that were opened: no result is written into any of them."""
    roots = dict.fromkeys((own.root, *workspace_folders()))
    return tuple(own if root == own.root else Workspace(root) for root in roots)
