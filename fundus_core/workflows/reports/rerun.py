"""Use case: make the results of a report again, in an empty workspace, and hold them against it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from fundus_core.compute import EmbedPrecision
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.errors import DataError, WeightsError
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.strategies import StrategyOptions
from fundus_core.io.manifest import ColumnMapping, DataSource
from fundus_core.io.weights import SCRATCH
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, list_datasets, open_with_target
from fundus_core.workflows.data.demo import make_demo
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, resolve, resolve_recipe
from fundus_core.workflows.models.finetune import FinetuneChoice, finetune_dataset
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.reports.rerun_commands import normalisation_of
from fundus_core.workflows.reports.rerun_comparison import (
    RepeatedRun,
    Repetition,
    held_against,
    not_repeated,
)
from fundus_core.workflows.reports.rerun_manifest import (
    Manifest,
    RecordedData,
    RecordedRun,
    drawing_of,
    versions_here,
)
from fundus_core.workflows.reports.rerun_place import new_place

_MOST_DRAWN = 4_000_000_000
"""Pixels of phantoms that are drawn because a report asks for it."""


def rerun(
    workspace: Workspace,
    manifest: Manifest,
    *,
    data: Mapping[str, DataSource] | None = None,
    progress: Progress = silent,
) -> Repetition:
    """Makes every run of a report again and compares.

    Nothing that is stored is taken for a result: the work is done in a new folder of the workspace,
    whose weights alone are used. Photographs are looked for where they are given; else among the
    data sets remembered in the workspace; phantoms are drawn again.

    Args:
        workspace: Where weights are, and the new folder is made.
        manifest: Of the report.
        data: Id of a data set -> where its photographs are; under an empty id, of the only one.
        progress: Told while photographs are drawn, read and embedded.

    Raises:
        DataError: If photographs are not to be found, or are not those of the report.
        WeightsError: If weights with the recorded hash are not at hand.
    """
    with new_place(workspace) as place:
        outcomes = _all_repeated(workspace, place, manifest, data or {}, progress)
    now = versions_here()
    others = {
        name: (then, now[name])
        for name, then in manifest.versions.items()
        if name in now and now[name] != then
    }
    return Repetition(manifest, place, tuple(outcomes), others)


def _all_repeated(
    workspace: Workspace,
    place: Workspace,
    manifest: Manifest,
    data: Mapping[str, DataSource],
    progress: Progress,
) -> list[RepeatedRun]:
    sources = {one.id: _source(workspace, place, one, data, progress) for one in manifest.data}
    made: dict[str, Run] = {}
    outcomes = []
    for recorded in manifest.runs:
        if recorded.reason:
            outcomes.append(not_repeated(recorded))
            continue
        about = next(one for one in manifest.data if one.id == recorded.data)
        dataset = _opened(place, sources[recorded.data], about, recorded.target, progress)
        column = about.columns.get("target") if recorded.column is None else recorded.column
        source = sources[recorded.data]
        run = _repeated(place, recorded, dataset, source, made, column or None, progress)
        made[recorded.id] = run
        outcomes.append(held_against(place, recorded, run))
    return outcomes


def sources_of(given: Sequence[str]) -> dict[str, DataSource]:
    """Returns what `--data` names: `FOLDER`, or `ID=FOLDER` where there are several data sets."""
    found = {}
    for one in given:
        name, separator, folder = one.partition("=")
        is_named = bool(separator) and not Path(one).exists()
        found[name if is_named else ""] = DataSource(Path(folder if is_named else one))
    return found


def _source(
    workspace: Workspace,
    place: Workspace,
    about: RecordedData,
    given: Mapping[str, DataSource],
    progress: Progress,
) -> DataSource:
    """Returns where the photographs of a data set are, read by the recorded columns."""
    columns = ColumnMapping(**about.columns)
    found = given.get(about.id) or given.get("")
    if found is not None:
        table = found.path / about.table if about.table else None
        return DataSource(found.path, table, columns, about.classes)
    known = [one for one in list_datasets(workspace) if one.id == about.id]
    if known and known[0].source.path.exists():
        return known[0].source
    drawing = drawing_of(about.drawn_with)
    if drawing is None:
        raise DataError(
            f"The photographs of {about.name} are not remembered in {workspace.root}.",
            hint="Name their folder or table by --data.",
        )
    n_pixels = drawing["n_patients"] * drawing["image_size"] ** 2
    if n_pixels > _MOST_DRAWN:
        raise DataError(
            f"The report asks for {drawing['n_patients']:,} synthetic patients of "
            f"{drawing['image_size']} pixels; no more than {_MOST_DRAWN:,} pixels are drawn.",
            hint="Draw them yourself with `fundus demo`, and name the folder by --data.",
        )
    make_demo(place.demo, progress=progress, **drawing)
    return DataSource(place.demo, None, columns, about.classes)


def _opened(
    place: Workspace, source: DataSource, about: RecordedData, target: str, progress: Progress
) -> FundusDataset:
    """Opens a data set and makes sure that it is the one of the report."""
    dataset = open_with_target(place, source, target, progress=progress)
    here = (dataset.fingerprint(), len(dataset), dataset.n_patients)
    if here != (about.fingerprint, about.n_images, about.n_patients):
        raise DataError(
            f"{source.path} is not the data set of the report: {len(dataset)} photographs of "
            f"{dataset.n_patients or 'unknown'} patients with the fingerprint "
            f"{dataset.fingerprint()[:12]}; the report's has {about.n_images} of "
            f"{about.n_patients or 'unknown'} and {about.fingerprint[:12]}.",
            hint="Name the folder that the report was made of; files, order and columns of its "
            "table must be the same.",
        )
    return dataset


def _repeated(
    place: Workspace,
    recorded: RecordedRun,
    dataset: FundusDataset,
    source: DataSource,
    made: Mapping[str, Run],
    column: str | None,
    progress: Progress,
) -> Run:
    """Makes a run again; the labels of an external one are read from `column`, if one is named."""
    name = dataset_id(source)
    if recorded.kind == "external":
        inside = made[recorded.trained_as]
        return predict(place, inside.id, dataset, name, label_column=column, progress=progress).run
    validation = recorded.validation
    if validation is None:
        raise DataError(
            f"The report does not say how {recorded.id} was validated.",
            hint="Name the HTML file that `fundus report` wrote, unchanged.",
        )
    backbone = _choice(place, recorded.embeddings)
    if recorded.kind == "finetune":
        return finetune_dataset(
            place, dataset, name, backbone, _training(recorded, validation), progress=progress
        )
    choice = ProbeChoice(
        validation.target,
        recorded.method,
        validation.folds,
        validation.seed,
        validation.use_split,
        validation.fraction,
        validation.draw,
    )
    return probe_dataset(place, dataset, name, backbone, choice, progress=progress)


def _training(recorded: RecordedRun, validation: Validation) -> FinetuneChoice:
    about = recorded.recipe
    return FinetuneChoice(
        validation,
        recorded.method,
        StrategyOptions(**about["options"]),
        about["head"],
        about["loss"],
        TrainingRecipe(**about["training"]),
    )


def _choice(place: Workspace, recipe: EmbedRecipe) -> BackboneChoice:
    """Returns the choice that leads to the very same recipe.

    Raises:
        WeightsError: If it leads to another one here.
    """
    found = resolve_recipe(place, recipe)
    choice = BackboneChoice(
        recipe.backbone,
        SCRATCH if found.weights is None else str(found.weights),
        recipe.image_size,
        cast(EmbedPrecision, recipe.precision),
        recipe.seed,
        recipe.preprocessing,
        recipe.preprocessing.fit,
        None if recipe.pooling == "default" else recipe.pooling,
        normalisation_of(recipe),
    )
    here = resolve(place, choice).recipe
    if here.fingerprint() != recipe.fingerprint():
        then, now = recipe.to_dict(), here.to_dict()
        names = ", ".join(sorted(name for name in then if then[name] != now.get(name)))
        raise WeightsError(
            f"{recipe.backbone} is not run here as the report was made: {names} differ.",
            hint="Use the version of the program that the report names.",
        )
    return choice
