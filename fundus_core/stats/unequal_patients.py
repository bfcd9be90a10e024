"""Patients who bring more images than others: what they hide of their own deviation.

An average over images lies near a patient who brought many of them, so that his deviation from it
is too small by his share of the images. Divided by the share of all others it is what leaving him
out would change: his part in the jackknife over patients.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import numpy as np
from numpy.typing import NDArray

_taken_as_alike = ContextVar("patients are taken as alike", default=False)


def leverage(patients: NDArray[np.intp], n_patients: int) -> NDArray[np.float64]:
    """Returns what to multiply each patient's sum of deviations by, shape (n_patients,).

    (1 - 1 / I) / (1 - s) for a patient with the share s of the images, I being the patients who
    have any: 1 where all of them have equally many. Times the published factor I / (I - 1), the
    squares then add up to the jackknife's variance of the mean.

    Args:
        patients: Shape (n,), numbers from 0: whose the images are that are averaged over.
        n_patients: Above the largest of the numbers.

    References:
        MacKinnon, Nielsen & Webb (2023), J. Econometrics 232(2), 272-299 (the jackknife over
        clusters, CV3, where clusters differ in size).

    Examples:
        >>> leverage(np.array([0, 0, 1, 1]), 2).tolist()
        [1.0, 1.0]
        >>> leverage(np.array([0, 0, 0, 1]), 2).round(3).tolist()
        [2.0, 0.667]
    """
    n_images = np.bincount(patients, minlength=n_patients)
    n_units = np.count_nonzero(n_images)
    if n_units < 2 or _taken_as_alike.get():
        return np.ones(n_patients)
    return np.asarray((1 - 1 / n_units) / (1 - n_images / len(patients)))


@contextlib.contextmanager
def taken_as_alike() -> Iterator[None]:
    """Makes `leverage` 1 for everyone: variances are the published ones, as earlier versions had.

    For holding figures that they stored against their predictions.
    """
    token = _taken_as_alike.set(True)
    try:
        yield
    finally:
        _taken_as_alike.reset(token)


def patients_alike(patients: NDArray[np.intp]) -> float:
    """Returns how many patients with equally many images their differing numbers are worth.

    (sum of n)^2 / (sum of n^2), n being a patient's images: at most the number of patients, and 1
    where one of them has nearly all.

    Args:
        patients: Shape (n,), numbers from 0; n of at least 1.

    References:
        Kish (1965), Survey Sampling, section 11.7.

    Examples:
        >>> patients_alike(np.array([0, 0, 1, 1])), patients_alike(np.array([0, 0, 0, 1]))
        (2.0, 1.6)
    """
    n_images = np.bincount(patients).astype(np.float64)
    return float(n_images.sum() ** 2 / (n_images @ n_images))
