"""Weights for every node: the file where it is, else a copy that travels through Ray."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fundus_core.io.files import write_atomically
from fundus_core.io.weights import file_sha256
from fundus_core.scale.cluster import ray_module


@dataclass(frozen=True, slots=True)
class SharedWeights:
    """A file of weights as a node can have it."""

    path: Path | None
    """Where it is on the machine that asked; None for random weights."""

    sha256: str
    """Of its content; what has another hash is not taken for it."""

    reference: tuple[Any, ...] = ()
    """The content's address in the cluster, where there is more than one node. In a tuple, because
    Ray would otherwise fetch it for everybody, needed or not."""

    def at_hand(self) -> Path | None:
        """Returns a file on this node with these weights; fetches a copy where there is none."""
        if self.path is None:
            return None
        for candidate in (self.path, self._copy()):
            if candidate.is_file() and file_sha256(candidate) == self.sha256:
                return candidate
        if self.reference:
            self._fetch()
            return self._copy()
        return self.path  # whose loader says that it is not there

    def _copy(self) -> Path:
        suffix = "" if self.path is None else self.path.suffix
        return Path(tempfile.gettempdir(), f"fundus-weights-{self.sha256}{suffix}")

    def _fetch(self) -> None:
        content = ray_module().get(self.reference[0])
        write_atomically(self._copy(), lambda file: file.write(memoryview(content)))


def share(path: Path | None, sha256: str, *, across: bool) -> SharedWeights:
    """Returns weights for the joined cluster.

    Args:
        path: The file; None for random weights.
        sha256: Of its content.
        across: True where there are nodes that may not have it.
    """
    if path is None or not across:
        return SharedWeights(path, sha256)
    return SharedWeights(path, sha256, (ray_module().put(np.fromfile(path, np.uint8)),))
