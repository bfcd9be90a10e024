"""Measures what every backbone costs, and writes docs/backbones.md and the figures the pages show.

Run as `make backbone-costs` on a quiet machine. Each backbone runs in a process of its own, with
random weights, at its default size: time and memory do not depend on what the weights are.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.catalogue import BACKBONES, SHORTCUT
from fundus_core.backbones.costs import COSTS_FILE, machine_name
from scripts.command_line import ROOT

DOCUMENT = ROOT / "docs" / "backbones.md"
BATCH_SIZE = 2
ROUNDS = 3

TEMPLATE = """# Backbones

Made by `make backbone-costs` (`scripts/backbone_costs.py`); no figure is typed by hand. Each
backbone ran in a process of its own with random weights: {batch_size} photographs at once at the
default size, {rounds} rounds, median time per photograph on {machine}, without
decoding. Peak memory is that of the whole process, Python and PyTorch included. Where two times
stand, the second is with bfloat16.

{sections}

## What each of them is

{notes}
"""

_TITLES = {
    "ours": "Ours: synthetic photographs only",
    "retinal": "Retinal",
    "general": "General",
    "baseline": "Baseline",
}
_HEAD = (
    "| id | parameters | px | numbers | ms per photograph | peak memory | licence |\n"
    "|---|---|---|---|---|---|---|"
)


def main() -> None:
    """Measures every backbone, or the one that is named."""
    if sys.argv[1:2] == ["--one"]:
        sys.stdout.write(json.dumps(_measure(BACKBONES[sys.argv[2]])))
        return
    names = sys.argv[1:] or list(BACKBONES)
    known: dict[str, Any] = (
        json.loads(COSTS_FILE.read_text(encoding="utf-8")) if sys.argv[1:] else {}
    )
    for name in names:
        known[name] = _in_own_process(name)
        sys.stderr.write(f"{name}: {known[name]}\n")
    ordered = {name: known[name] for name in BACKBONES if name in known}
    COSTS_FILE.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
    DOCUMENT.write_text(document(ordered), encoding="utf-8")


def document(costs: dict[str, Any]) -> str:
    """Returns the text of docs/backbones.md."""
    sections = []
    for group, title in _TITLES.items():
        specs = [spec for spec in BACKBONES.values() if spec.group == group]
        rows = "\n".join(_row(spec, costs[spec.id]) for spec in specs)
        sections.append(f"## {title}\n\n{_HEAD}\n{rows}")
    return TEMPLATE.format(
        batch_size=BATCH_SIZE,
        rounds=ROUNDS,
        machine=costs[SHORTCUT]["machine"],
        sections="\n\n".join(sections),
        notes="\n".join(_note(spec) for spec in BACKBONES.values()),
    )


def _row(spec: BackboneSpec, cost: dict[str, Any]) -> str:
    dims = " or ".join(dict.fromkeys(str(each.embed_dim) for each in spec.poolings))
    times = f"{cost['ms_per_image']:,.0f}"
    times += f" / {cost['ms_per_image_bf16']:,.0f}" if cost["ms_per_image_bf16"] else ""
    return (
        f"| `{spec.id}` | {cost['parameters_m']:,.1f} M | {spec.image_size} "
        f"| {dims or spec.embed_dim} | {times} "
        f"| {cost['peak_mb']:,.0f} MB | {spec.licence} ({spec.licence_kind}) |"
    )


def _note(spec: BackboneSpec) -> str:
    ways = "; ".join(f"`{each.name}`: {each.title}, {each.embed_dim}" for each in spec.poolings)
    parts = [f"- **`{spec.id}`** {spec.title}. {spec.reference}."]
    parts += [f"Pooling: {ways}."] if ways else []
    parts += [f"File: {' or '.join(f'`{file}`' for file in spec.weights_files)}."] * bool(
        spec.weights_files
    )
    parts += [spec.note] if spec.note else []
    return " ".join(parts)


def _in_own_process(name: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.backbone_costs", "--one", name],
        env={**os.environ, "OMP_NUM_THREADS": str(os.cpu_count())},
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def _measure(spec: BackboneSpec) -> dict[str, Any]:
    import torch

    from fundus_core.backbones.loaders import load_backbone
    from fundus_core.compute import choose_device, choose_precision
    from fundus_core.domain.recipe import PreprocessRecipe

    device = choose_device()
    batch = torch.randint(0, 256, (BATCH_SIZE, 3, spec.image_size, spec.image_size)).byte()
    times = {}
    precisions = ["fp32"] + ["bf16"] * (choose_precision("auto", device) == "bf16")
    for precision in precisions:
        backbone = load_backbone(
            spec, None, preprocessing=PreprocessRecipe(), device=device, precision=precision
        )
        backbone.embed(batch)
        rounds = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            backbone.embed(batch)
            rounds.append(time.perf_counter() - started)
        times[precision] = 1000 * statistics.median(rounds) / BATCH_SIZE
        n_parameters = sum(each.numel() for each in backbone.module.parameters())
        del backbone
    return {
        "parameters_m": round(n_parameters / 1e6, 2),
        "ms_per_image": round(times["fp32"], 1),
        "ms_per_image_bf16": round(times["bf16"], 1) if "bf16" in times else None,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "machine": machine_name(),
    }


if __name__ == "__main__":
    main()
