"""An evaluated model: what was done, what came out, and how both are written down."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from fundus_core.checks import Caution
from fundus_core.domain.dataset import Target
from fundus_core.domain.label_source import LabelSource
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.errors import ParameterError
from fundus_core.io.embedding_store import recipe_from_dict
from fundus_core.stats.delong import AucInterval

INTERVALS = 1
"""How intervals and tests of AUCs are computed: raised whenever the same predictions give others.
1 since a patient with many photographs is weighed by the jackknife."""


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What one outer fold gave."""

    fold: int
    auc: float | None
    """Of several classes the mean over those that the run's own average is over. None where the
    test side holds photographs of one kind only, of the class or of one of those averaged."""

    n_train: int
    n_test: int
    n_positive: int
    """Of the test side; for several labels all of them, for classes one per photograph."""

    n_patients: int | None
    """Of the test side; None when patients are unknown."""

    strength: float | None
    """Regularisation that the inner folds chose; None where there is nothing to choose."""

    n_averaged: int | None = None
    """Of several classes, how many `auc` is the mean of: the same in all folds. None where there is
    one class; in what older versions stored, who averaged what each fold had."""

    lacking: tuple[str, ...] = ()
    """Of several classes, those for which there is no `auc`."""

    inner_folds: int | None = None
    """How many inner folds chose `strength`; 0 where there were too few patients for them, and the
    middle one served. None where there is nothing to choose, or an older version did not say."""


@dataclass(frozen=True, slots=True)
class Run:
    """An evaluated model."""

    id: str
    kind: Literal["probe", "finetune", "external", "zero_shot"]
    """`probe` and `finetune`: held-out predictions of cross-validation or of the table's own test
    split, with the backbone frozen or trained. `external`: predictions of a trained probe on
    another data set. `zero_shot`: of every labelled photograph, by words alone."""

    label: str
    """Name shown to the user."""

    dataset_id: str
    dataset_name: str
    synthetic: bool
    target: Target
    probe: str
    """Key of `PROBES`, or of `STRATEGIES` if the backbone was trained; `zero_shot` for words."""

    embeddings: EmbedRecipe
    weights_path: str | None
    """Where the backbone's weights were."""

    n_images: int
    n_patients: int | None
    auc: AucInterval | None
    """Of the held-out predictions; macro average for several classes. None without labels."""

    class_aucs: dict[str, AucInterval]
    """One per scored class that has both photographs with it and without it."""

    baseline_auc: AucInterval | None
    """What the mean colour alone reaches in the same folds."""

    baseline_p: float | None
    """Of the paired test against the mean colour, for several classes of the macro averages; None
    where there is none."""

    folds: tuple[FoldResult, ...]
    cautions: tuple[Caution, ...]
    created_at: str
    """ISO 8601, UTC."""

    trained_as: str = ""
    """Of an external run: the run whose probe or networks scored."""

    recipe: dict[str, Any] = field(default_factory=dict)
    """Of a fine-tuned run: its whole recipe, as `Recipe.to_dict` gives it."""

    data: str = ""
    """Fingerprint of the data set as it was then; empty where an older version did not say."""

    labels: LabelSource | None = None
    """How its labels came of the data set's table; None where an older version did not say."""

    intervals: int = INTERVALS
    """`INTERVALS` when its intervals and `baseline_p` were computed; 0 where an older version did
    not say."""


def now() -> str:
    """Returns the time as runs record it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def run_from_json(about: dict[str, Any]) -> Run | None:
    """Returns a run, or None when another version of the program wrote it."""
    try:
        target = about["target"]
        return Run(
            **{
                **about,
                "target": Target(
                    target["name"],
                    target["task"],
                    tuple(target["classes"]),
                    tuple(target["columns"]),
                ),
                "embeddings": recipe_from_dict(about["embeddings"]),
                "auc": _interval(about["auc"]),
                "baseline_auc": _interval(about["baseline_auc"]),
                "class_aucs": {k: AucInterval(**v) for k, v in about["class_aucs"].items()},
                "folds": tuple(_fold(fold) for fold in about["folds"]),
                "cautions": tuple(Caution(**caution) for caution in about["cautions"]),
                "labels": _label_source(about.get("labels")),
                "intervals": about.get("intervals", 0),
            }
        )
    except (TypeError, KeyError, ValueError, ParameterError):
        return None


def run_to_json(run: Run) -> dict[str, Any]:
    """Returns what `run_from_json` makes the run of again: plain values."""
    values = {key: value for key, value in asdict(run).items() if key != "embeddings"}
    return {**values, "embeddings": run.embeddings.to_dict()}


def _fold(values: dict[str, Any]) -> FoldResult:
    return FoldResult(**{**values, "lacking": tuple(values.get("lacking", ()))})


def _label_source(values: dict[str, Any] | None) -> LabelSource | None:
    if values is None:
        return None
    return LabelSource(values["column"], tuple((one, other) for one, other in values["words"]))


def _interval(values: dict[str, Any] | None) -> AucInterval | None:
    return None if values is None else AucInterval(**values)
