"""Heat by region, counted by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fundus_core.errors import SaliencyError
from fundus_core.explain.location import region_shares

EVERYWHERE = np.ones((4, 4), bool)


def corner() -> np.ndarray:
    mask = np.zeros((4, 4), bool)
    mask[:2, :2] = True
    return mask


def test_region_shares__heat_and_area() -> None:
    heat = np.zeros((4, 4))
    heat[0, 0], heat[3, 3] = 3.0, 1.0

    found = region_shares(heat, EVERYWHERE, {"corner": corner()})["corner"]

    assert (found.share, found.area) == (0.75, 0.25)


def test_region_shares__what_the_network_did_not_see_counts_nowhere() -> None:
    heat = np.ones((4, 4))
    heat[:, 0] = np.nan

    found = region_shares(heat, EVERYWHERE, {"corner": corner()})["corner"]

    assert found.share == pytest.approx(2 / 12)
    assert found.area == pytest.approx(2 / 12)


def test_region_shares__the_auc_is_over_the_field() -> None:
    generator = np.random.default_rng(0)
    heat = generator.integers(0, 4, (40, 40)).astype(float)
    heat[:5] = np.nan
    field, lesions = generator.random((2, 40, 40)) < [[[0.8]], [[0.1]]]

    found = region_shares(heat, field, {"lesions": lesions})["lesions"]

    inside = field & ~np.isnan(heat)
    assert found.auc == pytest.approx(roc_auc_score(lesions[inside], heat[inside]))


def test_region_shares__without_a_pixel_inside_or_outside_there_is_no_auc() -> None:
    found = region_shares(np.ones((4, 4)), corner(), {"all": EVERYWHERE, "far": ~corner()})

    assert found["all"].auc is None
    assert found["far"].auc is None


@pytest.mark.parametrize(
    ("heat", "region", "said"),
    [(np.ones((3, 4)), corner(), "(3, 4)"), (np.zeros((4, 4)), corner(), "no heat")],
)
def test_region_shares__refuse_what_cannot_be_measured(
    heat: np.ndarray, region: np.ndarray, said: str
) -> None:
    with pytest.raises(SaliencyError) as refusal:
        region_shares(heat, EVERYWHERE, {"corner": region})

    assert said in refusal.value.message
