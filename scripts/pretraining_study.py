"""Writes docs/pretraining.md: what pre-training on phantoms is worth on real photographs.

Run as `make pretraining-study`, with FUNDUS_REAL_DATA naming the folder of photographs and
weights. Every figure comes from `fundus` commands. The weights in two steps that `make
upstream-study` leaves are compared as well, and further ones of MobileNet V2 when named, e.g.
`ARGS="Mine=FILE"`.
"""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scripts.command_line import REAL, ROOT, fundus, p_text, span

CLASSIFICATION = REAL / "data" / "classification"
IDRID, HRF = CLASSIFICATION / "idrid", CLASSIFICATION / "hrf"
DOCUMENT = ROOT / "docs" / "pretraining.md"
WORKSPACE = ROOT / "workspace" / "pretraining-study"
IMAGENET = "mobilenetv2_100.imagenet_ptq.pth"
ARCHITECTURES = {
    "MobileNet V2": ("--backbone", "mobilenetv2_phantom"),
    "XCiT-N12/16": ("--backbone", "xcit_nano_phantom"),
}
"""Shipped weights by the name of their architecture."""

TWO_STEPS = ROOT / "workspace" / "upstream-study" / "weights" / "lesions-demo-imagenet.safetensors"
"""Started from ImageNet, then pre-trained on fewer phantoms than the shipped weights."""

IMAGE_SIZE = 288
SCRATCH_SEEDS = (0, 1, 2)

run = partial(fundus, workspace=WORKSPACE)


@dataclass(frozen=True, slots=True)
class Model:
    """One way to initialise an architecture."""

    architecture: str
    initialisation: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """One question asked of real photographs."""

    title: str
    data: Path
    target: str


TASKS = (
    Task("IDRiD, any diabetic retinopathy, 5 folds", IDRID, "dr_any"),
    Task("IDRiD, any macular oedema, 5 folds", IDRID, "dme_any"),
    Task("HRF, diabetic retinopathy or healthy, 5 folds", HRF, "dr_any"),
)

TEMPLATE = """# What pre-training on phantoms is worth on real photographs

Made by `make pretraining-study` (`scripts/pretraining_study.py`); no figure is typed by hand.
Logistic regression on frozen features at {size} px; area under the ROC curve of held-out
photographs with its 95 % interval. "Phantom" are the weights shipped with this project, trained on
synthetic photographs only: no photograph below was seen before. "Scratch" is the same network with
random weights, "ImageNet, then Phantom" the small second step of docs/upstream.md.
Photographs: IDRiD (Porwal et al. 2018, CC BY 4.0) and HRF (Budai et al. 2013,
CC BY 4.0), 640 px wide; they are not part of this repository. Neither names its patients, so
intervals treat photographs as independent (caution FD003).

{sections}

## Trained on IDRiD, tested on HRF

The probe of any diabetic retinopathy, fitted on all of IDRiD, on {n_external} HRF photographs
({n_positive} with diabetic retinopathy): too few to tell models apart, but a model that only
learned the site falls towards 0.5.

| Architecture | Initialisation | HRF | Phantom minus this |
|---|---|---|---|
{external}
"""


def main() -> None:
    """Runs the study and writes the document."""
    models = _models(sys.argv[1:])
    probes = {task: [_probe(task, model) for model in models] for task in TASKS}
    sections = [_section(task, models, probes[task]) for task in TASKS]
    outside = [run("predict", probe["run_id"], HRF) for probe in probes[TASKS[0]]]
    DOCUMENT.write_text(
        TEMPLATE.format(
            size=IMAGE_SIZE,
            sections="\n\n".join(sections),
            n_external=outside[0]["n_labelled"],
            n_positive=_positives(outside[0]),
            external="\n".join(_rows(models, outside)),
        ),
        encoding="utf-8",
    )


def _models(further: list[str]) -> list[Model]:
    """Returns what is compared; in each architecture the phantoms' weights come first."""
    found = []
    for architecture, backbone in ARCHITECTURES.items():
        found.append(Model(architecture, "Phantom", backbone))
        found += _from_scratch(architecture, backbone)
        if architecture == "MobileNet V2":
            imagenet = ("--backbone", "mobilenetv2_100", "--weights", IMAGENET)
            found.append(Model(architecture, "ImageNet", imagenet))
            if TWO_STEPS.is_file():
                two_steps = (*backbone, "--weights", str(TWO_STEPS))
                found.append(Model(architecture, "ImageNet, then Phantom", two_steps))
            named = (given.partition("=") for given in further)
            found += [
                Model(architecture, name, (*backbone, "--weights", path)) for name, _, path in named
            ]
    return found


def _from_scratch(architecture: str, backbone: tuple[str, ...]) -> list[Model]:
    return [
        Model(
            architecture,
            f"Scratch, seed {seed}",
            (*backbone, "--weights", "scratch", "--weights-seed", str(seed)),
        )
        for seed in SCRATCH_SEEDS
    ]


def _probe(task: Task, model: Model) -> Any:
    size = ("--image-size", IMAGE_SIZE)
    return run("probe", task.data, *model.options, *size, "--target", task.target)


def _section(task: Task, models: list[Model], probes: list[Any]) -> str:
    """Returns heading and table of one task."""
    n, baseline = probes[0]["n_images"], span(probes[0]["baseline"])
    table = "\n".join(_rows(models, probes))
    return (
        f"## {task.title}\n\n{n} photographs. Mean colour alone: {baseline}.\n\n"
        "| Architecture | Initialisation | AUC | Phantom minus this |\n|---|---|---|---|\n" + table
    )


def _rows(models: list[Model], reports: list[Any]) -> list[str]:
    """Returns a line per model, each tested against the phantoms' weights of its architecture."""
    own: dict[str, str] = {}
    lines = []
    for model, report in zip(models, reports, strict=True):
        first = own.setdefault(model.architecture, report["run_id"])
        test = "" if first == report["run_id"] else _difference(first, report["run_id"])
        auc = span(report, "auc_low", "auc_high")
        lines.append(f"| {model.architecture} | {model.initialisation} | {auc} | {test} |")
    return lines


def _difference(first: str, second: str) -> str:
    pair = run("compare", first, second)["pairs"][0]
    low, high = pair["difference_low"], pair["difference_high"]
    p_value = p_text(pair["p_value"])
    return f"{pair['difference']:+.3f} ({low:+.3f} to {high:+.3f}), {p_value}"


def _positives(report: Any) -> int:
    import pandas as pd

    return int(pd.read_parquet(report["predictions"])["y_true"].sum())


if __name__ == "__main__":
    main()
