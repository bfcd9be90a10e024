"""Writes docs/segmentation.md: networks trained on one site's vessels and tested on another's.

Run as `python -m scripts.segmentation_study`, with FUNDUS_REAL_DATA naming the folder of
photographs and weights. What was trained or scored before is used again. `--toy` goes through the
same steps in a few minutes and writes figures that mean nothing.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.command_line import REAL, ROOT, fundus, p_text

WORKSPACE = ROOT / "workspace" / "segmentation-study"
DOCUMENT = ROOT / "docs" / "segmentation.md"

SITES = {"hrf": "HRF", "chase_db1": "CHASE_DB1"}
"""Folder of photographs -> name."""

OBSERVER = {"chase_db1": "masks:mask_2nd"}
"""Who drew the vessels of a site a second time."""

PUBLISHED = {"wnet-vessel": "W-Net, published, trained on DRIVE", "frangi": "Frangi and Otsu"}

DEGREES = {"hrf": 60, "chase_db1": 30, "phantoms": 40, "drive": 45}
"""Field of view of each site's camera; of phantoms the mean. A photograph is shown at a side in
proportion, so that a vessel has the same width in all of them."""

STARTS = {
    "ImageNet": ("--backbone", "mobilenetv2_100"),
    "random weights": ("--backbone", "mobilenetv2_100", "--weights", "scratch"),
    "synthetic fundus photographs": ("--backbone", "mobilenetv2_phantom"),
}
"""What an encoder starts from -> options. The same architecture three times."""

PHANTOMS = "phantoms alone, from ImageNet"
SHOWN = ("dice", "sensitivity", "specificity", "auc", "cldice")

HEADER = """# Segmentation of vessels, and what ours gave

Made by `python -m scripts.segmentation_study`; no figure is typed by hand. Networks are U-Nets with
a MobileNet V2 encoder and a light decoder, trained on the photographs of one site with the loss
Dice + cross-entropy, and tested on those of the other, which they never saw. A network marks
vessels of the width it has learned, so all photographs are shown at one scale, by the field of view
that the cameras' publications give: HRF 60 degrees, CHASE_DB1 30, phantoms 40 on average. The
published W-Net is shown photographs as published (512 pixels) and at the scale of DRIVE (45
degrees). All models are scored
alike: inside the field of view, at the photograph's own size, marked from a share of 0.5 on; means
over photographs, with 95 % intervals by the BCa bootstrap of patients. Differences are paired by
photograph; p by Wilcoxon's signed-rank test of the patients' mean differences, two-sided, Holm's
correction over the comparisons of a table.

HRF: Budai et al. (2013), CC BY 4.0; its 33 photographs here are of 33 people. CHASE_DB1: Fraz et
al. (2012), CC BY 4.0; the two eyes of 10 children here. Both at reduced size, see the tables'
commands for how they were read. The W-Net is that of Galdran et al. (2022), its weights as
published.

"""

LIMITS = """## What this does not show

- Two small sites: an interval over 10 patients is wide, and neither site is a hospital's stream.
- One training per row: other seeds would move its figure; the intervals do not hold that.
- An observer differs from the first one by choice as well as by error; a model above the second
  observer has learned the first one's habits, not better sight.
- Masks are of photographs at reduced size; thin vessels are thinner than a pixel.
- HRF and CHASE_DB1 were looked at while the program was made: settings of training, not the
  weights, may suit them.
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is computed."""

    pixels_per_degree: float = 12.8
    patch: int = 192
    patches_per_epoch: int = 200
    epochs: int = 16
    phantoms: int = 160
    """Photographs drawn, about."""

    name: str = ""
    """Of a size that means nothing."""

    def side(self, site: str, per_degree: float | None = None) -> int:
        """Returns the side at which photographs of a site are shown, a multiple of 32."""
        return 32 * round((per_degree or self.pixels_per_degree) * DEGREES[site] / 32)

    def options(self, n_photographs: int, side: int) -> tuple[str, ...]:
        """Returns the options of one training."""
        patches = max(1, round(self.patches_per_epoch / n_photographs))
        return (
            *("--network", "small", "--loss", "dice_bce", "--size", str(side)),
            *("--patch", str(self.patch), "--patches", str(patches), "--epochs", str(self.epochs)),
            *("--batch-size", "4", "--learning-rate", "0.002", "--patience", "8"),
        )


TOY = Size(4.2, patch=96, patches_per_epoch=32, epochs=2, phantoms=12, name="toy")


@dataclass(slots=True)
class Study:
    """One run of the study."""

    size: Size
    workspace: Path
    commands: list[str] = field(default_factory=list)

    def run(self, *arguments: str) -> Any:
        """Runs a command, remembers it as anyone can type it, and returns what it prints."""
        shown = [a.replace(f"{REAL}/", "$FUNDUS_REAL_DATA/") for a in arguments]
        shown = [a.replace(f"{self.workspace}/", "workspace/") for a in shown]
        self.commands.append("fundus " + " ".join(shown))
        return fundus(*arguments, workspace=self.workspace)

    def data(self, site: str) -> str:
        """Returns the folder of a site."""
        return str(REAL / "data" / "vessels" / site)

    def phantoms(self) -> str:
        """Draws phantoms and returns their folder."""
        folder = self.workspace / "phantoms"
        if not (folder / "manifest.csv").is_file():
            patients = max(2, round(self.size.phantoms / _PER_PATIENT))
            self.run("demo", str(folder), "--patients", str(patients), "--plain")
        return str(folder)

    def train(self, data: str, start: Sequence[str], *more: str, n: int, side: int) -> str:
        """Trains on all photographs of a folder; returns the model's name."""
        options = (*start, *self.size.options(n, side), *more)
        return str(self.run("segment", "train", data, *options)["model"])

    def score(self, model: str, site: str, against: str | None = None) -> dict[str, Any]:
        """Scores one model, or two with their comparison, on a site."""
        pair = ("--against", against) if against else ()
        found: dict[str, Any] = self.run("segment", "score", model, self.data(site), *pair)
        return found


def main() -> None:
    """Trains, scores and writes the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--toy", action="store_true", help="Tiny: to see that it works.")
    parser.add_argument("--out", type=Path, default=DOCUMENT)
    parser.add_argument("--workspace", type=Path, default=WORKSPACE)
    chosen = parser.parse_args()
    started = time.perf_counter()
    study = Study(TOY if chosen.toy else Size(), chosen.workspace)
    text = HEADER
    if study.size.name:
        text += "**Made at toy size: the figures below mean nothing.**\n\n"
    text += "\n".join(line for site in SITES for line in chapter(study, site))
    minutes = (time.perf_counter() - started) / 60
    text += f"\n{LIMITS}\n## Commands\n\nThis run took {minutes:.0f} minutes.\n\n```sh\n"
    chosen.out.write_text(text + "\n".join(study.commands) + "\n```\n", encoding="utf-8")


def chapter(study: Study, site: str) -> Iterator[str]:
    """Yields the lines about the tests on one site."""
    other = next(name for name in SITES if name != site)
    models = {
        f"{SITES[other]}, from {start}": study.train(
            study.data(other), options, n=_N[other], side=study.size.side(other)
        )
        for start, options in STARTS.items()
    }
    models[PHANTOMS] = study.train(
        study.phantoms(),
        STARTS["ImageNet"],
        *("--masks", "vessels"),
        n=study.size.phantoms,
        side=study.size.side("phantoms"),
    )
    side = study.size.side(site)
    named = {title: f"{name}@{side}" for title, name in models.items()}
    named |= {title: name for name, title in PUBLISHED.items()}
    named["W-Net, shown at the scale of DRIVE"] = f"wnet-vessel@{study.size.side(site, _DRIVE)}"
    if site in OBSERVER:
        named["second observer"] = OBSERVER[site]
    found = {title: study.score(name, site)["models"][0] for title, name in named.items()}
    first = next(iter(found.values()))
    yield f"## Tested on {SITES[site]}\n"
    yield f"{first['n_images']} photographs of {first['n_patients']} people.\n"
    yield from _scores_table(found)
    yield ""
    yield from _comparisons(study, site, named)
    yield ""


_DRIVE = 512 / DEGREES["drive"]
"""Pixels per degree at which the published W-Net has learned."""

_PER_PATIENT = 2.5
"""Photographs of a drawn patient: two eyes, one patient in four seen twice."""

_N = {"hrf": 33, "chase_db1": 20}
"""Photographs of each site, by which patches per photograph are chosen."""


def _scores_table(found: dict[str, dict[str, Any]]) -> Iterator[str]:
    titles = {one["score"]: one["score"] for one in next(iter(found.values()))["scores"]}
    names = {"dice": "Dice", "auc": "AUC", "cldice": "clDice"}
    heads = [names.get(score, titles[score].capitalize()) for score in SHOWN]
    yield f"| model | {' | '.join(heads)} |"
    yield f"|{'---|' * (1 + len(SHOWN))}"
    for title, about in found.items():
        by_score = {one["score"]: one for one in about["scores"]}
        cells = [_cell(by_score[score]) for score in SHOWN]
        yield f"| {title} | {' | '.join(cells)} |"


def _comparisons(study: Study, site: str, named: dict[str, str]) -> Iterator[str]:
    """Yields a table of the Dice of pairs of models."""
    ours = next(iter(named))
    others = [title for title in named if title != ours]
    rows = []
    for title in others:
        compared = study.score(named[ours], site, named[title])["comparison"]
        rows.append((title, next(one for one in compared if one["score"] == "dice")))
    adjusted = _holm([row["p_value"] for _, row in rows])
    yield f"Dice of the network {ours}, minus that of the other model. Jang et al. (2024) found"
    yield "ImageNet weights more robust for vessels than those of fundus photographs: here the rows"
    yield "'from random weights' and 'from synthetic fundus photographs' ask that."
    yield ""
    yield "| other | difference | p |"
    yield "|---|---|---|"
    for (title, row), p_value in zip(rows, adjusted, strict=True):
        yield f"| {title} | {_cell(row, 'difference', signed=True)} | {p_text(p_value)} |"


def _holm(p_values: Sequence[float]) -> list[float]:
    from fundus_core.stats.multiplicity import holm

    return [float(p) for p in holm(p_values)]


def _cell(row: dict[str, Any], name: str = "mean", *, signed: bool = False) -> str:
    if row[name] is None:
        return "not defined"
    value = f"{row[name]:+.3f}" if signed else f"{row[name]:.3f}"
    if row["low"] is None:
        return value
    return f"{value} ({row['low']:.3f} to {row['high']:.3f})"


if __name__ == "__main__":
    main()
