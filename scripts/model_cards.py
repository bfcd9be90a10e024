"""Writes the model card of every weights file that is shipped, from the record of its training.

Run as `make model-cards`. `fundus pretrain` writes the record, a `.json` beside the weights.
"""

import json
from typing import Any

from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.io.weights import SHIPPED

TEMPLATE = """# {name}

**Trained on synthetic photographs only. Not for clinical use.**

| | |
|---|---|
| Architecture | `{architecture}` of timm, without classifier; {arguments} |
| Backbone id | {backbones} |
| File | `{name}.safetensors`, float16, {megabytes:.1f} MB, SHA-256 `{sha256}` |
| Started from | {initial} |
| Upstream task | `{task}`: {labels} |
| Photographs | {n_images} synthetic ones of {n_patients} synthetic patients; see docs/phantom.md |
| Input | {image_size} px, cropped to the field of view |
| Training | {epochs} epochs, the weights of epoch {best} kept; augmentation `{augmentation}` |
| Time | {minutes:.0f} minutes on `{device}` at {precision}, beside other work |
| Licence | Apache-2.0, as the program |

Made by

```bash
fundus demo phantoms --plain --patients {n_patients} --image-size {drawn} --seed {drawn_seed}
fundus pretrain phantoms --backbone {backbone} --name {name} --task {task} \\
  --image-size {image_size} --epochs {epochs} --batch-size {batch_size} \\
  --learning-rate {learning_rate} --weight-decay {weight_decay} --seed {seed}
```

On other processors single bits may come out differently. The weights are in
`workspace/weights` afterwards.

## What it learned

Area under the ROC curve on the synthetic patients held out of the training, for whom the epoch was
chosen: slightly optimistic.

| Label | AUC (95 % interval) |
|---|---|
{validation}

What this is worth on real photographs is measured in docs/pretraining.md.
"""

DRAWN = {"mobilenetv2_100.phantom": (320, 1), "xcit_nano_12_p16.phantom": (320, 1)}
"""Side in pixels and seed of the photographs each was trained on: not part of the record."""


def main() -> None:
    """Writes every card."""
    for record in sorted(SHIPPED.glob("*.json")):
        about = json.loads(record.read_text(encoding="utf-8"))
        record.with_suffix(".md").write_text(card(about), encoding="utf-8")


def card(about: dict[str, Any]) -> str:
    """Returns the card of one weights file."""
    recipe, name = about["recipe"], about["name"]
    file = SHIPPED / f"{name}.safetensors"
    backbones = [spec.id for spec in BACKBONES.values() if file.name in spec.weights_files]
    arguments = ", ".join(f"`{key}={value}`" for key, value in recipe["architecture_args"])
    side, seed = DRAWN[name]
    return TEMPLATE.format(
        **{
            **recipe["training"],
            **{key: about[key] for key in ("name", "sha256", "initial", "n_images", "n_patients")},
            **{key: about[key] for key in ("best", "device", "precision")},
            "architecture": recipe["architecture"],
            "arguments": arguments or "its default arguments",
            "backbone": backbones[0],
            "backbones": ", ".join(f"`{found}`" for found in backbones),
            "megabytes": file.stat().st_size / 1e6,
            "task": recipe["task"],
            "labels": ", ".join(recipe["labels"]),
            "image_size": recipe["image_size"],
            "minutes": sum(epoch["seconds"] for epoch in about["epochs"]) / 60,
            "drawn": side,
            "drawn_seed": seed,
            "validation": "\n".join(
                f"| {label} | {auc['auc']:.3f} ({auc['low']:.3f} to {auc['high']:.3f}) |"
                for label, auc in about["validation"].items()
            ),
        }
    )


if __name__ == "__main__":
    main()
