"""How `fundus compare` prints a comparison on one class."""

from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from fundus_core.cli.output import auc_fields, auc_text, print_cautions, print_line, sizes_text
from fundus_core.errors import TargetError
from fundus_core.stats.delong import AucComparison
from fundus_core.stats.non_inferiority import VERDICTS, MarginTest
from fundus_core.workflows.evaluation.compare import (
    ComparedPair,
    Comparison,
    JointTest,
    statistic_name,
)
from fundus_core.workflows.evaluation.margins import HeldAgainstMargin


class Adjustment(StrEnum):
    """Corrections of several p-values."""

    HOLM = "holm"
    BH = "bh"


_NAMES = {Adjustment.HOLM: "Holm", Adjustment.BH: "Benjamini-Hochberg"}


def require_one_class(margin: float | None, adjust: Adjustment) -> None:
    """Raises if something is asked for that models of several classes have no answer to.

    Raises:
        TargetError: With the option.
    """
    option = "--margin" if margin is not None else f"--adjust {adjust}"
    if margin is not None or adjust != Adjustment.HOLM:
        raise TargetError(
            f"{option} is about one class, and these models predict several.",
            hint="Name the class to compare on by --class.",
        )


def print_comparison(
    result: Comparison, held: Sequence[HeldAgainstMargin], adjust: Adjustment
) -> None:
    """Prints the models, their differences, and what the tests say."""
    numbers, patients = sizes_text(result.sizes)
    rows = "photographs" if result.aggregate is None else "patients, one row each"
    print_line(f"{numbers} {rows}; patients: {patients}; class: {result.class_name}")
    for run in result.runs:
        print_line(f"  {run.label}: AUC {auc_text(run.auc)}")
    if result.all_equal.result is not None:
        print_line(f"  {_joint_text(result.all_equal)}")
    if result.untested:
        print_line(f"  no test: {result.untested}")
    for pair in result.pairs:
        print_line(f"  {_pair_text(pair, adjust)}")
    for row in held:
        print_line(f"  {_held_text(row)}")
    print_cautions(result.cautions)


def describe_comparison(result: Comparison, held: Sequence[HeldAgainstMargin]) -> dict[str, Any]:
    """Returns what `compare --json` prints."""
    return {
        "class": result.class_name,
        "level": "image" if result.aggregate is None else "patient",
        "n_images": result.n_images,
        "n_patients": result.n_patients,
        "paired": result.paired,
        "runs": [
            {
                "run_id": run.run_id,
                "label": run.label,
                "n_images": run.auc.n_positive + run.auc.n_negative,
                "n_patients": run.auc.n_patients,
                **auc_fields(run.auc),
            }
            for run in result.runs
        ],
        "all_equal": _describe_joint(result.all_equal),
        "pairs": [_describe_pair(pair) for pair in result.pairs],
        "untested": result.untested,
        "non_inferiority": [
            {
                "run_id": row.run_id,
                "reference": row.reference,
                "non_inferior": _describe_margin(row.non_inferiority),
                "equivalent": _describe_margin(row.equivalence),
                "reason": row.reason,
            }
            for row in held
        ],
        "cautions": list(result.cautions),
    }


def _describe_pair(pair: ComparedPair) -> dict[str, Any]:
    test = pair.result
    return {
        "run_a": pair.run_a,
        "run_b": pair.run_b,
        "difference": test.difference,
        "difference_low": test.low,
        "difference_high": test.high,
        "z": test.z,
        "degrees_of_freedom": test.degrees_of_freedom,
        "p_value": test.p_value,
        "p_holm": pair.p_holm,
        "p_bh": pair.p_bh,
        "method": test.method,
        "plain": None if pair.plain is None else asdict(pair.plain),
    }


def _describe_joint(joint: JointTest) -> dict[str, Any] | None:
    found = joint.result
    if found is None:
        return None
    return {
        "chi_square": found.statistic,
        "degrees_of_freedom": found.rank,
        "p_chi_square": found.chi_square_p,
        "p_value": found.p_value,
        "variance_degrees_of_freedom": found.degrees_of_freedom,
        "method": found.method,
    }


def _describe_margin(found: MarginTest | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)


def _pair_text(pair: ComparedPair, adjust: Adjustment) -> str:
    test = pair.result
    corrected = pair.p_holm if adjust == Adjustment.HOLM else pair.p_bh
    return (
        f"{pair.label_a} minus {pair.label_b}: {test.difference:+z.3f} "
        f"({test.low:+z.3f} to {test.high:+z.3f}), {_statistic(test)}, p = {test.p_value:.3g}, "
        f"{_NAMES[adjust]} p = {corrected:.3g}; {test.method}"
    )


def _statistic(test: AucComparison) -> str:
    said = f"{statistic_name([test])} = {test.z:.2f}"
    if test.degrees_of_freedom is None:
        return said
    return f"{said} with {test.degrees_of_freedom:.1f} degrees of freedom"


def _joint_text(joint: JointTest) -> str:
    found = joint.result
    if found is None:
        return joint.reason
    return (
        f"All AUCs equal: chi-square {found.statistic:.2f} with {found.rank} degrees of freedom, "
        f"p = {found.p_value:.3g} (F with {found.rank} and {found.residual:.1f} degrees of "
        f"freedom; as published, for many patients, {found.chi_square_p:.3g}); {found.method}"
    )


def _held_text(row: HeldAgainstMargin) -> str:
    question = f"{row.label} at least as good as {row.label_reference}"
    if row.non_inferiority is None or row.equivalence is None:
        return f"{question}: no test; {row.reason}"
    one, both = row.non_inferiority, row.equivalence
    return (
        f"{question}, margin {one.margin:g}: {one.verdict} ({one.difference:+z.3f}, bound "
        f"{one.low:+z.3f}, one-sided p = {one.p_value:.3g}: {VERDICTS[one.verdict]}); equivalent: "
        f"{both.verdict} (90 % CI {both.low:+z.3f} to {both.high:+z.3f}, p = {both.p_value:.3g})"
    )
