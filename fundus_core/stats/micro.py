"""The micro AUC of several classes: one AUC over all pairs of an image and a class.

Every pair is one trial, positive where the image has the class. The pairs of an image are not
independent, nor are the images of a patient, so the patient is the cluster - the image where
patients are unknown - and the variance is Obuchowski's clustered form of DeLong's, which lets what
lies within a cluster depend on itself in any way. Nothing is approximated beyond that form.

The micro AUC compares scores *across* classes: it needs them on one scale (probabilities), weighs
frequent classes more, and rises where a model knows no more than which class is frequent. The macro
AUC does none of this.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.stats.delong import (
    AucComparison,
    AucInterval,
    auc_interval,
    compare_paired,
    compare_unpaired,
)
from fundus_core.stats.inputs import as_label_columns, as_patients, as_score_columns


def micro_auc(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
) -> AucInterval:
    """Estimates the AUC over all N x C pairs of an image and a class, with a clustered interval.

    Args:
        y_true: Shape (N, C), bool or {0, 1}; multi-label, or the C columns of a multi-class target.
        y_score: Shape (N, C), all columns on one scale. Higher means more likely of the class.
        patients: Shape (N,), one id per image: the clusters. Without it each image, with its C
            pairs, is a cluster, and images count as independent.
        confidence: In (0, 1).

    Returns:
        The AUC; `n_positive` and `n_negative` count pairs, `n_patients` is None without patients.

    Raises:
        TargetError: If the labels are not columns of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If no pair is positive, or none negative.

    References:
        Obuchowski (1997), Biometrics 53(2), 567-578.

    Examples:
        >>> y_true = [[1, 0], [1, 0], [0, 1], [0, 1], [1, 1]]
        >>> y_score = [[0.9, 0.2], [0.3, 0.4], [0.5, 0.3], [0.2, 0.8], [0.6, 0.7]]
        >>> found = micro_auc(y_true, y_score)
        >>> round(found.auc, 4), found.method
        (0.8333, 'micro obuchowski')
    """
    labels, (scores,), clusters = _pooled(y_true, [y_score], patients)
    found = auc_interval(labels, scores, patients=clusters, confidence=confidence)
    return replace(
        found,
        method=f"micro {found.method}",
        n_patients=None if patients is None else found.n_patients,
    )


def compare_micro(
    y_true: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
) -> AucComparison:
    """Tests whether two models scored on the same images have different micro AUCs.

    Args:
        y_true: Shape (N, C), bool or {0, 1}.
        score_a: Shape (N, C), all columns on one scale. Higher means more likely of the class.
        score_b: Shape (N, C), likewise; the two models need not be on one scale.
        patients: Shape (N,), one id per image: the clusters; without it each image is one.
        confidence: In (0, 1).

    Raises:
        TargetError: If the labels are not columns of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If fewer than two clusters have a positive pair, or a negative one.
        NoVarianceError: If the models differ but nothing varies.
    """
    labels, (a, b), clusters = _pooled(y_true, [score_a, score_b], patients)
    found = compare_paired(labels, a, b, patients=clusters, confidence=confidence)
    n_images = len(np.asarray(y_true))
    return replace(found, method=f"micro {found.method}", n_images_a=n_images, n_images_b=n_images)


def compare_micro_unpaired(
    y_a: ArrayLike,
    score_a: ArrayLike,
    y_b: ArrayLike,
    score_b: ArrayLike,
    *,
    patients_a: ArrayLike | None = None,
    patients_b: ArrayLike | None = None,
    confidence: float = 0.95,
) -> AucComparison:
    """Tests whether the micro AUCs on two separate sets of images differ, e.g. inside and outside.

    Args:
        y_a: Shape (N_a, C), labels of the first set.
        score_a: Shape (N_a, C), all columns on one scale.
        y_b: Shape (N_b, C), labels of the second set.
        score_b: Shape (N_b, C).
        patients_a: Shape (N_a,), one id per image: the clusters; without it each image is one.
        patients_b: Shape (N_b,), likewise.
        confidence: In (0, 1).

    Raises:
        TargetError: If the labels are not columns of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If fewer than two clusters of a set have a positive pair, or a negative
            one.
        NoVarianceError: If the AUCs differ but neither varies.
    """
    labels_a, (a,), clusters_a = _pooled(y_a, [score_a], patients_a)
    labels_b, (b,), clusters_b = _pooled(y_b, [score_b], patients_b)
    found = compare_unpaired(
        labels_a,
        a,
        labels_b,
        b,
        patients_a=clusters_a,
        patients_b=clusters_b,
        confidence=confidence,
    )
    return replace(
        found,
        method=f"micro {found.method}",
        n_images_a=len(np.asarray(y_a)),
        n_images_b=len(np.asarray(y_b)),
    )


def _pooled(
    y_true: ArrayLike, y_scores: list[ArrayLike], patients: ArrayLike | None
) -> tuple[NDArray[np.bool_], list[NDArray[np.float64]], NDArray[np.intp]]:
    """Returns labels, each model's scores and clusters of all pairs, each of shape (N * C,)."""
    labels = as_label_columns(y_true)
    models = ("Model A", "Model B") if len(y_scores) > 1 else ("",)
    scores = [
        as_score_columns(one, shape=labels.shape, model=model).ravel()
        for one, model in zip(y_scores, models, strict=True)
    ]
    codes = as_patients(patients, n_images=len(labels))
    clusters = np.arange(len(labels)) if codes is None else codes
    return labels.ravel(), scores, np.repeat(clusters, labels.shape[1])
