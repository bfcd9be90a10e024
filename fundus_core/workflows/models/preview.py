"""Use case: about what a linear probe on stored embeddings will reach, within a second."""

from dataclasses import dataclass

import numpy as np

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.embeddings import Embeddings
from fundus_core.ridge_preview import ridge_scores
from fundus_core.stats.placements import placements
from fundus_core.workflows.data.labelled import Validation, labelled_photographs


@dataclass(frozen=True, slots=True)
class ProbePreview:
    """Held-out AUCs of ridge regressions: for choosing what to fit, not for reporting."""

    class_auc: dict[str, float]
    """AUC of each scored class against the rest, in [0, 1]."""

    n_images: int

    @property
    def auc(self) -> float:
        """Mean over classes."""
        return float(np.mean(list(self.class_auc.values())))


def preview_probe(
    dataset: FundusDataset, embeddings: Embeddings, validation: Validation
) -> ProbePreview:
    """Scores the labelled photographs by ridge regressions in the folds that a probe would use.

    Nothing is stored, and photographs without embedding are left out.

    Args:
        dataset: Whose labels are asked for.
        embeddings: Of its photographs.
        validation: As a probe's.

    Raises:
        TargetError: If the target cannot be learned.
        FoldError: If there are too few patients of a class.
    """
    labelled = labelled_photographs(dataset, embeddings.image_ids, validation)
    scores = ridge_scores(embeddings.rows(labelled.image_ids), labelled.y_true, labelled.folds)
    scored = np.isfinite(scores).all(axis=1)
    of_class = zip(labelled.y_true[scored].T, scores[scored].T, strict=True)
    aucs = [float(placements(positive, column[None]).auc[0]) for positive, column in of_class]
    return ProbePreview(
        dict(zip(labelled.target.scored_classes, aucs, strict=True)), int(scored.sum())
    )
