"""Sections of a report on what went in: the data sets and the models."""

from collections.abc import Sequence

from fundus_core.backbones.catalogue import SHORTCUT, backbone_spec
from fundus_core.caution_codes import CAUTIONS, explanation
from fundus_core.checks import dataset_cautions
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.finetune.strategies import STRATEGIES
from fundus_core.io.weights import SCRATCH
from fundus_core.probes import PROBES
from fundus_core.report.content import (
    Block,
    CautionList,
    Facts,
    Heading,
    Section,
    Table,
    Words,
)
from fundus_core.workflows.models.run_names import fold_auc_text
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.reports.report_judged import elsewhere, judged_alike, model_of
from fundus_core.workflows.reports.report_subject import Subject
from fundus_core.workflows.reports.report_words import NONE, count, listed, percent
from fundus_core.workflows.weights.labels import model_label

_FITS = {
    "pad": "padded to a square",
    "corner": "put into the corner of a square",
    "squash": "stretched to a square",
    "centre_crop": "reduced to its middle square",
}


def data_section(subject: Subject) -> Section:
    """Returns how many photographs, eyes and patients there are, and of which classes."""
    blocks: list[Block] = []
    ids = dict.fromkeys(run.dataset_id for run in subject.runs)
    for name in ids:
        run = next(one for one in subject.runs if one.dataset_id == name)
        if len(ids) > 1:
            blocks.append(Heading(run.dataset_name))
        dataset = subject.datasets.get(name)
        if dataset is None:
            blocks.append(
                Words(
                    f"The data set {run.dataset_name} is no longer remembered in this workspace; "
                    "what follows is what the runs say of it."
                )
            )
        else:
            blocks.append(Facts(_facts(dataset)))
        blocks += _class_tables(subject, name)
        if dataset is not None and (found := dataset_cautions(dataset)):
            blocks.append(CautionList(found))
    return Section("data", "Data", tuple(blocks))


def model_section(subject: Subject) -> Section:
    """Returns the recipe of every run, a table each."""
    blocks: list[Block] = []
    for run in subject.runs:
        blocks += [Heading(subject.names[run.id]), Facts(_recipe(subject, run))]
    return Section("models", "Models", tuple(blocks))


def caution_section(subject: Subject) -> Section:
    """Returns every caution of the runs, and the page about each kind."""
    found = subject.cautions()
    if not found:
        return Section(
            "cautions", "Cautions", (Words("The program found nothing to caution about."),)
        )
    blocks: list[Block] = [
        Words("What limits the figures of this report, as the program found it."),
        CautionList(found),
    ]
    for code in sorted({one.code for one in found} & CAUTIONS.keys()):
        blocks += _explained(code)
    return Section("cautions", "Cautions", tuple(blocks))


def n_eyes(dataset: FundusDataset) -> int | None:
    """Returns how many eyes are shown; None where patients or eyes are not all named."""
    table = dataset.table
    if not dataset.has_patients or table["eye"].isna().any():
        return None
    return len(table[["patient_id", "eye"]].drop_duplicates())


def _facts(dataset: FundusDataset) -> tuple[tuple[str, str], ...]:
    eyes, patients = n_eyes(dataset), dataset.n_patients
    per_patient = f", {len(dataset) / patients:.1f} photographs each" if patients else ""
    splits = dataset.table["split"].dropna().value_counts()
    facts = [
        ("Data set", dataset.name),
        ("Photographs", f"{len(dataset):,}" + (" (synthetic)" if dataset.synthetic else "")),
        ("Eyes", "not all named" if eyes is None else f"{eyes:,}"),
        ("Patients", "not all named" if patients is None else f"{patients:,}{per_patient}"),
        ("Rejected files", _rejected(dataset)),
    ]
    if len(splits):
        said = ", ".join(f"{name} {number:,}" for name, number in splits.items())
        facts.append(("Split of the table", said))
    return (*facts, ("Fingerprint", dataset.fingerprint()))


def _rejected(dataset: FundusDataset) -> str:
    if not dataset.rejected:
        return "none"
    reasons: dict[str, int] = {}
    for row in dataset.rejected:
        reasons[row.reason] = reasons.get(row.reason, 0) + 1
    said = ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in reasons.items())
    return f"{len(dataset.rejected)} ({said})"


def _class_tables(subject: Subject, dataset_id: str) -> list[Table]:
    """Returns a table for each set of photographs of a data set that models were judged on."""
    groups = [
        [run for run in alike if run.dataset_id == dataset_id] for alike in judged_alike(subject)
    ]
    sets = [runs for runs in groups if runs]
    if len(sets) == 1:
        return [_class_table(subject, sets[0][0], "the models were")]
    tables = []
    for runs in sets:
        marks = [subject.marks[run.id] for run in runs]
        are = "model {} was" if len(marks) == 1 else "models {} were"
        tables.append(_class_table(subject, runs[0], are.format(listed(marks))))
    return tables


def _class_table(subject: Subject, run: Run, who: str) -> Table:
    """Returns how often each scored class is, among the photographs that the run was judged on.

    Args:
        subject: What the report is about.
        run: One of the models that were judged on them.
        who: All of these models, with a verb.
    """
    rows = []
    for name in subject.target.scored_classes:
        found = run.class_aucs.get(name)
        if found is None:
            rows.append((subject.label(name), NONE, NONE, NONE))
            continue
        positive, total = found.n_positive, found.n_positive + found.n_negative
        share = percent(positive / total)
        rows.append((subject.label(name), f"{positive:,}", f"{found.n_negative:,}", share))
    patients = "unknown patients"
    if run.n_patients is not None:
        patients = count(run.n_patients, "patient")
    return Table(
        f"The target {subject.target.name} in the {count(run.n_images, 'photograph')} of "
        f"{patients} that {who} judged on"
        + (f" in {run.dataset_name}." if len(subject.datasets) > 1 else "."),
        ("Class", "Photographs with it", "Without it", "Prevalence"),
        tuple(rows),
    )


def _recipe(subject: Subject, run: Run) -> tuple[tuple[str, str], ...]:
    recipe = run.embeddings
    spec = backbone_spec(recipe.backbone)
    done = recipe.preprocessing
    steps = ["cropped to the field of view"] if done.crop else ["not cropped"]
    steps += ["CLAHE"] if done.clahe else []
    steps += ["Ben Graham's local average"] if done.ben_graham else []
    steps += [_FITS[done.fit], f"{recipe.image_size} x {recipe.image_size} px"]
    own = recipe.weights != SCRATCH
    licence = f"{spec.licence or 'not stated'} ({spec.licence_kind})" if own else "none needed"
    weights = f"{recipe.weights}, SHA-256 {recipe.weights_sha256}" if own else _random(recipe.seed)
    if recipe.backbone == SHORTCUT:
        weights = "none: a mean is no network"
    facts = [
        ("Run", run.id),
        ("Backbone", f"{backbone_name(recipe)} ({recipe.architecture})"),
        ("Weights", weights),
        ("Licence of the weights", licence),
        ("Preprocessing", ", ".join(steps)),
        ("Embedding", f"pooling {recipe.pooling}, {recipe.precision}"),
        ("Classifier", classifier(run)),
        ("Validation", validation(subject, run)),
        ("Folds", _folds(run)),
        ("Made", run.created_at),
    ]
    return tuple(pair for pair in facts if pair[1])


def backbone_name(recipe: EmbedRecipe) -> str:
    """Returns what a backbone is called; with random weights, only its architecture."""
    if recipe.weights == SCRATCH:
        return model_label(recipe).partition(", ")[0]
    return backbone_spec(recipe.backbone).title


def classifier(run: Run) -> str:
    """Returns what turned embeddings into scores."""
    if run.kind == "zero_shot":
        return "words alone"
    if run.kind == "finetune" or run.probe in STRATEGIES:
        return f"fine-tuned: {STRATEGIES[run.probe].label}" if run.probe in STRATEGIES else "tuned"
    return PROBES[run.probe].label if run.probe in PROBES else run.probe


def validation(subject: Subject, run: Run) -> str:
    """Returns how a run was validated, with its seed where it is known."""
    found = subject.settings[run.id].validation
    if run.kind == "external":
        return f"a trained model ({model_of(subject, run)}) on {elsewhere(subject, run)}"
    if run.kind == "zero_shot":
        return "nothing was fitted"
    if len(run.folds) == 1:
        how = "the table's own split"
    else:
        how = f"{len(run.folds)}-fold cross-validation, grouped by patient"
        if run.n_patients is None:
            how = f"{len(run.folds)}-fold cross-validation of photographs"
    if found is None:
        return f"{how}; seed not known ({subject.settings[run.id].reason})"
    share = "" if found.fraction == 1 else f", {100 * found.fraction:g} % of training patients"
    return f"{how}{share}, seed {found.seed}"


def _random(seed: int) -> str:
    return f"random (seed {seed})"


def _folds(run: Run) -> str:
    if not run.folds:
        return ""
    return "; ".join(
        f"{one.fold + 1}: AUC {fold_auc_text(run, one)} on {one.n_test:,}" for one in run.folds
    )


def _explained(code: str) -> Sequence[Block]:
    """Returns the page about a caution without its marks of emphasis."""
    head, *paragraphs = [part for part in explanation(code).split("\n\n") if part.strip()]
    rows = []
    for paragraph in paragraphs:
        label, _, said = paragraph.removeprefix("**").partition("**")
        rows.append((label.strip(" ."), said.strip().replace("**", "").replace("`", "")))
    return [Heading(f"{code}: {head.replace('*', '').strip()}"), Facts(tuple(rows))]
