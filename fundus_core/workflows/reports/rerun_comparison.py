"""What a report's manifest says of a run, held against the run that was made again."""

from dataclasses import dataclass

from fundus_core.io.workspace import Workspace
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import run_predictions
from fundus_core.workflows.reports.rerun_manifest import (
    Manifest,
    RecordedRun,
    predictions_fingerprint,
)

TOLERANCE = 1e-12
"""By which an AUC may differ and still be the same."""

_BY_NAME = frozenset({"FD012"})
"""Cautions that come from what the folder of photographs is called, which may be another here."""

_TRAINED_ON = ", trained on "
"""In the label of an external run, before the name of a data set, which is that of a folder."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that a manifest says otherwise than the run that was made again."""

    what: str
    then: str
    now: str


@dataclass(frozen=True, slots=True)
class RepeatedRun:
    """A run of a report, made again."""

    recorded: RecordedRun
    run_id: str
    """Of the new run; empty where there is none."""

    label: str
    """Of the new run: what was really run. Where there is none, as the manifest says."""

    auc: float | None
    """Of the new run."""

    same_auc: bool
    """Whether both AUCs are the same within `TOLERANCE`."""

    same_scores: bool
    """Whether every id, label and digit of every score is. Not part of `same`: processors and
    versions differ in last digits, and a fingerprint does not tell by how much."""

    differences: tuple[Difference, ...]
    """Of kind, method, label, target, network, photographs, patients and cautions."""

    uncompared: bool
    """Whether the manifest, of an older version, lacks photographs, patients or cautions."""

    reason: str
    """Why it was not made again; empty where it was."""

    @property
    def same(self) -> bool:
        """Says whether it was made again, is what was recorded, and gave the same AUC."""
        return self.same_auc and not self.differences and not self.reason


@dataclass(frozen=True, slots=True)
class Repetition:
    """A report, made again."""

    manifest: Manifest
    workspace: Workspace
    """Where the new results are: nothing was in it before."""

    runs: tuple[RepeatedRun, ...]
    other_versions: dict[str, tuple[str, str]]
    """What has another version here: name -> (then, now)."""

    @property
    def same(self) -> bool:
        """Says whether there are runs, and every one of them is the same."""
        return bool(self.runs) and all(one.same for one in self.runs)


def not_repeated(recorded: RecordedRun) -> RepeatedRun:
    """Returns the outcome of a run that the manifest gives a reason for not to be made again."""
    return RepeatedRun(recorded, "", recorded.label, None, False, False, (), False, recorded.reason)


def held_against(place: Workspace, recorded: RecordedRun, run: Run) -> RepeatedRun:
    """Returns the outcome of a run that was made again.

    Args:
        place: Where the new run is.
        recorded: What the manifest says.
        run: The new run.
    """
    auc = None if run.auc is None else run.auc.auc
    if auc is None or recorded.auc is None:
        same = auc is recorded.auc
    else:
        same = abs(auc - recorded.auc) <= TOLERANCE
    scores = predictions_fingerprint(run_predictions(place, run))
    uncompared = recorded.n_images is None or recorded.cautions is None
    return RepeatedRun(
        recorded,
        run.id,
        run.label,
        auc,
        same,
        scores == recorded.predictions,
        tuple(_differences(recorded, run)),
        uncompared,
        "",
    )


def _differences(recorded: RecordedRun, run: Run) -> list[Difference]:
    then, now = recorded.embeddings, run.embeddings
    pairs = [
        ("kind", recorded.kind, run.kind),
        ("method", recorded.method, run.probe),
        (
            "label",
            _without_place(recorded.kind, recorded.label),
            _without_place(run.kind, run.label),
        ),
        ("target", recorded.target, run.target.name),
        ("network", then.fingerprint(), now.fingerprint()),
    ]
    if recorded.n_images is not None:
        pairs += [
            ("photographs", f"{recorded.n_images:,}", f"{run.n_images:,}"),
            ("patients", _count(recorded.n_patients), _count(run.n_patients)),
        ]
    if recorded.cautions is not None:
        codes = tuple(caution.code for caution in run.cautions)
        pairs.append(("cautions", _listed(recorded.cautions), _listed(codes)))
    return [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


def _without_place(kind: str, label: str) -> str:
    return label.partition(_TRAINED_ON)[0] if kind == "external" else label


def _count(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def _listed(codes: tuple[str, ...]) -> str:
    return ", ".join(sorted(set(codes) - _BY_NAME)) or "none"
