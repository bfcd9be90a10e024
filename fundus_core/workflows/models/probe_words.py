"""What probes that start from words are given: prototypes of a target's classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fundus_core.adapters.text_side import TextSide
from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import BackboneError
from fundus_core.io.findings import read_findings
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, ResolvedChoice
from fundus_core.workflows.models.prototypes import (
    Prototype,
    Reading,
    brought_or_read,
    projected,
    require_prototypes,
    tower_of,
)
from fundus_core.workflows.models.questions import Question, question_of


@dataclass(frozen=True, slots=True)
class WordsChoice:
    """Which words, and how they are read; as for zero-shot scores."""

    findings: Path | None = None
    """File of descriptions; None for those that come with the program."""

    prototypes: str = "mean"
    """Key of `zero_shot.PROTOTYPES`."""

    tokens: str = "published"
    """Key of `text_reading.READINGS`."""

    import_from: Path | None = None
    """File of prototypes that were made elsewhere, read first."""


USUAL_WORDS = WordsChoice()


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of a target's classes."""

    text: TextSide
    prototypes: tuple[str, ...]
    """Fingerprints, in the order of the texts."""

    said: str
    """What departs from the usual reading, for labels; empty if nothing does."""


def speaking(backbone: BackboneChoice, probe: str) -> BackboneChoice:
    """Returns the backbone with the embedding that lies in the space of the words.

    Raises:
        BackboneError: If it was not trained on words, or another pooling was asked for.
    """
    spec = backbone_spec(backbone.backbone)
    if not spec.text_tower:
        raise BackboneError(
            f"{probe} starts from what words say of the classes, and {spec.id} was not trained on "
            "words.",
            hint="Choose a backbone with a text tower, such as flair; `fundus backbones` lists "
            "them. Or choose no probe (without --probe): logistic regression serves any backbone.",
        )
    return projected(backbone)


def words_of(
    workspace: Workspace,
    dataset: FundusDataset,
    target: Target,
    resolved: ResolvedChoice,
    choice: WordsChoice,
    *,
    progress: Progress = silent,
) -> Words:
    """Returns what is said of the classes of a target; the text tower reads only what is new.

    Raises:
        TargetError: If nothing is said of one of the classes.
        FundusError: See `brought_or_read`.
    """
    require_prototypes(choice.prototypes)
    findings = read_findings(choice.findings)
    question = question_of(dataset, target, findings)
    tower = tower_of(resolved)
    reading = Reading(findings.template, choice.prototypes, choice.tokens)
    prototypes = brought_or_read(
        workspace, tower, question.findings, reading, choice.import_from, progress=progress
    )
    departures = [choice.prototypes] if choice.prototypes != USUAL_WORDS.prototypes else []
    departures += [choice.tokens] if choice.tokens != USUAL_WORDS.tokens else []
    return Words(
        text_side(question, prototypes),
        tuple(one.recipe.fingerprint() for one in prototypes),
        ", ".join(departures),
    )


def text_side(question: Question, prototypes: Sequence[Prototype]) -> TextSide:
    """Returns the prototypes of a question's findings with the answers they speak for.

    Where one class of a column is asked for, all others of the column speak for `no`.
    """
    if not question.exclusive:
        pairs = range(len(question.classes))
        answer = [*(2 * pair + 1 for pair in pairs), *(2 * pair for pair in pairs)]
    elif question.target.task == "multiclass":
        answer = list(question.scored)
    else:
        answer = [int(number in question.scored) for number in range(len(question.classes))]
    return TextSide(
        np.stack([one.vector for one in prototypes]),
        np.array([prototypes[0].log_scale], np.float32),
        np.array(answer, np.float32),
    )
