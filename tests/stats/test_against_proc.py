"""The same random tables given to us and to R's pROC; skipped where R or pROC is absent."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fundus_core.stats.delong import compare_paired, compare_unpaired
from fundus_core.stats.fixed_rates import OTHER, Rate, rate_at
from fundus_core.stats.operating import youden_threshold
from fundus_core.stats.partial_auc import Axis, partial_auc
from fundus_core.stats.placements import covariance, placements

SCRIPT = """
suppressMessages(library(pROC))
for (file in commandArgs(trailingOnly = TRUE)) {
  d <- read.csv(file)
  curve <- function(y, s) roc(y, s, levels = c(0, 1), direction = "<", quiet = TRUE)
  a <- curve(d$y, d$a); b <- curve(d$y, d$b)
  paired <- roc.test(a, b, method = "delong", paired = TRUE)
  unpaired <- roc.test(a, b, method = "delong", paired = FALSE)
  youden <- coords(a, "best", best.method = "youden", transpose = FALSE)
  part <- function(focus, range, correct) suppressWarnings(as.numeric(auc(a, partial.auc = range,
      partial.auc.focus = focus, partial.auc.correct = correct)))
  at <- function(input, x) {
    found <- coords(a, x, input = input, ret = c("sensitivity", "specificity"), transpose = FALSE)
    max(found[[setdiff(c("sensitivity", "specificity"), input)]])
  }
  cat(sprintf("%.17g", c(auc(a), auc(b), var(a), var(b), cov(a, b),
      paired$statistic, paired$p.value, unpaired$statistic, unpaired$parameter, unpaired$p.value,
      min(youden$threshold),
      part("specificity", c(1, 0.9), FALSE), part("specificity", c(1, 0.9), TRUE),
      part("sensitivity", c(1, 0.9), FALSE), part("sensitivity", c(1, 0.9), TRUE),
      part("specificity", c(0.7, 0.35), FALSE), part("sensitivity", c(0.7, 0.35), FALSE),
      at("specificity", 0.9), at("specificity", 0.75),
      at("sensitivity", 0.9), at("sensitivity", 0.75))), "\\n")
}
"""

NAMES = (
    *("auc_a", "auc_b", "var_a", "var_b", "cov", "z", "p_value"),
    *("unpaired_z", "degrees_of_freedom", "unpaired_p", "youden"),
    *("specificity_area", "specificity_corrected", "sensitivity_area", "sensitivity_corrected"),
    *("specificity_middle", "sensitivity_middle"),
    *("sensitivity_at_0.9", "sensitivity_at_0.75", "specificity_at_0.9", "specificity_at_0.75"),
)
"""What the script prints per table, in this order."""

FEW = 10
"""Resamples, where only the value matters."""


def _table(seed: int, n_images: int, prevalence: float, levels: int, shift: float) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    y = generator.random(n_images) < prevalence
    y[:4] = True, True, False, False
    scores = generator.normal(size=(2, n_images)) + shift * y
    a, b = np.round(scores * levels) / levels
    return pd.DataFrame({"y": y.astype(int), "a": a, "b": b})


TABLES: Mapping[str, pd.DataFrame] = {
    "two or three levels": _table(1, 300, 0.4, levels=1, shift=0.5),
    "light ties": _table(2, 1000, 0.3, levels=20, shift=1.0),
    "no ties": _table(3, 400, 0.5, levels=10**9, shift=1.0),
    "rare disease": _table(4, 5000, 0.01, levels=5, shift=1.5),
    "worse than chance": _table(5, 200, 0.5, levels=4, shift=-0.7),
    "few images": _table(6, 12, 0.5, levels=2, shift=0.5),
    "perfect against good": _table(7, 100, 0.3, levels=5, shift=1.0).assign(a=lambda t: t["y"]),
    "as rare as 2 %, in five levels": _table(8, 3000, 0.02, levels=1, shift=1.0),
    "mostly diseased": _table(9, 600, 0.95, levels=3, shift=0.8),
    "ten of ten": _table(10, 20, 0.5, levels=2, shift=0.5),
}


@pytest.fixture(scope="module")
def from_r(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """What pROC says about every table, from one run of R."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("R is not installed")
    has_proc = subprocess.run(
        [rscript, "-e", 'quit(status = !requireNamespace("pROC", quietly = TRUE))'],
        capture_output=True,
        check=False,
    )
    if has_proc.returncode != 0:
        pytest.skip("R has no pROC")
    folder = tmp_path_factory.mktemp("tables")
    files = [str(_write(table, folder / f"{i}.csv")) for i, table in enumerate(TABLES.values())]
    (folder / "compare.R").write_text(SCRIPT)
    lines = subprocess.run(
        [rscript, str(folder / "compare.R"), *files], capture_output=True, check=True, text=True
    ).stdout.splitlines()
    rows = [dict(zip(NAMES, map(_number, line.split()), strict=True)) for line in lines]
    return dict(zip(TABLES, rows, strict=True))


def _number(word: str) -> float:
    """Reads what R prints; NA is not a number."""
    return float("nan") if word == "NA" else float(word)


def _write(table: pd.DataFrame, path: Path) -> Path:
    table.to_csv(path, index=False, float_format="%.17g")
    return path


@pytest.mark.parametrize("name", TABLES)
def test_paired__agrees_with_proc(name: str, from_r: dict[str, dict[str, float]]) -> None:
    y_true, score_a, score_b = (TABLES[name][column].to_numpy() for column in "yab")

    found = compare_paired(y_true, score_a, score_b)

    expected = from_r[name]
    assert (found.auc_a, found.auc_b) == pytest.approx(
        (expected["auc_a"], expected["auc_b"]), abs=1e-12
    )
    assert found.z == pytest.approx(expected["z"], abs=1e-10, rel=1e-10)
    assert found.p_value == pytest.approx(expected["p_value"], rel=1e-9)


@pytest.mark.parametrize("name", TABLES)
def test_unpaired__agrees_with_proc(name: str, from_r: dict[str, dict[str, float]]) -> None:
    y_true, score_a, score_b = (TABLES[name][column].to_numpy() for column in "yab")

    found = compare_unpaired(y_true, score_a, y_true, score_b)

    expected = from_r[name]
    assert found.z == pytest.approx(expected["unpaired_z"], abs=1e-10, rel=1e-10)
    assert found.degrees_of_freedom == pytest.approx(expected["degrees_of_freedom"], rel=1e-10)
    assert found.p_value == pytest.approx(expected["unpaired_p"], rel=1e-9)


@pytest.mark.parametrize("name", TABLES)
def test_covariance__agrees_with_proc(name: str, from_r: dict[str, dict[str, float]]) -> None:
    y_true, score_a, score_b = (TABLES[name][column].to_numpy() for column in "yab")

    placed = placements(y_true == 1, np.stack([score_a, score_b]).astype(float))
    found = covariance(placed.deviations, y_true == 1)

    expected = from_r[name]
    assert [found[0, 0], found[1, 1], found[0, 1]] == pytest.approx(
        [expected["var_a"], expected["var_b"], expected["cov"]], rel=1e-10, abs=1e-16
    )


@pytest.mark.parametrize("name", [name for name in TABLES if name != "worse than chance"])
def test_youden__agrees_with_proc(name: str, from_r: dict[str, dict[str, float]]) -> None:
    y_true, score_a, _ = (TABLES[name][column].to_numpy() for column in "yab")

    threshold = youden_threshold(y_true, score_a)

    assert threshold == pytest.approx(from_r[name]["youden"], rel=1e-10)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("axis", ["specificity", "sensitivity"])
def test_partial_auc__agrees_with_proc(
    axis: Axis, name: str, from_r: dict[str, dict[str, float]]
) -> None:
    y_true, score, _ = (TABLES[name][column].to_numpy() for column in "yab")

    at_the_end = partial_auc(y_true, score, axis=axis, n_resamples=FEW)
    middle = partial_auc(y_true, score, axis=axis, start=0.35, end=0.7, n_resamples=FEW)

    expected = from_r[name]
    assert at_the_end.area.value == pytest.approx(expected[f"{axis}_area"], abs=1e-10)
    assert middle.area.value == pytest.approx(expected[f"{axis}_middle"], abs=1e-10)
    corrected = expected[f"{axis}_corrected"]
    if np.isnan(corrected):
        assert at_the_end.corrected.value is None
    else:
        assert at_the_end.corrected.value == pytest.approx(corrected, abs=1e-10)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("at", [0.9, 0.75])
@pytest.mark.parametrize("fixed", ["specificity", "sensitivity"])
def test_rate_at__agrees_with_proc(
    fixed: Rate, at: float, name: str, from_r: dict[str, dict[str, float]]
) -> None:
    y_true, score, _ = (TABLES[name][column].to_numpy() for column in "yab")

    found = rate_at(y_true, score, fixed=fixed, at=at, n_resamples=FEW)

    assert found.rate.value == pytest.approx(from_r[name][f"{OTHER[fixed]}_at_{at}"], abs=1e-10)
