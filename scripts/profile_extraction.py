"""Shows where the time of an extraction goes, as a table for benchmarks/RESULTS.md.

    python scripts/profile_extraction.py [--backbone NAME] [--precision NAME] [--photographs N]

`fundus embed` runs twice under py-spy (`pip install py-spy`), with random weights: on photographs
that no backbone has seen, which are decoded, and with their squares in place. Every 5 ms py-spy
looks at each thread. A row counts the looks at what this program was doing, as seconds: those of
the main thread add up to the whole; the others run beside it, and their waiting is left out.
Photographs are synthetic JPEGs of 2000 x 2000 pixels, each with other bytes.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image

from benchmarks.decode import SIDE, synthetic_photograph
from fundus_core.compute import EmbedPrecision
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.embeddings.embed import embed

ROOT = Path(__file__).parents[1]
LOOKS_PER_SECOND = 200

DOES = {
    ("images.py", "read_image"): "decoding",
    ("loaders.py", "preprocess"): "crop and resize",
    ("loaders.py", "embed"): "forward pass",
    ("openvino_engine.py", "_convert"): "loading the network",
    ("openvino_engine.py", "embed"): "forward pass",
    ("embedding_store.py", "add"): "committing vectors",
    ("square_store.py", "keep"): "keeping squares",
    ("square_store.py", "get"): "reading squares",
    ("backbone_choice.py", "load_for"): "loading the network",
    ("_base.py", "result"): "waiting for squares",
}
"""What the innermost of these functions that is on the stack does."""

_FRAME = re.compile(r"(?:.*\.)?(?P<function>\S+) \((?:.*/)?(?P<file>[^/]+):\d+\)")
_WHOLE, _BESIDE = "main thread", "beside it"


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes a table for each of the two runs."""
    asked = _asked(arguments)
    choice = BackboneChoice(asked.backbone, "scratch", precision=asked.precision)
    if asked.run is not None:
        _run(Workspace(asked.run), choice)
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Workspace(Path(folder) / "workspace")
        _write_photographs(_data(place), asked.photographs)
        open_dataset(place, DataSource(_data(place)))
        for title in ("Photographs decoded", "Squares in place"):
            table = _table(_looks(_profiled(place, choice)), asked.photographs)
            what = f"{asked.backbone}, {asked.precision}, {asked.photographs} of {SIDE} x {SIDE}"
            sys.stdout.write(f"\n{title}: {what}\n\n{table}\n")
            shutil.rmtree(place.embeddings)


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--backbone", default="timm:resnet50")
    parser.add_argument("--precision", default="bf16", type=lambda name: cast(EmbedPrecision, name))
    parser.add_argument("--photographs", default=256, type=int)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _data(place: Workspace) -> Path:
    return place.root.parent / "photographs"


def _write_photographs(folder: Path, count: int) -> None:
    folder.mkdir()
    picture = synthetic_photograph()
    for number in range(count):
        shifted = np.roll(picture, 7 * number, axis=1)
        Image.fromarray(shifted).save(folder / f"{number:04d}.jpg", quality=90)


def _run(place: Workspace, choice: BackboneChoice) -> None:
    embed(place, open_dataset(place, DataSource(_data(place))), choice)


def _profiled(place: Workspace, choice: BackboneChoice) -> list[str]:
    """Returns what py-spy saw of another process that embeds: stacks with their counts."""
    written = place.root / "stacks.txt"
    spy = shutil.which("py-spy", path=Path(sys.executable).parent) or "py-spy"
    options = ["--format", "raw", "--rate", f"{LOOKS_PER_SECOND}", "--idle", "--threads"]
    work = [sys.executable, "-m", "scripts.profile_extraction", "--run", f"{place.root}"]
    work += ["--backbone", choice.backbone, "--precision", choice.precision]
    subprocess.run(
        [spy, "record", "--nonblocking", "--output", f"{written}", *options, "--", *work],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return written.read_text(encoding="utf-8").splitlines()


def _looks(stacks: Iterable[str]) -> Counter[tuple[str, str]]:
    """Returns how often each thread was seen at what, from the start of the extraction."""
    looks: Counter[tuple[str, str]] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        found = (_FRAME.fullmatch(frame) for frame in stack.split(";"))
        frames = [(frame["file"], frame["function"]) for frame in found if frame]
        is_main = ("embed.py", "embed_resolved") in frames
        does = next((DOES[frame] for frame in reversed(frames) if frame in DOES), "other")
        if is_main:
            looks[_WHOLE, does] += int(count)
        elif does != "other":
            looks[_BESIDE, does] += int(count)
    return looks


def _table(looks: Counter[tuple[str, str]], n_photographs: int) -> str:
    loading = "loading the network"
    whole = sum(looks[key] for key in looks if key[0] == _WHOLE and key[1] != loading)
    lines = [
        "| thread | what | ms per photograph | share of the time after loading |",
        "| --- | --- | --- | --- |",
    ]
    for key in sorted(looks, key=lambda key: (key[0] == _BESIDE, -looks[key])):
        each = 1000 * looks[key] / LOOKS_PER_SECOND / n_photographs
        share = "" if key[1] == loading else f"{looks[key] / whole:.0%}"
        lines.append(f"| {key[0]} | {key[1]} | {each:.1f} | {share} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
