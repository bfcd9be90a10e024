"""The predictions of several models, joined by photograph."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.caution_codes import CAUTIONS
from fundus_core.checks import (
    Caution,
    joined_cautions,
    same_patients_caution,
    several_tests_caution,
)
from fundus_core.domain.dataset import OWN_PATIENT
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import DifferentImagesError, StoreError, TargetError
from fundus_core.io.predictions import TABLE_SUFFIXES, read_predictions
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.models.run_names import run_names
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import load_run, run_predictions

FEWEST_MODELS = 2


@dataclass(frozen=True, slots=True)
class ScoredModel:
    """A model with what it said."""

    reference: str
    """Run id, or the path of a table."""

    predictions: Predictions
    cautions: tuple[Caution, ...]
    run: Run | None = None
    """The run that it was read from; None of a table."""


def read_compared(workspace: Workspace, references: Sequence[str]) -> list[ScoredModel]:
    """Returns the models of a comparison, see `read_model`.

    Raises:
        TargetError: If fewer than two are named, or one is named twice.
        StoreError: If there is no such run.
        DataError: If a table cannot be read.
        ScoresError: If a table holds something else than labels and scores.
    """
    if len(references) < FEWEST_MODELS:
        raise TargetError(
            f"{len(references)} model was named; a comparison needs at least {FEWEST_MODELS}.",
            hint="Name two or more runs or tables of predictions.",
        )
    return read_different(workspace, references)


def read_different(workspace: Workspace, references: Sequence[str]) -> list[ScoredModel]:
    """Returns models, each of them another one and of a name of its own, see `read_model`.

    Raises:
        TargetError: If one is named twice, whichever way it is written.
        StoreError: If there is no such run.
        DataError: If a table cannot be read.
        ScoresError: If a table holds something else than labels and scores.
    """
    models = [read_model(workspace, reference) for reference in references]
    seen: dict[str | Path, str] = {}
    for written, model in zip(references, models, strict=True):
        known = Path(written).resolve() if _is_table(written) else model.reference
        if known in seen:
            raise TargetError(
                f"{seen[known]} and {written} are the same model, which does not differ from "
                "itself.",
                hint="Name each model once.",
            )
        seen[known] = written
    return _named_apart(models)


def read_model(workspace: Workspace, reference: str) -> ScoredModel:
    """Returns a stored run, or a table of predictions made elsewhere.

    Raises:
        StoreError: If there is no such run.
        DataError: If the table cannot be read.
        ScoresError: If the table holds something else than labels and scores.
    """
    if _is_table(reference):
        predictions = read_predictions(Path(reference))
        return ScoredModel(reference, predictions, _of_table(predictions))
    run = load_run(workspace, reference)
    return ScoredModel(run.id, run_predictions(workspace, run), run.cautions, run)


def require_one_question(workspace: Workspace, models: Sequence[ScoredModel]) -> None:
    """Raises where runs predict different things; a table does not say which column it is of.

    A run of a model that was trained before predicts what that model learned, whatever the other
    data set calls its column.

    Raises:
        TargetError: With two of them.
    """
    asked = [
        (one, question_of(workspace, one.run, one.predictions.class_names))
        for one in models
        if one.run is not None
    ]
    for one, question in asked[1:]:
        first, known = asked[0]
        if question != known:
            raise TargetError(
                f"{first.reference} predicts {', '.join(known)}, and {one.reference} predicts "
                f"{', '.join(question)}.",
                hint="Take models of one target: their figures do not stand beside each other.",
            )


def question_of(workspace: Workspace, run: Run, names: Sequence[str]) -> tuple[str, ...]:
    """Returns the column and the class behind each score of a run, as its model learned them.

    Args:
        workspace: Where runs are.
        run: The run.
        names: Those of its classes that are looked at.
    """
    if run.trained_as:
        with suppress(StoreError):  # of one that was removed, the run's own target is left
            run = load_run(workspace, run.trained_as)
    if run.target.task == "multilabel":
        return tuple(names)  # each is a column of its own
    return tuple(f"{run.target.columns[0]}={name}" for name in names)


def _named_apart(models: Sequence[ScoredModel]) -> list[ScoredModel]:
    """Returns the models with names that no two share, those of runs as pages have them."""
    of_runs = run_names([one.run for one in models if one.run is not None], dataset_too=True)
    labels = [of_runs.get(one.reference, one.predictions.model) for one in models]
    names = distinct_names(
        [(name, one.reference) for name, one in zip(labels, models, strict=True)]
    )
    return [
        replace(one, predictions=replace(one.predictions, model=name))
        for name, one in zip(names, models, strict=True)
    ]


def _is_table(reference: str) -> bool:
    return Path(reference).suffix.lower() in TABLE_SUFFIXES


def _of_table(predictions: Predictions) -> tuple[Caution, ...]:
    """Returns a caution if some rows of a table name no patient where others do."""
    patients = predictions.patient_ids
    nameless = 0 if patients is None else int(np.char.startswith(patients, OWN_PATIENT).sum())
    if not nameless:
        return ()
    return (Caution("FD004", f"{nameless} of {len(predictions.y_true)} name no patient."),)


def aligned(
    models: list[ScoredModel], *, common: bool, by_patient: bool = False
) -> tuple[list[ScoredModel], bool]:
    """Returns the models with equal rows where they share photographs, and whether they do.

    Args:
        models: All of the same classes.
        common: Keep the photographs that all models scored, instead of refusing.
        by_patient: Rows are patients, named by their ids.

    Raises:
        DifferentImagesError: If the models scored partly different photographs, or disagree on
            their labels.
    """
    models = _with_ids(models)
    sets = [set(model.predictions.image_ids) for model in models]
    shared = set.intersection(*sets)
    if all(not (a & b) for a, b in combinations(sets, 2)):
        return models, False
    if any(ids != shared for ids in sets) and not (common and shared):
        counts = ", ".join(str(len(ids)) for ids in sets)
        if by_patient:
            raise DifferentImagesError(
                f"The models were evaluated on {counts} patients; {len(shared)} are the same. A "
                "row is a patient here: the rows are neither the same nor all different, so that "
                "neither test is right.",
                hint="Compare on the common patients (--common, common=True in Python, or the "
                "page's switch), or evaluate the models on the same photographs.",
            )
        raise DifferentImagesError(
            f"The models were evaluated on {counts} photographs; {len(shared)} are the same.",
            hint="Evaluate them on the same photographs, or compare on the common ones (--common, "
            "common=True in Python, or the page's switch).",
        )
    order = [image_id for image_id in models[0].predictions.image_ids if image_id in shared]
    ordered = [replace(m, predictions=_in_order(m.predictions, order)) for m in models]
    _require_equal_labels(ordered, "patients" if by_patient else "photographs")
    return _with_shared_patients(ordered), True


def cautions_of(
    models: Sequence[ScoredModel], *, n_tests: int = 1, of: str = "", paired: bool = True
) -> tuple[Caution, ...]:
    """Returns what limits figures of these models, see `joined_cautions`.

    Args:
        models: The models; a run, or table, that shares its label is named behind it.
        n_tests: How many tests were made of them.
        of: What was tested, in the plural.
        paired: False where their patients are taken to be different people.
    """
    names = distinct_names([(model.predictions.model, model.reference) for model in models])
    several = several_tests_caution(n_tests, of)
    of_all = () if several is None else (several,)
    found = joined_cautions(
        [
            (name, (*_with_unknown_patients(model), *of_all))
            for name, model in zip(names, models, strict=True)
        ]
    )
    if paired:
        return found
    said = [model.predictions for model in models]
    return found + shared_patients(said, "on both sides of an unpaired comparison")


def sizes_of(models: Sequence[ScoredModel], *, paired: bool) -> tuple[tuple[int, int | None], ...]:
    """Returns how many photographs models are looked at on, and of how many patients.

    Returns:
        One pair where all scored the same photographs, else one per model; None for patients that
        are unknown.
    """
    said = [model.predictions for model in (models[:1] if paired else models)]
    return tuple((len(one.y_true), one.n_patients) for one in said)


def shared_patients(sides: Sequence[Predictions], where: str) -> tuple[Caution, ...]:
    """Returns a caution where sides that are taken to be of different people name the same patient.

    Args:
        sides: Two or more; those that do not know their patients share none.
        where: Which sides, as the end of a sentence.
    """
    named = [_named_patients(one) for one in sides]
    shared = set().union(*(a & b for a, b in combinations(named, 2)))
    found = same_patients_caution(len(shared), where)
    return (found,) if found else ()


def _named_patients(predictions: Predictions) -> set[str]:
    """Returns the patients that have a name of their own, not that of their photograph."""
    known = () if predictions.patient_ids is None else predictions.patient_ids
    return {str(one) for one in known if not str(one).startswith(OWN_PATIENT)}


def distinct_names(models: Sequence[tuple[str, str]]) -> list[str]:
    """Returns the labels of models; where several are the same, with what each was named by.

    Args:
        models: Label, and run id or path.

    Examples:
        >>> distinct_names([("ResNet", "r1"), ("ViT", "v"), ("ResNet", "r2")])
        ['ResNet [r1]', 'ViT', 'ResNet [r2]']
    """
    shared = Counter(label for label, _ in models)
    return [
        label if shared[label] == 1 else f"{label} [{reference}]" for label, reference in models
    ]


def _with_unknown_patients(model: ScoredModel) -> tuple[Caution, ...]:
    """Returns the cautions of a model; a table that names no patient has none about them yet."""
    told = model.predictions.patient_ids is not None or any(
        caution.code == "FD003" for caution in model.cautions
    )
    return model.cautions if told else (*model.cautions, Caution("FD003", CAUTIONS["FD003"]))


def _with_ids(models: list[ScoredModel]) -> list[ScoredModel]:
    """Names rows by their number where no table names them and all tables agree in labels."""
    nameless = [not model.predictions.image_ids for model in models]
    if not any(nameless):
        return models
    first = models[0].predictions.y_true
    same = all(np.array_equal(model.predictions.y_true, first) for model in models)
    if not (all(nameless) and same):
        raise DifferentImagesError(
            "The tables do not name their photographs, and their labels differ row by row.",
            hint="Add an image_id column to every table, so that rows can be joined.",
        )
    ids = tuple(f"row {row}" for row in range(len(first)))
    by_order = Caution("FD019", CAUTIONS["FD019"])
    return [
        replace(
            m,
            predictions=replace(m.predictions, image_ids=ids),
            cautions=(*m.cautions, by_order),
        )
        for m in models
    ]


def _in_order(predictions: Predictions, order: list[str]) -> Predictions:
    row_of = {image_id: row for row, image_id in enumerate(predictions.image_ids)}
    return predictions.select(np.array([row_of[image_id] for image_id in order], np.intp))


def _require_equal_labels(models: list[ScoredModel], rows: str) -> None:
    first = models[0].predictions
    for model in models[1:]:
        differing = int((model.predictions.y_true != first.y_true).any(axis=1).sum())
        if differing:
            raise DifferentImagesError(
                f"{differing} of {len(first.image_ids)} {rows} have another label in "
                f"{model.reference} than in {models[0].reference}.",
                hint="Compare models of the same target and the same table.",
            )


def _with_shared_patients(models: list[ScoredModel]) -> list[ScoredModel]:
    """Gives all models the patients that any of them knows: rows are equal by now.

    Raises:
        DifferentImagesError: If they put photographs together differently; what patients are
            called makes no difference.
    """
    knowing = [model for model in models if model.predictions.patient_ids is not None]
    if not knowing:
        return models
    first, *others = knowing
    for other in others:
        if not np.array_equal(_grouping(first), _grouping(other)):
            raise DifferentImagesError(
                f"The same photographs are of {_n_patients(first)} patients in {first.reference} "
                f"and of {_n_patients(other)} in {other.reference}, or of others.",
                hint="Evaluate both on the same table: its patients were changed in between.",
            )
    shared = first.predictions.patient_ids
    return [replace(m, predictions=replace(m.predictions, patient_ids=shared)) for m in models]


def _grouping(model: ScoredModel) -> NDArray[np.intp]:
    """Returns the patient of each photograph, numbered as they appear."""
    codes, _ = pd.factorize(np.asarray(model.predictions.patient_ids))
    return np.asarray(codes)


def _n_patients(model: ScoredModel) -> int:
    return int(_grouping(model).max(initial=-1)) + 1
