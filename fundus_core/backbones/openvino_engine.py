"""The forward pass by OpenVINO: an optional engine for processors, of a converted torch network."""

import contextlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.loaders import TorchBackbone
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import BackboneError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

INSTALL = 'pip install "openvino>=2026.4"'

_TYPES: dict[str, str] = {"openvino-fp32": "f32", "openvino-bf16": "bf16"}
"""How OpenVINO names what it computes in. Left to itself it chooses by the processor."""

_HINT = "INFERENCE_PRECISION_HINT"
"""A property: what is asked for when a network is compiled, and what came of it afterwards."""

_LEAST_PART = 8
"""Pictures that one part of a batch holds: of fewer, matrices are too small to be fast."""

_ABORTING_ALLOCATORS = ("tcmalloc", "jemalloc")
"""Preloaded, they end the whole process when OpenVINO frees what another allocator took."""


class OpenVinoBackbone(TorchBackbone):
    """Embeds by OpenVINO; heat maps and whatever else needs the network itself stay with torch."""

    def __init__(
        self,
        spec: BackboneSpec,
        module: "nn.Module",
        *,
        image_size: int,
        preprocessing: PreprocessRecipe,
        device: "torch.device",
        precision: str,
    ) -> None:
        """Keeps the network; it is converted when it first embeds.

        Raises:
            BackboneError: If the device is no processor.
        """
        if device.type != "cpu":
            raise BackboneError(
                f"The precision {precision!r} is for processors; the device here is {device}.",
                hint="Choose bf16 (--precision), or set FUNDUS_DEVICE=cpu.",
            )
        super().__init__(
            spec,
            module,
            image_size=image_size,
            preprocessing=preprocessing,
            device=device,
            precision="fp32",
        )
        self._type = _TYPES[precision]
        self._converted: tuple[tuple[int, ...], Any] | None = None

    def embed(self, batch: "Tensor") -> "Tensor":
        """Maps uint8 inputs (B, 3, S, S) to float32 embeddings (B, D), on the CPU.

        Raises:
            BackboneError: If OpenVINO is missing, or knows an operation of the network not.
        """
        import torch

        shape = tuple(batch.shape)
        if self._converted is None or self._converted[0] != shape:
            self._converted = shape, self._convert(shape)
        requests = self._converted[1]
        for request, part in zip(requests, batch.chunk(len(requests)), strict=True):
            request.start_async([part.contiguous().numpy()])
        for request in requests:
            request.wait()
        rows = [request.get_output_tensor().data for request in requests]
        return torch.from_numpy(np.concatenate(rows).astype(np.float32, copy=False))

    def _convert(self, whole: tuple[int, ...]) -> list[Any]:
        """Returns the network ready for batches of one shape, once for each part of the batch."""
        import torch

        openvino = openvino_module()
        n_parts = _parts(whole[0], torch.get_num_threads())
        shape = (whole[0] // n_parts, *whole[1:])
        with _quiet(), torch.no_grad(), _refused(openvino, self.spec.id):
            model = openvino.convert_model(
                self.module, example_input=torch.zeros(shape), input=list(shape)
            )
            compiled = openvino.Core().compile_model(
                self._from_pixels(openvino, model),
                "CPU",
                {
                    _HINT: self._type,
                    "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                    "NUM_STREAMS": n_parts,
                },
            )
        if compiled.get_property(_HINT) != getattr(openvino.Type, self._type):
            raise BackboneError(
                f"This processor does not compute in {self._type}.",
                hint="Choose openvino-fp32 (--precision openvino-fp32).",
            )
        return [compiled.create_infer_request() for _ in range(n_parts)]

    def _from_pixels(self, openvino: Any, model: Any) -> Any:
        """Returns a converted network that takes uint8 and normalises it itself."""
        steps = openvino.preprocess.PrePostProcessor(model)
        layout = openvino.Layout("NCHW")
        steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(layout)
        steps.input().model().set_layout(layout)
        prepared = steps.input().preprocess().convert_element_type(openvino.Type.f32)
        prepared.mean([255 * value for value in self.spec.mean])
        prepared.scale([255 * value for value in self.spec.std])
        return steps.build()


def _parts(batch_size: int, n_threads: int) -> int:
    """Returns into how many equal parts a batch is cut, each with threads of its own.

    Threads that share no picture wait for one another once per batch and not once per layer.

    Examples:
        >>> [_parts(16, threads) for threads in (1, 2, 16)], _parts(1, 8), _parts(24, 2)
        ([1, 2, 2], 1, 2)
    """
    most = max(1, min(n_threads, batch_size // _LEAST_PART))
    return next(parts for parts in range(most, 0, -1) if batch_size % parts == 0)


def openvino_module() -> Any:
    """Returns OpenVINO, which no other module imports by itself.

    Raises:
        BackboneError: If it is not installed, or would end this process.
    """
    if importlib.util.find_spec("openvino") is None:
        raise BackboneError(
            "The precisions openvino-fp32 and openvino-bf16 need OpenVINO, which is not installed.",
            hint=f"Install it: {INSTALL}, or this program with [openvino].",
        )
    preloaded = os.environ.get("LD_PRELOAD", "")
    if any(name in preloaded for name in _ABORTING_ALLOCATORS):
        raise BackboneError(
            f"OpenVINO ends processes that run with LD_PRELOAD={preloaded}.",
            hint="Unset LD_PRELOAD, or choose bf16 (--precision).",
        )
    # Else its package tells its makers of each import and conversion, over the network.
    cast(dict[str, Any], sys.modules).setdefault("openvino_telemetry", None)
    with _quiet():
        return importlib.import_module("openvino")


@contextlib.contextmanager
def _refused(openvino: Any, backbone: str) -> Iterator[None]:
    """Turns what OpenVINO raises of a network it cannot take into a sentence."""
    frontend = openvino.frontend
    causes = (
        RuntimeError,  # also where torch cannot trace the network
        frontend.GeneralFailure,
        frontend.InitializationFailure,
        frontend.NotImplementedFailure,
        frontend.OpConversionFailure,
        frontend.OpValidationFailure,
    )
    try:
        yield
    except causes as error:
        first = str(error).strip().partition("\n")[0]
        raise BackboneError(
            f"OpenVINO {openvino.__version__} cannot convert {backbone}: {first}",
            hint="Choose what torch computes: fp32 (--precision fp32) or bf16.",
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Holds back what torch and OpenVINO say of one another, and of shapes that are meant."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
