"""What a model said about photographs: the one currency of statistics, checks and plots."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.domain.dataset import Task
from fundus_core.errors import TargetError


@dataclass(frozen=True, slots=True)
class Predictions:
    """Labels and scores of one model, one row per photograph, one column per scored class.

    N is the number of photographs, C the number of scored classes: 1 for a binary task.
    """

    model: str
    """The name shown to the user."""

    task: Task

    class_names: tuple[str, ...]
    """The C scored classes; for a binary task the positive one."""

    image_ids: tuple[str, ...]
    """N distinct ids; rows of different models are joined by these, never by position."""

    y_true: NDArray[np.bool_]
    """Shape (N, C). True marks membership of the class."""

    y_score: NDArray[np.float64]
    """Shape (N, C). Higher means more likely of the class; probabilities in [0, 1] from probes."""

    patient_ids: NDArray[np.str_] | None = None
    """Shape (N,), or None when patients are unknown: intervals then treat images as independent."""

    fold: NDArray[np.int64] | None = None
    """Shape (N,). The outer fold in which the photograph was held out; None outside of
    cross-validation."""

    @property
    def n_patients(self) -> int | None:
        """Number of distinct patients, or None where they are unknown."""
        return None if self.patient_ids is None else len(np.unique(self.patient_ids))

    def binary(self, class_name: str | None = None) -> "Predictions":
        """Returns one class against the rest as a binary task; see `class_of`.

        Raises:
            TargetError: As `class_of` does.
        """
        column = self.class_names.index(self.class_of(class_name))
        return Predictions(
            self.model,
            "binary",
            (self.class_names[column],),
            self.image_ids,
            self.y_true[:, [column]],
            self.y_score[:, [column]],
            self.patient_ids,
            self.fold,
        )

    def class_of(self, class_name: str | None) -> str:
        """Returns the class that is asked for: the named one, or the only one if none is named.

        Raises:
            TargetError: If it has no score, or none is named and there are several.
        """
        scored = ", ".join(self.class_names)
        several = len(self.class_names) > 1
        hint = "Name one of these classes: --class, class_name in Python, or the page's menu."
        if class_name is None and several:
            raise TargetError(f"{self.model} predicts {scored}; one must be chosen.", hint=hint)
        if class_name is not None and class_name not in self.class_names:
            raise TargetError(
                f"{self.model} does not predict {class_name!r}; it predicts {scored}.",
                hint=hint if several else "Name this class, or none.",
            )
        return class_name or self.class_names[0]

    def select(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Predictions":
        """Returns the given rows, by index or mask, in the given order."""
        order = np.arange(len(self.image_ids))[rows]
        return Predictions(
            self.model,
            self.task,
            self.class_names,
            tuple(self.image_ids[row] for row in order),
            self.y_true[order],
            self.y_score[order],
            None if self.patient_ids is None else self.patient_ids[order],
            None if self.fold is None else self.fold[order],
        )

    def frame(self) -> pd.DataFrame:
        """Returns a table with a row per photograph.

        Columns: `image_id`, `patient_id`, `fold`, then for a binary task `y_true` (0/1) and
        `y_score`, else `y_true_CLASS` and `y_score_CLASS` for each class.
        """
        n_images = len(self.image_ids)
        table = pd.DataFrame({"image_id": list(self.image_ids)})
        table["patient_id"] = [None] * n_images if self.patient_ids is None else self.patient_ids
        table["fold"] = -1 if self.fold is None else self.fold
        for column, name in enumerate(self.class_names):
            suffix = "" if self.task == "binary" else f"_{name}"
            table[f"y_true{suffix}"] = self.y_true[:, column].astype(np.int8)
            table[f"y_score{suffix}"] = self.y_score[:, column]
        return table
