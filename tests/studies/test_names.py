"""What a study file refers to must be in the study: otherwise figures and tests would be empty."""

from pathlib import Path
from typing import Any

import pytest

from fundus_core.errors import StudyError
from fundus_core.studies.files import read_study
from tests.studies.conftest import TINY, write_study

OUTSIDE = {"name": "elsewhere", "source": "other", "target": "dr", "role": "external"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"against": {"model": "C"}}, "against.model: 'C' is not in this study; there are A, B"),
        ({"against": {"image_size": 65}}, "against.image_size: 65 is not .* there are 64"),
        ({"against": {"image_size": "64"}}, "against.image_size: '64' is not in this study"),
        ({"against": {"seed": 1}}, "against.seed: 1 is not in this study; .*there are 0"),
        ({"gain_over": {"strategy": "lpft"}}, "gain_over.strategy: 'lpft' is not"),
        ({"leave_out": [{"strategy": ["ft", "fft"]}]}, "leave_out.0.strategy: 'fft' .*mean 'ft'"),
        ({"leave_out": [{"data": "elsewhere"}]}, "leave_out.0.data: 'elsewhere' is not"),
        ({"data": [{**TINY["data"][0], "metric": "f1"}]}, "data.0.metric: 'f1' is not in this"),
    ],
)
def test_read_study__rules_name_what_there_is(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    change = {"data": [*TINY["data"], OUTSIDE], **change}

    with pytest.raises(StudyError, match=message):
        read_study(write_study(tmp_path / "tiny.yaml", **change))


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        ({"kind": "forest", "metric": "acu"}, "metric: 'acu' is not .*did you mean 'auc'[?]"),
        ({"kind": "forest", "metric": "f1"}, "figures.0.metric: 'f1' is not in this study"),
        ({"kind": "forest", "metric": "relative_gain"}, "metric: 'relative_gain' is not"),
        ({"kind": "heat map", "rows": "modle"}, "figures.0.rows: 'modle' .*mean 'model'[?]"),
        ({"kind": "heat map", "columns": "auc"}, "figures.0.columns: 'auc' is not"),
        ({"kind": "curve", "x": "strategy"}, "x: 'strategy' .*there are fraction, image_size"),
        ({"kind": "curve", "series": "scenario"}, "figures.0.series: 'scenario' is not"),
        ({"kind": "convergence", "series": "tested_on"}, "figures.0.series: 'tested_on' is not"),
        ({"kind": "forest", "where": {"modle": "A"}}, "figures.0.where: 'modle' is not"),
        ({"kind": "forest", "where": {"model": ["A", "C"]}}, "figures.0.where.model: 'C' is not"),
        ({"kind": "forest", "where": {"tested_on": "redness"}}, "'redness' .*held-out patients"),
        ({"kind": "forest", "where": {"weights": "own"}}, "'own' is not .*there are scratch"),
    ],
)
def test_read_study__figures_name_what_there_is(
    tmp_path: Path, figure: dict[str, Any], message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        read_study(write_study(tmp_path / "tiny.yaml", figures=[figure]))


def test_read_study__a_rule_may_name_what_only_another_size_has(tmp_path: Path) -> None:
    path = write_study(
        tmp_path / "tiny.yaml",
        leave_out=[{"image_size": 64, "strategy": "ft"}],
        small={"axes": {"image_size": [96]}},
    )

    assert read_study(path, "small").axes.image_size == [96]


def test_read_study__everything_that_there_is_may_be_named(tmp_path: Path) -> None:
    shown = [
        {"kind": "heat map", "rows": "scenario", "columns": "tested_on", "metric": "auc"},
        {"kind": "curve", "x": "image_size", "series": "weights", "metric": "seconds"},
        {"kind": "forest", "metric": "relative_gain", "where": {"tested_on": "elsewhere"}},
        {"kind": "forest", "metric": "difference", "where": {"draw": 0, "fraction": 1}},
        {"kind": "convergence", "series": "strategy", "where": {"seed": [0, 1], "head": "linear"}},
    ]
    path = write_study(
        tmp_path / "tiny.yaml",
        data=[*TINY["data"], OUTSIDE],
        axes={"strategy": ["logistic", "ft"], "head": ["cosine"], "seed": [1]},
        gain_over={"model": "A"},
        figures=shown,
    )

    assert len(read_study(path).figures) == len(shown)
