"""Writes docs/photograph.md: how often the warning of unlike photographs comes, and when it must.

Run as `PYTHONPATH=. python scripts/out_of_distribution.py`, or with `--toy` for a trial on a few
photographs that writes nothing. The demo photographs are synthetic and need nothing else; real ones
are taken from the folder that FUNDUS_REAL_DATA names, if there is one.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from fundus_core.domain.embeddings import Embeddings
from fundus_core.embedding import Photograph, Shard, embed_photographs
from fundus_core.io.workspace import Workspace
from fundus_core.shortcuts import as_row, measure
from fundus_core.workflows.data.datasets import list_datasets, stored_dataset
from fundus_core.workflows.data.measured import measure_dataset
from fundus_core.workflows.embeddings.backbone_choice import (
    BackboneChoice,
    ResolvedChoice,
    load_for,
    resolve,
)
from fundus_core.workflows.embeddings.embed import embed_resolved
from fundus_core.workflows.single.odd_look import odd_look
from fundus_core.workflows.single.one_photograph import QUALITIES
from fundus_core.workflows.single.out_of_distribution import (
    LARGEST_SHARE,
    NEIGHBOURS,
    alarm_rate,
    distance_of,
    surroundings,
)
from scripts.command_line import ROOT, fundus

WORKSPACE = ROOT / "workspace" / "out-of-distribution"
DOCUMENT = ROOT / "docs" / "photograph.md"
MODELS = {
    "MobileNet V2, phantoms": BackboneChoice("mobilenetv2_phantom", precision="fp32"),
    "XCiT-N12, phantoms": BackboneChoice("xcit_nano_phantom", precision="fp32"),
    "MobileNet V2, random weights": BackboneChoice(
        "mobilenetv2_phantom", "scratch", precision="fp32"
    ),
}
N_DRAWN, N_REAL, SIDE = 20, 40, 512
_SETS = ("idrid", "hrf")

TEMPLATE = """# One photograph: when the warning comes

Made by `scripts/out_of_distribution.py`; no figure is typed by hand.

The page **One photograph** and `fundus photograph` compare a photograph with those of the data set
in the space of each model's backbone. The distance is 1 - cosine to the {k}th nearest embedding
(Sun et al. 2022); the same distance is known of every photograph of the data set, its own patient
left out. A photograph is called *unlike what the model was fitted on* if fewer than {share:.0%} of
the data set's photographs lie as far out.

A second warning needs no network: light, sharpness and field of view of the photograph are held
against those of the data set. It looks *unlike* if fewer than {share:.0%} of the data set's
photographs lie as far from the median in any measure (in robust standard deviations).

Below, the data set is the demo: {n} synthetic photographs of {patients} drawn patients. Nothing in
this table is about patients. Shares called unlike:

| Photographs | Number | By its look | {models} |
|---|---|---|{bars}
{rows}

- **Held-out phantoms** are those of a fifth of the patients, drawn ten times, against the others:
  mean share, with the smallest and the largest of the ten. The rules promise about {share:.0%}.
- **Drawn pictures** are no fundus photographs and should all be called unlike. By a network that
  saw phantoms alone, many are not: what it never had to tell apart, it maps close to what it knows.
  The look notices what the network does not.
- **Real photographs** are fundus photographs, of a kind that none of these models ever saw. How few
  the networks call unlike is the limit of that warning: its absence is no licence to trust a model
  on another camera, disease or population.

Embeddings are not centred for this. With centred ones, which serve for finding neighbours,
{centred}.
"""


def main() -> None:
    """Embeds, measures and writes the document."""
    parser = argparse.ArgumentParser(description="Measures the warning of unlike photographs.")
    parser.add_argument("--toy", action="store_true", help="A few photographs; writes nothing.")
    toy = parser.parse_args().toy
    folder = WORKSPACE / ("toy" if toy else "full")
    run = partial(fundus, workspace=folder)
    run("demo", folder / "demo", *(("--patients", 12, "--image-size", 128) if toy else ()))
    run("check", folder / "demo")
    place = Workspace(folder)
    dataset = stored_dataset(place, list_datasets(place)[0].id)
    patients = dataset.patient_ids
    if patients is None:
        raise ValueError("the demo knows its patients")
    cells: dict[str, list[str]] = {}
    missed = []
    with TemporaryDirectory() as drawn:
        pictures = _pictures(Path(drawn), 3 if toy else N_DRAWN)
        pictures |= _real(3 if toy else N_REAL)
        _measure_looks(cells, measure_dataset(place, dataset).table, patients, pictures)
        for choice in MODELS.values():
            resolved = resolve(place, choice)
            embeddings = embed_resolved(place, dataset, resolved)
            rates = alarm_rate(embeddings.vectors, patients)
            line = f"{np.mean(rates):.1%} ({min(rates):.1%} to {max(rates):.1%})"
            cells["Held-out phantoms"].append(line)
            missed.append(_measure(cells, resolved, embeddings, patients, pictures))
    text = TEMPLATE.format(
        k=NEIGHBOURS,
        share=LARGEST_SHARE,
        n=len(dataset),
        patients=dataset.n_patients,
        models=" | ".join(MODELS),
        bars="---|" * len(MODELS),
        rows="\n".join(f"| {name} | {' | '.join(values)} |" for name, values in cells.items()),
        centred="; ".join(f"{name} {said}" for name, said in zip(MODELS, missed, strict=True)),
    )
    if toy:
        sys.stdout.write(text)
    else:
        DOCUMENT.write_text(text, encoding="utf-8")


def _measure_looks(
    cells: dict[str, list[str]],
    table: pd.DataFrame,
    patients: NDArray[np.str_],
    pictures: Mapping[str, list[Path]],
) -> None:
    """Adds the number of photographs and the share that look unlike, before any network."""
    measures = table[list(QUALITIES)]
    rates = []
    for seed in range(10):
        shuffled = np.random.default_rng(seed).permutation(np.unique(patients))
        new = np.isin(patients, shuffled[: len(shuffled) // 5])
        rates.append(np.mean(_odd(measures[new].to_dict("records"), measures[~new])))
    line = f"{np.mean(rates):.1%} ({min(rates):.1%} to {max(rates):.1%})"
    cells["Held-out phantoms"] = [str(len(table)), line]
    for kind, paths in pictures.items():
        unlike = _odd([as_row(measure(path)) for path in paths], measures)
        cells[kind] = [str(len(paths)), f"{np.mean(unlike):.0%}"]


def _odd(rows: Sequence[Mapping[Any, float]], measures: pd.DataFrame) -> list[bool]:
    others = {name: measures[name].to_numpy(np.float64) for name in QUALITIES}
    return [odd_look({name: row[name] for name in QUALITIES}, others).unlike for row in rows]


def _measure(
    cells: dict[str, list[str]],
    resolved: ResolvedChoice,
    embeddings: Embeddings,
    patients: NDArray[np.str_],
    pictures: Mapping[str, list[Path]],
) -> str:
    """Adds a column of shares; returns how many drawn pictures centring would have missed."""
    around = surroundings(embeddings.vectors, patients)
    mean = embeddings.vectors.mean(axis=0)
    centred = surroundings(embeddings.vectors - mean, patients)
    found = n_drawn = 0
    for kind, paths in pictures.items():
        vectors = _embedded(resolved, paths)
        unlike = [distance_of(one, around).unlike for one in vectors]
        cells[kind].append(f"{np.mean(unlike):.0%}")
        if kind.startswith("Drawn"):
            found += sum(distance_of(one - mean, centred).unlike for one in vectors)
            n_drawn += len(vectors)
    return f"would call {found} of {n_drawn} drawn pictures unlike"


def _embedded(resolved: ResolvedChoice, paths: list[Path]) -> NDArray[np.float32]:
    shards: list[Shard] = []
    embed_photographs(
        load_for(resolved),
        [Photograph(str(path), path) for path in paths],
        on_shard=shards.append,
        batch_size=8,
    )
    return np.concatenate([shard.vectors for shard in shards])


def _pictures(folder: Path, count: int) -> dict[str, list[Path]]:
    """Draws pictures that are no fundus photographs, `count` of each kind."""
    generator = np.random.default_rng(0)
    kinds: dict[str, list[Path]] = {}
    for number in range(count):
        for kind, pixels in _kinds(generator):
            path = folder / f"{kind}-{number}.png"
            Image.fromarray(pixels.astype(np.uint8)).save(path)
            kinds.setdefault(f"Drawn: {kind}", []).append(path)
    return kinds


def _kinds(generator: np.random.Generator) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yields a picture of each kind, its colours drawn at random, (SIDE, SIDE, 3) in [0, 255]."""
    down, right = np.mgrid[:SIDE, :SIDE, :1][:2] / SIDE
    first, second = generator.uniform(0, 255, (2, 3))
    turned = np.cos(angle := generator.uniform(0, np.pi)) * right + np.sin(angle) * down
    yield "one colour", np.ones((SIDE, SIDE, 1)) * first
    yield "gradient", first + (second - first) * np.clip(turned, 0, 1)
    yield "noise", generator.uniform(0, 255, (SIDE, SIDE, 3))
    cells = (right * generator.integers(4, 20)).astype(int) + (down * 12).astype(int)
    yield "chequers", np.where(cells % 2, first, second)


def _real(count: int) -> dict[str, list[Path]]:
    """Returns real photographs, the first `count` of each set."""
    folder = Path(os.environ.get("FUNDUS_REAL_DATA") or ROOT.parent / "shared")
    found = {
        name: sorted((folder / "data" / "classification" / name / "images").glob("*.*"))[:count]
        for name in _SETS
    }
    return {f"Real: {name.upper()}": paths for name, paths in found.items() if paths}


if __name__ == "__main__":
    main()
