"""Tells drawn photographs from real ones, as well as a linear model on features can."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

COMPONENTS = 8
"""Directions in which real photographs differ most from one another."""

_FOLDS = 5

Pixels = NDArray[np.uint8]
Features = NDArray[np.float32]


def two_sample_auc(
    drawn: Features,
    real: Features,
    drawn_groups: Sequence[str],
    real_groups: Sequence[str],
) -> float:
    """Returns the AUC of a logistic regression, averaged over folds grouped by patient."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = np.concatenate([drawn, real])
    y = np.repeat([1, 0], [len(drawn), len(real)])
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    aucs = []
    for train, test in folds.split(x, y, [*drawn_groups, *real_groups]):
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=500)
        )
        score = model.fit(x[train], y[train]).decision_function(x[test])
        aucs.append(float(roc_auc_score(y[test], score)))
    return float(np.mean(aucs))


def principal_components(pooled: Sequence[Features], n_phantoms: int) -> list[Features]:
    """Returns the principal components of the real photographs' features, for every collection."""
    real = np.concatenate(pooled[n_phantoms:])
    centre = real.mean(axis=0)
    directions = np.linalg.svd(real - centre, full_matrices=False)[2][:COMPONENTS]
    return [np.asarray((values - centre) @ directions.T, np.float32) for values in pooled]


def features(squares: Pixels, weights: Path) -> tuple[Features, Features]:
    """Returns pooled last features, and means and spreads of an early layer at 128 px."""
    import torch

    network = _network(weights)
    pooled, early = [], []
    with torch.inference_mode():
        for start in range(0, len(squares), 32):
            batch = _normalised(squares[start : start + 32])
            small = torch.nn.functional.interpolate(batch, size=128, mode="area")
            pooled.append(network(batch).numpy())
            shallow = network.blocks[:2](network.bn1(network.conv_stem(small)))
            moments = [shallow.mean(dim=(2, 3)), shallow.std(dim=(2, 3))]
            early.append(torch.cat(moments, dim=1).numpy())
    return np.concatenate(pooled), np.concatenate(early)


def _network(weights: Path) -> Any:
    """Returns the network with the weights of a file and without classifier."""
    import timm
    import torch

    from fundus_core.backbones.checkpoints import Expected, load_into, read_state_dict

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    network = timm.create_model("mobilenetv2_100", pretrained=False, num_classes=0)
    load_into(
        network, read_state_dict(weights), source=weights.name, expected=Expected("classifier")
    )
    return network.eval()


def _normalised(squares: Pixels) -> Any:
    """Returns a batch as the network expects it."""
    import torch

    mean = np.array([0.485, 0.456, 0.406], dtype=np.float32)
    spread = np.array([0.229, 0.224, 0.225], dtype=np.float32)
    values = (squares.astype(np.float32) / 255 - mean) / spread
    return torch.from_numpy(np.ascontiguousarray(values.transpose(0, 3, 1, 2)))
