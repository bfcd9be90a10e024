"""Weights that run code, fit no network, or are no weights."""

import argparse
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.hostile.cases import OPENED, Case, made, of_bytes

BACKBONE = "timm:test_resnet"
"""The small network that every checkpoint is offered to."""

_REFUSED = "WeightsError"


class Payload:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch '{self._marker}'",)


def checkpoint_cases(marker: Path) -> list[Case]:
    """Returns checkpoints; those that run code would leave a file `marker`."""
    return [*_payloads(marker), *_tensors(), *_headers(), *_damaged(), *_no_checkpoints()]


def _payloads(marker: Path) -> Iterator[Case]:
    attack = Payload(marker)
    written = pickle.dumps(attack)
    for suffix in ("pt", "pth", "pkl", "bin", "ckpt", "joblib", "safetensors", "npz", "npy"):
        yield of_bytes(f"payload.{suffix}", written, _REFUSED)
    for protocol in range(6):
        yield of_bytes(f"payload {protocol}.pth", pickle.dumps(attack, protocol), _REFUSED)
    yield made("payload in zip.pth", lambda: _torch_zip(written), _REFUSED)
    yield made("payload in old.pth", lambda: saved({"model": attack}, old=True), _REFUSED)
    yield made("payload beside.pth", lambda: saved({**_sound(), "x": attack}), _REFUSED)
    by_name = b'cbuiltins\nexec\n(S\'open("marker","w")\'\ntR.'
    yield of_bytes("payload by name.pth", by_name, _REFUSED)
    yield of_bytes("posix.pth", f"cposix\nsystem\n(S'touch {marker}'\ntR.".encode(), _REFUSED)
    yield made("code.pth", lambda: _program(marker), _REFUSED)
    yield made("objects.npy", lambda: _objects(attack), _REFUSED)
    yield of_bytes("memo bomb.pth", b"\x80\x02]" + b"q\x00h\x00a" * 100_000 + b".", _REFUSED)
    yield of_bytes("deep.pth", b"(" * 200_000 + b".", _REFUSED)
    yield of_bytes("long number.pth", b"\x80\x02\x8b\xff\xff\xff\x7f" + bytes(100), _REFUSED)
    yield of_bytes("long text.pth", b"\x80\x04\x8d" + b"\xff" * 7 + b"\x0f.", _REFUSED)


def _tensors() -> Iterator[Case]:
    import torch

    yield made("sound.pth", lambda: saved(_sound()), OPENED)
    yield made("sound old.pth", lambda: saved(_sound(), old=True), OPENED)
    yield made("sound.safetensors", lambda: _safe(_sound()), OPENED)
    options = argparse.Namespace(lr=0.1, output_dir="/home/someone")
    yield made("namespace.pth", lambda: saved({"model": _sound(), "args": options}), OPENED)
    yield made("wrapped.pth", lambda: saved({"state_dict": _sound()}), OPENED)
    yield made("nothing.pth", lambda: saved({}), _REFUSED)
    yield made("a number.pth", lambda: saved(3), _REFUSED)
    yield made("one tensor.pth", lambda: saved(torch.zeros(3)), _REFUSED)
    yield made("a list.pth", lambda: saved([torch.zeros(3)]), _REFUSED)
    yield made("numbers as names.pth", lambda: saved({1: torch.zeros(3)}), _REFUSED)
    yield made("another.pth", lambda: saved({"a.weight": torch.zeros(4, 4)}), _REFUSED)
    yield made("other shapes.safetensors", lambda: _safe(_changed(lambda t: t[..., :1])), _REFUSED)
    yield made("one missing.safetensors", lambda: _safe(_without_first()), _REFUSED)
    nan = lambda t: torch.full_like(t, float("nan"))  # noqa: E731
    yield made("nan.safetensors", lambda: _safe(_changed(nan)), _REFUSED)
    yield made("nan.pth", lambda: saved(_changed(nan)), _REFUSED)
    yield made("one nan.safetensors", lambda: _safe(_one_nan()), _REFUSED)
    infinite = lambda t: torch.full_like(t, float("inf"))  # noqa: E731
    yield made("infinite.safetensors", lambda: _safe(_changed(infinite)), _REFUSED)
    whole = lambda t: t.to(torch.int64)  # noqa: E731
    yield made("whole numbers.safetensors", lambda: _safe(_changed(whole)), _REFUSED)
    complex_ = lambda t: t.to(torch.complex64)  # noqa: E731
    yield made("complex.pth", lambda: saved(_changed(complex_)), _REFUSED)
    yield made("sparse.pth", lambda: saved(_changed(_sparse)), _REFUSED)
    yield made("expanded.pth", lambda: saved({"w": torch.zeros(1).expand(1 << 40)}), _REFUSED)
    yield made("quantised.pth", lambda: saved({"w": _quantised()}), _REFUSED)
    yield made("extra.safetensors", lambda: _safe({**_sound(), **_many_more()}), _REFUSED)


def _headers() -> Iterator[Case]:
    big = json.dumps({"w": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}})
    over = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 400]}})
    wraps = json.dumps({"w": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 0]}})
    twice = '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' * 2
    headers = {
        "gigabyte": (struct.pack("<Q", 1 << 30), b"{}"),
        "endless": (struct.pack("<Q", 2**64 - 1), b"{}"),
        "terabyte tensor": (struct.pack("<Q", len(big)), big.encode()),
        "beyond its end": (struct.pack("<Q", len(over)), over.encode() + bytes(8)),
        "wraps around": (struct.pack("<Q", len(wraps)), wraps.encode()),
        "twice": (struct.pack("<Q", len(twice)), twice.encode() + bytes(8)),
        "no json": (struct.pack("<Q", 8), b"notjson!"),
        "deep": (struct.pack("<Q", 200_000), b"[" * 200_000),
        "empty": (struct.pack("<Q", 2), b"{}"),
        "nothing": (b"", b""),
    }
    for name, (length, header) in headers.items():
        yield of_bytes(f"header {name}.safetensors", length + header, _REFUSED)
    yield Case("sparse.safetensors", _sparse_file, frozenset({_REFUSED}))


def _damaged() -> Iterator[Case]:
    for suffix, data in (("pth", saved(_sound())), ("safetensors", _safe(_sound()))):
        for share in (0.01, 0.1, 0.5, 0.95):
            yield of_bytes(f"cut {share:.0%}.{suffix}", data[: int(share * len(data))], _REFUSED)
        for number in range(10):
            turned = bytearray(data)
            turned[number * 40 + 3] ^= 0x55
            yield of_bytes(f"flipped {number}.{suffix}", bytes(turned), _REFUSED, OPENED)
    yield made("bomb.pth", _zip_bomb, _REFUSED)
    yield made("many entries.pth", _many_entries, _REFUSED)


def _no_checkpoints() -> Iterator[Case]:
    for suffix in ("pth", "safetensors", "pkl", "joblib"):
        yield of_bytes(f"text.{suffix}", b"<html>404</html>" * 10, _REFUSED)
        yield of_bytes(f"empty.{suffix}", b"", _REFUSED)
    yield of_bytes("pointer.pth", b"version https://git-lfs.github.com/spec/v1\nsize 5\n", _REFUSED)
    yield of_bytes("hdf5.h5", b"\x89HDF\r\n\x1a\n" + bytes(100), _REFUSED)
    yield of_bytes("graph.onnx", b"\x08\x07\x12\x07pytorch" + bytes(100), _REFUSED)
    yield Case("folder.pth", Path.mkdir, frozenset({_REFUSED}))
    yield Case("pipe.pth", os.mkfifo, frozenset({_REFUSED}))
    yield Case("endless.pth", _link("/dev/zero"), frozenset({_REFUSED}))


def _sound() -> dict[str, Any]:
    import timm

    network = timm.create_model("test_resnet", num_classes=0)
    return dict(network.state_dict())


def _changed(change: Callable[[Any], Any]) -> dict[str, Any]:
    """Returns a sound checkpoint with every tensor of numbers changed; counters stay."""
    return {
        name: change(value).contiguous() if value.is_floating_point() else value
        for name, value in _sound().items()
    }


def _sparse(tensor: Any) -> Any:
    class _Kept:
        def contiguous(self) -> Any:
            return tensor.to_sparse()

    return _Kept()


def _without_first() -> dict[str, Any]:
    tensors = _sound()
    del tensors[next(iter(tensors))]
    return tensors


def _one_nan() -> dict[str, Any]:
    tensors = _sound()
    next(iter(tensors.values())).view(-1)[0] = float("nan")
    return tensors


def _many_more() -> dict[str, Any]:
    import torch

    return {f"other.{number}.weight": torch.zeros(2, 2) for number in range(60)}


def _quantised() -> Any:
    import torch

    return torch.zeros(4).to(torch.float8_e4m3fn)


def saved(content: object, *, old: bool = False) -> bytes:
    """Returns a checkpoint as PyTorch writes it, in its new or its old format."""
    import torch

    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=not old)
    return file.getvalue()


def _safe(tensors: dict[str, Any]) -> bytes:
    from safetensors.torch import save

    return save(tensors)


def _program(marker: Path) -> bytes:
    """Returns a TorchScript archive that only claims to be one."""
    code = f"import os\nos.system('touch {marker}')\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/constants.pkl", pickle.dumps(Payload(marker)))
        archive.writestr("a/data.pkl", pickle.dumps(Payload(marker)))
        archive.writestr("a/code/__torch__.py", code)
        archive.writestr("a/version", "3\n")
    return out.getvalue()


def _torch_zip(pickled: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/data.pkl", pickled)
        archive.writestr("a/version", "3\n")
    return out.getvalue()


def _objects(content: object) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([content], object), allow_pickle=True)
    return file.getvalue()


def _zip_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(200 << 20))
        archive.writestr("a/version", "3\n")
    return out.getvalue()


def _many_entries() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"a/data/{number}", b"")
    return out.getvalue()


def _sparse_file(path: Path) -> None:
    """Leaves a file of 256 MiB that takes no room on disk."""
    with path.open("wb") as file:
        file.truncate(256 << 20)


def _link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)
