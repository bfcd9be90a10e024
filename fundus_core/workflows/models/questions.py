"""What a target asks, in words: which findings compete for a photograph."""

from dataclasses import dataclass

from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.errors import TargetError
from fundus_core.io.findings import SHIPPED, Finding, Findings


@dataclass(frozen=True, slots=True)
class ClassWords:
    """What is said of one class."""

    column: str
    class_name: str
    finding: Finding

    against: Finding | None = None
    """For a column of 0 and 1 among several, what its finding is weighed against."""

    @property
    def label(self) -> str:
        """Returns how a file of findings names the class."""
        return f"{self.column}={self.class_name}"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every photograph."""

    target: Target
    classes: tuple[ClassWords, ...]
    """Of an exclusive question all that compete; else one per scored class, with its opposite."""

    exclusive: bool
    """True where a photograph has exactly one of the classes; else each is a question of its own.
    """

    scored: tuple[int, ...]
    """Which of `classes` are the scored ones of the target, in its order."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Returns the findings to be read: those of the classes, then their opposites."""
        opposites = (one.against for one in self.classes)
        present = tuple(one.finding for one in self.classes)
        return (*present, *(finding for finding in opposites if finding is not None))


def question_of(dataset: FundusDataset, target: Target, findings: Findings) -> Question:
    """Returns what a target asks.

    The classes of a column exclude one another, and so do the two of a binary target. One class of
    a column (`COLUMN=CLASS`) competes with all others of the column. Several columns of 0 and 1
    are a question each: the finding against its opposite.

    Raises:
        TargetError: If nothing is said of a class, or two classes are the same finding.
    """
    if target.task == "multilabel":
        pairs = tuple(_against_opposite(column, findings) for column in target.columns)
        return Question(target, _distinct(pairs), False, tuple(range(len(pairs))))
    (column,) = target.columns
    if target.one_against_rest:
        whole = dataset.target(column)
        return Question(
            target,
            _classes(column, whole.classes, findings),
            True,
            (whole.classes.index(target.classes[1]),),
        )
    classes = _classes(column, target.classes, findings)
    return Question(target, classes, True, (1,) if target.task == "binary" else _all(target))


def _all(target: Target) -> tuple[int, ...]:
    return tuple(range(len(target.classes)))


def _classes(
    column: str, class_names: tuple[str, ...], findings: Findings
) -> tuple[ClassWords, ...]:
    """Returns the words of every class of a column; of two, one may be known by the other alone."""
    found = {name: findings.of_label(column, name) for name in class_names}
    if len(class_names) == 2:
        negative, positive = class_names
        known = found[positive]
        if found[negative] is None and known is not None:
            found[negative] = findings.named(known.opposite)
    missing = [f"{column}={name}" for name, finding in found.items() if finding is None]
    if missing:
        raise _nothing_said(missing)
    return _distinct(
        tuple(ClassWords(column, name, one) for name, one in found.items() if one is not None)
    )


def _against_opposite(column: str, findings: Findings) -> ClassWords:
    present = findings.of_label(column, "1")
    if present is None:
        raise _nothing_said([f"{column}=1"])
    absent = findings.of_label(column, "0")
    if absent is None:
        raise _nothing_said([f"{column}=0"])
    return ClassWords(column, "1", present, absent)


def _nothing_said(labels: list[str]) -> TargetError:
    return TargetError(
        f"The findings say nothing of {', '.join(labels)}.",
        hint=f"Give a copy of {SHIPPED} (--findings) with {labels[0]!r} among the labels of one.",
    )


def _distinct(classes: tuple[ClassWords, ...]) -> tuple[ClassWords, ...]:
    """Refuses classes of the same words, between which no photograph could be told."""
    owners: dict[str, str] = {}
    for one in classes:
        if one.finding.name in owners:
            raise TargetError(
                f"{owners[one.finding.name]} and {one.label} are the same finding, "
                f"{one.finding.name!r}.",
                hint="Give each class a finding of its own (--findings).",
            )
        owners[one.finding.name] = one.label
    return classes
