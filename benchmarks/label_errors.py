"""How many wrong labels the review list finds, where it is known which are wrong.

Takes a data set of which labels are right (the demo, but for those it planted itself), makes some
of them wrong at random, fits probes on the wrong labels with patient-grouped folds, and counts how
many of the wrong ones are on the list. Prints the table of docs/stress.md:

    python -m benchmarks.label_errors DEMO [--workspace FOLDER] [--share 0.05] [--seeds 5]

DEMO is a folder that `fundus demo` wrote. Embeddings are made once, in the workspace.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from fundus_core.domain.dataset import FundusDataset
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.evaluation.label_quality import LabelReview, review_labels
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset

TARGET = "abnormal"
BACKBONES = {
    "phantoms": BackboneChoice("mobilenetv2_phantom"),
    "random weights": BackboneChoice("mobilenetv2_phantom", weights="scratch"),
}


def main() -> None:
    """Prints a row per set of models and seed, then the means."""
    options = _options()
    place = Workspace(options.workspace or Path(tempfile.mkdtemp()))
    data = open_dataset(place, DataSource(options.demo / "manifest.csv"))
    planted = pd.read_csv(options.demo / "planted" / "planted.csv")
    wrong_before = set(planted.loc[planted["problem"] == "mislabelled", "path"])
    names = [f"images/{Path(path).name}" for path in data.table["path"]]
    wrong = np.array([name in wrong_before for name in names])
    rows = []
    for seed in range(options.seeds):
        flipped, changed = with_errors(data, options.share, wrong, seed)
        runs = {
            name: probe_dataset(
                place, flipped, f"errors-{seed}", choice, ProbeChoice(TARGET, seed=seed)
            )
            for name, choice in BACKBONES.items()
        }
        for name, ids in (
            ("phantoms", [runs["phantoms"].id]),
            ("random weights", [runs["random weights"].id]),
            ("both", [run.id for run in runs.values()]),
        ):
            review = review_labels(place, ids)
            auc = runs[name].auc if name in runs else None
            about = {"models": name, "seed": seed, "AUC": auc.auc if auc else np.nan}
            rows.append(about | measured(review, flipped, changed | wrong))
    table = pd.DataFrame(rows)
    print(f"{len(data)} photographs, {int((changed | wrong).sum())} wrong labels")
    print(table.round(3).to_string(index=False))
    print(table.groupby("models").mean(numeric_only=True).drop(columns="seed").round(3).to_string())


def with_errors(
    data: FundusDataset, share: float, wrong: np.ndarray, seed: int
) -> tuple[FundusDataset, np.ndarray]:
    """Returns the data set with the other label for a share of the photographs, and which."""
    right = np.flatnonzero(~wrong)
    chosen = np.random.default_rng(seed).choice(right, round(share * len(data)), replace=False)
    changed = np.zeros(len(data), dtype=bool)
    changed[chosen] = True
    table = data.table.copy()
    other = table[TARGET].map({"0": "1", "1": "0"})
    table[TARGET] = table[TARGET].where(~changed, other)
    return FundusDataset(data.name, data.source, table, data.targets, (), data.synthetic), changed


def measured(review: LabelReview, data: FundusDataset, wrong: np.ndarray) -> dict[str, float]:
    """Returns precision and recall of the flags, and of as many places of the ranking as errors."""
    is_wrong = pd.Series(wrong, index=list(data.image_ids)).loc[review.table["image_id"]].to_numpy()
    flagged = review.table["flagged"].to_numpy()
    places = is_wrong[: int(wrong.sum())]
    return {
        "wrong": float(is_wrong.mean()),
        "flagged": float(flagged.sum()),
        "precision": float(is_wrong[flagged].mean()),
        "recall": float(flagged[is_wrong].mean()),
        "precision in first n": float(places.mean()),
        "in first 20": float(is_wrong[:20].sum()),
        "average precision": float(average_precision_score(is_wrong, -review.table["quality"])),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("demo", type=Path)
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
