"""The command that shows a model on all of its classes, and how such comparisons are printed."""

from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import auc_fields, auc_text, print_cautions, print_json, print_line
from fundus_core.io.workspace import find_workspace
from fundus_core.stats.classes import ClassAuc
from fundus_core.stats.delong import AucComparison
from fundus_core.workflows.evaluation import classes as workflow
from fundus_core.workflows.evaluation.classes import (
    AdjustedTest,
    ClassComparison,
    ClassPair,
    ModelClasses,
)


def roc(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN [RUN ...]", help="Run ids, or tables of predictions."),
    ],
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Prints the AUC of every class with its interval, and their macro and micro average."""
    place = find_workspace(workspace)
    found = [workflow.model_classes(place, reference) for reference in runs]
    if as_json:
        print_json([_describe_model(model) | {"cautions": model.cautions} for model in found])
        return
    for model in found:
        _print_model(model)
        print_cautions(model.cautions)


def print_class_comparison(found: ClassComparison) -> None:
    """Prints each model on all classes, then each pair of models."""
    for model in found.models:
        _print_model(model)
    for pair in found.pairs:
        _print_pair(pair)
    if found.n_tests > 1:
        print_line(
            f"  Holm's correction is over {found.n_tests} tests of single classes"
            + (f"; of each average over {len(found.pairs)} pairs." if len(found.pairs) > 1 else ".")
        )
    print_cautions(found.cautions)


def describe_class_comparison(found: ClassComparison) -> dict[str, Any]:
    """Returns what `compare --json` prints of models of several classes."""
    return {
        "classes": found.class_names,
        "n_images": found.n_images,
        "n_patients": found.n_patients,
        "paired": found.paired,
        "n_tests": found.n_tests,
        "n_averaged": found.n_averaged,
        "runs": [_describe_model(model) for model in found.models],
        "pairs": [
            {
                "run_a": pair.run_a,
                "run_b": pair.run_b,
                "classes": [_describe_test(test) for test in pair.classes],
                "macro": _describe_test(pair.macro),
                "micro": _describe_test(pair.micro),
                "averaged": pair.averaged,
                "n_averaged": len(pair.averaged),
            }
            for pair in found.pairs
        ],
        "cautions": found.cautions,
    }


def _describe_model(model: ModelClasses) -> dict[str, Any]:
    return {
        "run_id": model.run_id,
        "label": model.label,
        "n_images": model.n_images,
        "n_patients": model.n_patients,
        "classes": [_describe_class(row, model) for row in model.aucs.classes],
        "n_averaged": model.aucs.n_averaged,
        "averaged": model.aucs.averaged,
        "macro": model.aucs.macro,
        "micro": model.aucs.micro,
    }


def _describe_class(row: ClassAuc, model: ModelClasses) -> dict[str, Any]:
    return {
        "class": row.class_name,
        "n_positive": row.n_positive,
        "n_negative": row.n_negative,
        "n_positive_patients": None if model.n_patients is None else row.units.positive,
        "averaged": row.averaged,
        "reason": row.reason,
        **auc_fields(row.interval),
    }


def _describe_test(test: AdjustedTest) -> dict[str, Any]:
    found = test.result
    return {
        "name": test.name,
        "auc_a": found.auc_a if found else None,
        "auc_b": found.auc_b if found else None,
        "difference": found.difference if found else None,
        "difference_low": found.low if found else None,
        "difference_high": found.high if found else None,
        "z": found.z if found else None,
        "degrees_of_freedom": found.degrees_of_freedom if found else None,
        "p_value": found.p_value if found else None,
        "p_holm": test.p_holm,
        "method": found.method if found else None,
        "reason": test.reason,
    }


def _print_model(model: ModelClasses) -> None:
    patients = "patients unknown" if model.n_patients is None else f"{model.n_patients} patients"
    print_line(f"{model.label}: {model.n_images} photographs, {patients}; {model.run_id}")
    rows = [("class", "positive", "patients", "AUC")]
    for row in model.aucs.classes:
        units = "?" if model.n_patients is None else str(row.units.positive)
        auc = "none" if row.interval is None else auc_text(row.interval)
        note = f"; {row.reason}" if row.reason else ""
        rows.append((row.class_name, str(row.n_positive), units, auc + note))
    over = f"of {model.aucs.n_averaged} of {len(model.aucs.classes)} classes"
    if len(model.aucs.classes) > 1:
        rows.append((f"macro average {over}", "", "", auc_text(model.aucs.macro)))
        rows.append((f"micro average {over}", "", "", auc_text(model.aucs.micro)))
    _print_columns(rows)


def _print_pair(pair: ClassPair) -> None:
    print_line(f"{pair.label_a} minus {pair.label_b}")
    rows = [("class", "difference (95 % CI)", "p", "p (Holm)")]
    for test in (*pair.classes, pair.macro, pair.micro):
        if test.result is None:
            rows.append((test.name, "no test", "", test.reason))
            continue
        p_holm = "" if test.p_holm is None else f"{test.p_holm:.3g}"
        said = _difference(test.result)
        if test not in pair.classes and len(pair.averaged) < len(pair.classes):
            said += f": {test.result.auc_a:.3f} against {test.result.auc_b:.3f}"
        rows.append((test.name, said, f"{test.result.p_value:.3g}", p_holm))
    _print_columns(rows)


def _difference(test: AucComparison) -> str:
    return f"{test.difference:+z.3f} ({test.low:+z.3f} to {test.high:+z.3f})"


def _print_columns(rows: list[tuple[str, str, str, str]]) -> None:
    """Prints rows under one another; the last column is as long as it likes."""
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)]
        print_line(f"  {'  '.join(cells)}".rstrip())
