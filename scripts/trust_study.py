"""Writes docs/trust.md: does the trust light tell a trained network from one with random weights?

Run as `PYTHONPATH=. python scripts/trust_study.py`, or with `--toy` for a trial on a few
photographs that writes nothing. The demo photographs are synthetic and need nothing else.
"""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fundus_core.io.workspace import Workspace
from fundus_core.workflows.explanations.model_trust import (
    ModelTrust,
    model_trust,
    sample_of,
    separation,
)
from scripts.command_line import ROOT, fundus, interval_text

WORKSPACE = ROOT / "workspace" / "trust-study"
DOCUMENT = ROOT / "docs" / "trust.md"
BACKBONE, SIZE = "mobilenetv2_phantom", 224
RANDOM_SEEDS = {"grad_cam": (0, 1)}
"""Method -> the draws of random weights that its maps are compared with."""

N_PHOTOGRAPHS, N_TOY = 20, 4

TEMPLATE = """# The trust light, tested

Made by `scripts/trust_study.py`; no figure is typed by hand. {n} held-out photographs of the demo
(synthetic: nothing here is about patients), drawn at random; MobileNet V2 at {size} px with a
logistic probe for `abnormal`, its weights pre-trained on phantoms or random (two draws,
each with a probe of its own). Every map is asked for the class `1`. Intervals are 95 % bootstraps
of patients.

The separation is the chance that a map of the trained network passes a larger share of the checks
than a map of the random one (0.5: the light tells nothing), beside the mean difference of those
shares on the same photograph.

| Method | Draw | Separation | Difference | Green, trained | random | Grey, trained | random |
|---|---|---|---|---|---|---|---|
{rows}
"""


def main() -> None:
    """Fits the probes, tests the maps and writes the document."""
    parser = argparse.ArgumentParser(description="Tests the trust light.")
    parser.add_argument("--toy", action="store_true", help="A few photographs; writes nothing.")
    toy = parser.parse_args().toy
    n_photographs = N_TOY if toy else N_PHOTOGRAPHS
    draws = {"grad_cam": (0,)} if toy else RANDOM_SEEDS
    size = 96 if toy else SIZE
    folder = WORKSPACE / ("toy" if toy else "full")
    run = partial(fundus, workspace=folder)
    shape = ("--patients", 12, "--image-size", 128) if toy else ()
    demo = folder / "demo"
    run("demo", demo, *shape)
    trained = _probe(run, demo, size)
    random = {
        seed: _probe(run, demo, size, "--weights", "scratch", "--weights-seed", seed)
        for seed in sorted({seed for seeds in draws.values() for seed in seeds})
    }
    rows = []
    for method, seeds in draws.items():
        of_trained = _tested(folder, trained, n_photographs, method)
        _, patients = sample_of(Workspace(folder), trained, n_photographs)
        for seed in seeds:
            of_random = _tested(folder, random[seed], n_photographs, method)
            rows.append(_row(method, seed, of_trained, of_random, patients))
    text = TEMPLATE.format(n=n_photographs, size=size, rows="\n".join(rows))
    if toy:
        sys.stdout.write(text)
    else:
        DOCUMENT.write_text(text, encoding="utf-8")


def _probe(run: Any, demo: Path, size: int, *weights: object) -> str:
    options = ("--backbone", BACKBONE, "--image-size", size, "--precision", "fp32")
    made = run("probe", demo, *options, *weights, "--target", "abnormal")
    return str(made["run_id"])


def _tested(folder: Path, run_id: str, n_photographs: int, method: str) -> ModelTrust:
    return model_trust(
        Workspace(folder), run_id, n_photographs=n_photographs, class_name="1", method=method
    )


def _row(
    method: str,
    seed: int,
    trained: ModelTrust,
    random: ModelTrust,
    patients: np.ndarray[Any, Any] | None,
) -> str:
    area, difference = separation(trained, random, patients)
    cells = [
        f"`{method}`",
        str(seed),
        interval_text(area),
        interval_text(difference),
        *(
            interval_text(of.shares[light])
            for light in ("green", "grey")
            for of in (trained, random)
        ),
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
