"""How a stored run was validated, found again from the hash in its id.

A run's id has the first digits of its recipe's fingerprint, so settings that give the very same
digits are those it was made with.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.recipe import ProbeRecipe
from fundus_core.errors import FundusError
from fundus_core.io.workspace import Workspace
from fundus_core.probes import PROBES, needs_text
from fundus_core.workflows.data.labelled import Labelled, Validation, labelled_photographs
from fundus_core.workflows.embeddings.stored import vectors_of
from fundus_core.workflows.models.precomputed import is_precomputed
from fundus_core.workflows.models.run_names import recipe_digits
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import load_run, run_folder

_SEEDS = 10_000
"""Seeds that are tried where trying one takes microseconds."""

_SEEDS_OF_SHARES, _DRAWS = 10, 10
"""Likewise where the folds must be made anew for each."""

DATA_NOT_HERE = "its data set is no longer remembered in this workspace"
TAUGHT_NOT_HERE = "the data set that taught its model is no longer remembered in this workspace"
MODEL_NOT_HERE = "the run whose model it uses is not in this workspace, or is damaged"
"""Reasons in words of their own: what an error says may name other runs and data sets, which are
nobody's business who reads a report."""

_CANNOT_BE_READ = "its photographs, or what was stored of them, cannot be read as they were then"
_STUDY_AGAIN = "run that file again by `fundus study`"

_SHARE = re.compile(r", ([0-9.]+(?:e-\d+)?) % of patients(?:,|$)")


@dataclass(frozen=True, slots=True)
class FoundSettings:
    """What a run was asked for, as far as its backbone does not say it."""

    validation: Validation | None
    """None where it could not be found again."""

    reason: str
    """Why it could not; empty otherwise."""


def settings_of(workspace: Workspace, dataset: FundusDataset, run: Run) -> FoundSettings:
    """Returns how a run was validated.

    Args:
        workspace: Where its embeddings are; without them all photographs are taken as readable.
        dataset: What it was validated on.
        run: A probe or a fine-tuned network.
    """
    if is_precomputed(run):
        return FoundSettings(
            None, "its scores came with the program (`fundus story --fine-tune` computes such)"
        )
    if run.kind == "zero_shot":
        return FoundSettings(None, "words gave its scores, and they are not part of a run")
    if run.kind == "probe" and (run.probe not in PROBES or needs_text(run.probe)):
        return FoundSettings(None, "its probe starts from words, which are not part of a run")
    if labels := why_labels_are_not_made(dataset, run):
        return FoundSettings(None, labels)
    candidates = _finetuned if run.kind == "finetune" else _probed
    try:
        found = next(candidates(workspace, dataset, run), None)
    except FundusError:
        return FoundSettings(None, _CANNOT_BE_READ)
    if found is None:
        return FoundSettings(
            None,
            "no settings that were tried give the hash in its id: its data set or the program "
            "changed since, or its seed is unusual",
        )
    return FoundSettings(found, "")


def run_that_trained(workspace: Workspace, run: Run) -> Run | None:
    """Returns the run whose model an external one uses; None if it is not here, or is damaged."""
    try:
        source = load_run(workspace, run.trained_as)
        run_folder(workspace, source)
    except FundusError:
        return None
    return source


def why_labels_are_not_made(dataset: FundusDataset, run: Run, inside: Run | None = None) -> str:
    """Returns why the labels of a run cannot be read from its data set; empty where they can.

    Args:
        dataset: What it was judged on, as it is remembered.
        run: Of any kind.
        inside: Of an external run, the one whose model it uses.
    """
    if run.labels is not None and run.labels.column:
        by_model = inside is not None and inside.labels == run.labels
        again = "predict again by `fundus predict`" if by_model else _STUDY_AGAIN
        return (
            f"its labels were made of the column {run.labels.column!r} by the `map` of a study "
            f"file ({again} instead)"
        )
    missing = [name for name in run.target.columns if name not in dataset.table.columns]
    after = " and predict again by `fundus predict`" if run.kind == "external" else ""
    if run.labels is None and missing and (run.kind != "external" or run.auc is not None):
        return (
            f"its data set has no column {missing[0]!r}: the `map` of a study file made it, or it "
            f"was removed ({_STUDY_AGAIN}, or put the column back{after})"
        )
    return ""


def share_of_patients(run: Run) -> float:
    """Returns the share of the training patients that a run learned from, as its name says."""
    found = _SHARE.search(run.label)
    return 1.0 if found is None else float(found[1]) / 100


def _finetuned(workspace: Workspace, dataset: FundusDataset, run: Run) -> Iterator[Validation]:
    """Yields what fits the recipe that a fine-tuned run keeps."""
    about = run.recipe
    if not about:
        return
    share = share_of_patients(run)
    folds, seed = int(about["folds"]), int(about["fold_seed"])
    for draw in range(1 if share == 1 else _DRAWS):
        tried = Validation(run.target.name, folds or 5, seed, folds == 0, share, draw)
        labelled = labelled_photographs(dataset, dataset.image_ids, tried)
        if labelled.fingerprint() == about["dataset"]:
            yield tried


def _probed(workspace: Workspace, dataset: FundusDataset, run: Run) -> Iterator[Validation]:
    """Yields what gives the hash in the id of a probe's run."""
    share, n_folds = share_of_patients(run), len(run.folds)
    own_split = n_folds == 1
    readable = vectors_of(workspace, dataset, run.embeddings).read(dataset.image_ids)
    available = readable.image_ids or dataset.image_ids
    seeds = range(_SEEDS_OF_SHARES if share != 1 and not own_split else 1)
    for first_seed in seeds:
        for draw in range(1 if share == 1 else _DRAWS):
            tried = Validation(
                run.target.name, 5 if own_split else n_folds, first_seed, own_split, share, draw
            )
            labelled = labelled_photographs(dataset, available, tried)
            among = range(_SEEDS) if len(seeds) == 1 else [first_seed]
            seed = _seed_that_fits(run, labelled, among)
            if seed is not None:
                yield Validation(run.target.name, tried.folds, seed, own_split, share, draw)


def _seed_that_fits(run: Run, labelled: Labelled, seeds: range | list[int]) -> int | None:
    """Returns the first seed whose recipe has the fingerprint that is in the run's id."""
    wanted, dataset = recipe_digits(run), labelled.fingerprint()
    keys = (run.embeddings.fingerprint(), *run.embeddings.older_fingerprints())
    folds = 0 if labelled.validation.use_split else labelled.validation.folds
    for seed, key in product(seeds, keys):
        recipe = ProbeRecipe(
            dataset, key, run.target.name, labelled.positive, run.probe, folds, seed
        )
        if recipe.fingerprint().startswith(wanted):
            return seed
    return None
