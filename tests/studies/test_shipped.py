"""The studies that come with the program, run to the end in their smoke size."""

import time
from pathlib import Path

import pytest

from fundus_core.io.workspace import Workspace
from fundus_core.studies.files import shipped_studies
from fundus_core.studies.obstacles import obstacles
from fundus_core.studies.results import figure_rows, study_table
from fundus_core.studies.run import open_study, run_study

_MINUTES = 5

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("path", shipped_studies(), ids=lambda path: path.stem)
def test_shipped_study__smoke_size_runs_whole_from_a_clone_alone(
    path: Path, tmp_path: Path
) -> None:
    started = time.monotonic()
    study = open_study(Workspace(tmp_path), path, "smoke")

    assert obstacles(study) == ()
    run_study(study)

    table = study_table(study)
    assert list(table["problem"][table["status"] != "done"]) == []
    assert table[["auc", "auc_low", "auc_high"]].notna().all(axis=None)
    assert all("stand-in" in model for model in table["model"])
    assert all(len(figure_rows(study, figure, table)) for figure in study.document.figures)
    assert time.monotonic() - started < 60 * _MINUTES
