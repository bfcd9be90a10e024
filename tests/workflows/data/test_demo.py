"""The demo of a workspace: there once its table is."""

from pathlib import Path

from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.demo import count_rows, demo_source, has_demo, make_demo


def test_has_demo__only_after_the_table_was_written(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    before = has_demo(workspace)

    manifest = make_demo(demo_source(workspace).path, n_patients=1, image_size=64)

    assert not before
    assert has_demo(workspace)
    assert count_rows(manifest) == 2
