"""Cautions: raised when they should be, and not otherwise."""

from dataclasses import replace

import pytest

from fundus_core.checks import CAUTIONS, exposure_caution
from tests.fakes import tiny_dataset


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("idrid", "IDRiD"),
        ("IDRiD_2018 (grading)", "IDRiD"),
        ("hrf", "HRF"),
        ("our-odir-5k-copy", "ODIR"),
        ("MessidorTwo eyepacs_train", "EyePACS"),
        ("e-ophtha MA", "e-ophtha"),
    ],
)
def test_exposure_caution__names_the_set_that_was_in_the_pretraining(name: str, seen: str) -> None:
    dataset = replace(tiny_dataset(), name=name)

    caution = exposure_caution(dataset, "FLAIR", ("AIROGS", seen))

    assert caution is not None
    assert caution.code in CAUTIONS
    assert caution.text == f"FLAIR was pre-trained on {seen}; this data set is called {name!r}."


@pytest.mark.parametrize("name", ["our clinic", "through focus", "rocky", "demo"])
def test_exposure_caution__other_names_raise_none(name: str) -> None:
    dataset = replace(tiny_dataset(), name=name)

    assert exposure_caution(dataset, "FLAIR", ("HRF", "ROC", "DDR", "IDRiD")) is None
