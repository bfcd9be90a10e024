"""A data set whose names mean something to pages, figures, spreadsheets and terminals."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from fundus_core.io.manifest import DataSource

MARKUP = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<b>bold</b><a href='http://example.invalid'>l</a>",
    "![x](http://example.invalid/leak)",
    "[x](javascript:alert(1))",
    "**bold** :red[red] :material/home: $x^2$",
)
FORMULAS = ("=cmd|' /C calc'!A0", "@SUM(1)", "+1+cmd", "-2+3+cmd")
UNSEEN = ("a\u202eb", "\x1b[2Jc", "d\u200be")
TEMPLATES = ("%{x} %{customdata[0]}", "{{7*7}}${7*7}")

NAMES = (*MARKUP, *FORMULAS, *UNSEEN, *TEMPLATES)
"""As they are written into the table; the labels of the targets are made of them."""

LABELS = (f"no {MARKUP[3]} {TEMPLATES[0][:4]}", "<b>b</b> <img src=x> **bold** :red[red] =1+1")


def write_named(folder: Path, *, n_patients: int = 16) -> DataSource:
    """Writes two photographs per patient; every name, label and column is hostile."""
    generator = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    rows = []
    for patient in range(n_patients):
        for eye in ("OD", "OS"):
            diseased = patient % 2
            name = f"{NAMES[patient % len(NAMES)]} {patient} {eye}.jpg".replace("/", "\u2215")
            pixels = generator.integers(0, 40, (96, 96, 3), np.uint8)
            pixels[..., 0] += np.uint8(80 + 60 * diseased)
            Image.fromarray(pixels).save(folder / "images" / name)
            rows.append(
                {
                    "file": f"images/{name}",
                    "patient_id": f"{NAMES[patient % len(NAMES)]} {patient}",
                    "eye": eye,
                    f"dr {MARKUP[0]} {MARKUP[3]}": LABELS[diseased],
                    "grade": NAMES[patient % 3],
                    f"site {FORMULAS[0]}": NAMES[patient % 4],
                    "age": 40 + patient,
                }
            )
    pd.DataFrame(rows).to_csv(folder / "labels.csv", index=False)
    return DataSource(folder)
