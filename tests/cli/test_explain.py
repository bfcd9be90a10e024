"""`fundus explain`: photographs by place or by option, layers, and the light."""

from pathlib import Path

import pytest

from tests.cli.conftest import Fundus, Probed
from tests.fakes import write_photograph


@pytest.fixture
def data(probed: Probed) -> Path:
    return probed.data


@pytest.fixture
def run(probed: Probed) -> str:
    return probed.run_id


def test_explain__photographs_may_be_named_after_the_run(
    fundus: Fundus, data: Path, run: str, tmp_path: Path
) -> None:
    image = data / "images" / "p01_OD.jpg"

    options = ("--method", "eigen_cam", "--out", tmp_path, "--replace", "--json")
    by_place = fundus("explain", run, image, *options)
    by_option = fundus("explain", run, "--image", image, *options)

    assert by_place.json == by_option.json
    (row,) = by_place.json
    assert (row["method"], row["minus"], row["network_of_fold"]) == ("eigen_cam", None, None)


def test_explain__the_score_comes_with_what_it_stands_for(
    fundus: Fundus, data: Path, run: str, tmp_path: Path
) -> None:
    image = data / "images" / "p01_OD.jpg"
    asked = ("explain", run, image, "--method", "eigen_cam", "--out", tmp_path, "--replace")

    (row,) = fundus(*asked, "--json").json
    told = fundus(*asked).stdout

    probability = row["calibrated"]["probability"]
    assert 0 < probability["value"] < 1
    assert probability["low"] is None  # of six patients
    assert "a bootstrap needs 5" in probability["reason"]
    assert row["not_calibrated"] is None
    assert f"Calibrated probability: {probability['value']:.0%} (no interval" in told
    assert "no range for this patient" in told


def test_explain__a_photograph_from_elsewhere_has_no_calibrated_probability(
    fundus: Fundus, run: str, tmp_path: Path
) -> None:
    elsewhere = write_photograph(tmp_path / "new.jpg", (200, 20, 70))

    asked = ("explain", run, elsewhere, "--method", "eigen_cam", "--out", tmp_path)
    (row,) = fundus(*asked, "--json").json

    assert row["calibrated"] is None
    assert "held out by no fold" in row["not_calibrated"]


def test_explain__the_light_comes_with_its_checks(
    fundus: Fundus, data: Path, run: str, tmp_path: Path
) -> None:
    image = data / "images" / "p01_OD.jpg"
    out = ("--out", tmp_path, "--replace")
    asked = ("explain", run, image, "--method", "eigen_cam", *out, "--trust")

    (row,) = fundus(*asked, "--json").json
    told = fundus(*asked)

    assert row["trust"]["light"] in {"green", "amber", "grey"}
    assert len(row["trust"]["figures"]["cascade"]) > 1
    assert all(check["title"] in told.stdout for check in row["trust"]["checks"])
    assert f"Trust light: {row['trust']['light']}" in told.stdout
    assert "does not say that the marked places are diseased" in told.stdout


def test_explain__a_sample_of_a_model_is_summed_up(fundus: Fundus, run: str) -> None:
    report = fundus("explain", run, "--sample", "3", "--method", "eigen_cam", "--json").json
    told = fundus("explain", run, "--sample", "3", "--method", "eigen_cam").stdout

    assert report["n_photographs"] == len(report["photographs"]) == 3
    assert sum(share["value"] for share in report["shares"].values()) == pytest.approx(1.0)
    assert "no interval" in told


def test_explain__the_layers_are_listed_and_each_can_be_asked_for(
    fundus: Fundus, data: Path, run: str, tmp_path: Path
) -> None:
    listed = fundus("explain", run, "--layers", "--json").json
    early = listed[0]["layer"]
    image = data / "images" / "p01_OD.jpg"

    (row,) = fundus(
        "explain", run, image, "--method", "eigen_cam", "--layer", early, "--out", tmp_path,
        "--json",
    ).json  # fmt: skip

    assert [one["usual"] for one in listed].count(True) == 1
    assert row["layer"] == early
    assert row["grid"] == listed[0]["grid"]
    assert early in fundus("explain", run, "--layers").stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "No photograph was named"),
        (("x.jpg",), "'x.jpg' is neither a file nor an image id"),
        (("--sample", "2", "--method", "gradcam"), "no saliency method 'gradcam'"),
    ],
)
def test_explain__what_is_impossible_is_refused_in_a_sentence(
    fundus: Fundus, run: str, options: tuple[str, ...], said: str
) -> None:
    outcome = fundus("explain", run, *options)

    assert outcome.exit_code == 2
    assert said in outcome.stderr
