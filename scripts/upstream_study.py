"""Writes docs/upstream.md: which upstream task is worth most, at a small and equal budget.

Run as `make upstream-study`, with FUNDUS_REAL_DATA naming the folder of photographs and weights.
Every figure comes from `fundus` commands; what was made before is used again.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from scripts.command_line import REAL, ROOT, fundus, p_text, span

IDRID = REAL / "data" / "classification" / "idrid"
IMAGENET = REAL / "weights" / "mobilenetv2_100.imagenet_ptq.pth"
WORKSPACE = ROOT / "workspace" / "upstream-study"
DOCUMENT = ROOT / "docs" / "upstream.md"
BACKBONE = "mobilenetv2_phantom"

N_PATIENTS = 800
DRAWN_SIZE, TRAINED_SIZE, TESTED_SIZE = 256, 224, 288
EPOCHS = 4
SEED = 2

run = partial(fundus, workspace=WORKSPACE)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to pre-train, or not to."""

    title: str
    task: str = ""
    """Key of `UPSTREAM_TASKS`; empty for none."""

    healthy_share: float | None = None
    """Of the phantoms; None for the demo's mix."""

    initial: str = "scratch"
    learning_rate: float = 1e-3


ATTEMPTS = (
    Attempt("random weights"),
    Attempt("`abnormal`, eight of ten healthy (as published)", "abnormal", healthy_share=0.8),
    Attempt("`abnormal`, the demo's mix", "abnormal"),
    Attempt("`diseases`", "diseases"),
    Attempt("`lesions`", "lesions"),
    Attempt("`lesions`, from ImageNet", "lesions", initial=str(IMAGENET), learning_rate=3e-4),
    Attempt("ImageNet alone", initial=str(IMAGENET)),
)

TEMPLATE = """# Which upstream task

Made by `make upstream-study` (`scripts/upstream_study.py`); no figure is typed by hand. MobileNet
V2, {n_images:,} phantoms of {n_patients} patients (seed {seed}), {epochs} epochs at {trained} px
for each attempt: a third of the photographs and half of the epochs of the weights that are shipped.
Then a logistic regression on frozen features of {n_real} photographs of IDRiD (Porwal et al. 2018,
CC BY 4.0; not part of this repository) at {tested} px, any diabetic retinopathy, five folds. IDRiD
names no patients: intervals and p-values treat photographs as independent (caution FD003).

| Upstream task | AUC on IDRiD (95 % interval) | minus random weights |
|---|---|---|
{rows}

{finding}
"""


def main() -> None:
    """Runs every attempt and writes the document."""
    reports = [_probe(attempt) for attempt in ATTEMPTS]
    rows = [
        f"| {attempt.title} | {span(report, 'auc_low', 'auc_high')} "
        f"| {_difference(report, reports[0]) if number else ''} |"
        for number, (attempt, report) in enumerate(zip(ATTEMPTS, reports, strict=True))
    ]
    by_title = {attempt.title: report for attempt, report in zip(ATTEMPTS, reports, strict=True)}
    lesions, published = by_title["`lesions`"], by_title[ATTEMPTS[1].title]
    two_steps, imagenet = by_title["`lesions`, from ImageNet"], by_title["ImageNet alone"]
    finding = (
        f"`lesions` minus the published task: {_difference(lesions, published)}. "
        f"ImageNet then phantoms minus ImageNet alone: {_difference(two_steps, imagenet)}."
    )
    text = TEMPLATE.format(
        n_images=_drawn(None)["n_images"],
        n_patients=N_PATIENTS,
        seed=SEED,
        epochs=EPOCHS,
        trained=TRAINED_SIZE,
        tested=TESTED_SIZE,
        n_real=reports[0]["n_images"],
        rows="\n".join(rows),
        finding=finding,
    )
    DOCUMENT.write_text(text, encoding="utf-8")


def _probe(attempt: Attempt) -> Any:
    size = ("--image-size", TESTED_SIZE)
    weights = ("--weights", _weights(attempt))
    return run("probe", IDRID, "--backbone", BACKBONE, *weights, *size, "--target", "dr_any")


def _weights(attempt: Attempt) -> str:
    """Returns the weights of an attempt, made if they are not there."""
    if not attempt.task:
        return attempt.initial
    mix = "demo" if attempt.healthy_share is None else "healthy"
    start = "scratch" if attempt.initial == "scratch" else "imagenet"
    _drawn(attempt.healthy_share)
    made = run(
        "pretrain",
        WORKSPACE / "phantoms" / mix,
        *("--backbone", BACKBONE, "--name", f"{attempt.task}-{mix}-{start}"),
        *("--task", attempt.task, "--from", attempt.initial),
        *("--image-size", TRAINED_SIZE, "--epochs", EPOCHS),
        *("--learning-rate", attempt.learning_rate, "--seed", SEED, "--replace"),
    )
    return str(made["weights"])


def _drawn(healthy_share: float | None) -> Any:
    """Draws the phantoms of a mix, once; returns what `fundus demo` says of them."""
    folder = WORKSPACE / "phantoms" / ("demo" if healthy_share is None else "healthy")
    share = () if healthy_share is None else ("--healthy-share", healthy_share)
    shape = ("--patients", N_PATIENTS, "--image-size", DRAWN_SIZE, "--seed", SEED)
    return run("demo", folder, "--plain", *shape, *share)


def _difference(report: Any, other: Any) -> str:
    pair = run("compare", report["run_id"], other["run_id"])["pairs"][0]
    low, high = pair["difference_low"], pair["difference_high"]
    return f"{pair['difference']:+.3f} ({low:+.3f} to {high:+.3f}), {p_text(pair['p_value'])}"


if __name__ == "__main__":
    main()
