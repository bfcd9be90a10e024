"""What the commands that segment print: for people in lines, for machines as plain values."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from fundus_core.cli.output import print_cautions, print_line
from fundus_core.segmentation.scoring import SCORES
from fundus_core.segmentation.summaries import ScoreComparison, ScoreSummary, summaries
from fundus_core.stats.bootstrap import Interval
from fundus_core.workflows.segmenting.score_store import Scored
from fundus_core.workflows.segmenting.segmenter_store import TrainedSegmenter


def describe_trained(trained: TrainedSegmenter) -> dict[str, Any]:
    """Returns what `segment train --json` and `segment models --json` print of a model."""
    values = {key: value for key, value in asdict(trained).items() if key != "held_out"}
    values["learned"] = len(trained.learned)
    return {"model": trained.id, **values, "n_held_out": len(trained.held_out)}


def describe_scored(scored: Scored) -> dict[str, Any]:
    """Returns what `segment score --json` prints of a model."""
    found = summaries(scored.table)
    return {
        **asdict(scored.about),
        "scores": [_describe_summary(one) for one in found],
        "method": found[0].mean.method,
        "photographs": scored.table.astype(object)
        .where(scored.table.notna(), None)
        .to_dict("records"),
    }


def _describe_summary(summary: ScoreSummary) -> dict[str, Any]:
    return {
        "channel": summary.channel,
        "score": summary.score,
        **_bounds(summary.mean, "mean"),
        "n_images": summary.n_images,
        "n_undefined": summary.n_undefined,
    }


def describe_comparison(compared: ScoreComparison) -> dict[str, Any]:
    """Returns what `segment score --json` prints of one score of two models."""
    return {
        "channel": compared.channel,
        "score": compared.score,
        "mean_a": compared.mean_a,
        "mean_b": compared.mean_b,
        **_bounds(compared.difference, "difference"),
        "p_value": compared.p_value,
        "test": "Wilcoxon signed-rank test of patients' mean differences, two-sided",
        "n_images": compared.n_images,
        "n_patients": compared.n_patients,
    }


def _bounds(interval: Interval, name: str) -> dict[str, float | str | None]:
    return {
        name: interval.value,
        "low": interval.low,
        "high": interval.high,
        "reason": interval.reason,
    }


def print_scored(scored: Scored) -> None:
    """Prints the mean of every score with its interval, and what limits them."""
    about = scored.about
    patients = "unknown" if about.n_patients is None else str(about.n_patients)
    print_line(f"{about.title}, {about.dataset_name}: {about.n_images} photographs, ")
    print_line(f"  patients: {patients}; marked from {about.threshold:g} on")
    found = summaries(scored.table)
    for one in found:
        left_out = f", not defined for {one.n_undefined}" if one.n_undefined else ""
        print_line(f"  {one.channel}, {SCORES[one.score]}: {interval_text(one.mean)}{left_out}")
    print_line(f"  Intervals: {found[0].mean.method}.")
    print_cautions(about.cautions)


def print_comparison(compared: Sequence[ScoreComparison]) -> None:
    """Prints how two models differ in every score."""
    for one in compared:
        shown = interval_text(one.difference)
        print_line(f"  {one.channel}, {SCORES[one.score]}: {shown}, p = {one.p_value:.3g}")
    if compared:
        print_line("  Differences are first minus second; p by Wilcoxon's signed-rank test of the")
        print_line("  patients' mean differences, two-sided, not corrected for several scores.")


def interval_text(interval: Interval) -> str:
    """Returns a value with its interval, as papers print it."""
    if interval.value is None:
        return f"none, {interval.reason}"
    if interval.low is None or interval.high is None:
        return f"{interval.value:.3f} (no interval: {interval.reason})"
    percent = round(100 * interval.confidence)
    return f"{interval.value:.3f} ({percent} % CI {interval.low:.3f} to {interval.high:.3f})"
