"""Makes docs/first-results.md from real photographs: every figure in it comes from this script.

Run as `make first-results`, with FUNDUS_REAL_DATA naming the folder of photographs and weights.
Everything is done through the command line, as a user would.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from fundus_core.io.predictions import read_predictions
from fundus_core.plots.paper.figure import figure_file
from fundus_core.plots.paper.settings import own_settings
from fundus_core.plots.printed import PrintedMap, printed_maps, printed_row
from fundus_core.plots.roc import RocTrace, roc_figure
from fundus_core.stats.delong import auc_interval
from fundus_core.stats.roc import roc_band, roc_curve
from scripts.command_line import REAL, ROOT, fundus, p_text, span

IDRID, HRF = (REAL / "data" / "classification" / name for name in ("idrid", "hrf"))
FILE = "mobilenetv2_100.imagenet_ptq.pth"
DOCUMENT = ROOT / "docs" / "first-results.md"
PICTURES = ROOT / "docs" / "images"
WORKSPACE = ROOT / "workspace" / "first-results"

run = partial(fundus, workspace=WORKSPACE)

MODELS = {
    "ImageNet": ("--backbone", "mobilenetv2_100", "--weights", FILE),
    "scratch": ("--backbone", "mobilenetv2_100", "--weights", "scratch"),
}
SIZE = ("--image-size", "288")
EXPLAINED = 3
DOTS = 130
"""Per inch, of the pictures in the document."""

TEMPLATE = """# First results on real photographs

Made by `make first-results` (`scripts/first_results.py`), which runs the commands below; no
figure is typed by hand. Photographs: IDRiD (Porwal et al. 2018, Data 3(3):25, CC BY 4.0) and
HRF (Budai et al. 2013, CC BY 4.0), with a long side of 640 px. They are not part of this
repository; set `FUNDUS_REAL_DATA` to the folder that holds them. Backbone: MobileNet V2 at 288
px; precision on this machine: {precision}.

**Read with care.** IDRiD names no patients, so two eyes of one patient may be in different
folds and intervals treat photographs as independent (caution FD003). This is one backbone on
one data set. `fundus probe` prints these cautions:

{cautions}

## Any diabetic retinopathy on IDRiD, 5 folds

{n_images} photographs, {n_positive} with any DR.

| features | AUC (95 % interval) | AUC of each fold |
|---|---|---|
{rows}

ImageNet minus scratch: {difference:+.3f} ({low:+.3f} to {high:+.3f}), z = {z:.2f}, {p};
{method}.

![ROC curves with 95 % bands: ImageNet, scratch, mean colour](images/first-results-roc.png)

```bash
{commands}
```

## The same probe on another site: HRF

Trained on IDRiD, applied to {n_external} labelled HRF photographs ({n_external_positive} with
DR). Photographs without a label for any DR were scored and left out of the AUC.

| features | IDRiD, held out | HRF | unpaired test of the drop |
|---|---|---|---|
{external_rows}

## Maps (t-SNE)

![t-SNE maps of IDRiD coloured by any DR: ImageNet and scratch](images/first-results-maps.png)

Trustworthiness over 10 neighbours: {trust}. Axes and distances between groups have no meaning.

## Grad-CAM

The three photographs with the highest held-out score among those with DR, each explained by the
probe of the fold that never saw it. Photographs: IDRiD, CC BY 4.0, shown at reduced size. A map
shows which places moved the score, on a grid of {grid}; it does not show that these places are
lesions.

![Grad-CAM overlays on three IDRiD photographs](images/first-results-grad-cam.png)

"""


def main() -> None:
    """Runs the whole line and writes the document."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    probes = {
        name: run("probe", IDRID, *options, *SIZE, "--target", "dr_any")
        for name, options in MODELS.items()
    }
    runs = [probe["run_id"] for probe in probes.values()]
    pair = run("compare", *runs)["pairs"][0]
    external = {name: run("predict", probe["run_id"], HRF) for name, probe in probes.items()}
    maps = {
        name: run("project", IDRID, *options, *SIZE, "--method", "tsne")
        for name, options in MODELS.items()
    }
    precision = run("embed", IDRID, *MODELS["ImageNet"], *SIZE)["precision"]
    draw_roc(probes)
    draw_maps(maps, probes)
    grid = draw_explanations(probes["ImageNet"])
    labels = pd.read_parquet(probes["ImageNet"]["predictions"])["y_true"]
    outside = pd.read_parquet(next(iter(external.values()))["predictions"])["y_true"]
    DOCUMENT.write_text(
        TEMPLATE.format(
            precision=precision,
            cautions="\n".join(cautions(probes)),
            n_images=len(labels),
            n_positive=int(labels.sum()),
            rows="\n".join(probe_rows(probes)),
            difference=pair["difference"],
            low=pair["difference_low"],
            high=pair["difference_high"],
            z=pair["z"],
            p=p_text(pair["p_value"]),
            method=pair["method"],
            commands="\n".join(commands(runs)),
            n_external=len(outside),
            n_external_positive=int(outside.sum()),
            external_rows="\n".join(external_rows(external)),
            trust=", ".join(f"{name} {m['trustworthiness']:.3f}" for name, m in maps.items()),
            grid=grid,
        ),
        encoding="utf-8",
    )


def probe_rows(probes: dict[str, Any]) -> list[str]:
    """Returns the lines of the table of probes, the shortcut baseline last."""
    rows = [
        f"| {name} | {report_interval(probe)} | {fold_aucs(probe)} |"
        for name, probe in probes.items()
    ]
    baseline = next(iter(probes.values()))["baseline"]
    return [*rows, f"| mean colour alone | {span(baseline, 'low', 'high')} | |"]


def cautions(probes: dict[str, Any]) -> list[str]:
    """Returns a line for each caution, with the models that have it unless all do."""
    of: dict[str, list[str]] = {}
    for name, probe in probes.items():
        for caution in probe["cautions"]:
            of.setdefault(f"{caution['code']}: {caution['text']}", []).append(name)
    return [
        f"- {said}" if len(names) == len(probes) else f"- {', '.join(names)}: {said}"
        for said, names in of.items()
    ]


def fold_aucs(probe: dict[str, Any]) -> str:
    """Returns the AUC of each fold."""
    return ", ".join(f"{fold['auc']:.3f}" for fold in probe["folds"])


def report_interval(report: dict[str, Any]) -> str:
    """Returns the AUC of a command's report."""
    return span(report, "auc_low", "auc_high")


def external_rows(external: dict[str, Any]) -> list[str]:
    """Returns the lines of the table of external tests."""
    return [
        f"| {name} | {span(report['inside'], 'low', 'high')} | {report_interval(report)} | "
        f"{p_text(report['comparison']['p_value'])}; {report['comparison']['method']} |"
        for name, report in external.items()
    ]


def commands(runs: Sequence[str]) -> list[str]:
    """Returns the commands that a reader can repeat."""
    lines = [
        f"fundus probe IDRID {' '.join(options)} {' '.join(SIZE)} --target dr_any --folds 5"
        for options in MODELS.values()
    ]
    return [*lines, f"fundus compare {' '.join(runs)}", f"fundus predict {runs[0]} HRF --json"]


def draw_roc(probes: dict[str, Any]) -> None:
    """Draws the ROC curves of the probes and of the mean colour."""
    tables = {name: Path(probe["predictions"]) for name, probe in probes.items()}
    tables["mean colour"] = next(iter(tables.values())).with_name("baseline.parquet")
    figure = roc_figure([trace(name, path) for name, path in tables.items()])
    picture = figure_file(figure, "png", dots=DOTS)
    (PICTURES / "first-results-roc.png").write_bytes(picture)


def trace(name: str, path: Path) -> RocTrace:
    """Returns a curve with its band from a table of predictions."""
    predictions = read_predictions(path)
    y_true, y_score = predictions.y_true[:, 0], predictions.y_score[:, 0]
    return RocTrace(
        name,
        roc_curve(y_true, y_score),
        auc_interval(y_true, y_score),
        roc_band(y_true, y_score),
    )


def draw_maps(maps: dict[str, Any], probes: dict[str, Any]) -> None:
    """Draws the two maps coloured by label."""
    table = pd.read_parquet(next(iter(probes.values()))["predictions"])
    label = dict(zip(table["image_id"], np.where(table["y_true"], "any DR", "no DR"), strict=True))
    printed = [
        PrintedMap(
            f"{name} (t-SNE)",
            np.array(drawn["points"], np.float32),
            [str(label[image_id]) for image_id in drawn["image_ids"]],
        )
        for name, drawn in maps.items()
    ]
    with own_settings():
        printed_maps(printed).savefig(PICTURES / "first-results-maps.png")


def draw_explanations(probe: dict[str, Any]) -> str:
    """Draws overlays of the surest held-out hits and returns the grid of the maps in words."""
    table = pd.read_parquet(probe["predictions"])
    hits = table[table["y_true"] == 1].nlargest(EXPLAINED, "y_score")
    images = [part for image_id in hits["image_id"] for part in ("--image", image_id)]
    with TemporaryDirectory() as folder:
        rows = run("explain", probe["run_id"], *images, "--out", folder)
        pictures = [np.asarray(Image.open(row["overlay"]).convert("RGB")) for row in rows]
    titles = [f"{Path(row['path']).stem}, score {row['score']:.2f}" for row in rows]
    with own_settings():
        printed_row(pictures, titles).savefig(PICTURES / "first-results-grad-cam.png", dpi=90)
    height, width = rows[0]["grid"]
    return f"{height} x {width} places"


if __name__ == "__main__":
    main()
