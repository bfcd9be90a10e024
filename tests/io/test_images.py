"""Reading photographs: right colours from every kind of file, a reason for every refusal."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fundus_core.domain.recipe import DecoderName
from fundus_core.errors import ImageError
from fundus_core.io.images import read_image, scan_image, thumbnail
from tests.hostile.pictures import (
    HEIGHT,
    WIDTH,
    HostileFile,
    encode,
    make_hostile_corpus,
    picture,
    png_bomb,
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[HostileFile]:
    return make_hostile_corpus(tmp_path_factory.mktemp("hostile"))


def _outcome(file: HostileFile) -> str | None:
    """Why a file is refused by a scan, or None."""
    try:
        scan_image(file.path)
    except ImageError as error:
        return error.reason
    return None


def _expected(file: HostileFile) -> NDArray[np.uint8]:
    """What a sound file of the corpus shows."""
    grey = np.asarray(Image.fromarray(picture()).convert("L"))
    return np.repeat(grey[..., np.newaxis], 3, axis=2) if file.grey else picture()


@pytest.mark.parametrize("decoder", ["fast", "exact"])
def test_read_image__every_sound_file_shows_the_same_upright_picture(
    corpus: list[HostileFile], decoder: DecoderName
) -> None:
    sound = [file for file in corpus if file.reason is None]

    worst = {}
    for file in sound:
        error = read_image(file.path, decoder=decoder).astype(float) - _expected(file)
        worst[file.path.name] = float(np.sqrt((error**2).mean()))

    assert len(worst) > 50
    assert max(worst.values()) < 2.5, max(worst, key=worst.__getitem__)  # 40 dB


def test_read_image__sixteen_bits_are_scaled_to_within_one_level(
    corpus: list[HostileFile],
) -> None:
    deep = [file for file in corpus if "16" in file.path.name]

    errors = [np.abs(read_image(f.path).astype(int) - _expected(f)).max() for f in deep]

    assert len(errors) == 6
    assert max(errors) <= 1


def test_scan_image__tells_the_reason_of_every_file(corpus: list[HostileFile]) -> None:
    expected = {file.path.name: file.reason for file in corpus}

    told = {file.path.name: _outcome(file) for file in corpus}

    assert told == expected


@pytest.mark.parametrize("decoder", ["fast", "exact"])
def test_read_image__refuses_what_the_scan_refuses(
    corpus: list[HostileFile], decoder: DecoderName
) -> None:
    for file in corpus:
        if file.reason not in (None, "blank"):  # what is blank can still be shown
            with pytest.raises(ImageError) as caught:
                read_image(file.path, decoder=decoder)
            assert caught.value.reason == file.reason, file.path.name


def test_scan_image__knows_upright_size_and_content(corpus: list[HostileFile]) -> None:
    for file in corpus:
        if file.reason is None:
            scanned = scan_image(file.path)
            data = file.path.read_bytes()
            assert (scanned.width, scanned.height) == (WIDTH, HEIGHT), file.path.name
            assert scanned.image_id == hashlib.sha256(data).hexdigest()[:32]
            assert scanned.n_bytes == len(data)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_scan_image__what_differs_by_eight_levels_in_one_colour_shows_something(
    tmp_path: Path, suffix: str
) -> None:
    pixels = np.full((80, 80, 3), 100, np.uint8)
    pixels[:40, :, 1] = 107
    path = tmp_path / f"eye.{suffix}"

    Image.fromarray(pixels).save(path)
    with pytest.raises(ImageError, match="shows nothing: its colours differ by 7 of 255 levels"):
        scan_image(path)
    pixels[:40, :, 1] = 108
    Image.fromarray(pixels).save(path)

    assert scan_image(path).width == 80


def test_scan_image__works_from_many_threads(corpus: list[HostileFile]) -> None:
    files = corpus * 3

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(_outcome, files))

    assert told == [file.reason for file in files]


def test_scan_image__leaves_stderr_alone(corpus: list[HostileFile]) -> None:
    folder = corpus[0].path.parent
    noisy = folder.parent / "noisy"
    noisy.mkdir(exist_ok=True)
    compressed = bytearray(encode(Image.fromarray(picture()), "TIFF", compression="tiff_lzw"))
    compressed[100:2000:7] = b"\xff" * len(compressed[100:2000:7])
    (noisy / "damaged.tif").write_bytes(compressed)
    code = (
        "import sys, pathlib\n"
        "from fundus_core.io.images import scan_image, read_image\n"
        "from fundus_core.errors import ImageError\n"
        "for folder in sys.argv[1:]:\n"
        "    for path in sorted(pathlib.Path(folder).iterdir()):\n"
        "        for read in (scan_image, read_image):\n"
        "            try: read(path)\n"
        "            except ImageError: pass\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(noisy)],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )

    assert (run.stdout, run.stderr) == (b"", b"")


def test_read_image__of_a_bomb_needs_no_memory(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    (tmp_path / "bomb.png").write_bytes(png_bomb(30_000, 30_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(ImageError, match="30000 x 30000 pixels; at most 100,000,000"):
        read_image(tmp_path / "bomb.png")

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes


def test_read_image__may_reduce_a_jpeg_but_not_below_min_side(tmp_path: Path) -> None:
    whole = Image.fromarray(picture()).resize((1600, 1200))
    (tmp_path / "large.jpg").write_bytes(encode(whole, "JPEG", quality=95))

    reduced = read_image(tmp_path / "large.jpg", min_side=300)

    assert reduced.shape == (300, 400, 3)
    error = reduced.astype(float) - np.asarray(whole.reduce(4))
    assert np.sqrt((error**2).mean()) < 3


def test_read_image__reduces_a_turned_jpeg_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.fromarray(picture()).resize((1600, 1200)).transpose(Image.Transpose.ROTATE_90)
    (tmp_path / "turned.jpg").write_bytes(encode(stored, "JPEG", exif=exif))

    reduced = read_image(tmp_path / "turned.jpg", min_side=300)

    assert reduced.shape == (300, 400, 3)


def test_read_image__exact_never_reduces(tmp_path: Path) -> None:
    whole = Image.fromarray(picture()).resize((1600, 1200))
    (tmp_path / "large.jpg").write_bytes(encode(whole, "JPEG"))

    image = read_image(tmp_path / "large.jpg", min_side=300, decoder="exact")

    assert np.array_equal(image, np.asarray(Image.open(tmp_path / "large.jpg")))


def test_read_image__may_be_drawn_on(corpus: list[HostileFile]) -> None:
    for file in corpus:
        if file.reason is None:
            image = read_image(file.path)
            assert image.flags.writeable, file.path.name
            assert image.flags.c_contiguous, file.path.name


def test_read_image__without_permission_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "locked.png"
    path.write_bytes(encode(Image.fromarray(picture()), "PNG"))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")

    with pytest.raises(ImageError, match="could not be read") as caught:
        read_image(path)

    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize("name", ["nowhere.jpg", "nul\0.jpg", "x" * 300 + ".jpg"])
def test_read_image__names_that_cannot_exist_do_not_crash(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImageError):
        read_image(tmp_path / name)


def test_thumbnail__is_antialiased() -> None:
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255

    small = thumbnail(stripes, 100)

    assert small.shape == (100, 100, 3)
    assert np.abs(small[:, 2:-2].astype(int) - 127).max() <= 4


def test_thumbnail__keeps_what_is_small_already() -> None:
    image = picture()

    assert np.array_equal(thumbnail(image, 1000), image)
