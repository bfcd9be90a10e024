"""The methods paragraphs of a report: what was done, with the recipe's own numbers, and by whom."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from fundus_core.backbones.catalogue import SHORTCUT, backbone_spec, with_pooling
from fundus_core.checks import left_out_said
from fundus_core.domain.dataset import NO_ROWS
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.finetune.strategies import STRATEGIES
from fundus_core.probes import PROBES, usual_setting
from fundus_core.report.content import Block, Heading, Points, Section, Words
from fundus_core.report.method_notes import paper
from fundus_core.workflows.models.finetune import FEWEST_TO_CHOOSE_BY, INNER_SHARE
from fundus_core.workflows.models.precomputed import is_precomputed
from fundus_core.workflows.models.run_record import FoldResult, Run
from fundus_core.workflows.reports.report_facts import backbone_name, n_eyes
from fundus_core.workflows.reports.report_judged import (
    HEAD_ALONE,
    crossings,
    elsewhere,
    is_tuned,
    model_of,
    source_of,
)
from fundus_core.workflows.reports.report_statistics import statistics
from fundus_core.workflows.reports.report_subject import Subject
from fundus_core.workflows.reports.report_words import count, listed, percent
from fundus_core.workflows.reports.rerun_manifest import versions_here

_INPUT = "Photograph to input"
"""Name of the note on preprocessing."""

_SQUARES = {
    "pad": "padded to a square",
    "corner": "placed in the upper left corner of a black square",
    "squash": "stretched to a square",
    "centre_crop": "reduced to the middle seven eighths of a square",
}

_PROBES = {
    "logistic": "Logistic regression with an L2 penalty was fitted on the standardised "
    "embeddings; its strength was",
    "knn": "Scores were shares of the nearest neighbours in the training side; their number was",
}
"""Key of `PROBES` -> how it was fitted, and what of it is chosen."""


def methods_section(subject: Subject, present: Collection[str]) -> Section:
    """Returns the paragraphs under their headings, as a paper's methods section has them.

    Args:
        subject: Of the report.
        present: Keys of the sections that show figures: of others no method is told.
    """
    blocks: list[Block] = [
        Words(
            "Written from the recipes of the runs, to be edited: every number is that of what was "
            "computed.",
            "note",
        )
    ]
    for title, text in paragraphs(subject, present).items():
        blocks += [Heading(title), Words(text)]
    return Section("methods", "Methods", tuple(blocks))


def reference_section(subject: Subject) -> Section:
    """Returns the papers cited, numbered."""
    return Section(
        "references", "References", (Points(subject.references.listed(), numbered=True),)
    )


def paragraphs(subject: Subject, present: Collection[str]) -> dict[str, str]:
    """Returns heading -> text; papers are cited in the order of the text.

    Args:
        subject: Of the report.
        present: Keys of the sections that show figures.
    """
    return {
        "Photographs": _photographs(subject),
        "Preprocessing and backbones": _backbones(subject),
        "Classifiers": _classifiers(subject),
        "Validation": _validation(subject),
        "Statistical analysis": statistics(subject, present),
        "Software": software(),
    }


def software() -> str:
    """Returns the sentence about programs and versions."""
    versions = versions_here()
    own = versions.pop("fundus-explorer")
    own = f" {own}" if own[:1].isdigit() else ""
    known = [f"{name} {said}" for name, said in versions.items() if said[:1].isdigit()]
    return f"All results were computed by Fundus Explorer{own} with {listed(known)}."


def _photographs(subject: Subject) -> str:
    said = []
    for name in dict.fromkeys(run.dataset_id for run in subject.runs):
        runs = [run for run in subject.runs if run.dataset_id == name]
        said += [_one_set(subject, runs[0]), _judged_on(subject, runs)]
    return " ".join(said)


def _one_set(subject: Subject, run: Run) -> str:
    """Returns what a data set holds, by one of the runs on it."""
    dataset = subject.datasets.get(run.dataset_id)
    kind = "synthetic photographs, drawn by a program," if run.synthetic else "fundus photographs"
    if dataset is None:
        whole = f"The data set {run.dataset_name} was used."
    else:
        patients, eyes = dataset.n_patients, n_eyes(dataset)
        of = [] if eyes is None else [count(eyes, "eye")]
        of += [] if patients is None else [count(patients, "patient")]
        who = f" of {' of '.join(of)}" if of else ""
        whole = f"The data set {dataset.name} comprises {len(dataset):,} {kind}{who}."
        files = sum(row.reason not in NO_ROWS for row in dataset.rejected)
        if files:
            whole += f" {count(files, 'file')} could not be used."
        if left_out := left_out_said(dataset):
            whole += f" {left_out} left out."
    return whole


def _judged_on(subject: Subject, runs: Sequence[Run]) -> str:
    """Returns which photographs of a data set models were judged on, by name where they differ."""
    judged: dict[str, list[str]] = {}
    for run in runs:
        judged.setdefault(_judged(subject, run), []).append(subject.plain_names[run.id])
    if len(judged) == 1:
        return f"Models were judged on {next(iter(judged))}."
    return " ".join(
        f"{listed(names)} {'was' if len(names) == 1 else 'were'} judged on {photographs}."
        for photographs, names in judged.items()
    )


def _judged(subject: Subject, run: Run) -> str:
    positive = [
        f"{subject.label(name)} in {found.n_positive:,} ({percent(_prevalence(found))})"
        for name in subject.classes
        if (found := run.class_aucs.get(name)) is not None
    ]
    judged = count(run.n_images, "photograph")
    if run.n_patients is not None:
        judged += f" of {count(run.n_patients, 'patient')}"
    return f"{judged}: {listed(positive)}"


def _prevalence(found: Any) -> float:
    return float(found.n_positive / (found.n_positive + found.n_negative))


def _backbones(subject: Subject) -> str:
    cite = subject.references.cite
    recipes = {run.embeddings.fingerprint(): run.embeddings for run in subject.runs}
    steps = {_preprocessing(recipe, cite): None for recipe in recipes.values()}
    said = list(steps)
    said += [_backbone(recipe, cite) for recipe in recipes.values()]
    return " ".join(said)


def _preprocessing(recipe: EmbedRecipe, cite: Any) -> str:
    done = recipe.preprocessing
    parts = ["cropped to the field of view"] if done.crop else []
    if done.clahe:
        parts.append(f"equalised in local contrast (CLAHE){cite(paper(_INPUT, 'Zuiderveld'))}")
    if done.ben_graham:
        parts.append(f"freed of their local average colour{cite(paper(_INPUT, 'Graham'))}")
    side = f"{recipe.image_size} x {recipe.image_size} pixels"
    parts.append(f"{_SQUARES[done.fit]} and resized to {side} with antialiasing")
    mean = ", ".join(f"{one:.3f}" for one in recipe.mean)
    std = ", ".join(f"{one:.3f}" for one in recipe.std)
    return (
        f"Photographs were {listed(parts)}, and normalised by channel (mean {mean}; standard "
        f"deviation {std})."
    )


def _backbone(recipe: EmbedRecipe, cite: Any) -> str:
    spec = with_pooling(backbone_spec(recipe.backbone), recipe.pooling)
    mark = cite(spec.reference) if spec.reference else ""
    if recipe.backbone == SHORTCUT:
        return f"The mean colour{mark}, three numbers per photograph, is no network."
    if recipe.weights == "scratch":
        weights = f"with random weights (seed {recipe.seed})"
    else:
        seen = listed(list(spec.seen_in_pretraining))
        learned = f", pre-trained on {seen}" if seen else ""
        weights = (
            f"with the weights {recipe.weights} (SHA-256 {recipe.weights_sha256[:12]}…{learned})"
        )
    pooling = "" if recipe.pooling == "default" else f", pooling {recipe.pooling}"
    return (
        f"{backbone_name(recipe)}{mark} ({recipe.architecture}), {weights}, gave an embedding of "
        f"{spec.embed_dim:,} numbers per photograph ({recipe.precision}{pooling})."
    )


def _classifiers(subject: Subject) -> str:
    cite = subject.references.cite
    said: list[str] = []
    frozen = [run for run in subject.runs if run.kind in {"probe", "external"}]
    for probe in dict.fromkeys(run.probe for run in frozen if run.probe in PROBES):
        how = _PROBES.get(
            probe,
            f"{PROBES[probe].label} was fitted on the embeddings; its settings were",
        )
        papers = cite(PROBES[probe].reference, paper("Cross-validation", "Varma"))
        chosen = _chosen(subject, probe, [run for run in frozen if run.probe == probe])
        said.append(f"{how} {chosen}{papers}.")
        if any(run.probe == probe and run.embeddings.backbone != SHORTCUT for run in frozen):
            said.append("The backbone stayed frozen.")
    for run in subject.runs:
        if run.kind == "zero_shot":
            said.append(
                f"{subject.plain_names[run.id]} scored photographs by descriptions of the classes "
                "alone"
                f"{cite(paper('Zero-shot', 'Radford'))}."
            )
        elif is_tuned(run):
            said.append(_tuned(subject, run))
    return " ".join(dict.fromkeys(said))


def _chosen(subject: Subject, probe: str, runs: Sequence[Run]) -> str:
    """Says how the settings of a probe were chosen, as far as its runs say so."""
    had: dict[str, Sequence[bool | None]] = {}
    for run in runs:
        source = source_of(subject, run)
        known = [] if source is None else [_had_inner_folds(probe, fold) for fold in source.folds]
        is_of_all = run.kind == "external" and len(known) > 1
        if source is None or not known or (is_of_all and not all(known)):
            had[run.id] = [None]  # nobody stored it of the probe of all photographs
        else:
            had[source.id] = known
    folds = [one for known in had.values() for one in known]
    by = "chosen by inner folds of the training side"
    by += ", grouped by patient" if subject.patients_known else ""
    if all(folds):
        return by
    setting = ", ".join(f"{number:g}" for number in usual_setting(probe))
    middle = f"the middle of those to choose from ({setting})"
    if None in folds:
        return f"{by}, where it had patients enough, else {middle}"
    if not any(folds):
        return f"{middle}: there were too few patients for inner folds to choose by"
    return (
        f"{by}; in {count(folds.count(False), 'fold')} of {len(folds)} there were too few patients "
        f"for that, and {middle} served"
    )


def _had_inner_folds(probe: str, fold: FoldResult) -> bool | None:
    """Says whether inner folds chose the settings of a fold; None where nobody knows any more."""
    if fold.inner_folds is not None:
        return fold.inner_folds > 0
    is_other = fold.strength is not None and fold.strength != usual_setting(probe)[0]
    return True if is_other else None


def _tuned(subject: Subject, run: Run) -> str:
    name, source = subject.plain_names[run.id], source_of(subject, run)
    how = f"{name} was trained by gradient"
    if run.probe in STRATEGIES:
        strategy = STRATEGIES[run.probe]
        mark = subject.references.cite(strategy.reference)
        how += f" ({strategy.label}; what moved: {strategy.rule.rstrip('.')}){mark}"
    if source is None:
        return f"{how}; the run that trained it is not here, or is damaged."
    if is_precomputed(source):
        return f"{how}; its scores came with the program and were not computed here."
    if not source.recipe:
        return f"{how}; its settings are not part of the run."
    return f"{how}. {_training(source.recipe, head_alone=run.probe == HEAD_ALONE)}"


def _training(about: Mapping[str, Any], *, head_alone: bool) -> str:
    training = about["training"]
    patience = training["patience"]
    stop = f", ending after {count(patience, 'epoch')} without improvement" if patience else ""
    optimiser = str(training.get("optimiser", "adamw")).replace("adamw", "AdamW")
    schedule = training.get("rate_schedule", "cosine")
    trained = f"A head ({about['head']})"
    trained += " was" if head_alone else " and the weights that move were"
    return (
        f"{trained} trained for at most "
        f"{count(training['epochs'], 'epoch')}{stop}, in batches of {training['batch_size']}, by "
        f"{optimiser} with a learning rate of up to {training['learning_rate']:g} ({schedule} "
        f"schedule after a warm-up over {100 * training['warm_up']:g} % of the steps), weight "
        f"decay {training['weight_decay']:g}, gradients clipped at {training['clip']:g}, "
        f"augmentation '{training['augmentation']}', loss '{about['loss']}', seed "
        f"{training['seed']}. {100 * INNER_SHARE:g} % of the training patients chose the epoch "
        f"(none where there were fewer than {FEWEST_TO_CHOOSE_BY})."
    )


def _validation(subject: Subject) -> str:
    said = [*_cross_validations(subject), *(_elsewhere(subject, run) for run in subject.runs)]
    said.append(subject.each(crossings))
    if any(run.baseline_auc is not None for run in subject.runs):
        shortcut = paper("Mean colour", "Shortcut baseline").partition(": ")[2]
        said.append(
            "As a baseline, logistic regression on the mean red, green and blue of each photograph "
            f"was validated in the same way{subject.references.cite(shortcut)}."
        )
    return " ".join(one for one in dict.fromkeys(said) if one)


def _cross_validations(subject: Subject) -> list[str]:
    """Returns a sentence for each number of folds, with the seeds that are known."""
    validated = [run for run in subject.runs if run.kind in {"probe", "finetune"}]
    said = []
    for n_folds in dict.fromkeys(len(run.folds) for run in validated if len(run.folds) > 1):
        alike = [run for run in validated if len(run.folds) == n_folds]
        found = [subject.settings[run.id].validation for run in alike]
        seeds = sorted({one.seed for one in found if one is not None})
        seed = f" (seed{'s' if len(seeds) > 1 else ''} {listed(list(map(str, seeds)))})"
        how = f"Models were validated by {n_folds}-fold cross-validation"
        if all(run.n_patients is not None for run in alike):
            said.append(
                f"{how}; folds were grouped by patient and stratified by class"
                f"{seed if seeds else ''}, so that every photograph was scored by a model that was "
                "fitted on no photograph of its patient."
            )
        else:
            said.append(
                f"{how} of single photographs, stratified by class{seed if seeds else ''}: "
                "patients were unknown, and may be on both sides of a fold."
            )
    return said


def _elsewhere(subject: Subject, run: Run) -> str:
    """Says what is particular to a run: a single split, another data set, fewer patients."""
    name, found = subject.plain_names[run.id], subject.settings[run.id].validation
    if run.kind == "external":
        return (
            f"{name}: the model trained as {model_of(subject, run)} was applied as it was to "
            f"{elsewhere(subject, run)}, with nothing fitted there."
        )
    if run.kind == "zero_shot":
        return "Nothing was fitted for zero-shot scores; all labelled photographs are test data."
    said = ""
    if len(run.folds) == 1:
        said = f"{name} learned from the table's own training split; its test split judged it."
    if found is not None and found.fraction != 1:
        said += (
            f" {name} learned from {100 * found.fraction:g} % of each fold's training patients "
            f"(draw {found.draw})."
        )
    return said.strip()
