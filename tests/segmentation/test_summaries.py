"""Means of scores with intervals, and two models compared, by patient."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import wilcoxon

from fundus_core.errors import DifferentImagesError
from fundus_core.segmentation.scoring import SCORES
from fundus_core.segmentation.summaries import compare_scores, signed_rank_p, summaries


def table(shift: float = 0.0, *, n_patients: int = 8, known: bool = True) -> pd.DataFrame:
    """Two photographs per patient with the same scores, so that they add nothing."""
    generator = np.random.default_rng(1)
    per_patient = generator.uniform(0.4, 0.6, n_patients)
    noise = generator.normal(0, 0.01, n_patients)
    rows = []
    for patient in range(n_patients):
        for eye in range(2):
            value = per_patient[patient] + shift * (1 + 20 * noise[patient])
            about = {"image_id": f"i{patient}{eye}", "channel": "vessel"}
            about["patient_id"] = f"P{patient}" if known else None
            rows.append({**about, **dict.fromkeys(SCORES, value)})
    return pd.DataFrame(rows).astype({"patient_id": object})


def test_summaries__the_mean_of_photographs_with_an_interval_by_patient() -> None:
    scores = table()

    found = {one.score: one for one in summaries(scores)}
    alone = {one.score: one for one in summaries(scores.iloc[::2])}

    dice = found["dice"].mean
    assert found.keys() == SCORES.keys()
    assert dice.value == pytest.approx(scores["dice"].mean())
    assert dice.low < dice.value < dice.high
    assert "patients" in dice.method
    # A second eye with the same score is no second patient.
    assert dice.high - dice.low == pytest.approx(
        alone["dice"].mean.high - alone["dice"].mean.low, rel=1e-9
    )


def test_summaries__without_patients_photographs_are_drawn_and_intervals_narrower() -> None:
    by_patient, by_image = (summaries(table(known=known))[0].mean for known in (True, False))

    assert "images" in by_image.method
    assert by_image.high - by_image.low < by_patient.high - by_patient.low


def test_summaries__what_is_not_defined_is_left_out_and_counted() -> None:
    scores = table()
    scores.loc[0, "auc"] = np.nan
    scores["cldice"] = np.nan

    found = {one.score: one for one in summaries(scores)}

    assert (found["auc"].n_images, found["auc"].n_undefined) == (15, 1)
    assert found["auc"].mean.value == pytest.approx(scores["auc"].mean())
    assert found["cldice"].mean.value is None


def test_compare_scores__a_model_that_is_better_everywhere() -> None:
    a, b = table(0.05), table()

    found = {one.score: one for one in compare_scores(a, b)}["dice"]

    assert found.difference.value == pytest.approx(a["dice"].mean() - b["dice"].mean())
    assert 0 < found.difference.low < found.difference.high
    assert found.p_value == pytest.approx(2 / 2**8)  # all eight patients on one side, exactly
    assert (found.n_images, found.n_patients) == (16, 8)


def test_compare_scores__turned_round_it_says_the_opposite() -> None:
    a, b = table(0.05), table()

    one, other = compare_scores(a, b)[0], compare_scores(b, a)[0]

    assert one.difference.value == pytest.approx(-other.difference.value)
    assert one.p_value == other.p_value


def test_compare_scores__a_model_against_itself_differs_in_nothing() -> None:
    found = compare_scores(table(), table())

    assert all(one.p_value == 1.0 and one.difference.value == 0 for one in found)


def test_compare_scores__ranks_patients_not_photographs() -> None:
    a, b = table(0.01), table()
    a.loc[0, "dice"] -= 0.2

    found = compare_scores(a, b)[0]

    by_patient = (a["dice"] - b["dice"]).groupby(a["patient_id"]).mean()
    assert found.p_value == pytest.approx(wilcoxon(by_patient).pvalue)


def test_compare_scores__of_other_photographs_or_channels_is_refused() -> None:
    fewer, other = table().iloc[2:], table().assign(channel="disc")

    with pytest.raises(DifferentImagesError, match="16 and 14 photographs"):
        compare_scores(table(), fewer)
    with pytest.raises(DifferentImagesError, match="0 channels"):
        compare_scores(table(), other)


def test_signed_rank_p__one_patient_proves_nothing() -> None:
    assert signed_rank_p(np.array([0.3])) == 1.0
