"""`fundus compare` with several models, margins and corrections."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fundus_core.stats.multiplicity import benjamini_hochberg
from tests.cli.conftest import Fundus

PATIENTS = np.repeat(np.arange(40), 2)
Y_TRUE = np.repeat(np.arange(40) % 3 == 0, 2).astype(int)
NOISE = np.random.default_rng(2).normal(size=(3, 80))


@pytest.fixture
def tables(tmp_path: Path) -> list[str]:
    """Predictions of three models for both eyes of 40 patients."""
    paths = []
    for number, strength in enumerate((1.5, 1.2, 0.2)):
        score = NOISE[number] + strength * Y_TRUE
        table = {"image_id": np.arange(80).astype(str), "patient_id": PATIENTS.astype(str)}
        paths.append(str(tmp_path / f"{number}.csv"))
        pd.DataFrame({**table, "y_true": Y_TRUE, "y_score": score}).to_csv(paths[-1], index=False)
    return paths


def test_compare__three_models_are_tested_at_once(fundus: Fundus, tables: list[str]) -> None:
    report = fundus("compare", *tables, "--json").json
    told = fundus("compare", *tables).stdout

    joint = report["all_equal"]
    assert joint["degrees_of_freedom"] == 2
    assert 0 <= joint["p_chi_square"] < joint["p_value"] <= 1
    assert f"chi-square {joint['chi_square']:.2f} with 2 degrees of freedom" in told


def test_compare__two_models_have_no_joint_test(fundus: Fundus, tables: list[str]) -> None:
    report = fundus("compare", *tables[:2], "--json").json

    assert report["all_equal"] is None
    assert report["non_inferiority"] == []


def test_compare__both_corrections_are_in_json_and_one_in_words(
    fundus: Fundus, tables: list[str]
) -> None:
    pairs = fundus("compare", *tables, "--json").json["pairs"]
    told = {name: fundus("compare", *tables, "--adjust", name).stdout for name in ("holm", "bh")}

    raw = [pair["p_value"] for pair in pairs]
    assert [pair["p_bh"] for pair in pairs] == pytest.approx(benjamini_hochberg(raw))
    for pair in pairs:
        assert f"Holm p = {pair['p_holm']:.3g}" in told["holm"]
        assert f"Benjamini-Hochberg p = {pair['p_bh']:.3g}" in told["bh"]


def test_compare__of_patients_who_are_the_same_in_part_says_what_the_rows_are(
    fundus: Fundus, tables: list[str]
) -> None:
    for path, rows in ((tables[0], slice(0, None, 2)), (tables[1], slice(1, 61, 2))):
        pd.read_csv(path, dtype={"patient_id": str}).iloc[rows].to_csv(path, index=False)

    by_image = fundus("compare", *tables[:2])
    refused = fundus("compare", *tables[:2], "--level", "patient")
    common = fundus("compare", *tables[:2], "--level", "patient", "--common", "--json")

    assert "FD023: 30 ids of patients are on both sides" in by_image.stdout
    assert refused.exit_code != 0
    assert "on 40, 30 patients; 30 are the same. A row is a patient here" in refused.stderr
    assert "photographs; 30" not in refused.stderr
    assert (common.json["paired"], common.json["n_images"]) == (True, 30)


def test_compare__a_margin_asks_both_ways_round(fundus: Fundus, tables: list[str]) -> None:
    rows = fundus("compare", *tables, "--margin", 0.1, "--json").json["non_inferiority"]
    told = fundus("compare", *tables, "--margin", 0.1).stdout

    assert len(rows) == 6
    for row in rows:
        assert row["non_inferior"]["margin"] == 0.1
        assert row["non_inferior"]["verdict"] in ("shown", "not shown", "refuted")
        assert 0 <= row["equivalent"]["p_value"] <= 1
    assert told.count(", margin 0.1: ") == 6
    assert "one-sided p =" in told


def test_compare__a_margin_of_nothing_is_refused(fundus: Fundus, tables: list[str]) -> None:
    outcome = fundus("compare", *tables, "--margin", 0)

    assert outcome.exit_code == 2
    assert "'--margin': it is 0. Give a number above 0 and below 1." in outcome.stderr


@pytest.mark.parametrize("options", [("--margin", 0.05), ("--adjust", "bh")])
def test_compare__margins_and_other_corrections_are_about_one_class(
    fundus: Fundus, tmp_path: Path, options: tuple[object, ...]
) -> None:
    table = pd.DataFrame(
        {
            "image_id": [f"i{row}" for row in range(8)],
            "y_true_dr": [0, 1] * 4,
            "y_true_amd": [0, 0, 1, 1] * 2,
            "y_score_dr": np.linspace(0, 1, 8),
            "y_score_amd": np.linspace(1, 0, 8),
        }
    )
    table.to_csv(tmp_path / "several.csv", index=False)
    several = str(tmp_path / "several.csv")

    outcome = fundus("compare", several, several, *options)

    assert outcome.exit_code == 2
    assert str(options[0]) in outcome.stderr
    assert "--class" in outcome.stderr
