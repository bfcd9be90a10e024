"""Cautions: what a reader must know before trusting a number, and where each of them is found."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.dataset import NO_ROWS, FundusDataset, Target
from fundus_core.domain.predictions import Predictions
from fundus_core.spelling import spelt_alike

FEW_POSITIVES = 10
"""Below this many photographs of a class, intervals are wide and thresholds unstable."""

_TEST = "test"
"""The part of a table's own split that models are judged on."""

_FAR, _NOTABLE = 2.58, 0.2
"""Standard errors, and share of itself, that a prevalence must have moved by to be mentioned."""

_FOR_MISSING = ("na", "n/a", "#n/a", "nan", "null", "nil", "missing", "?", "-", ".")
"""Words, in lower case, by which tables say that something is missing. `none` is a class of many
scales."""

_CONTRADICTS = re.compile(r" in row \d+, but ")
"""In the sentence about a row of a photograph that an earlier row tells otherwise of."""

_TELLING_LENGTH = 5
"""Names at least this long are looked for inside words as well."""


@dataclass(frozen=True, slots=True)
class Caution:
    """Something that limits what a number means."""

    code: str
    """Key of `CAUTIONS`; stable, so that reports and tests can refer to it."""

    text: str
    """What was found, with its figures."""


SYNTHETIC = Caution("FD007", "These photographs were drawn by a program, not taken of patients.")
"""Of every data set that a program drew."""


def joined_cautions(models: Sequence[tuple[str, Sequence[Caution]]]) -> tuple[Caution, ...]:
    """Returns the cautions of several models, each text once, in the order of their codes.

    Args:
        models: Name, different for each model, and cautions of it. A text that is not of all
            models names those that it is of.

    Examples:
        >>> few, fewer = Caution("FD002", "4 photographs."), Caution("FD002", "2 photographs.")
        >>> [one.text for one in joined_cautions([("A", [few]), ("B", [few])])]
        ['4 photographs.']
        >>> [one.text for one in joined_cautions([("A", [few]), ("B", [fewer]), ("C", [few])])]
        ['Models A and C: 4 photographs.', 'Model B: 2 photographs.']
    """
    found = dict.fromkeys(caution for _, cautions in models for caution in cautions)
    of = {one: [name for name, cautions in models if one in cautions] for one in found}
    return tuple(
        one if len(of[one]) == len(models) else _attributed(one, of[one])
        for one in sorted(found, key=lambda caution: caution.code)
    )


def _attributed(caution: Caution, names: Sequence[str]) -> Caution:
    models = "Model" if len(names) == 1 else "Models"
    return Caution(caution.code, f"{models} {' and '.join(names)}: {caution.text}")


def dataset_cautions(dataset: FundusDataset) -> tuple[Caution, ...]:
    """Returns what to know about a data set before anything is computed."""
    found = [
        _synthetic(dataset),
        _patients(dataset),
        _duplicates(dataset),
        _rejected(dataset),
        _left_out(dataset),
        _words_for_missing(dataset, [target.columns[0] for target in dataset.targets]),
        _spelt_alike(dataset, [target.columns[0] for target in dataset.targets]),
    ]
    return tuple(caution for caution in found if caution)


def target_cautions(
    dataset: FundusDataset, target: Target, predictions: Predictions
) -> tuple[Caution, ...]:
    """Returns what to know about figures for one target."""
    found = [
        _synthetic(dataset),
        _patients(dataset),
        _few(predictions),
        _one_sided_folds(predictions),
        _separated(predictions),
        _unlabelled(dataset, target),
        _left_out(dataset),
        _words_for_missing(dataset, target.columns),
        _spelt_alike(dataset, target.columns),
    ]
    return tuple(caution for caution in found if caution)


def split_caution(dataset: FundusDataset) -> Caution | None:
    """Returns a caution if patients in the test part of the table's own split are elsewhere too.

    Models learn from train and from val: a patient in these two alone is on one side, and is no
    matter for the test.
    """
    known = dataset.table.dropna(subset=["patient_id", "split"])
    patients = {str(part): set(rows["patient_id"]) for part, rows in known.groupby("split")}
    tested = patients.pop(_TEST, set())
    shared = [
        f"{len(others & tested):,} of {len(tested):,} patients in {_TEST} are in {part} too"
        for part, others in sorted(patients.items())
        if others & tested
    ]
    return Caution("FD001", f"{'; '.join(shared)}.") if shared else None


def no_split_caution(n_without: int, n_labelled: int) -> Caution | None:
    """Returns a caution if labelled photographs are on no side of the table's own split."""
    if not n_without:
        return None
    return Caution("FD024", f"{n_without} of {n_labelled} labelled photographs have no split.")


def unreadable_caution(n_unreadable: int, n_labelled: int) -> Caution | None:
    """Returns a caution if labelled photographs could not be read by the time they were needed."""
    if not n_unreadable:
        return None
    return Caution("FD011", f"{n_unreadable} of {n_labelled} photographs could not be read.")


def foreign_labels_caution(dataset: FundusDataset, target: Target) -> Caution | None:
    """Returns a caution if a data set has a column of the target but none of its classes.

    Of one class against the rest, if that class occurs nowhere.
    """
    for column in (name for name in target.columns if name in dataset.table.columns):
        values = dataset.table[column].dropna().astype(str).unique()
        words = target.scored_classes if target.one_against_rest else target.words
        if len(values) and not set(values) & set(words):
            against = " against the rest" if target.one_against_rest else ""
            return Caution(
                "FD010",
                f"Column {column!r} holds {', '.join(sorted(values)[:4])}; the model knows "
                f"{', '.join(words)}{against}.",
            )
    return None


def shortcut_caution(
    difference: float, p_value: float, *, averaged: bool = False
) -> Caution | None:
    """Returns a caution unless a model's AUC is above the mean colour's, at p < 0.05.

    Args:
        difference: Of the two AUCs, of photographs.
        p_value: Of their paired test.
        averaged: Whether they are macro averages of several classes.
    """
    if difference > 0 and p_value < 0.05:
        return None
    of = "photographs, macro average of the classes," if averaged else "photographs"
    return Caution(
        "FD006",
        f"AUC of {of} minus that of the mean colour: {difference:+z.3f} ({_p_text(p_value)}).",
    )


def _p_text(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def several_tests_caution(n_tests: int, of: str) -> Caution | None:
    """Returns a caution if more than one test was made at once.

    Args:
        n_tests: How many.
        of: Of what, in the plural.
    """
    if n_tests < 2:
        return None
    return Caution("FD018", f"{n_tests} {of} were tested: read the corrected p-values.")


def taught_caution(n_seen: int, n_scored: int) -> Caution | None:
    """Returns a caution if a model is judged on photographs that it learned from."""
    if n_seen == 0:
        return None
    return Caution("FD022", f"{photographs_of(n_seen, n_scored)} taught the model.")


def photographs_of(n_some: int, n_all: int) -> str:
    """Says how many photographs of all, as the beginning of a sentence.

    Examples:
        >>> photographs_of(2, 1000), photographs_of(1, 1)
        ('2 of 1,000 photographs', 'The photograph')
    """
    return "The photograph" if n_all == 1 else f"{n_some:,} of {n_all:,} photographs"


def same_patients_caution(n_patients: int, where: str) -> Caution | None:
    """Returns a caution if two sides that must be of different people share ids of patients.

    Args:
        n_patients: How many ids.
        where: Which sides, as the end of a sentence.
    """
    if n_patients == 0:
        return None
    ids = "1 id of a patient is" if n_patients == 1 else f"{n_patients:,} ids of patients are"
    return Caution("FD023", f"{ids} {where}: the same people, or the same numbers by chance?")


def exposure_caution(dataset: FundusDataset, backbone: str, seen: Sequence[str]) -> Caution | None:
    """Returns a caution if the data set bears the name of one the backbone was pre-trained on.

    Args:
        dataset: Its name is looked at, letter case and punctuation aside.
        backbone: Name of the backbone, for the text.
        seen: Names of the data sets in its pre-training.
    """
    words = re.findall(r"[a-z0-9]+", dataset.name.lower())
    for name in seen:
        plain = "".join(re.findall(r"[a-z0-9]+", name.lower()))
        if plain in words or (len(plain) >= _TELLING_LENGTH and plain in "".join(words)):
            return Caution(
                "FD012",
                f"{backbone} was pre-trained on {name}; this data set is called {dataset.name!r}.",
            )
    return None


def _synthetic(dataset: FundusDataset) -> Caution | None:
    if not dataset.synthetic:
        return None
    return SYNTHETIC


def _patients(dataset: FundusDataset) -> Caution | None:
    named = int(dataset.table["patient_id"].notna().sum())
    if named == len(dataset):
        return None
    if named == 0:
        return Caution(
            "FD003",
            f"None of the {len(dataset)} photographs names its patient. Two eyes of one patient "
            "are not independent: intervals and p-values are too optimistic.",
        )
    return Caution("FD004", f"{len(dataset) - named} of {len(dataset)} name no patient.")


def _words_for_missing(dataset: FundusDataset, columns: Sequence[str]) -> Caution | None:
    """Returns a caution if patients, or labels in some columns, read like `NA`."""
    given = dataset.as_given()
    counts = {
        name: given[name].dropna().astype(str).str.strip().str.lower().isin(_FOR_MISSING).sum()
        for name in dict.fromkeys(("patient_id", *columns))
        if name in given
    }
    said = [f"{count} rows in {name!r}" for name, count in counts.items() if count]
    if not said:
        return None
    return Caution("FD020", f"{', '.join(said)}: only an empty cell is missing.")


def _spelt_alike(dataset: FundusDataset, columns: Sequence[str]) -> Caution | None:
    """Returns a caution if patients, or labels in some columns, are spelt almost alike.

    Patients are counted, not named: cautions are part of reports.
    """
    said = []
    for name in dict.fromkeys(("patient_id", *columns)):
        if groups := spelt_alike(dataset, name):
            pair = f", such as {groups[0][0]!r} and {groups[0][1]!r}"
            said.append(
                f"{name!r} has {len(groups)} groups of words that differ in spelling alone"
                f"{'' if name == 'patient_id' else pair}"
            )
    return Caution("FD021", f"{'; '.join(said)}: each counts as its own.") if said else None


def _duplicates(dataset: FundusDataset) -> Caution | None:
    """Returns a caution if photographs came twice, with how many rows contradict another.

    Neither files nor patients are named: cautions are stored, and part of reports.
    """
    twins = [row for row in dataset.rejected if row.reason == "duplicate_image"]
    again = [row for row in dataset.rejected if row.reason.startswith("duplicate")]
    differing = [row for row in again if _CONTRADICTS.search(row.detail)]
    if not twins and not differing:
        return None
    repeat = "file repeats" if len(twins) == 1 else "files repeat"
    said = [f"{len(twins)} {repeat} another file's bytes."] if twins else []
    if differing:
        said.append(
            f"{len(differing)} of {len(again)} repeated rows differ from the one kept; the list of "
            "rejected rows says in what."
        )
    return Caution("FD005", " ".join(said))


def _rejected(dataset: FundusDataset) -> Caution | None:
    number = sum(row.reason not in NO_ROWS for row in dataset.rejected)
    if not number:
        return None
    return Caution("FD009", f"{number} of {len(dataset) + number} rows were rejected.")


def _left_out(dataset: FundusDataset) -> Caution | None:
    """Returns a caution if tables or folders of masks were left out; they are counted, not named.

    Their names may tell whose photographs these are, and cautions are part of reports.
    """
    said = left_out_said(dataset)
    if not said:
        return None
    return Caution("FD027", f"{said} left out; the list of rejected rows says why.")


def left_out_said(dataset: FundusDataset) -> str:
    """Returns which whole tables and folders were left out, up to the verb; empty for none.

    Examples:
        >>> import pandas as pd
        >>> from fundus_core.domain.dataset import RejectedRow
        >>> rows = (RejectedRow("/d/notes.csv", "other_table", "It names no photographs."),)
        >>> left_out_said(FundusDataset("d", "/d", pd.DataFrame(), (), rows))
        '1 table in its folder was'
    """
    reasons = [row.reason for row in dataset.rejected]
    tables, masks = reasons.count("other_table"), reasons.count("masks")
    said = [f"{tables:,} table{'s' * (tables > 1)}"] if tables else []
    said += [f"{masks:,} folder{'s' * (masks > 1)} of masks"] if masks else []
    verb = "was" if tables + masks == 1 else "were"
    return f"{' and '.join(said)} in its folder {verb}" if said else ""


def _few(predictions: Predictions) -> Caution | None:
    positives = predictions.y_true.sum(axis=0)
    counts = np.minimum(positives, len(predictions.image_ids) - positives)
    if counts.min() >= FEW_POSITIVES:
        return None
    few = {
        name: int(count)
        for name, count in zip(predictions.class_names, counts, strict=True)
        if count < FEW_POSITIVES
    }
    if len(set(few.values())) == 1:
        number = next(iter(few.values()))
        *rest, last = map(repr, few)
        names = f"Classes {', '.join(rest)} and {last}" if rest else f"Class {last}"
        of = "or their complements have" if rest else "or its complement has"
        return Caution("FD002", f"{names} {of} {number} photographs only.")
    each = ", ".join(f"{name!r} {count}" for name, count in few.items())
    return Caution("FD002", f"Classes or their complements have few photographs only: {each}.")


def _one_sided_folds(predictions: Predictions) -> Caution | None:
    """Returns a caution if a fold's held-out photographs lack a class, or all have it."""
    if predictions.fold is None:
        return None
    folds = np.unique(predictions.fold)
    lacking = [
        name
        for column, name in enumerate(predictions.class_names)
        for fold in folds
        if len(np.unique(predictions.y_true[predictions.fold == fold, column])) < 2
    ]
    if not lacking:
        return None
    rarest = max(dict.fromkeys(lacking), key=lacking.count)
    return Caution(
        "FD014",
        f"In {lacking.count(rarest)} of {len(folds)} folds the tested photographs all have, or all "
        f"lack, {rarest!r}.",
    )


def _separated(predictions: Predictions) -> Caution | None:
    """Returns a caution if all photographs of some class score above all others."""
    perfect = [
        name
        for column, name in enumerate(predictions.class_names)
        if _separates(predictions.y_true[:, column], predictions.y_score[:, column])
    ]
    if not perfect:
        return None
    return Caution("FD016", f"Every photograph with {perfect[0]!r} scores above every other one.")


def _separates(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> bool:
    if positive.all() or not positive.any():
        return False
    return bool(score[positive].min() > score[~positive].max())


def prevalence_caution(inside: Predictions, outside: Predictions) -> Caution | None:
    """Returns a caution if a class is far more, or far less, frequent outside than inside.

    Far is a share that differs by more than chance explains at the 1 % level (two-sided z test of
    photographs as independent) and by a fifth of its own size.

    Args:
        inside: What a model was validated on.
        outside: What it is applied to; the same classes.
    """
    n_inside, n_outside = len(inside.y_true), len(outside.y_true)
    for column, name in enumerate(inside.class_names):
        here = float(inside.y_true[:, column].mean())
        there = float(outside.y_true[:, column].mean())
        both = (here * n_inside + there * n_outside) / (n_inside + n_outside)
        error = (both * (1 - both) * (1 / n_inside + 1 / n_outside)) ** 0.5
        if error and abs(there - here) > max(_FAR * error, _NOTABLE * here):
            return Caution(
                "FD015",
                f"{name!r} is on {there:.0%} of these photographs, and on {here:.0%} of those the "
                "model was validated on.",
            )
    return None


def _unlabelled(dataset: FundusDataset, target: Target) -> Caution | None:
    _, known = dataset.labels(target)
    if known.all():
        return None
    missing = int((~known).sum())
    return Caution("FD008", f"{missing} of {len(dataset)} photographs have no {target.name}.")
