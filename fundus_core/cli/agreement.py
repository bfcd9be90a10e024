"""The command that asks whether backbones find the same photographs alike."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_cautions, print_json, print_line, progress
from fundus_core.domain.bounds import RANKED
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import find_workspace
from fundus_core.projections import PROJECTORS
from fundus_core.stats.bootstrap import Interval
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.embeddings import agreement as comparing

Maps = Mapping[str, Sequence[comparing.MeasuredMap]]
"""Fingerprint -> the stored maps of a backbone, measured."""

_LISTED = 5
"""Photographs named under each pair."""


def agreement(
    source: DataSource,
    embedding: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FINGERPRINT", help="Embeddings to compare, or beginnings; all by default."
        ),
    ] = None,
    k: Annotated[int, options.number(RANKED, "--k", help="Neighbours to compare.")] = 10,
    other_patients: Annotated[
        bool, typer.Option("--other-patients", help="Neighbours of other patients only.")
    ] = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Compares backbones: do they find the same photographs alike? CKA and shared neighbours."""
    place = find_workspace(workspace)
    dataset = open_dataset(place, source, progress=progress())
    found = comparing.agreement(place, dataset, embedding or (), k=k, others_only=other_patients)
    maps = {
        one.fingerprint: comparing.measured_maps(place, dataset, one.fingerprint)
        for one in found.embeddings
    }
    if as_json:
        print_json(describe_agreement(found, maps))
        return
    _print_agreement(found, maps)


def describe_agreement(found: comparing.Agreement, maps: Maps) -> dict[str, Any]:
    """Returns what `agreement --json` prints."""
    return {
        "n_images": len(found.image_ids),
        "n_dataset": found.n_dataset,
        "n_patients": found.n_patients,
        "k": found.k,
        "other_patients_only": found.others_only,
        "embeddings": [
            {
                "fingerprint": one.fingerprint,
                "label": one.label,
                "n_stored": one.n_stored,
                "maps": list(maps[one.fingerprint]),
            }
            for one in found.embeddings
        ],
        "pairs": [
            {
                "a": pair.a,
                "b": pair.b,
                "cka": pair.cka.debiased,
                "cka_biased": pair.cka.biased,
                "overlap": pair.overlap.mean,
                "overlap_by_chance": pair.overlap.chance,
                "images": found.image_frame(pair.a, pair.b).to_dict("records"),
            }
            for pair in found.pairs
        ],
        "cautions": list(found.cautions),
    }


def _print_agreement(found: comparing.Agreement, maps: Maps) -> None:
    patients = "unknown" if found.n_patients is None else str(found.n_patients)
    print_line(
        f"{len(found.image_ids)} of {found.n_dataset} photographs have all embeddings; patients: "
        f"{patients}"
    )
    for one in found.embeddings:
        print_line(f"  {one.fingerprint[:8]} {one.label}: {one.n_stored} photographs")
        for measured in maps[one.fingerprint]:
            quality = measured.quality
            print_line(
                f"    {PROJECTORS[measured.method].label}: trustworthiness "
                f"{quality.trustworthiness:.3f}, continuity {quality.continuity:.3f} over "
                f"{quality.n_neighbors} neighbours"
            )
    labels = {one.fingerprint: one.label for one in found.embeddings}
    for pair in found.pairs:
        print_line(f"  {labels[pair.a]} and {labels[pair.b]}:")
        print_line(f"    CKA (debiased) {_text(pair.cka.debiased)}, biased {pair.cka.biased:.3f}")
        print_line(
            f"    shared of {found.k} neighbours: {_text(pair.overlap.mean)}; "
            f"by chance {pair.overlap.chance:.3f}"
        )
        worst = found.image_frame(pair.a, pair.b).head(_LISTED)
        counted = zip(worst["image_id"], worst["shared"], strict=True)
        named = ", ".join(f"{image_id} ({shared})" for image_id, shared in counted)
        print_line(f"    fewest shared: {named}")
    print_cautions(found.cautions)


def _text(found: Interval) -> str:
    if found.value is None:
        return f"none, {found.reason}"
    if found.low is None or found.high is None:
        return f"{found.value:.3f} (no interval: {found.reason})"
    percent = round(100 * found.confidence)
    return f"{found.value:.3f} ({percent} % CI {found.low:.3f} to {found.high:.3f})"
