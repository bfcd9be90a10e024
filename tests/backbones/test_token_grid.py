"""Tokens and channels land on the grid where they belong."""

import pytest
import timm
import torch

from fundus_core.backbones.token_grid import TokenGrid, declared_grid, to_channels_first
from fundus_core.errors import SaliencyError

PLACES = torch.tensor([[11.0, 12.0, 13.0], [21.0, 22.0, 23.0]])
"""Each value names its row and column; the second feature is the negative of the first."""
EXPECTED = torch.stack([PLACES, -PLACES])[None]  # (1, 2, 2, 3)


def test_to_channels_first__leaves_nchw_as_it_is() -> None:
    assert to_channels_first(EXPECTED, "NCHW").equal(EXPECTED)


def test_to_channels_first__moves_the_channels_of_nhwc() -> None:
    channels_last = torch.stack([PLACES, -PLACES], dim=-1)[None]  # (1, 2, 3, 2)

    assert to_channels_first(channels_last, "NHWC").equal(EXPECTED)


@pytest.mark.parametrize("n_prefix", [0, 1, 5])
def test_to_channels_first__drops_prefix_tokens_and_fills_rows_from_the_top(n_prefix: int) -> None:
    tokens = torch.stack([PLACES.flatten(), -PLACES.flatten()], dim=-1)[None]  # (1, 6, 2)
    prefix = torch.full((1, n_prefix, 2), 99.0)

    arranged = to_channels_first(
        torch.cat([prefix, tokens], dim=1), "NLC", TokenGrid(n_prefix, height=2, width=3)
    )

    assert arranged.equal(EXPECTED)


def test_to_channels_first__takes_tokens_before_the_class_token_joined() -> None:
    tokens = torch.stack([PLACES.flatten(), -PLACES.flatten()], dim=-1)[None]

    arranged = to_channels_first(tokens, "NLC", TokenGrid(n_prefix=1, height=2, width=3))

    assert arranged.equal(EXPECTED)


def test_to_channels_first__refuses_tokens_that_do_not_fill_the_grid() -> None:
    tokens = torch.zeros(1, 1 + 2 * 4, 2)

    with pytest.raises(SaliencyError, match=r"\(1, 9, 2\).*1 \+ 2 x 3"):
        to_channels_first(tokens, "NLC", TokenGrid(n_prefix=1, height=2, width=3))


def test_to_channels_first__refuses_tokens_without_a_grid() -> None:
    with pytest.raises(SaliencyError, match="where they lie is not known"):
        to_channels_first(torch.zeros(1, 6, 2), "NLC")


@pytest.mark.parametrize("shape", [(2, 512), (2, 49, 512)])
def test_to_channels_first__refuses_what_is_no_picture(shape: tuple[int, ...]) -> None:
    with pytest.raises(SaliencyError, match="needs 4"):
        to_channels_first(torch.zeros(shape), "NCHW")


def test_to_channels_first__refuses_what_lies_after_the_pooling() -> None:
    with pytest.raises(SaliencyError, match="after the pooling"):
        to_channels_first(torch.zeros(2, 512, 1, 1), "NCHW")


def test_declared_grid__counts_register_tokens() -> None:
    module = timm.create_model("vit_small_patch14_reg4_dinov2", pretrained=False, img_size=70)

    assert declared_grid(module, (70, 70)) == TokenGrid(n_prefix=5, height=5, width=5)


def test_declared_grid__follows_the_input_where_its_size_may_vary() -> None:
    module = timm.create_model("test_vit", pretrained=False, dynamic_img_size=True)

    assert declared_grid(module, (64, 96)) == TokenGrid(n_prefix=1, height=4, width=6)
    assert module.patch_embed.grid_size == (10, 10)


def test_declared_grid__refuses_a_network_that_does_not_declare_one() -> None:
    with pytest.raises(SaliencyError, match="Linear does not say"):
        declared_grid(torch.nn.Linear(1, 1), (32, 32))
