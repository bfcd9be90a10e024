"""Weights on a node: the file where it is, a copy that came before, or nothing else."""

import hashlib
from pathlib import Path

import pytest

from fundus_core.scale.weights import SharedWeights, share

CONTENT = b"numbers"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def _write(path: Path, content: bytes = CONTENT) -> Path:
    path.write_bytes(content)
    return path


@pytest.fixture
def place_of_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder into which a node puts what it was sent."""
    folder = tmp_path / "copies"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_at_hand__the_file_where_it_is(tmp_path: Path) -> None:
    path = _write(tmp_path / "net.safetensors")

    assert SharedWeights(path, SHA256).at_hand() == path
    assert SharedWeights(None, "").at_hand() is None  # random weights need none


def test_at_hand__another_file_of_that_name_is_not_taken_for_it(
    tmp_path: Path, place_of_copies: Path
) -> None:
    _write(tmp_path / "net.safetensors", b"other numbers")
    copy = _write(place_of_copies / f"fundus-weights-{SHA256}.safetensors")

    assert SharedWeights(tmp_path / "net.safetensors", SHA256).at_hand() == copy


def test_at_hand__a_node_without_it_is_sent_a_copy(
    tmp_path: Path, place_of_copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sent:
        """What Ray would hold for the cluster."""

        def get(self, reference: str) -> bytes:
            assert reference == "address"
            return CONTENT

    monkeypatch.setattr("fundus_core.scale.weights.ray_module", Sent)
    weights = SharedWeights(tmp_path / "net.safetensors", SHA256, ("address",))

    found = weights.at_hand()

    assert found is not None
    assert found.parent == place_of_copies
    assert found.read_bytes() == CONTENT


def test_share__one_node_needs_no_copy(tmp_path: Path) -> None:
    path = _write(tmp_path / "net.safetensors")

    assert share(path, SHA256, across=False) == SharedWeights(path, SHA256)
