"""OpenVINO: the same vectors as torch, or a sentence that says why not."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fundus_core import compute
from fundus_core.backbones import openvino_engine
from fundus_core.backbones.base import Backbone
from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.backbones.loaders import load_backbone
from fundus_core.backbones.openvino_engine import OpenVinoBackbone
from fundus_core.compute import OpenVinoPrecision
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import BackboneError
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.weights import precision as measured
from fundus_core.workflows.weights.precision import LEAST_COSINE, settle_precision

CPU = torch.device("cpu")

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="OpenVINO is an extra"
)


def loaded(name: str, precision: str, device: torch.device = CPU) -> Backbone:
    """Loads a timm network with random weights."""
    return load_backbone(
        backbone_spec(f"timm:{name}"),
        None,
        preprocessing=PreprocessRecipe(),
        device=device,
        precision=precision,
        image_size=96,
    )


def pictures(count: int) -> Tensor:
    """Returns pictures with large and small structures."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randint(0, 200, (count, 3, 6, 6), generator=generator).float()
    fine = torch.randint(0, 56, (count, 3, 96, 96), generator=generator)
    return (nn.functional.interpolate(coarse, (96, 96)) + fine).to(torch.uint8)


@pytest.mark.slow
@needs_openvino
@pytest.mark.parametrize(
    "name",
    ["mobilenetv2_100", "resnet18", "efficientnet_b0", "convnext_atto", "xcit_nano_12_p16_224"],
)
def test_embed__larger_networks_agree_with_torch(name: str) -> None:
    _agree(name)


@needs_openvino
@pytest.mark.parametrize(
    "name", ["test_resnet", "test_efficientnet", "test_convnext", "test_vit", "test_vit4"]
)
def test_embed__agrees_with_torch(name: str) -> None:
    _agree(name)


def _agree(name: str) -> None:
    batch = pictures(3)
    expected = loaded(name, "fp32").embed(batch).numpy()

    full = loaded(name, "openvino-fp32").embed(batch)
    half = loaded(name, "openvino-bf16").embed(batch)

    assert full.dtype == half.dtype == torch.float32
    assert np.allclose(full.numpy(), expected, atol=1e-4 * np.abs(expected).max())
    assert nn.functional.cosine_similarity(half, torch.from_numpy(expected)).min() >= LEAST_COSINE


@needs_openvino
def test_embed__takes_batches_of_another_size_and_keeps_what_it_gave() -> None:
    backbone, batch = loaded("test_resnet", "openvino-fp32"), pictures(3)

    first = backbone.embed(batch)
    before = first.clone()
    second = backbone.embed(batch.flip(0))
    alone = backbone.embed(batch[:1])

    assert torch.equal(first, before)
    assert torch.allclose(first, second.flip(0), atol=1e-6)
    assert torch.allclose(alone, first[:1], atol=1e-6)


@needs_openvino
def test_embed__a_batch_cut_among_threads_keeps_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    batch = pictures(16)

    found = loaded("test_resnet", "openvino-fp32").embed(batch)

    expected = loaded("test_resnet", "fp32").embed(batch)
    assert torch.allclose(found, expected, atol=1e-4 * float(expected.abs().max()))


@needs_openvino
def test_feature_map__stays_with_torch() -> None:
    batch = pictures(2)

    found = loaded("test_resnet", "openvino-bf16").feature_map(batch)

    assert torch.equal(found, loaded("test_resnet", "fp32").feature_map(batch))


@needs_openvino
def test_embed__works_where_freed_memory_is_kept_and_tells_nobody() -> None:
    script = """if True:
        import sys
        import torch
        from fundus_core.compute import keep_freed_memory
        from tests.backbones.test_openvino_engine import loaded, pictures
        keep_freed_memory()
        backbone = loaded("test_vit", "openvino-fp32")
        rows = [backbone.embed(pictures(4)) for _ in range(20)]
        assert all(torch.equal(row, rows[0]) for row in rows)
        assert sys.modules["openvino_telemetry"] is None
    """
    root = Path(__file__).parents[2]

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


class Unknown(nn.Module):
    """A network with an operation that OpenVINO lacks."""

    def forward(self, batch: Tensor) -> Tensor:
        """Returns singular values."""
        return torch.linalg.svdvals(batch.mean(dim=1))


class Branching(nn.Module):
    """A network that torch cannot trace."""

    def forward(self, batch: Tensor) -> Any:
        """Returns what is no tensor."""
        return {"vectors": batch.mean(dim=(2, 3)), "names": "three"}


@needs_openvino
@pytest.mark.parametrize("network", [Unknown(), Branching()])
def test_embed__a_network_it_cannot_convert_is_refused(network: nn.Module) -> None:
    backbone = _with("openvino-fp32", network)

    with pytest.raises(BackboneError, match="cannot convert timm:test_resnet") as refused:
        backbone.embed(pictures(1))

    assert "--precision fp32" in refused.value.hint


def _with(
    precision: OpenVinoPrecision, network: nn.Module, device: torch.device = CPU
) -> OpenVinoBackbone:
    return OpenVinoBackbone(
        backbone_spec("timm:test_resnet"),
        network,
        image_size=96,
        preprocessing=PreprocessRecipe(),
        device=device,
        precision=precision,
    )


def test_openvino_backbone__other_devices_are_refused() -> None:
    with pytest.raises(BackboneError, match="the device here is cuda"):
        _with("openvino-bf16", nn.Identity(), torch.device("cuda"))


def test_openvino_module__says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_engine.importlib.util, "find_spec", lambda name: None)

    with pytest.raises(BackboneError, match="not installed") as refused:
        _with("openvino-fp32", nn.Identity()).embed(pictures(1))

    assert openvino_engine.INSTALL in refused.value.hint


@needs_openvino
def test_openvino_module__an_allocator_that_would_abort_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/usr/lib/libjemalloc.so.2")

    with pytest.raises(BackboneError, match=r"LD_PRELOAD=/usr/lib/libjemalloc\.so\.2"):
        openvino_engine.openvino_module()


def settle(place: Path, wanted: compute.EmbedPrecision) -> measured.PrecisionChoice:
    """Settles the precision of random weights at 64 px."""
    return settle_precision(
        Workspace(place),
        backbone_spec("timm:test_resnet"),
        None,
        weights_sha256="",
        image_size=64,
        seed=0,
        wanted=wanted,
    )


@needs_openvino
def test_settle_precision__openvino_is_measured_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = settle(tmp_path, "openvino-bf16")
    monkeypatch.setattr(measured, "_least_cosine", None)

    again = settle(tmp_path, "openvino-bf16")

    assert first == again
    assert first.precision == "openvino-bf16"
    assert first.cosine is not None
    assert first.cosine >= LEAST_COSINE


def test_settle_precision__an_engine_that_computes_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "_least_cosine", lambda *_, **__: 0.9)

    for _ in range(2):  # the second time from what was noted
        with pytest.raises(BackboneError, match=r"similarity of 0\.90000"):
            settle(tmp_path, "openvino-fp32")
        monkeypatch.setattr(measured, "_least_cosine", None)


def test_choose_precision__torch_does_not_take_that_of_another_engine() -> None:
    with pytest.raises(BackboneError, match="Nothing but embeddings is computed in"):
        compute.choose_precision("openvino-fp32", CPU)  # type: ignore[arg-type]
