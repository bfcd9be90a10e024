"""Evaluated models for page tests: a few photographs, scores written by hand, stored for real."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fundus_core.checks import Caution
from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.domain.predictions import Predictions
from fundus_core.domain.recipe import EmbedRecipe, PreprocessRecipe
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import AucInterval
from fundus_core.ui import picture_caches, wiring
from fundus_core.workflows.data.datasets import DatasetSummary
from fundus_core.workflows.embeddings.stored import EmbeddingSummary
from fundus_core.workflows.evaluation.aucs import overall_auc
from fundus_core.workflows.models.run_record import FoldResult, Run
from fundus_core.workflows.models.runs import save_run

PAGES = Path(__file__).parents[2] / "pages"

DR = Target("dr", "binary", ("0", "1"), ("dr",))
DISEASES = Target("dr,amd,rvo", "multilabel", ("dr", "amd", "rvo"), ("dr", "amd", "rvo"))
GRADE = Target("grade", "multiclass", ("0", "1", "2"), ("grade",))

PATIENTS = {f"{label}{number}": f"P{number // 2}" for label in "hd" for number in range(6)}
"""Twelve photographs, `h` healthy and `d` diseased; two of each patient and class."""

HEALTHY, DISEASED = (0.05, 0.15, 0.25, 0.35, 0.45, 0.65), (0.5, 0.58, 0.66, 0.74, 0.82, 0.9)
GOOD = dict(zip(PATIENTS, HEALTHY + DISEASED, strict=True))
"""Scores that order 34 of 36 pairs rightly: `h5` is above `d0` and `d1`."""

POOR = dict(
    zip(PATIENTS, (0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.9, 0.75, 0.6, 0.45, 0.3, 0.2), strict=True)
)
"""Scores that fall from `d0` to `d5` and rise from `h0` to `h5`."""


def predictions(
    model: str, scores: Mapping[str, float], *, patients: bool = True, labels: str = "d"
) -> Predictions:
    """Returns the scores as held-out predictions; photographs whose id starts so are diseased."""
    return Predictions(
        model,
        "binary",
        ("1",),
        tuple(scores),
        np.array([[name.startswith(labels)] for name in scores]),
        np.array([[score] for score in scores.values()]),
        np.array([PATIENTS.get(name, name) for name in scores]) if patients else None,
        np.array([number % 2 for number, _ in enumerate(scores)]),
    )


def graded(model: str, seed: int) -> Predictions:
    """Returns predictions of three grades; the photograph's number modulo 3 is its grade."""
    ids = tuple(PATIENTS)
    generator = np.random.default_rng(seed)
    y_true = np.eye(3, dtype=bool)[[int(name[1]) % 3 for name in ids]]
    y_score = generator.dirichlet((1.0, 1.0, 1.0), len(ids)) + y_true
    patients = np.array(list(PATIENTS.values()))
    return Predictions("", "multiclass", GRADE.classes, ids, y_true, y_score / 2, patients)


def diseased(model: str, strength: float, seed: int) -> Predictions:
    """Returns predictions of three diseases for 60 photographs of 30 patients.

    dr is held by 15 patients, amd by 10, rvo by none.
    """
    ids = tuple(f"i{row}" for row in range(60))
    patients = np.repeat([f"P{number}" for number in range(30)], 2)
    y_true = np.stack(
        [np.arange(60) < 30, np.arange(60) // 2 % 3 == 0, np.zeros(60, dtype=bool)], axis=1
    )
    logits = np.random.default_rng(seed).normal(size=(60, 3)) + strength * (y_true - 0.5)
    score = 1 / (1 + np.exp(-logits))
    return Predictions(model, "multilabel", DISEASES.classes, ids, y_true, score, patients)


def recipe(backbone: str = "resnet18", weights: str = "scratch") -> EmbedRecipe:
    """Returns how embeddings were made."""
    return EmbedRecipe(
        backbone=backbone,
        architecture=backbone,
        architecture_args=(),
        weights=weights,
        weights_sha256="",
        seed=0,
        image_size=64,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        pooling="default",
        precision="fp32",
        preprocessing=PreprocessRecipe(),
    )


def run(
    run_id: str,
    scores: Predictions,
    *,
    label: str = "",
    target: Target = DR,
    kind: Literal["probe", "finetune", "external"] = "probe",
    auc: AucInterval | None = None,
    cautions: Sequence[Caution] = (),
) -> Run:
    """Returns a run as the probe's workflow describes it."""
    patients = scores.patient_ids
    if auc is None:
        auc = overall_auc(scores)
    return Run(
        id=run_id,
        kind=kind,
        label=label or run_id,
        dataset_id="tiny-1",
        dataset_name="tiny",
        synthetic=False,
        target=target,
        probe="logistic",
        embeddings=recipe(),
        weights_path=None,
        n_images=len(scores.image_ids),
        n_patients=None if patients is None else len(np.unique(patients)),
        auc=auc,
        class_aucs=dict.fromkeys(scores.class_names, auc),
        baseline_auc=auc,
        baseline_p=0.031,
        folds=(FoldResult(0, 0.9, 6, 6, 3, 3, 0.1), FoldResult(1, None, 6, 6, 0, 3, 0.1)),
        cautions=tuple(cautions),
        created_at="2026-01-01T12:00:00+00:00",
    )


def store(
    place: Path, run_id: str, scores: Predictions, *, baseline: bool = True, **about: object
) -> Run:
    """Stores a run with its predictions; the mean colour scores like `POOR`."""
    described = run(run_id, scores, **about)  # type: ignore[arg-type]
    colour = None
    if baseline and scores.task == "binary":
        colour = predictions("mean colour", {name: POOR[name] for name in scores.image_ids})
    elif baseline and scores.task == "multilabel":
        colour = diseased("mean colour", 0.2, 9)
    save_run(Workspace(place), described, scores, baseline=colour)
    return described


def dataset(*, patients: bool = True, targets: Sequence[Target] = (DR,)) -> FundusDataset:
    """Returns the twelve photographs, with a grade and a split; no file is behind them."""
    rows = [
        {
            "image_id": name,
            "path": f"/nowhere/{name}.jpg",
            "patient_id": patient if patients else None,
            "eye": None,
            "split": "train" if int(name[1]) < 3 else "test",
            "dr": "1" if name.startswith("d") else "0",
            "dme": str(int(name[1]) % 2),
            "grade": str(int(name[1]) % 3),
        }
        for name, patient in PATIENTS.items()
    ]
    return FundusDataset("tiny", "/nowhere", pd.DataFrame(rows, dtype=object), tuple(targets))


def open_dataset(
    monkeypatch: pytest.MonkeyPatch, place: Path, opened: FundusDataset | None = None
) -> None:
    """Makes the pages find one data set, and one picture for all of its photographs."""
    opened = opened or dataset()
    summary = DatasetSummary(
        "tiny-1",
        "tiny",
        len(opened),
        opened.n_patients,
        0,
        opened.synthetic,
        "2026-01-01T12:00:00+00:00",
        DataSource(Path("/nowhere")),
    )
    picture = place / "picture.jpg"
    Image.new("RGB", (16, 16), (120, 60, 30)).save(picture)
    monkeypatch.setattr(wiring, "datasets", lambda: (summary,))
    monkeypatch.setattr(wiring, "dataset", lambda dataset_id: opened)
    monkeypatch.setattr(picture_caches, "thumbnail_file", lambda image_id, path, side=192: picture)


def add_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adds a data set, `tiny-2`, of the same photographs to the one that the pages find."""
    (first,) = wiring.datasets()
    both = (first, replace(first, id="tiny-2", name="other"))
    monkeypatch.setattr(wiring, "datasets", lambda: both)


def embedded(*recipes: EmbedRecipe, n_stored: int = 12) -> tuple[EmbeddingSummary, ...]:
    """Returns stored embeddings of the data set."""
    return tuple(EmbeddingSummary(one, n_stored, 12) for one in recipes)


def address(page: AppTest, **entries: str | list[str]) -> None:
    """Makes a page open under an address that names the data set, and more."""
    for name, entry in {"dataset": "tiny-1", **entries}.items():
        page.query_params[name] = entry


def texts(page: AppTest) -> str:
    """Returns all that a page says outside of boxes and tables."""
    return "\n".join(str(one.value) for one in [*page.markdown, *page.caption])


def table(page: AppTest, column: str) -> pd.DataFrame:
    """Returns the first table of a page that has a column of this name."""
    return next(one.value for one in page.table if column in one.value)
