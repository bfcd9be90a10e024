"""Use case: how well a simple probe on a frozen backbone does on a data set, per patient."""

from dataclasses import asdict, dataclass

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.fields import settle_fields
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import ProbeRecipe
from fundus_core.errors import TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.probes import PROBES, needs_text
from fundus_core.workflows.data.labelled import Labelled, Validation, labelled_photographs
from fundus_core.workflows.data.look_alikes import minding_look_alikes
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, ResolvedChoice, resolve
from fundus_core.workflows.embeddings.embed import embed_resolved
from fundus_core.workflows.models.held_out import (
    HeldOut,
    cross_validated,
    evaluated_run,
    older_run_ids,
    refits_on_all,
    run_id,
    shortcut_predictions,
    stored_run,
)
from fundus_core.workflows.models.probe_words import (
    USUAL_WORDS,
    Words,
    WordsChoice,
    speaking,
    words_of,
)
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import save_run


@dataclass(frozen=True, slots=True)
class ProbeChoice:
    """What the user asks for."""

    target: str
    """See `FundusDataset.target`."""

    probe: str = "logistic"
    """Key of `PROBES`."""

    folds: int = 5
    seed: int = 0
    use_split: bool = False
    """Train and test on the table's own split instead of cross-validating."""

    fraction: float = 1.0
    """See `Validation`."""

    draw: int = 0
    """See `Validation`."""

    words: WordsChoice = USUAL_WORDS
    """What probes that start from words are told; only they may have others than the usual."""

    def __post_init__(self) -> None:
        """Refuses numbers that no validation is made by.

        Raises:
            ParameterError: As `Validation` does.
        """
        settle_fields(self)
        _ = self.validation

    @property
    def validation(self) -> Validation:
        """Returns how the probe is to be validated."""
        return Validation(
            self.target, self.folds, self.seed, self.use_split, self.fraction, self.draw
        )


@dataclass(frozen=True, slots=True)
class AdapterRecipe(ProbeRecipe):
    """A probe that starts from words, and from which."""

    prototypes: tuple[str, ...]
    """Fingerprints of the prototypes."""

    answers: tuple[int, ...]
    """The answer that each speaks for."""


def probe_dataset(
    workspace: Workspace,
    dataset: FundusDataset,
    dataset_id: str,
    backbone: BackboneChoice,
    choice: ProbeChoice,
    *,
    progress: Progress = silent,
) -> Run:
    """Fits and evaluates a probe; an equal run that is stored is returned as it is.

    Raises:
        TargetError: If the target cannot be learned.
        FoldError: If there are too few patients of a class.
        BackboneError: If the probe starts from words and the backbone was not trained on any.
        FundusError: See `resolve`, `embed` and `words_of`.
    """
    target = dataset.target(choice.target)
    _require_probe(choice)
    by_words = needs_text(choice.probe)
    resolved = resolve(workspace, speaking(backbone, choice.probe) if by_words else backbone)
    words = (
        words_of(workspace, dataset, target, resolved, choice.words, progress=progress)
        if by_words
        else None
    )
    embeddings = embed_resolved(workspace, dataset, resolved, progress=progress)
    labelled = labelled_photographs(dataset, embeddings.image_ids, choice.validation)
    recipe = _recipe(labelled, resolved, choice, words)
    suffix = choice.probe if by_words else ""
    about = (workspace, dataset_id, resolved, target, recipe)
    name = run_id(*about, suffix=suffix)
    for known in (name, *older_run_ids(*about, field="embeddings", suffix=suffix)):
        if stored := stored_run(workspace, known):
            return stored

    text = None if words is None else words.text
    result = cross_validated(labelled, embeddings, choice.probe, progress, text=text)
    baseline = shortcut_predictions(workspace, labelled, progress)
    labelled = minding_look_alikes(workspace, labelled, progress=progress)
    label = _label(resolved, choice, words)
    run = evaluated_run(
        workspace,
        name,
        dataset_id,
        labelled,
        resolved,
        HeldOut(result.y_score, result.fold, result.strengths, result.inner_folds),
        baseline,
        kind="probe",
        method=choice.probe,
        label=label,
    )
    everything = labelled.predictions(result.y_score, result.fold, label)
    save_run(
        workspace,
        run,
        everything.select(result.fold >= 0),
        baseline=baseline,
        probes=result.probes if choice.probe == "logistic" else (),
        final=result.final,
        trained_on=labelled.taught(None if refits_on_all(labelled) else labelled.folds[:1]),
    )
    return run


def _require_probe(choice: ProbeChoice) -> None:
    """Refuses a probe that there is not, and words for one that reads none."""
    if choice.probe not in PROBES:
        raise TargetError(
            f"There is no probe called {choice.probe!r}.",
            hint=f"Choose one of {', '.join(PROBES)}.",
        )
    if choice.words != USUAL_WORDS and not needs_text(choice.probe):
        reading = [name for name in PROBES if needs_text(name)]
        raise TargetError(
            f"The probe {choice.probe!r} reads no words, so findings and prototypes would have no "
            "effect.",
            hint=f"Leave them out, or choose one of {', '.join(reading)}.",
        )


def _recipe(
    labelled: Labelled, resolved: ResolvedChoice, choice: ProbeChoice, words: Words | None
) -> ProbeRecipe:
    recipe = ProbeRecipe(
        dataset=labelled.fingerprint(),
        embeddings=resolved.recipe.fingerprint(),
        target=labelled.target.name,
        positive=labelled.positive,
        probe=choice.probe,
        folds=0 if choice.use_split else choice.folds,
        seed=choice.seed,
    )
    if words is None:
        return recipe
    return AdapterRecipe(
        **asdict(recipe),
        prototypes=words.prototypes,
        answers=tuple(int(number) for number in words.text.answer),
    )


def _label(resolved: ResolvedChoice, choice: ProbeChoice, words: Words | None) -> str:
    """Returns the name of a run: what tells it from others of the same backbone."""
    name = "" if choice.probe == "logistic" else choice.probe
    if words is not None:
        name = PROBES[choice.probe].label + (f" ({words.said})" if words.said else "")
    share = "" if choice.fraction == 1 else f"{100 * choice.fraction:g} % of patients"
    return ", ".join(part for part in (resolved.label, name, share) if part)
