"""Stored runs by their ids."""

from pathlib import Path

import pytest

from fundus_core.errors import StoreError
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.models.runs import load_run
from tests.pages import evaluated


def test_load_run__names_one_that_is_damaged(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    for name in ("first", "second"):
        evaluated.store(place.root, name, evaluated.predictions(name, evaluated.GOOD))
    manifest = place.runs / "second" / "artifact.json"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"kind": "probe"', '"kind": "prose"'), encoding="utf-8")

    assert load_run(place, "fir").id == "first"
    with pytest.raises(StoreError, match="The files of run second are missing or damaged"):
        load_run(place, "sec")
    with pytest.raises(StoreError, match="There is no run 'third'"):
        load_run(place, "third")
