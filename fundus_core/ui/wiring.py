"""Binds the workflows to Streamlit's caches; the seam that page tests replace.

A cached function takes ids and frozen recipes only, so that its arguments are its whole key. The
workspace and a token are among them: the token changes with the stored files, so that what a job
has just stored is seen, and what did not change is not read again.
"""

import atexit
import gc
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pandas as pd
import streamlit as st

from fundus_core.backbones.catalogue import BACKBONES, NORMALISATIONS, backbone_spec
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.predictions import Predictions
from fundus_core.domain.recipe import EmbedRecipe, PreprocessRecipe
from fundus_core.errors import StoreError
from fundus_core.finetune.curves import CURVE_FILE, LearningCurves, read_curves
from fundus_core.finetune.plan import StrategyPlan
from fundus_core.finetune.plan import strategy_plan as plan_of
from fundus_core.finetune.strategies import StrategyOptions
from fundus_core.io.columns import ColumnMapping, recognise
from fundus_core.io.damage import changed_at
from fundus_core.io.photo_files import PhotographFinder
from fundus_core.io.read_only import ReadOnlyError, is_read_only, require_writable
from fundus_core.io.scratch_folders import ScratchFolder
from fundus_core.io.tables import read_table
from fundus_core.io.weights import (
    SCRATCH,
    USABLE,
    WeightsState,
    file_names,
    local_weights,
    weights_state,
    where_weights_go,
)
from fundus_core.io.workspace import (
    DEFAULT_FOLDER,
    ENVIRONMENT_VARIABLE,
    Workspace,
    find_workspace,
)
from fundus_core.io.workspace_format import STAMP
from fundus_core.jobs.job import Job
from fundus_core.jobs.store import JobStore
from fundus_core.projections import PROJECTORS, Projection
from fundus_core.similarity import Neighbour, nearest
from fundus_core.ui import messages
from fundus_core.workflows.data import datasets as opened
from fundus_core.workflows.data.datasets import DatasetSummary
from fundus_core.workflows.embeddings import backbone_choice, project
from fundus_core.workflows.embeddings import stored as stored_embeddings
from fundus_core.workflows.embeddings.stored import EmbeddingSummary
from fundus_core.workflows.models import runs as stored
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.story.story_store import FOLDER as STORY_FOLDER
from fundus_core.workflows.story.story_store import Story, read_story
from fundus_core.workflows.weights.weights_cards import WeightsCard, list_weights_cards

T = TypeVar("T")

_MODULES_BETWEEN = 200
"""The garbage collector is spared anew when so many more modules are loaded."""

_ON_ACCELERATOR = frozenset(
    {
        "embed",
        "embed-grid",
        "probe",
        "zero-shot",
        "search",
        "similar",
        "predict",
        "explain",
        "finetune",
        "pretrain",
        "segment",
        "story",
        "study",
    }
)
"""Commands that run networks."""

INSTANT_POINTS = 2000
"""Up to this many photographs an instant map is computed while the page waits."""


@dataclass(frozen=True, slots=True)
class WeightsPlace:
    """Where the weights of a backbone are."""

    state: WeightsState
    file: str
    """Name of the file that is used, or that would be."""

    n_bytes: int
    """Size of the file on this machine; 0 where there is none."""

    advice: str
    """Which file goes where; empty when it is here."""

    @property
    def usable(self) -> bool:
        """Says whether the backbone runs at once, with its own weights or because it has none."""
        return self.state in USABLE


_OPENED: dict[tuple[Path, int], Workspace] = {}
"""By what a workspace is named, and when its stamp was written."""


def read_only() -> bool:
    """Says whether this dashboard is for looking only: whatever writes is refused then."""
    return is_read_only()


def workspace() -> Workspace:
    """Returns the folder everything is kept in; the environment is asked each time.

    It is looked at closely whenever another stamp stands in it: a page asks a dozen times.

    Ends the page by saying why, where it cannot be opened.
    """
    named = Path(os.environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_FOLDER).absolute()
    stamped = changed_at(named / STAMP)
    if not stamped or (named, stamped) not in _OPENED:
        with messages.shown_to_user():
            _OPENED[named, stamped] = find_workspace()
    return _OPENED[named, stamped]


def datasets() -> tuple[DatasetSummary, ...]:
    """Returns the data sets that were opened, the latest first."""
    place = workspace()
    with messages.shown_to_user():  # a result of a newer version is refused
        return _datasets(place, token_of(place.datasets))


def dataset(dataset_id: str) -> FundusDataset:
    """Returns an opened data set; do not change its table."""
    place = workspace()
    return _dataset(place, dataset_id, token_of(place.datasets))


def table_of(path: Path) -> pd.DataFrame:
    """Returns a table as text, before anything is made of it.

    Raises:
        DataError: If the file is no table.
    """
    return _table_of(path, token_of(path, deep=False))


def recognised(table: Path, folder: Path, mapping: ColumnMapping) -> ColumnMapping:
    """Returns which columns of a table will be taken for what.

    Raises:
        DataError: If none holds the paths of photographs in the folder.
    """
    return _recognised(table, folder, mapping, token_of(table, deep=False))


def embeddings_list(dataset_id: str) -> tuple[EmbeddingSummary, ...]:
    """Returns the stored embeddings that cover a data set at least in part."""
    place = workspace()
    return _embeddings_list(place, dataset_id, token_of(place.datasets), token_of(place.embeddings))


def embeddings(dataset_id: str, fingerprint: str) -> Embeddings:
    """Returns stored embeddings of a data set."""
    place = workspace()
    token = token_of(place.embeddings / fingerprint, deep=False)
    return _embeddings(place, dataset_id, fingerprint, (*token_of(place.datasets), *token))


def projection(dataset_id: str, fingerprint: str, method: str) -> Projection | None:
    """Returns a map: stored, or computed where that takes no time; None where a job must do it."""
    place = workspace()
    token = (*token_of(place.embeddings / fingerprint, deep=False), *token_of(place.projections))
    return _projection(place, dataset_id, fingerprint, method, token)


def runs(dataset_id: str) -> tuple[Run, ...]:
    """Returns the evaluated models of a data set, newest first."""
    place = workspace()
    with messages.shown_to_user():
        return _runs(place, dataset_id, runs_token())


def run(run_id: str) -> Run:
    """Returns an evaluated model."""
    return stored.load_run(workspace(), run_id)


def predictions(run_id: str) -> Predictions:
    """Returns the held-out predictions of a run."""
    place = workspace()
    return _predictions(place, run_id, run_token(run_id))


def baseline(run_id: str) -> Predictions | None:
    """Returns what the mean colour predicts in the same folds; None where there is none."""
    place = workspace()
    return _baseline(place, run_id, run_token(run_id))


def story() -> Story | None:
    """Returns what was found on the demo photographs; None until it was prepared."""
    place = workspace()
    parts = (place.root / STORY_FOLDER, place.datasets, place.runs)
    return _story(place, tuple(token_of(part) for part in parts))


@st.cache_data(show_spinner="Looking at the network…", max_entries=32)
def strategy_plan(
    backbone: str, strategy: str, n_epochs: int, options: StrategyOptions
) -> StrategyPlan:
    """Returns which blocks of a backbone a strategy moves when."""
    return plan_of(backbone_spec(backbone), strategy, n_epochs, options)


def learning_curves(run_id: str) -> LearningCurves | None:
    """Returns the learning curves of a fine-tuned run; None for a probe."""
    return stored.run_curves(workspace(), run(run_id))


def curves_since(moment: datetime) -> tuple[LearningCurves, ...]:
    """Returns the learning curves of trainings that finished an epoch since then, newest first."""
    files = workspace().training.glob(f"*/{CURVE_FILE}")
    changed = {path: changed_at(path) for path in files}
    newest = sorted(changed, key=lambda path: -changed[path])
    recent = [path for path in newest if changed[path] >= moment.timestamp() * 1e9]
    return tuple(curves for path in recent if (curves := read_curves(path)))


def weights_cards() -> tuple[WeightsCard, ...]:
    """Returns the weights that this program has made, here or before it was shipped."""
    return list_weights_cards(workspace())


def neighbours(dataset_id: str, fingerprint: str, image_id: str) -> tuple[Neighbour, ...] | None:
    """Returns the photographs most like one; None where it has no embedding."""
    vectors = embeddings(dataset_id, fingerprint)
    return nearest(vectors, image_id) if image_id in vectors.image_ids else None


def weights_place(backbone: str) -> WeightsPlace:
    """Returns where the weights of a backbone of the catalogue are, or go; no network is used."""
    spec, place = BACKBONES[backbone], workspace()
    state, found = weights_state(spec, place), local_weights(spec, place)
    if found is not None:
        return WeightsPlace(state, found.name, found.stat().st_size, "")
    return WeightsPlace(state, next(iter(file_names(spec)), ""), 0, where_weights_go(spec, place))


def jobs() -> JobStore:
    """Returns the jobs of this workspace."""
    return JobStore(workspace().jobs)


def submit(argv: Sequence[str], title: str, *, words: Sequence[str] = ()) -> Job:
    """Starts a job of the command line in this workspace; an equal one that waits is returned.

    Args:
        argv: The command and its arguments.
        title: Of the job.
        words: Further arguments that a user typed, whatever they begin with.

    Raises:
        ReadOnlyError: If the workspace is only to be looked at.
        JobError: If its process cannot be started.
    """
    require_writable()
    command = [*argv, "--workspace", str(workspace().root)]
    command += [] if argv[0] == "project" else ["--json"]  # a map is read from the store
    command += ["--", *words] if words else []
    return jobs().submit(command, title=title, device=_device_of(argv[0]))


def embedding_arguments(recipe: EmbedRecipe) -> list[str]:
    """Returns the options of the command line that make the very same embeddings again.

    Raises:
        WeightsError: If the weights they were made with are not at hand any more.
    """
    resolved = backbone_choice.resolve_recipe(workspace(), recipe)
    chosen = {
        "--backbone": recipe.backbone,
        "--weights": SCRATCH if resolved.weights is None else str(resolved.weights),
        "--image-size": str(recipe.image_size),
        "--precision": recipe.precision,
        "--weights-seed": str(recipe.seed),
        "--fit": recipe.preprocessing.fit,
    }
    if resolved.spec.poolings:
        chosen["--pooling"] = recipe.pooling
    if (recipe.mean, recipe.std) != (resolved.spec.mean, resolved.spec.std):
        pixels = {values: name for name, values in NORMALISATIONS.items()}
        chosen["--normalisation"] = pixels[recipe.mean, recipe.std]
    options = [word for pair in chosen.items() for word in pair]
    return options + preprocessing_arguments(recipe.preprocessing)


def preprocessing_arguments(recipe: PreprocessRecipe) -> list[str]:
    """Returns the options of the command line that ask for a preprocessing."""
    flags = [] if recipe.crop else ["--no-crop"]
    flags += ["--clahe"] if recipe.clahe else []
    flags += ["--ben-graham"] if recipe.ben_graham else []
    return ["--decoder", recipe.decoder, *flags]


def _device_of(command: str) -> str:
    """Returns the queue of a command: networks run on the accelerator, all else on the CPU.

    torch would know better, but the dashboard must not wait for its import. Downloads wait for
    one another only.
    """
    if command == "backbones":
        return "network"
    if command not in _ON_ACCELERATOR:
        return "cpu"
    return os.environ.get("FUNDUS_DEVICE") or ("cuda:0" if Path("/dev/nvidia0").exists() else "cpu")


def token_of(folder: Path, *, deep: bool = True) -> tuple[tuple[bytes, int], ...]:
    """Returns what changes when something is stored in a folder: names and times.

    Results are written under another name and renamed, so the time of the folder they lie in tells.
    """
    try:
        inside = sorted(folder.iterdir()) if deep and folder.is_dir() else []
    except OSError:
        return ()
    return tuple(
        (os.fsencode(path.name), modified)  # a name need not be text
        for path in (folder, *inside)
        if (modified := changed_at(path))
    )


def runs_token() -> tuple[tuple[bytes, int], ...]:
    """Returns what changes when a model is stored, or a data set, of which runs say the changes."""
    place = workspace()
    return token_of(place.runs) + token_of(place.datasets, deep=False)


def run_token(run_id: str) -> tuple[tuple[bytes, int], ...]:
    """As `runs_token`, of one model."""
    place = workspace()
    return token_of(place.runs / run_id, deep=False) + token_of(place.datasets, deep=False)


@st.cache_data(show_spinner=False, max_entries=8)
def _datasets(place: Workspace, token: object) -> tuple[DatasetSummary, ...]:
    return opened.list_datasets(place)


@st.cache_resource(show_spinner="Reading the data set…", max_entries=4)
def _dataset(place: Workspace, dataset_id: str, token: object) -> FundusDataset:
    return opened.stored_dataset(place, dataset_id)


@st.cache_resource(show_spinner="Reading the table…", max_entries=4)
def _table_of(path: Path, token: object) -> pd.DataFrame:
    return read_table(path)


@st.cache_data(show_spinner="Looking for the photographs…", max_entries=16)
def _recognised(table: Path, folder: Path, mapping: ColumnMapping, token: object) -> ColumnMapping:
    finder = PhotographFinder([folder, table.parent])
    return recognise(
        table_of(table),
        mapping,
        is_file=lambda value: finder.find(value) is not None,
        name=table.name,
    )


@st.cache_data(show_spinner="Looking for stored embeddings…", max_entries=16)
def _embeddings_list(
    place: Workspace, dataset_id: str, data: object, token: object
) -> tuple[EmbeddingSummary, ...]:
    return stored_embeddings.list_embeddings(place, dataset(dataset_id))


@st.cache_resource(show_spinner="Reading embeddings…", max_entries=6)
def _embeddings(place: Workspace, dataset_id: str, fingerprint: str, token: object) -> Embeddings:
    return stored_embeddings.load_embeddings(place, dataset(dataset_id), fingerprint)


@st.cache_resource(show_spinner="Computing the map…", max_entries=16)
def _projection(
    place: Workspace, dataset_id: str, fingerprint: str, method: str, token: object
) -> Projection | None:
    vectors = embeddings(dataset_id, fingerprint)
    found = project.stored_projection(place, vectors, method=method)
    quick = PROJECTORS[method].instant and len(vectors.image_ids) <= INSTANT_POINTS
    if found is None and quick:

        def made_in(there: Workspace) -> Projection:
            return project.project_embeddings(there, vectors, method=method)

        found = made_in(_spare()) if read_only() else where_there_is_room(made_in)
        spare_the_collector()
    return found


@st.cache_data(show_spinner=False, max_entries=16)
def _runs(place: Workspace, dataset_id: str, token: object) -> tuple[Run, ...]:
    return stored.list_runs(place, dataset_id=dataset_id)


@st.cache_resource(show_spinner=False, max_entries=32)
def _predictions(place: Workspace, run_id: str, token: object) -> Predictions:
    return stored.run_predictions(place, stored.load_run(place, run_id))


@st.cache_resource(show_spinner=False, max_entries=32)
def _baseline(place: Workspace, run_id: str, token: object) -> Predictions | None:
    return stored.baseline_predictions(place, stored.load_run(place, run_id))


@st.cache_resource(show_spinner="Reading the story…", max_entries=2)
def _story(place: Workspace, token: object) -> Story | None:
    return read_story(place)


def where_there_is_room(make: Callable[[Workspace], T]) -> T:
    """Makes what a page only shows: in the workspace, or beside it where that takes nothing."""
    try:
        return make(workspace())
    except (ReadOnlyError, StoreError):
        return make(_spare())


@st.cache_resource(show_spinner=False)
def _spare() -> Workspace:
    """Returns where pictures and maps are made that the workspace has no room for, or refuses."""
    folder = ScratchFolder("read-only")
    atexit.register(folder.cleanup)
    return Workspace(folder.path)


def spare_the_collector() -> None:
    """Takes the libraries loaded by now out of the garbage collector's rounds.

    Streamlit collects after every rerun, and each round holds the interpreter's lock while it goes
    through all that lives: a tenth of a second for pandas and plotly, a third with torch or
    scikit-learn (streamlit#8977). It costs one such round whenever more was loaded, else nothing.
    """
    _freeze(len(sys.modules) // _MODULES_BETWEEN)


@st.cache_resource(show_spinner=False)
def _freeze(how_many_loaded: int) -> None:
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # else libraries report what was spared as leaks when it ends
