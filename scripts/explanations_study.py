"""Writes docs/explanations.md: which backbone and which method point at lesions best.

Run as `PYTHONPATH=. python scripts/explanations_study.py`, with FUNDUS_REAL_DATA naming the folder
of photographs and weights, or with `--toy` for a trial on a few photographs that writes nothing.
Without real photographs only the demo is measured.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from fundus_core.explain.methods import METHODS
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.explanations.explanation_table import (
    MIDDLE,
    Case,
    TableRow,
    demo_cases,
    explanation_table,
)
from fundus_core.workflows.explanations.truth import MaskFiles
from fundus_core.workflows.models.runs import load_run
from scripts.command_line import REAL, ROOT, fundus, interval_text

WORKSPACE = ROOT / "workspace" / "explanations-study"
DOCUMENT = ROOT / "docs" / "explanations.md"
IDRID = REAL / "data" / "classification" / "idrid"
LESIONS = REAL / "data" / "lesions" / "idrid"
SIZE = 288
BACKBONES: dict[str, tuple[object, ...]] = {
    "MobileNet V2, phantoms": ("--backbone", "mobilenetv2_phantom"),
    "XCiT nano, phantoms": ("--backbone", "xcit_nano_phantom"),
    "MobileNet V2, ImageNet": ("--backbone", "mobilenetv2_100"),
    "MobileNet V1, ImageNet": ("--backbone", "mobilenetv1_100"),
    "MobileNet V2, random weights": ("--backbone", "mobilenetv2_phantom", "--weights", "scratch"),
    "DeiT tiny, random weights": (
        "--backbone", "timm:deit_tiny_patch16_224", "--weights", "scratch",
    ),
}  # fmt: skip
NEEDS_REAL = ("MobileNet V2, ImageNet", "MobileNet V1, ImageNet")
TOY = ("MobileNet V2, phantoms", "DeiT tiny, random weights")
TOY_METHODS = ("grad_cam", "weighted_attention")
N_PHOTOGRAPHS, N_TOY = 20, 6
SLOW = ("score_cam",)
N_SLOW = 6
"""Photographs for methods that take a quarter of a minute each; the others get all."""

HEAD = """# Where heat maps point

Made by `scripts/explanations_study.py`; no figure is typed by hand. Each model is a logistic probe
on frozen features at {size} px, five folds; each photograph is explained by the probe that held it
out, at the usual layer. AUC: how well a map tells the pixels of lesions from the rest of the field
of view, mean over photographs (0.5 is chance). Heat / area: the mean share of heat on lesions over
the mean share of the field that they cover (1 is an even map). Hits: maps whose maximum lies on a
lesion, give or take half a cell. Score-CAM, which is slow, was asked for the first {n_slow}
photographs alone. 95 % bootstrap intervals by {unit}. The first row is a map that
knows nothing but where the middle of the retina is: a method that does not beat it has not been
shown to find lesions.
"""


def main() -> None:
    """Fits the probes, measures the maps and writes the document."""
    parser = argparse.ArgumentParser(description="Which backbone and method point at lesions.")
    parser.add_argument("--toy", action="store_true", help="A few photographs; writes nothing.")
    toy = parser.parse_args().toy
    parts = [
        HEAD.format(size=96 if toy else SIZE, unit="patient (IDRiD: by photograph)", n_slow=N_SLOW)
    ]
    parts.append(_of_demo(toy=toy))
    if LESIONS.is_dir():
        parts.append(_of_idrid(toy=toy))
    text = "\n".join(parts)
    if toy:
        sys.stdout.write(text)
    else:
        DOCUMENT.write_text(text, encoding="utf-8")


def _of_demo(*, toy: bool) -> str:
    folder = WORKSPACE / ("toy" if toy else "full")
    shape = ("--patients", 12, "--image-size", 128) if toy else ()
    demo = folder / "demo"
    fundus("demo", demo, *shape, workspace=folder)
    runs = _probes(folder, demo, "abnormal", toy=toy)
    n_photographs = N_TOY if toy else N_PHOTOGRAPHS
    cases = demo_cases(Workspace(folder), next(iter(runs)), n_photographs=n_photographs)
    title = f"## The demo: {len(cases)} synthetic photographs, lesions as they were drawn"
    return _section(title, folder, runs, cases, toy=toy)


def _of_idrid(*, toy: bool) -> str:
    folder = WORKSPACE / ("toy" if toy else "full")
    runs = _probes(folder, IDRID, "dr_any", toy=toy)
    cases = _idrid_cases(folder, next(iter(runs)))[: N_TOY if toy else N_PHOTOGRAPHS]
    title = (
        f"## IDRiD: {len(cases)} photographs with lesions marked by hand (Porwal et al. 2018, "
        "CC BY 4.0; not part of this repository)"
    )
    return _section(title, folder, runs, cases, toy=toy)


def _probes(folder: Path, data: object, target: str, *, toy: bool) -> dict[str, str]:
    """Returns run id -> the backbone's name."""
    run = partial(fundus, workspace=folder)
    chosen = TOY if toy else tuple(BACKBONES)
    names = [name for name in chosen if REAL.is_dir() or name not in NEEDS_REAL]
    size = ("--image-size", 96 if toy else SIZE, "--precision", "fp32")
    found = {}
    for name in names:
        made = run("probe", data, *BACKBONES[name], *size, "--target", target)
        found[str(made["run_id"])] = name
    return found


def _idrid_cases(folder: Path, run_id: str) -> tuple[Case, ...]:
    """Returns the photographs with marked lesions, each as the graded set knows it."""
    dataset = stored_dataset(Workspace(folder), load_run(Workspace(folder), run_id).dataset_id)
    id_of = {
        Path(path).stem: image_id
        for path, image_id in zip(dataset.table["path"], dataset.table["image_id"], strict=True)
    }
    table = pd.read_csv(LESIONS / "lesions.csv")
    found = []
    for row in table.to_dict("records"):
        image_id = id_of.get(str(row["grading_image"]))
        masks = MaskFiles(lesions=LESIONS / str(row["mask"]))
        if image_id is not None and "lesions" in masks.regions((256, 256)):
            found.append(Case(image_id, None, masks))
    return tuple(found)


def _section(
    title: str, folder: Path, runs: dict[str, str], cases: Sequence[Case], *, toy: bool
) -> str:
    table = partial(explanation_table, Workspace(folder), list(runs))
    if toy:
        rows = table(cases, methods=TOY_METHODS)
    else:
        rows = table(cases, methods=[name for name in METHODS if name not in SLOW])
        rows += table(cases[:N_SLOW], methods=SLOW)[1:]  # without the row of the middle again
    lines = [
        title,
        "",
        "| Backbone | Method | Maps | AUC | Heat / area | Hits |",
        "|---|---|---|---|---|---|",
        *(_line(row, runs) for row in rows if not row.refused),
        "",
        *_refusals(rows, runs),
    ]
    return "\n".join(lines) + "\n"


def _line(row: TableRow, names: dict[str, str]) -> str:
    name = names.get(row.run_id, "none")
    method = "middle of the retina" if row.method == MIDDLE else METHODS[row.method].label
    figures: list[Any] = [row.auc, row.share_over_area, row.hits]
    n_maps = f"{row.n_photographs} of {row.n_photographs + row.n_without_map}"
    return f"| {' | '.join([name, method, n_maps, *map(interval_text, figures)])} |"


def _refusals(rows: Sequence[TableRow], names: dict[str, str]) -> list[str]:
    refused: dict[str, list[str]] = {}
    for row in rows:
        if row.refused:
            refused.setdefault(names[row.run_id], []).append(METHODS[row.method].label)
    return [f"No map: {name}, {', '.join(labels)}." for name, labels in refused.items()]


if __name__ == "__main__":
    main()
