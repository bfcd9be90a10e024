"""What a report is about: runs of one target, their data sets, and what of them is looked at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from string import ascii_uppercase
from typing import Any

from fundus_core.checks import Caution, joined_cautions
from fundus_core.domain.bounds import CHANCE, EXAMPLES
from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.domain.fields import settle_fields
from fundus_core.domain.predictions import Predictions
from fundus_core.domain.visible import require_text
from fundus_core.errors import DataError, FundusError, SingleClassError, TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.report.references import References
from fundus_core.stats.patient_level import AGGREGATES
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.evaluation.aligned import ScoredModel, question_of
from fundus_core.workflows.evaluation.viewed import viewed
from fundus_core.workflows.models.run_names import run_names
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import load_run, run_predictions
from fundus_core.workflows.reports.report_words import listed
from fundus_core.workflows.reports.rerun_settings import (
    DATA_NOT_HERE,
    MODEL_NOT_HERE,
    TAUGHT_NOT_HERE,
    FoundSettings,
    run_that_trained,
    settings_of,
)

_LONGEST_TITLE = 300

MOST_MODELS = 12
"""Runs of one report: more cannot be read side by side."""


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What a reader may ask of a report."""

    title: str = ""
    """Empty for one that says what was evaluated."""

    class_name: str = ""
    """Of several classes, the one against the rest; empty for all."""

    aggregate: str | None = None
    """Key of `AGGREGATES` to compare patients by; None for photographs."""

    images: int = 0
    """Example photographs of each kind of answer; none unless asked for."""

    file_names: bool = False
    """Whether the names of their files stand below."""

    by: tuple[str, ...] = ()
    """Columns to group photographs by; the usual ones where there are none."""

    prevalences: tuple[float, ...] = ()
    """For which predictive values are given besides that of the photographs; each in (0, 1)."""

    def __post_init__(self) -> None:
        """Refuses what no report can show.

        Raises:
            ParameterError: With the first of it.
        """
        settle_fields(self)
        require_text("title", self.title, _LONGEST_TITLE)
        for column in self.by:
            require_text("column to group by", column, _LONGEST_TITLE)
        EXAMPLES.require("number of example photographs", self.images)
        for share in self.prevalences:
            CHANCE.require("prevalence", share)


def options_from(about: Mapping[str, Any]) -> ReportOptions:
    """Returns the options that a report's manifest holds.

    Raises:
        DataError: If one of them is not what it must be.
    """
    usual = asdict(ReportOptions())
    plain = usual | dict(about)
    plain |= {name: _row(plain[name]) for name in ("by", "prevalences")}
    wrong = [name for name, value in plain.items() if not _is_option(name, value, usual)]
    if wrong:
        raise DataError(
            f"The report's options make no sense: {', '.join(wrong)}.",
            hint="Name the HTML file that `fundus report` wrote, unchanged.",
        )
    return ReportOptions(**plain)


def _row(value: Any) -> Any:
    """Returns a list as a tuple, nothing as an empty one, and anything else as it is."""
    return tuple(value or ()) if value is None or isinstance(value, list | tuple) else value


def _is_option(name: str, value: Any, usual: Mapping[str, Any]) -> bool:
    """Says whether a value is of the kind that the option of its name has."""
    match name:
        case "aggregate":
            return value is None or (isinstance(value, str) and value in AGGREGATES)
        case "by":
            return isinstance(value, tuple) and all(isinstance(one, str) for one in value)
        case "prevalences":
            return isinstance(value, tuple) and all(
                isinstance(one, float) and 0 < one < 1 for one in value
            )
        case _:
            return name in usual and type(value) is type(usual[name])


@dataclass(frozen=True)
class Subject:
    """The runs of a report with all that its sections share."""

    workspace: Workspace
    runs: tuple[Run, ...]
    plain_names: dict[str, str]
    """Run id -> a name that no other of the runs has."""

    marks: dict[str, str]
    """Run id -> the letter that stands for it in tables; its name where there is one run."""

    datasets: dict[str, FundusDataset]
    """Id -> data set, of those that are still remembered."""

    settings: dict[str, FoundSettings]
    """Run id -> how it was validated; of external runs, how the model was that they use."""

    options: ReportOptions
    references: References = field(default_factory=References)

    @property
    def names(self) -> dict[str, str]:
        """Returns run id -> the name behind its letter."""
        if len(self.runs) == 1:
            return self.plain_names
        return {key: f"{self.marks[key]}: {name}" for key, name in self.plain_names.items()}

    @property
    def target(self) -> Target:
        """Returns what all the runs predict."""
        return self.runs[0].target

    @property
    def classes(self) -> tuple[str, ...]:
        """Returns the scored classes that are looked at."""
        return (self.options.class_name,) if self.options.class_name else self.target.scored_classes

    @property
    def one_class(self) -> bool:
        """Says whether a single class is looked at, against the rest."""
        return len(self.classes) == 1

    @property
    def patients_known(self) -> bool:
        """Says whether every run knows the patients of its photographs."""
        return all(run.n_patients is not None for run in self.runs)

    @property
    def unit(self) -> str:
        """What a row is: `photograph` or `patient`."""
        return "photograph" if self.options.aggregate is None else "patient"

    def label(self, class_name: str) -> str:
        """Returns a class in a way that reads alone."""
        return self.target.class_label(class_name)

    def said(self, run: Run, class_name: str | None = None) -> Predictions:
        """Returns what a run says of one class, at the level of the report."""
        model = ScoredModel(run.id, run_predictions(self.workspace, run), run.cautions)
        name = class_name or self.classes[0]
        return viewed(model, name, self.options.aggregate).predictions

    def cautions(self) -> tuple[Caution, ...]:
        """Returns what limits the runs; what is not of all of them names its model."""
        return joined_cautions([(self.marks[run.id], run.cautions) for run in self.runs])

    def each(self, say: Callable[[Run], str]) -> str:
        """Returns what is said of the runs, each text once.

        What is not said of all of them names its models.

        Args:
            say: Returns a text about a run; empty where there is nothing to say.
        """
        found: dict[str, list[str]] = {}
        for run in self.runs:
            if text := say(run):
                found.setdefault(text, []).append(self.marks[run.id])
        if len(found) == 1 and len(next(iter(found.values()))) == len(self.runs):
            return next(iter(found))
        return " ".join(
            f"Model{'s' if len(marks) > 1 else ''} {listed(marks)}: {text}"
            for text, marks in found.items()
        )


def subject_of(workspace: Workspace, references: Sequence[str], options: ReportOptions) -> Subject:
    """Returns what a report on some runs is about.

    Raises:
        StoreError: If there is no such run, or its files are damaged.
        TargetError: If the runs are of different targets, or too many, or have no such class.
        SingleClassError: If a run has no labels of both kinds.
    """
    runs = tuple({run.id: run for run in (load_run(workspace, one) for one in references)}.values())
    _require_reportable(workspace, runs, options)
    datasets = _datasets(workspace, runs)
    settings = {run.id: _settings(workspace, run, datasets) for run in runs}
    names = run_names(runs, dataset_too=True)
    marks = names if len(runs) == 1 else dict(zip(names, ascii_uppercase, strict=False))
    return Subject(workspace, runs, names, marks, datasets, settings, options)


def _require_reportable(workspace: Workspace, runs: Sequence[Run], options: ReportOptions) -> None:
    if not 0 < len(runs) <= MOST_MODELS:
        raise TargetError(
            f"A report is on 1 to {MOST_MODELS} runs; {len(runs)} were named.",
            hint="List them with `fundus runs`.",
        )
    target = runs[0].target
    question = question_of(workspace, runs[0], target.scored_classes)
    for run in runs:
        if question_of(workspace, run, run.target.scored_classes) != question:
            raise TargetError(
                f"{runs[0].id} predicts {target.name}, and {run.id} predicts {run.target.name}.",
                hint="Make a report for each target.",
            )
        if run.auc is None:
            raise SingleClassError(
                f"Run {run.id} has no labels of both kinds, so nothing can be reported.",
                hint="Leave it out, or score photographs that have the labels.",
            )
    if options.class_name and options.class_name not in target.scored_classes:
        raise TargetError(
            f"{target.name} has no class {options.class_name!r} that is scored.",
            hint=f"Choose one of {', '.join(target.scored_classes)}.",
        )
    if options.aggregate and len(target.scored_classes) > 1 and not options.class_name:
        raise TargetError(
            "A patient's photographs may be of several classes.",
            hint="Choose one against the rest (--class), or report on photographs.",
        )
    if options.aggregate and any(run.n_patients is None for run in runs):
        raise TargetError(
            "Patients are unknown, so there is no report on patients.",
            hint="Report on photographs, or name the column of patients.",
        )


def _datasets(workspace: Workspace, runs: Sequence[Run]) -> dict[str, FundusDataset]:
    found = {}
    for run in runs:
        try:
            found[run.dataset_id] = stored_dataset(workspace, run.dataset_id)
        except FundusError:
            continue  # its section says that it is not remembered
    return found


def _settings(workspace: Workspace, run: Run, datasets: dict[str, FundusDataset]) -> FoundSettings:
    source = run_that_trained(workspace, run) if run.kind == "external" else run
    if source is None:
        return FoundSettings(None, MODEL_NOT_HERE)
    try:
        known = datasets.get(source.dataset_id) or stored_dataset(workspace, source.dataset_id)
    except FundusError:
        return FoundSettings(None, DATA_NOT_HERE if source is run else TAUGHT_NOT_HERE)
    return settings_of(workspace, known, source)
