"""Commands that compute: embeddings, maps, probes, predictions."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import (
    auc_fields,
    auc_text,
    print_cautions,
    print_error,
    print_json,
    print_line,
    progress,
)
from fundus_core.cli.places import Replace, require_out
from fundus_core.domain.bounds import BATCH
from fundus_core.domain.embeddings import Embeddings
from fundus_core.io.embedding_store import understood_recipes
from fundus_core.io.left_out import not_understood
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace, find_workspace
from fundus_core.probes import PROBES, needs_text
from fundus_core.stats.classes import over_text
from fundus_core.tables import write_csv
from fundus_core.workflows.data.datasets import dataset_id, open_dataset, open_with_target
from fundus_core.workflows.data.result_places import inputs_of
from fundus_core.workflows.embeddings import project as projection
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, resolve
from fundus_core.workflows.embeddings.embed import embed_resolved
from fundus_core.workflows.embeddings.export import export_embeddings
from fundus_core.workflows.models import predict as prediction
from fundus_core.workflows.models import probe as probing
from fundus_core.workflows.models.averages import averaged_of, n_averaged_of
from fundus_core.workflows.models.imported_words import imported_words
from fundus_core.workflows.models.probe_words import WordsChoice
from fundus_core.workflows.models.run_names import averaged_text, fold_auc_text, no_auc_text
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import PREDICTIONS, run_folder

_ANY = ", ".join(name for name in PROBES if not needs_text(name))
_WORDS = ", ".join(name for name in PROBES if needs_text(name))


def embed(
    source: DataSource,
    choice: BackboneChoice,
    batch_size: Annotated[
        int | None, options.number(BATCH, help="At most so many at once.")
    ] = None,
    workers: options.DecodingWorkers = 2,
    out: Annotated[
        Path | None,
        typer.Option(
            parser=options.path, help="Also write vectors.npy and image_ids.csv into this folder."
        ),
    ] = None,
    replace: Replace = False,
    engine: options.EngineOption = "local",
    ray_address: options.RayAddress = None,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Turns photographs into embeddings; computes only those that are not stored yet."""
    where = options.engine_of(engine, ray_address)
    place = find_workspace(workspace)
    require_out(place, out, is_folder=True, replace=replace, inputs=inputs_of(source))
    started = time.perf_counter()
    resolved = resolve(place, choice)
    dataset = open_dataset(place, source, progress=progress())
    understood_recipes(place.embeddings)
    for one in not_understood(place.root, "embeddings"):
        print_error(one.sentences())
    embeddings = embed_resolved(
        place,
        dataset,
        resolved,
        progress=progress(),
        batch_size=batch_size,
        workers=workers,
        engine=where,
    )
    written = None if out is None else export_embeddings(embeddings, dataset, out)
    report = {
        "fingerprint": embeddings.fingerprint,
        "label": resolved.label,
        "n_images": len(dataset),
        "n_embedded": len(embeddings.image_ids),
        "embed_dim": embeddings.vectors.shape[1],
        "precision": resolved.recipe.precision,
        "bf16_cosine": resolved.bf16_cosine,
        "skipped": list(embeddings.skipped),
        "rejected": list(dataset.rejected),
        "out": written,
        "seconds": round(time.perf_counter() - started, 3),
    }
    if as_json:
        print_json(report)
    else:
        _print_embedded(embeddings, len(dataset), resolved.label, len(dataset.rejected))


def _print_embedded(embeddings: Embeddings, n_images: int, label: str, n_rejected: int) -> None:
    print_line(
        f"{label}: {len(embeddings.image_ids)} of {n_images} photographs have an embedding of "
        f"{embeddings.vectors.shape[1]} numbers ({embeddings.fingerprint})"
    )
    for row in embeddings.skipped:
        print_line(f"  skipped {row.path}: {row.detail}")
    if n_rejected:
        print_line(f"  {n_rejected} rows were rejected; `fundus check` lists them.")


def project(
    source: DataSource,
    choice: BackboneChoice,
    method: Annotated[str, typer.Option(help="pca, tsne, umap or pacmap.")] = "pca",
    seed: options.Seed = 0,
    out: Annotated[
        Path | None, typer.Option(parser=options.path, help="Also write the map as a CSV file.")
    ] = None,
    replace: Replace = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Lays the photographs out on a plane."""
    place = find_workspace(workspace)
    require_out(place, out, suffixes=(".csv",), replace=replace, inputs=inputs_of(source))
    dataset = open_dataset(place, source, progress=progress())
    result = projection.project_dataset(
        place, dataset, choice, method=method, seed=seed, progress=progress()
    )
    if out is not None:
        write_csv(result.frame(), out)
    if as_json:
        print_json(
            {
                "method": method,
                "n_images": len(result.image_ids),
                "trustworthiness": result.trustworthiness,
                "n_neighbors": result.n_neighbors,
                "n_fitted": result.n_fitted,
                "image_ids": list(result.image_ids),
                "points": result.points.astype(float).tolist(),
                "out": out,
            }
        )
    else:
        print_line(
            f"{method}: {len(result.image_ids)} photographs; trustworthiness "
            f"{result.trustworthiness:.3f} over {result.n_neighbors} neighbours"
        )


def probe(
    source: DataSource,
    choice: BackboneChoice,
    target: Annotated[
        str, typer.Option(help="COLUMN, COLUMN=CLASS, or 0/1 columns joined by commas.")
    ],
    words: WordsChoice,
    kind: Annotated[
        str, typer.Option("--probe", help=f"{_ANY}; for backbones with a text tower also {_WORDS}.")
    ] = "logistic",
    folds: options.Folds = None,
    use_split: options.UseSplit = False,
    fraction: options.Fraction = 1.0,
    draw: options.Draw = 0,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Fits a simple probe on frozen embeddings and evaluates it on held-out patients."""
    n_folds = options.folds_of(folds, use_split=use_split)
    place = find_workspace(workspace)
    dataset = open_with_target(place, source, target, progress=progress())
    run = probing.probe_dataset(
        place,
        dataset,
        dataset_id(source),
        choice,
        probing.ProbeChoice(target, kind, n_folds, seed, use_split, fraction, draw, words),
        progress=progress(),
    )
    imported = imported_words(dataset, run, words)
    if as_json:
        of_words = {"imported_words": imported} if needs_text(kind) else {}
        print_json(describe_run(place, run) | of_words)
        return
    print_run(run)
    if imported is not None:
        print_line(f"  {imported.sentence()}")


def describe_run(workspace: Workspace, run: Run) -> dict[str, Any]:
    """Returns what `probe --json` and `finetune --json` print."""
    return {
        "run_id": run.id,
        "label": run.label,
        "target": run.target.name,
        "classes": list(run.target.scored_classes),
        "n_images": run.n_images,
        "n_patients": run.n_patients,
        **auc_fields(run.auc),
        **_averaged_fields(run),
        "class_aucs": run.class_aucs,
        "baseline": run.baseline_auc,
        "baseline_p_value": run.baseline_p,
        "folds": list(run.folds),
        "cautions": list(run.cautions),
        "predictions": run_folder(workspace, run) / PREDICTIONS,
    }


def _averaged_fields(run: Run) -> dict[str, Any]:
    """Returns which classes the AUC of a run is the mean of; null of one class."""
    number = n_averaged_of(run)
    return {"n_averaged": number, "averaged": None if number is None else averaged_of(run)}


def run_auc_text(run: Run) -> str:
    """Returns the AUC of a run with its name: of several classes it is their macro average."""
    over = averaged_text(run)
    name = "AUC" if run.target.task == "binary" else "macro average of the AUCs"
    name += f" of {over}" if over else ""
    return f"{name} {auc_text(run.auc, no_auc_text(run))}"


def print_run(run: Run) -> None:
    """Prints what an evaluated model reached."""
    patients = "unknown" if run.n_patients is None else str(run.n_patients)
    print_line(f"{run.label} on {run.target.name}: {run_auc_text(run)}")
    if run.target.task != "binary":
        print_line(f"  `fundus roc {run.id}` prints the AUC of each class")
    print_line(f"  mean colour alone: {auc_text(run.baseline_auc)}")
    print_line(f"  {run.n_images} photographs, patients: {patients}; run {run.id}")
    for fold in run.folds:
        cases = f", {fold.n_positive} positive" if run.target.task == "binary" else ""
        auc = fold_auc_text(run, fold)
        print_line(f"  fold {fold.fold + 1}: AUC {auc}, {fold.n_test} photographs{cases}")
    print_cautions(run.cautions)


def predict(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id, or its beginning.")],
    source: DataSource,
    out: Annotated[
        Path | None, typer.Option(parser=options.path, help="Also write the scores as a CSV file.")
    ] = None,
    replace: Replace = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Scores new photographs with a trained probe; with labels, evaluates it there."""
    place = find_workspace(workspace)
    require_out(place, out, suffixes=(".csv",), replace=replace, inputs=inputs_of(source))
    dataset = open_dataset(place, source, progress=progress())
    result = prediction.predict(
        place,
        run,
        dataset,
        dataset_id(source),
        label_column=source.columns.target,
        progress=progress(),
    )
    if out is not None:
        write_csv(result.all_scores, out)
    if as_json:
        print_json(describe_external(result))
        return
    print_external(result)


def print_external(result: prediction.ExternalResult) -> None:
    """Prints what a trained model says of another data set."""
    print_line(f"{result.run.label} on {result.run.dataset_name}: {run_auc_text(result.run)}")
    over = over_text(len(result.compared), len(result.run.target.scored_classes))
    name = f"of {over} ({', '.join(result.compared)}), " if over else ""
    method = result.inside.method if result.inside else ""
    print_line(f"  inside ({name}{method}): {auc_text(result.inside, 'no class that both have')}")
    if over and result.outside != result.run.auc:
        print_line(f"  outside, of the same classes: {auc_text(result.outside)}")
    if result.inside_cautions:
        codes = ", ".join(dict.fromkeys(one.code for one in result.inside_cautions))
        print_line(f"  what limits the figure inside: {codes}")
    if result.comparison:
        print_line(f"  outside differs from inside: p = {result.comparison.p_value:.3g}")
    if result.untested:
        print_line(f"  outside against inside: no test: {result.untested}")
    print_cautions((*result.run.cautions, *result.comparison_cautions))


def describe_external(result: prediction.ExternalResult) -> dict[str, Any]:
    """Returns what `predict --json` prints."""
    auc = result.run.auc
    return {
        "run_id": result.run.id,
        "trained_as": result.run.trained_as,
        "n_images": result.n_scored,
        "n_labelled": result.n_labelled,
        "n_patients": result.run.n_patients,
        "n_seen_in_training": result.n_seen,
        "auc": auc.auc if auc else None,
        "auc_low": auc.low if auc else None,
        "auc_high": auc.high if auc else None,
        "auc_method": auc.method if auc else None,
        **_averaged_fields(result.run),
        "inside": result.inside,
        "outside": result.outside,
        "compared": result.compared,
        "inside_cautions": list(result.inside_cautions),
        "comparison": result.comparison,
        "untested": result.untested,
        "cautions": [*result.run.cautions, *result.comparison_cautions],
        "predictions": result.scores,
        "scores": result.all_scores.to_dict("records"),
    }
