"""The log for monitors: whole lines of JSON, of facts that name nobody."""

import json
import os
from pathlib import Path

import pytest

from fundus_core.io.event_log import FILE_VARIABLE, VARIABLE, note
from fundus_core.io.store import ArtifactStore
from tests.cli.conftest import Fundus
from tests.fakes import write_dataset

NAME = "Anna-Planted-Name"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv(VARIABLE, "json")
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "events.jsonl"))
    return tmp_path / "events.jsonl"


def lines(log: Path) -> list[dict[str, object]]:
    text = log.read_text(encoding="utf-8") if log.is_file() else ""
    return [json.loads(line) for line in text.splitlines()]


def test_note__writes_a_line_of_json_with_its_time(log: Path) -> None:
    note("job ended", job="20260101-000000-abcdef", state="done", exit_code=0)

    (line,) = lines(log)
    assert line["event"] == "job ended"
    assert line["state"] == "done"
    assert str(line["time"]).endswith("+00:00")


def test_note__nothing_is_written_unless_asked_for(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)

    note("job ended", job="20260101-000000-abcdef")

    assert not log.exists()


def test_note__a_fact_that_could_name_somebody_is_refused(log: Path) -> None:
    with pytest.raises(KeyError, match="patient"):
        note("read", patient=NAME)


def test_note__a_log_that_cannot_be_written_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, log: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path))

    note("job ended")


@pytest.mark.timeout(30)
def test_note__a_pipe_that_nobody_reads_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, log: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setenv(FILE_VARIABLE, str(pipe))

    note("job began")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    note("job ended")

    assert [json.loads(line)["event"] for line in os.read(reader, 999).splitlines()] == [
        "job ended"
    ]
    os.close(reader)


def test_commands__log_no_name_of_a_file_a_patient_or_a_label(
    fundus: Fundus, log: Path, tmp_path: Path
) -> None:
    data = write_dataset(tmp_path / NAME, n_patients=6, side=72)
    table = (data / "labels.csv").read_text(encoding="utf-8").replace("P00", NAME)
    (data / "labels.csv").write_text(table, encoding="utf-8")
    tiny = ("--backbone", "timm:test_resnet", "--weights", "scratch", "--image-size", 32)
    probe = ("probe", data, *tiny, "--target", "dr", "--folds", 2)

    assert fundus(*probe).exit_code == 0
    runs = ArtifactStore(tmp_path / "workspace" / "runs")
    (runs.root / runs.names()[0] / "predictions.parquet").write_bytes(b"gone")
    assert fundus(*probe).exit_code == 0

    assert "damaged result left out" in [line["event"] for line in lines(log)]
    assert NAME not in log.read_text(encoding="utf-8")
