"""Use case: which words a file of prototypes gave to a run, and which it did not."""

from dataclasses import dataclass

from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.domain.dataset import FundusDataset
from fundus_core.io.findings import read_findings
from fundus_core.workflows.models.probe_words import WordsChoice
from fundus_core.workflows.models.prototypes import Reading, TowerAt, read_prototypes, recipe_of
from fundus_core.workflows.models.questions import question_of
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.zero_shot import ZeroShotChoice


@dataclass(frozen=True, slots=True)
class ImportedWords:
    """What became of a file of prototypes; findings by their names, each once."""

    file: str
    """Its name."""

    used: tuple[str, ...]
    """Findings whose prototypes are those of the file."""

    read_otherwise: tuple[str, ...]
    """Findings of which the file holds the same words by another template, kind or reading."""

    other_words: tuple[str, ...]
    """Findings of which the file holds other words, or none."""

    def sentence(self) -> str:
        """Returns what there is to know of it before the figures are trusted."""
        said = [f"{self.file} gave the words of: {', '.join(self.used) or 'nothing'}."]
        if self.read_otherwise:
            said.append(f"It holds those of {', '.join(self.read_otherwise)} read otherwise.")
        if self.other_words:
            said.append(f"It holds no such words of {', '.join(self.other_words)}.")
        if self.read_otherwise or self.other_words:
            said.append(
                "Those were read on this machine; to use the file for them, name the --findings, "
                "--prototypes and --tokens that it was made with."
            )
        return " ".join(said)


def imported_words(
    dataset: FundusDataset, run: Run, choice: ZeroShotChoice | WordsChoice
) -> ImportedWords | None:
    """Returns what a file of prototypes gave to a run; None where none was named.

    Args:
        dataset: What the run scored.
        run: Made by `choice`.
        choice: Which words were asked for, and the file.

    Raises:
        DataError: If a file cannot be read any more.
    """
    if choice.import_from is None:
        return None
    findings = read_findings(choice.findings)
    reading = Reading(findings.template, choice.prototypes, choice.tokens)
    tower = TowerAt(backbone_spec(run.embeddings.backbone), None, run.embeddings.weights_sha256)
    held = {one.recipe for one in read_prototypes(choice.import_from)}
    texts = {one.texts for one in held if one.weights_sha256 == tower.sha256}
    found: dict[str, list[str]] = {"used": [], "read_otherwise": [], "other_words": []}
    for finding in dict.fromkeys(question_of(dataset, run.target, findings).findings):
        is_held = recipe_of(tower, finding.texts, reading) in held
        missing = "read_otherwise" if finding.texts in texts else "other_words"
        found["used" if is_held else missing].append(finding.name)
    return ImportedWords(
        choice.import_from.name, **{name: tuple(names) for name, names in found.items()}
    )
