"""bf16: only where it was measured to do no harm."""

from pathlib import Path

import pytest

from fundus_core import compute
from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.weights import precision
from fundus_core.workflows.weights.precision import PrecisionChoice, settle_precision


@pytest.fixture
def fast_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that computes bf16 in hardware."""
    monkeypatch.setattr(compute, "_cpu_has_fast_bf16", lambda: True)


def settle(place: Path, spec: BackboneSpec, wanted: compute.Precision = "auto") -> PrecisionChoice:
    """Settles the precision of random weights at 64 px."""
    return settle_precision(
        Workspace(place), spec, None, weights_sha256="", image_size=64, seed=0, wanted=wanted
    )


@pytest.mark.usefixtures("fast_bf16")
def test_settle_precision__a_harmless_network_may_compute_in_bf16(tmp_path: Path) -> None:
    choice = settle(tmp_path, backbone_spec("timm:test_resnet"))

    assert choice.precision == "bf16"
    assert choice.cosine is not None
    assert precision.LEAST_COSINE <= choice.cosine < 1


@pytest.mark.usefixtures("fast_bf16")
def test_settle_precision__a_network_that_drifts_computes_in_fp32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "_least_cosine", lambda *_, **__: 0.9994)

    assert settle(tmp_path, backbone_spec("timm:test_resnet")).precision == "fp32"


@pytest.mark.usefixtures("fast_bf16")
def test_settle_precision__is_measured_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = settle(tmp_path, backbone_spec("timm:test_resnet"))
    monkeypatch.setattr(precision, "_least_cosine", None)

    assert settle(tmp_path, backbone_spec("timm:test_resnet")) == first


@pytest.mark.usefixtures("fast_bf16")
def test_settle_precision__a_wish_is_not_questioned(tmp_path: Path) -> None:
    choice = settle(tmp_path, backbone_spec("timm:test_resnet"), "fp32")

    assert choice == PrecisionChoice("fp32", None)


@pytest.mark.usefixtures("fast_bf16")
def test_settle_precision__real_quantised_weights_are_kept_from_bf16(
    tmp_path: Path, real_data: Path
) -> None:
    choice = settle_precision(
        Workspace(tmp_path),
        backbone_spec("mobilenetv2_100"),
        real_data / "weights" / "mobilenetv2_100.imagenet_ptq.pth",
        weights_sha256="x",
        image_size=224,
        seed=0,
        wanted="auto",
    )

    assert choice.precision == "fp32"
    assert choice.cosine is not None
    assert choice.cosine < precision.LEAST_COSINE
