"""Pictures side by side: one zoom, right proportions, no more bytes than promised."""

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from fundus_core.errors import SaliencyError
from fundus_core.plots.side_by_side import Panel, row_png, side_by_side


def panel(title: str, *, height: int = 60, width: int = 90, seed: int = 0) -> Panel:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3))
    return Panel(title, noise.astype(np.uint8))


def picture(source: str) -> Image.Image:
    return Image.open(BytesIO(b64decode(source.partition(",")[2])))


def test_side_by_side__a_zoom_into_one_is_a_zoom_into_all() -> None:
    figure = side_by_side([panel("a"), panel("b"), panel("c")])

    axes = figure.layout
    assert (axes.xaxis.matches, axes.yaxis.matches) == (None, None)
    assert [axes[f"xaxis{n}"].matches for n in (2, 3)] == ["x", "x"]
    assert [axes[f"yaxis{n}"].matches for n in (2, 3)] == ["y", "y"]
    assert {(trace.xaxis, trace.yaxis) for trace in figure.data} == {
        ("x", "y"), ("x2", "y2"), ("x3", "y3"),
    }  # fmt: skip


def test_side_by_side__pictures_keep_their_proportions_and_stand_upright() -> None:
    figure = side_by_side([panel("a"), panel("b")])

    for number, (image, name) in enumerate(zip(figure.layout.images, ("", "2"), strict=True)):
        across, down = figure.layout[f"xaxis{name}"], figure.layout[f"yaxis{name}"]
        assert (image.xref, image.yref) == (f"x{name}", f"y{name}")
        assert (image.sizex, image.sizey, image.sizing) == (90, 60, "stretch")
        assert tuple(across.range) == (0, 90)
        assert tuple(down.range) == (60, 0)  # row 0 at the top
        assert down.scaleanchor == f"x{name}"
        assert (across.domain[0] > 0.5) == (number == 1)


def test_side_by_side__small_pictures_are_shown_in_full_and_large_ones_within_the_bytes() -> None:
    large = [panel(name, height=900, width=1200, seed=seed) for seed, name in enumerate("abcde")]

    small = side_by_side([panel("a")]).layout.images[0]
    sent = [image.source for image in side_by_side(large).layout.images]

    assert picture(small.source).size == (90, 60)
    assert sum(map(len, sent)) <= 1_500_000
    assert {picture(source).size for source in sent} == {(768, 576)}  # noise is hard to compress


def test_side_by_side__names_from_data_are_text() -> None:
    figure = side_by_side(
        [panel("<b>a model</b> with quite a long name, such as menus have, fine-tuned")]
    )

    assert figure.layout.annotations[0].text.startswith("&lt;b&gt;a model")
    assert "<br>" in figure.layout.annotations[0].text


@pytest.mark.parametrize("draw", [side_by_side, row_png])
def test_pictures_of_different_sizes_are_refused(draw: object) -> None:
    with pytest.raises(SaliencyError, match="2 sizes"):
        draw([panel("a"), panel("b", width=91)])  # type: ignore[operator]


def test_row_png__holds_every_pixel_and_the_titles() -> None:
    panels = [panel("first", seed=1), panel("second", seed=2)]

    row = np.asarray(Image.open(BytesIO(row_png(panels))))

    np.testing.assert_array_equal(row[:60, :90], panels[0].pixels)
    np.testing.assert_array_equal(row[:60, -90:], panels[1].pixels)
    assert (row[60:] < 128).any()
    assert row.shape[1] > 180
