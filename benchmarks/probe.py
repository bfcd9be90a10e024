"""A linear probe with its strength chosen by grouped folds: ours beside scikit-learn as documented.

    python -m benchmarks.probe

10,000 embeddings of 768 numbers and 8 classes, synthetic; six strengths, five folds that keep a
patient together. scikit-learn's `LogisticRegressionCV` runs with its defaults, in float64, behind a
`StandardScaler`; ours is the path behind `fundus probe`. Processor seconds of one thread.
"""

import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.turns import timed
from fundus_core.probe_fits import TrainingSide, logistic_path
from fundus_core.splits import Fold, grouped_folds

N, D, N_CLASSES, N_FOLDS, ROUNDS = 10_000, 768, 8, 5, 3
STRENGTHS = tuple(float(10.0**power) for power in range(-4, 2))


def synthetic() -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.str_]]:
    """Returns embeddings (N, D), labels (N, C) and patients (N,), two photographs each."""
    generator = np.random.default_rng(0)
    label = generator.integers(0, N_CLASSES, N)
    centres = generator.normal(size=(N_CLASSES, D)) * 0.06
    spread = np.exp(generator.normal(size=D) * 0.5)
    vectors = (centres[label] + generator.normal(size=(N, D))) * spread
    patients = np.array([f"P{number // 2:05d}" for number in range(N)])
    return vectors.astype(np.float32), np.eye(N_CLASSES, dtype=bool)[label], patients


def log_loss(y_true: NDArray[np.bool_], y_score: NDArray[np.floating]) -> float:
    """Returns the mean negative log-probability of the true class."""
    return float(-np.log(y_score[y_true]).mean())


def ours(side: TrainingSide, folds: tuple[Fold, ...]) -> NDArray[np.float64]:
    """Returns the held-out log-loss of every strength, (S,), averaged over folds."""
    settings = [(strength,) for strength in STRENGTHS]
    found = []
    for fold in folds:
        path = logistic_path(side.rows(fold.train), settings)
        held = side.rows(fold.test)
        found.append([log_loss(held.y_true, probe.score(held.vectors)) for probe in path])
    return np.mean(found, axis=0)


def scikit_learn(side: TrainingSide, folds: tuple[Fold, ...]) -> NDArray[np.float64]:
    """Returns the same by scikit-learn."""
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = LogisticRegressionCV(
        Cs=list(STRENGTHS),
        cv=[(fold.train, fold.test) for fold in folds],
        scoring="neg_log_loss",
        l1_ratios=(0.0,),
        use_legacy_attributes=True,
    )
    labels = side.y_true.argmax(axis=1)
    fitted = make_pipeline(StandardScaler(), model).fit(side.vectors.astype(np.float64), labels)
    scores = next(iter(fitted[-1].scores_.values()))
    return -np.asarray(scores).reshape(len(folds), len(STRENGTHS)).mean(axis=0)


def main() -> None:
    """Times both in turns and prints their log-losses side by side."""
    from threadpoolctl import threadpool_limits

    vectors, y_true, patients = synthetic()
    side = TrainingSide(vectors, y_true, "multiclass", 0)
    folds = grouped_folds(y_true, patients, n_folds=N_FOLDS, seed=0)
    said: dict[str, NDArray[np.float64]] = {}
    with threadpool_limits(limits=1):
        took = timed(
            {
                "ours": lambda: said.update(ours=ours(side, folds)),
                "scikit-learn": lambda: said.update(theirs=scikit_learn(side, folds)),
            },
            ROUNDS,
            clock=time.process_time,
        )
    best = int(said["ours"].argmin())
    print(f"{N:,} x {D}, {N_CLASSES} classes, {len(STRENGTHS)} strengths x {N_FOLDS} folds")
    for name, seconds in took.items():
        print(f"{name}: {seconds:.1f} s of one core, {took['scikit-learn'] / seconds:.1f} x")
    print(f"log-loss at the best strength {STRENGTHS[best]:g}: ours {said['ours'][best]:.6f}, ")
    print(
        f"scikit-learn {said['theirs'][best]:.6f}; the same best: {best == said['theirs'].argmin()}"
    )


if __name__ == "__main__":
    main()
