"""Use case: which labels deserve a second look, by what models say of photographs held out.

N is the number of photographs, M of models, K of classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.agreement.labels import suspected_labels
from fundus_core.checks import Caution
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import (
    DataError,
    DifferentImagesError,
    SingleClassError,
)
from fundus_core.io.files import write_atomically
from fundus_core.io.workspace import Workspace
from fundus_core.tables import About, as_csv
from fundus_core.workflows.data.datasets import list_datasets, stored_dataset
from fundus_core.workflows.evaluation.aligned import (
    ScoredModel,
    aligned,
    cautions_of,
    read_model,
)
from fundus_core.workflows.evaluation.label_questions import (
    Question,
    questions,
    require_learned,
    require_one_question,
)
from fundus_core.workflows.models.changed_since import still_there
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import list_runs

NOT_PROOF = (
    "A place high on this list is a reason to look again, no proof that the label is wrong: hard, "
    "unusual and poor photographs stand here too, and an error that the models learned from the "
    "labels does not."
)
"""Goes wherever the list goes."""

METHODS = (
    "Held-out scores were averaged over {models}. A label is flagged where confident learning "
    "(Northcutt et al. 2021; cleanlab, pruning by noise rate) holds it for one of the labels "
    "confused; the list is in the order of self-confidence, the score of the given label."
)

SCORE = "score of given label: "
"""Begins the columns with what each model gives the label, see `LabelReview.table`."""


@dataclass(frozen=True, slots=True)
class LabelReview:
    """Labels in the order in which to look at them again."""

    target: str
    models: tuple[str, ...]
    """Names of the M models."""

    table: pd.DataFrame
    """A row per photograph, for several diseases per photograph and disease; the least credible
    label first. Columns: `rank` from 1; `image_id`; `path`, `patient_id` and `eye`, None where
    unknown; `class`, which disease is meant, or the target; `given` and `suggested` label;
    `quality` (see `SuspectedLabels`) of the mean scores; `flagged`; `n_flagging`, how many models
    flag it alone; `disagreement`, the largest difference between two models' scores of the given
    label, NaN for one model; `other_labels`, those of the patient's other photographs; and a
    column `SCORE` + model for each model."""

    skipped: tuple[str, ...]
    """Classes that could not be looked at, for all photographs have them or none has."""

    n_images: int
    n_patients: int | None
    n_other: int
    """Photographs left out, for not all models scored them."""

    n_gone: int
    """Photographs left out, for they are no longer in the data set: nobody can look at them."""

    cautions: tuple[Caution, ...]

    def suspects(self) -> pd.DataFrame:
        """Returns the labels that are flagged by the mean scores, or by every model alone."""
        by_all = self.table["n_flagging"] == len(self.models)
        return self.table[self.table["flagged"] | by_all].reset_index(drop=True)

    def disputed(self, most: int = 50) -> pd.DataFrame:
        """Returns the labels on which the models differ most, the largest difference first."""
        ordered = self.table.sort_values("disagreement", ascending=False, kind="stable")
        return ordered.dropna(subset="disagreement").head(most).reset_index(drop=True)

    def about(self) -> About:
        """Returns what a reader of the exported list must know."""
        of_patients = "" if self.n_patients is None else f" of {self.n_patients} patients"
        return About(
            f"Labels of {self.target} to look at again: {len(self.suspects())} of "
            f"{len(self.table)}, on {self.n_images} photographs{of_patients}. {NOT_PROOF}",
            METHODS.format(models=" and ".join(self.models)),
            self.cautions,
        )


def review_labels(workspace: Workspace, references: Sequence[str]) -> LabelReview:
    """Ranks the labels of a target by how little held-out scores believe them.

    Several models are averaged, on the photographs that all of them scored and that the data set
    still holds. Of a target with
    several diseases per photograph each disease is looked at by itself, and the ranks are over all.

    Args:
        workspace: Where runs are.
        references: Run ids, or paths of tables of predictions; one is enough.

    Raises:
        TargetError: If none is named, or they predict different things.
        DifferentImagesError: If the models have no photograph in common, or differ in labels; or
            if none of the photographs is in the data set any more.
        ScoresError: If a score is no probability, or a model scored by words alone.
        SingleClassError: If all photographs have the same label.
    """
    models = [read_model(workspace, one) for one in dict.fromkeys(references)]
    require_one_question(models)
    require_learned(models, [_run(workspace, model.reference) for model in models])
    n_scored = len({name for model in models for name in model.predictions.image_ids})
    if len(models) > 1:
        models, joined = aligned(models, common=True)
        if not joined:
            raise DifferentImagesError(
                f"The {len(models)} models have no photograph in common.",
                hint="Choose models of the same data set.",
            )
    run = _run(workspace, models[0].reference)
    dataset, n_common = _dataset(workspace, run), len(models[0].predictions.y_true)
    models = models if dataset is None else _still_there(models, dataset)
    names = _distinct([model.predictions.model for model in models])
    asked, skipped = questions(models, run)
    if not asked:
        raise SingleClassError(
            f"All {len(models[0].predictions.y_true)} photographs have the same label.",
            hint="Choose models of a target whose classes both occur.",
        )
    about = _photographs(dataset, models[0].predictions)
    parts = [_reviewed(one, about, names) for one in asked]
    table = pd.concat(parts, ignore_index=True).sort_values(
        "quality", kind="stable", ignore_index=True
    )
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    first = models[0].predictions
    return LabelReview(
        run.target.name if run else ", ".join(first.class_names),
        tuple(names),
        table,
        skipped,
        len(first.y_true),
        first.n_patients,
        n_scored - n_common if first.image_ids else 0,
        n_common - len(first.y_true),
        cautions_of(models),
    )


def write_review(review: LabelReview, path: Path) -> Path:
    """Writes the labels to look at again as CSV, under lines that say what the list is and is not.

    Raises:
        DataError: If the path names a folder.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder.", hint="Name the CSV file to write.")
    text = as_csv(review.suspects(), review.about())
    write_atomically(path, lambda file: file.write(text.encode()))
    return path


def _still_there(models: Sequence[ScoredModel], dataset: FundusDataset) -> list[ScoredModel]:
    """Returns the models, of equal rows, with the rows of the photographs that a data set holds."""
    rows = still_there(models[0].predictions, dataset)
    return [replace(model, predictions=model.predictions.select(rows)) for model in models]


def _reviewed(question: Question, about: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Returns the rows of one question, in the order of the photographs."""
    rows = np.arange(len(question.given))
    found = suspected_labels(question.given, np.mean(question.scores, axis=0))
    alone = [suspected_labels(question.given, one).flagged for one in question.scores]
    of_given = np.stack([one[rows, question.given] for one in question.scores], axis=1)  # (N, M)
    labels = np.array(question.labels, dtype=object)
    given = labels[question.given]
    described = about.assign(
        **{
            "class": question.name,
            "given": given,
            "suggested": labels[found.suggested],
            "quality": found.quality,
            "flagged": found.flagged,
            "n_flagging": np.sum(alone, axis=0),
            "disagreement": np.ptp(of_given, axis=1) if len(names) > 1 else np.nan,
            "other_labels": _other_labels(about, given),
        }
    )
    each = {f"{SCORE}{name}": of_given[:, column] for column, name in enumerate(names)}
    return described.assign(**each)


def _other_labels(about: pd.DataFrame, given: NDArray[np.object_]) -> list[str]:
    """Returns the labels of each patient's other photographs, by which eye they are of."""
    patients, eyes = about["patient_id"], about["eye"]
    rows_of = {name: list(rows) for name, rows in patients.groupby(patients).groups.items()}
    said = []
    for row, (patient, eye) in enumerate(zip(patients, eyes, strict=True)):
        others = [other for other in rows_of.get(patient, ()) if other != row]
        named: dict[str, list[str]] = {}
        for other in others:
            named.setdefault(_relation(eye, eyes[other]), []).append(str(given[other]))
        said.append("; ".join(f"{how}: {', '.join(ones)}" for how, ones in sorted(named.items())))
    return said


def _relation(eye: str | None, other: str | None) -> str:
    if eye is None or other is None:
        return "same patient"
    return "same eye" if eye == other else "other eye"


def _photographs(dataset: FundusDataset | None, predictions: Predictions) -> pd.DataFrame:
    """Returns `image_id`, `path`, `patient_id` and `eye` of each photograph, None where unknown."""
    n_images = len(predictions.y_true)
    ids = predictions.image_ids or tuple(f"row {row}" for row in range(n_images))
    table = pd.DataFrame({"image_id": list(ids), "path": None, "patient_id": None, "eye": None})
    table = table.astype(object)
    if predictions.patient_ids is not None:
        table["patient_id"] = predictions.patient_ids.astype(object)
    if dataset is not None:
        listed = dataset.table.set_index("image_id").loc[list(ids)]
        for column in ("path", "eye"):
            known = [None if pd.isna(value) else value for value in listed[column]]
            table[column] = pd.Series(known, dtype=object)
    return table


def _run(workspace: Workspace, reference: str) -> Run | None:
    """Returns a stored run by its whole id, None for a table of predictions."""
    return next((run for run in list_runs(workspace) if run.id == reference), None)


def _dataset(workspace: Workspace, run: Run | None) -> FundusDataset | None:
    """Returns the data set of a run, None where it was forgotten: paths are then unknown."""
    known = {summary.id for summary in list_datasets(workspace)}
    return stored_dataset(workspace, run.dataset_id) if run and run.dataset_id in known else None


def _distinct(names: Sequence[str]) -> list[str]:
    """Returns the names, numbered where several are the same."""
    return [
        name if names.count(name) == 1 else f"{name} [{names[: place + 1].count(name)}]"
        for place, name in enumerate(names)
    ]
