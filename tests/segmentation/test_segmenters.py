"""Marks on the photograph: where they fall, how several networks join, classes, the baseline."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import WeightsError
from fundus_core.io.images import read_image
from fundus_core.io.masks import read_mask
from fundus_core.segmentation.channels import VESSEL
from fundus_core.segmentation.classical import frangi_shares
from fundus_core.segmentation.data import field_of
from fundus_core.segmentation.ready import READY, load_ready
from fundus_core.segmentation.scoring import score_pixels
from fundus_core.segmentation.segmenters import NetworkSegmenter
from tests.segmentation.drawn import disc, drawing

CPU = torch.device("cpu")


class Brightness(nn.Module):
    """Marks bright pixels: the logit is ten times the green channel above one half."""

    def forward(self, pixels: Tensor) -> Tensor:
        return 10 * (pixels[:, 1:2] - 0.5)


class Column(nn.Module):
    """Two classes besides the background, whatever the photograph; not mirrored with it."""

    def forward(self, pixels: Tensor) -> Tensor:
        logits = torch.zeros(len(pixels), 3, *pixels.shape[2:])
        logits[:, 1, :, 0] = 8
        return logits


def segmenter(*networks: nn.Module, **about: object) -> NetworkSegmenter:
    usual = NetworkSegmenter(networks, ("spot",), 64, PreprocessRecipe(decoder="exact"), CPU)
    return replace(usual, **about)


@pytest.mark.parametrize("fit", ["pad", "squash", "corner", "centre_crop"])
@pytest.mark.parametrize("crop", [True, False])
def test_mark__a_lit_pixel_is_marked_where_it_is(fit: str, crop: bool) -> None:
    photograph = np.zeros((120, 160, 3), np.uint8)
    field = np.zeros((120, 160), bool)
    field[10:110, 20:140] = True
    photograph[field] = (100, 40, 20)
    photograph[58:62, 88:92] = 255
    recipe = PreprocessRecipe(crop=crop, fit=fit, decoder="exact")

    (shares,) = segmenter(Brightness(), preprocessing=recipe).mark(photograph, field)

    weights = np.where(shares > 0.3, shares, 0)
    rows, columns = np.mgrid[:120, :160] + 0.5
    assert shares.shape == (120, 160)
    assert (weights * rows).sum() / weights.sum() == pytest.approx(60, abs=1)
    assert (weights * columns).sum() / weights.sum() == pytest.approx(90, abs=1.3)


def test_mark__several_networks_answer_by_their_mean() -> None:
    photograph, _ = drawing(0)

    class Never(nn.Module):
        def forward(self, pixels: Tensor) -> Tensor:
            return torch.full_like(pixels[:, :1], -50.0)

    one = segmenter(Brightness()).mark(photograph, disc())
    both = segmenter(Brightness(), Never()).mark(photograph, disc())

    assert np.allclose(both, one / 2, atol=1e-6)


def test_mark__mirror_images_are_turned_back() -> None:
    photograph, _ = drawing(0)
    of_classes = {"classes": ((0.0, 1.0, 0.0),), "preprocessing": PreprocessRecipe(crop=False)}

    plain = segmenter(Column(), **of_classes).mark(photograph, disc())[0]
    turned = segmenter(Column(), **of_classes, flips=True).mark(photograph, disc())[0]

    assert plain[50, 0] > 0.9 > 0.4 > plain[50, -1]
    assert np.allclose(turned[50, 0], turned[50, -1])
    assert np.allclose(turned, turned[:, ::-1], atol=1e-6)
    bright = segmenter(Brightness()).mark(photograph, disc())
    assert np.allclose(segmenter(Brightness(), flips=True).mark(photograph, disc()), bright)


def test_mark__classes_are_shared_out_to_channels() -> None:
    photograph, _ = drawing(0)
    halves = ((0.0, 0.5, 1.0), (0.0, 0.5, 0.0))

    found = segmenter(
        Column(), channels=("a", "b"), classes=halves, preprocessing=PreprocessRecipe(crop=False)
    ).mark(photograph, disc())

    assert found.shape == (2, 96, 96)
    assert found[0, 50, 0] == pytest.approx(0.5, abs=0.01)
    assert found[1, 50, 90] == pytest.approx(1 / 6, abs=0.01)


def test_frangi_shares__dark_lines_are_found_and_the_rim_is_not() -> None:
    photograph, lines = drawing(3, 300)

    shares = frangi_shares(photograph, disc(300))

    scores = score_pixels(shares, lines, disc(300))
    assert scores.dice > 0.7
    assert scores.auc > 0.95
    assert shares[~disc(300)].max() == 0


def test_frangi_shares__a_plain_photograph_has_no_vessels() -> None:
    plain = np.where(disc(120)[..., None], 90, 0).astype(np.uint8) * np.ones(3, np.uint8)

    assert frangi_shares(plain, disc(120)).max() == 0
    assert frangi_shares(plain, np.zeros((120, 120), bool)).max() == 0


def test_load_ready__a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "wnet.pth")

    with pytest.raises(WeightsError, match="W-Net"):
        load_ready(READY["wnet-vessel"], tmp_path / "wnet.pth", CPU)


@pytest.mark.parametrize("name", [name for name, one in READY.items() if one.layout == "wnet"])
def test_load_ready__published_w_nets_load_whole(real_data: Path, name: str) -> None:
    model = READY[name]
    photograph = read_image(real_data / "data/vessels/hrf/images/hrf_06_g.jpg")[::4, ::4].copy()

    found = load_ready(model, real_data / "weights" / model.files[0], CPU)

    shares = found.mark(photograph, field_of(photograph))
    assert shares.shape == (len(model.channels), *photograph.shape[:2])
    assert shares.min() >= 0
    assert shares.max() <= 1 + 1e-5
    assert shares.max() > 0.5


def test_wnet_vessel__marks_the_vessels_of_chase(real_data: Path) -> None:
    root = real_data / "data/vessels/chase_db1"
    photograph = read_image(root / "images/chase_03L.jpg")
    truth, field = (
        VESSEL.of(read_mask(root / folder / "chase_03L.png")) for folder in ("masks", "fov")
    )
    model = READY["wnet-vessel"]

    found = load_ready(model, real_data / "weights" / model.files[0], CPU)

    scores = score_pixels(found.mark(photograph, field)[0], truth, field)
    baseline = score_pixels(frangi_shares(photograph, field), truth, field)
    assert scores.dice > 0.7 > 0.6 > baseline.dice
    assert scores.auc > 0.96
