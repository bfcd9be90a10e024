"""A linear probe with its strength chosen by grouped folds: ours beside scikit-learn.

    python -m benchmarks.probe

10,000 embeddings of 768 numbers and 8 classes; six strengths, five folds that keep a patient
together, all of which end in the log-loss of each strength. scikit-learn's `LogisticRegressionCV`
as its documentation shows it (float64, all defaults), and with a process for each core; ours is
what chooses the strength in `fundus probe`. Seconds that a reader waits.

The embeddings are synthetic, with what slows solvers down on real ones: their numbers go together.
Along their own axes the variance falls as 1/rank. The preview by ridge regression is timed on the
same rows.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin

from benchmarks.turns import timed
from fundus_core.compute import threads
from fundus_core.probe_fits import TrainingSide
from fundus_core.probes import held_out_losses, log_loss
from fundus_core.ridge_preview import ridge_scores
from fundus_core.splits import Fold, grouped_folds
from fundus_core.stats.placements import placements

N, D, N_CLASSES, N_FOLDS, ROUNDS = 10_000, 768, 8, 5, 3
STRENGTHS = tuple(float(10.0**power) for power in range(-4, 2))
OURS, DOCUMENTED, ALL_CORES = "ours", "scikit-learn", "scikit-learn, n_jobs=-1"


def synthetic() -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.str_]]:
    """Returns embeddings (N, D), labels (N, C) and patients (N,), two photographs each."""
    generator = np.random.default_rng(0)
    label = generator.integers(0, N_CLASSES, N)
    centres = generator.normal(size=(N_CLASSES, D)) * 0.12
    along = generator.normal(size=(N, D)) + centres[label]
    axes, _ = np.linalg.qr(generator.normal(size=(D, D)))
    vectors = (along / np.sqrt(np.arange(1, D + 1))) @ axes.T
    patients = np.array([f"P{number // 2:05d}" for number in range(N)])
    return vectors.astype(np.float32), np.eye(N_CLASSES, dtype=bool)[label], patients


def ours(side: TrainingSide, folds: tuple[Fold, ...]) -> NDArray[np.float64]:
    """Returns the held-out log-loss of every strength, (S,): over all classes, one by one."""
    return held_out_losses("logistic", side, folds, [(strength,) for strength in STRENGTHS])


def scikit_learn(
    side: TrainingSide, folds: tuple[Fold, ...], n_jobs: int | None = None
) -> NDArray[np.float64]:
    """Returns the same by scikit-learn."""
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = LogisticRegressionCV(
        Cs=list(STRENGTHS),
        cv=[(fold.train, fold.test) for fold in folds],
        scoring=by_class,
        l1_ratios=(0.0,),
        use_legacy_attributes=True,
        n_jobs=n_jobs,
    )
    labels = side.y_true.argmax(axis=1)
    fitted = make_pipeline(StandardScaler(), model).fit(side.vectors.astype(np.float64), labels)
    scores = next(iter(fitted[-1].scores_.values()))
    return -np.asarray(scores).reshape(len(folds), len(STRENGTHS)).mean(axis=0)


def by_class(
    model: ClassifierMixin, vectors: NDArray[np.float64], labels: NDArray[np.intp]
) -> float:
    """Returns what `held_out_losses` measures, as a score: higher is better."""
    return -log_loss(np.eye(N_CLASSES, dtype=bool)[labels], model.predict_proba(vectors))


def ridge_auc(side: TrainingSide, folds: tuple[Fold, ...]) -> float:
    """Returns the mean held-out AUC of the preview."""
    scores = ridge_scores(side.vectors, side.y_true, folds).T
    columns = zip(side.y_true.T, scores, strict=True)
    return float(np.mean([placements(positive, score[None]).auc[0] for positive, score in columns]))


def main() -> None:
    """Times all in turns and prints their log-losses side by side."""
    vectors, y_true, patients = synthetic()
    side = TrainingSide(vectors, y_true, "multiclass", 0)
    folds = grouped_folds(y_true, patients, n_folds=N_FOLDS, seed=0)
    said: dict[str, NDArray[np.float64]] = {}
    ways = {
        OURS: lambda: said.update({OURS: ours(side, folds)}),
        DOCUMENTED: lambda: said.update({DOCUMENTED: scikit_learn(side, folds)}),
        ALL_CORES: lambda: said.update({ALL_CORES: scikit_learn(side, folds, n_jobs=-1)}),
    }
    took = timed(ways, ROUNDS)
    print(
        f"{N:,} x {D}, {N_CLASSES} classes, {len(STRENGTHS)} strengths x {N_FOLDS} folds, "
        f"{threads()} threads"
    )
    for name, seconds in took.items():
        best = int(said[name].argmin())
        print(
            f"{name}: {seconds:.1f} s, {took[DOCUMENTED] / seconds:.1f} x; best at "
            f"{STRENGTHS[best]:g}, log-loss {N_CLASSES * said[name][best]:.5f}"
        )
    (preview,) = timed({"ridge": lambda: ridge_auc(side, folds)}, ROUNDS).values()
    print(f"preview by ridge regression: {preview:.2f} s, mean AUC {ridge_auc(side, folds):.3f}")


if __name__ == "__main__":
    main()
