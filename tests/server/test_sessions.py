"""Two people at one server: what one does, the other does not see."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.proto.Common_pb2 import FileUploaderState, UploadedFileInfo
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.caching import cache_resource_api

from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id
from scripts.running import free_port
from tests.fakes import write_dataset
from tests.hostile import walked
from tests.hostile.damaged_pictures import damaged_formats
from tests.server.client import XSRF, Session, Visitor
from tests.server.conftest import Server, served

PAGES = ("overview", "images", "extract", "map", "linear_probe", "roc", "compare", "photograph")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[str]]]:
    """A server with two data sets that have no patient, photograph or label in common."""
    home = tmp_path_factory.mktemp("two")
    place = Workspace(home / "workspace")
    names = []
    for who in ("annas", "bens"):
        source = DataSource(_renamed(write_dataset(home / f"{who}-folder", n_patients=8), who))
        walked.filled(place, source)
        names.append(dataset_id(source))
    with served(home, free_port(), place.root, {}) as found:
        yield found, names


def _renamed(folder: Path, who: str) -> Path:
    """Gives patients, photographs and the label of a data set the name of its owner."""
    table = folder / "labels.csv"
    frame = pd.read_csv(table, dtype=str)
    column = "image"
    for path in frame[column]:
        file = folder / path
        file.rename(file.with_name(f"{who}-{file.name}"))
    frame[column] = [
        str(Path(path).with_name(f"{who}-{Path(path).name}")) for path in frame[column]
    ]
    frame["patient_id"] = f"{who}-" + frame["patient_id"]
    frame.to_csv(table, index=False)
    return folder


def test_each_sees_the_data_set_that_was_opened_there(two: tuple[Server, list[str]]) -> None:
    server, (annas, bens) = two
    anna, ben = Visitor(server.address), Visitor(server.address)

    with anna.tab() as hers, ben.tab() as his:
        hers.run(query=f"dataset={annas}")
        his.run(query=f"dataset={bens}")
        seen = {"annas-": "", "bens-": ""}
        for page in PAGES:  # without an address: what each chose before
            seen["annas-"] += hers.run(page=page).said.lower()
            seen["bens-"] += his.run(page=page).said.lower()

    assert "annas-p00" in seen["annas-"]
    assert "bens-p00" in seen["bens-"]
    assert "bens-p" not in seen["annas-"]
    assert "annas-p" not in seen["bens-"]


def test_an_upload_is_seen_where_it_was_made(two: tuple[Server, list[str]]) -> None:
    server, (annas, _) = two
    anna, ben = Visitor(server.address), Visitor(server.address)
    data = damaged_formats()[0]

    with anna.tab() as hers, ben.tab() as his:
        shown = {}
        for who, session in ((anna, hers), (ben, his)):
            before = session.run(page="photograph", query=f"dataset={annas}")
            widget = before.widget("file_uploader", "A fundus photograph")
            if who is anna:
                _put(anna, hers, data)
            shown[session.id] = session.run(_given(widget, len(data)), page="photograph").said

        assert "/media/" in shown[hers.id]
        assert "/media/" not in shown[his.id]


def _put(visitor: Visitor, session: Session, data: bytes) -> None:
    visitor.http.put(
        f"/_stcore/upload_file/{session.id}/planted",
        files={"file": ("a.jpg", data, "image/jpeg")},
        headers={"X-Xsrftoken": visitor.http.cookies[XSRF]},
    )


def _given(widget: str, size: int) -> WidgetState:
    file = UploadedFileInfo(name="a.jpg", size=size, file_id="planted")
    return WidgetState(
        id=widget, file_uploader_state_value=FileUploaderState(uploaded_file_info=[file])
    )


def test_pages_leave_what_all_sessions_share_as_it_was(
    furnished: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(furnished[0]))
    source = DataSource(furnished[0].parent / "planted-data")

    for page in walked.PAGES:
        walked.page_of(page, source)
    first = _shared()
    for page in walked.PAGES:
        walked.page_of(page, source)
    second = _shared()

    assert len(first) > 15  # arrays and tables
    assert {name: second[name] for name in first} == first


def _shared() -> dict[str, int]:
    """Returns a checksum of every array and table in the caches that sessions share."""
    of_sessions = cache_resource_api.get_resource_cache_stats_provider()._function_caches
    caches = [item for caches in of_sessions.values() for item in caches.items()]
    found = {}
    for key, cache in caches:
        for value_key, entry in cache._mem_cache.items():
            for place, part in _parts(entry.value, ""):
                found[f"{key} {value_key} {place}"] = _checksum(part)
    return found


def _parts(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, np.ndarray | pd.DataFrame | pd.Series):
        yield place, value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _parts(getattr(value, field.name), f"{place}.{field.name}")
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _parts(inner, f"{place}.{name}")
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _parts(inner, f"{place}.{number}")


def _checksum(part: Any) -> int:
    if isinstance(part, np.ndarray):
        return hash((part.shape, part.tobytes() if part.dtype != object else str(part)))
    frame = part.to_frame() if isinstance(part, pd.Series) else part
    return hash((*map(str, frame.columns), frame.to_csv(index=True)))
