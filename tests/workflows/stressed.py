"""A stored run on photographs that exist: what tests of subgroups and shortcuts share."""

from pathlib import Path

import numpy as np
import pandas as pd

from fundus_core.domain.predictions import Predictions
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.splits import grouped_folds
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.evaluation.aucs import overall_auc
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import load_run, save_run
from tests.fakes import tiny_recipe, write_photograph

N_PATIENTS = 48


def write_table(folder: Path, *, shortcut: bool, n_patients: int = N_PATIENTS) -> Path:
    """Writes two photographs per patient; with a shortcut the diseased ones are brighter.

    Site and age are of the patient, the eye and the field of the photograph; four ages are missing.
    """
    generator = np.random.default_rng(0)
    rows = []
    for patient in range(n_patients):
        diseased = patient % 2
        for eye in ("OD", "OS"):
            level = int(np.clip(110 + 60 * diseased * shortcut + generator.normal(0, 20), 60, 250))
            name = f"p{patient:02d}_{eye}.jpg"
            # The blue is each photograph's own: equal bytes would be taken for one photograph.
            write_photograph(folder / "images" / name, (level, level // 2, 10 + len(rows)))
            rows.append(
                {
                    "image": f"images/{name}",
                    "patient_id": f"P{patient:02d}",
                    "eye": eye,
                    "split": "train" if patient < n_patients // 2 else "test",
                    "dr": diseased,
                    "site": "north" if patient // 2 % 2 else "south",
                    "camera": "A" if patient // 2 % 2 else "B",
                    "age": "" if patient in (0, 1) else 40 + patient,
                }
            )
    pd.DataFrame(rows).to_csv(folder / "labels.csv", index=False)
    return folder


def stored_run(
    place: Workspace,
    folder: Path,
    *,
    strength: float = 2.0,
    folds: int = 4,
    tested: str = "",
    kind: str = "probe",
) -> Run:
    """Opens the data set and stores a run on it whose scores owe nothing to the photographs.

    Args:
        place: Workspace.
        folder: As `write_table` left it.
        strength: How far the scores of the diseased lie above the others.
        folds: Outer folds; 1 for the table's own split, 0 for none.
        tested: Only photographs of this split.
        kind: Of the run.
    """
    source = DataSource(folder)
    dataset = open_dataset(place, source)
    table = dataset.table if not tested else dataset.table[dataset.table["split"] == tested]
    y_true = (table["dr"] == "1").to_numpy()[:, np.newaxis]
    patients = table["patient_id"].to_numpy(dtype=str)
    noise = np.random.default_rng(1).normal(size=y_true.shape)
    fold = np.zeros(len(table), np.int64) if folds else None
    if folds > 1:
        for number, one in enumerate(grouped_folds(y_true, patients, n_folds=folds, seed=0)):
            fold[one.test] = number
    target = dataset.target("dr")
    score = 1 / (1 + np.exp(-(strength * (y_true - 0.5) + noise)))
    ids = tuple(table["image_id"])
    predictions = Predictions("model", "binary", ("1",), ids, y_true, score, patients, fold)
    recipe = tiny_recipe()
    run = Run(
        id="run",
        kind=kind,  # type: ignore[arg-type]
        label="model",
        dataset_id=dataset_id(source),
        dataset_name="data",
        synthetic=False,
        target=target,
        probe="logistic",
        embeddings=recipe,
        weights_path=None,
        n_images=len(ids),
        n_patients=len(set(patients)),
        auc=overall_auc(predictions),
        class_aucs={},
        baseline_auc=None,
        baseline_p=None,
        folds=(),
        cautions=(),
        created_at="2026-01-01T12:00:00+00:00",
    )
    save_run(place, run, predictions)
    return load_run(place, "run")
