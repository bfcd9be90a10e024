"""The command that shows where a model looked, and whether its maps may be read."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_json, print_line, progress
from fundus_core.cli.places import Replace
from fundus_core.domain.bounds import TESTED_MAPS, ZERO_TO_ONE
from fundus_core.errors import DataError, FundusError, SaliencyError
from fundus_core.explain.trust import NOT_SHOWN, TrustLight
from fundus_core.io.files import require_place
from fundus_core.io.together import appearing_together
from fundus_core.io.workspace import Workspace, find_workspace
from fundus_core.stats.bootstrap import Interval
from fundus_core.workflows.data.result_places import require_result_place
from fundus_core.workflows.evaluation.calibrated import (
    MEANING,
    CalibratedProbability,
    calibrated_probabilities,
)
from fundus_core.workflows.explanations import explain as explaining
from fundus_core.workflows.explanations.explained import Asked
from fundus_core.workflows.explanations.model_trust import ModelTrust, model_trust
from fundus_core.workflows.explanations.trust import trust_of

_OVERLAYS = Path("explanations")
_SHOWN_CHECK = {True: "passed", False: "not passed"}


def explain(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id, or its beginning.")],
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[IMAGE ...]", parser=options.not_empty, help="Paths, or image ids."
        ),
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option(
            "--image",
            parser=options.not_empty,
            metavar="TEXT",
            help="Path or image id; may be given several times.",
        ),
    ] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", help="The class to explain; the positive one.")
    ] = None,
    minus: Annotated[
        str | None, typer.Option(help="Explain the difference of the class and this one.")
    ] = None,
    method: Annotated[str, typer.Option(help="See the methods page.")] = "grad_cam",
    layer: Annotated[
        str | None, typer.Option(help="A layer of `--layers`; the usual one by default.")
    ] = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="List the layers that maps may be taken from.")
    ] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Test each map as well; hundreds of forward passes.")
    ] = False,
    sample: Annotated[
        int,
        options.number(
            TESTED_MAPS, help="Test the maps of this many held-out photographs, at random."
        ),
    ] = 0,
    seed: options.Seed = 0,
    out: Annotated[
        Path, typer.Option(parser=options.path, help="Folder of the overlays.")
    ] = _OVERLAYS,
    replace: Replace = False,
    opacity: Annotated[float, options.number(ZERO_TO_ONE, help="Of the map.")] = 0.6,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Draws where a model looked onto photographs, and says whether the maps may be read."""
    place, named = find_workspace(workspace), [*(images or []), *(image or [])]
    if layers:
        _print_layers(place, run, as_json=as_json)
    elif sample:
        found = model_trust(
            place,
            run,
            n_photographs=sample,
            class_name=class_name,
            method=method,
            layer=layer,
            seed=seed,
            progress=progress(),
        )
        _print_model(found, as_json=as_json)
    elif named:
        asked = Asked(class_name or "", minus or "", method, layer)
        require_place(out, is_folder=True)
        overlays = explaining.overlays_of(place, run, named, asked, out)
        require_result_place(place, *overlays, replace=replace, inputs=map(Path, named))
        rows = _explained(place, run, named, asked, out, opacity)
        _add_calibrated(rows, place, run)
        if trust:
            _add_lights(rows, place, run, named, asked, seed)
        _print_rows(rows, as_json=as_json)
    else:
        raise DataError(
            "No photograph was named.",
            hint="Give paths or image ids, --sample N for a random sample, or --layers.",
        )


def describe_trust(light: TrustLight | SaliencyError) -> dict[str, Any] | None:
    """Returns what `explain --trust --json` prints of one map; null where there is none."""
    if isinstance(light, SaliencyError):
        return None
    return {"light": light.light, "checks": light.checks, "figures": light.figures}


def describe_model_trust(found: ModelTrust) -> dict[str, Any]:
    """Returns what `explain --sample --json` prints."""
    return {
        "run_id": found.run_id,
        "n_photographs": len(found.image_ids),
        "shares": found.shares,
        "mean_share_of_checks_passed": found.mean_passed,
        "photographs": [
            {"image_id": image_id, "light": light, "share_of_checks_passed": passed}
            for image_id, light, passed in zip(
                found.image_ids, found.lights, found.passed, strict=True
            )
        ],
    }


def _explained(
    place: Workspace, run: str, named: list[str], asked: Asked, out: Path, opacity: float
) -> list[dict[str, Any]]:
    """Writes the overlays and returns a row per photograph; refuses if none has a map."""
    outcomes = explaining.explain_many(
        place,
        run,
        named,
        class_name=asked.class_name or None,
        minus=asked.minus,
        method=asked.method,
        layer=asked.layer,
    )
    refusals = [outcome for outcome in outcomes if isinstance(outcome, SaliencyError)]
    if len(refusals) == len(outcomes) == 1:
        raise refusals[0]
    if len(refusals) == len(outcomes):
        raise SaliencyError(
            f"None of the {len(outcomes)} photographs has a map. Of {Path(named[0]).name}: "
            f"{refusals[0].message}",
            hint=refusals[0].hint,
        )
    with appearing_together(out) as made:
        rows = [
            _row(name, outcome, made, opacity)
            for name, outcome in zip(named, outcomes, strict=True)
        ]
    for row in rows:
        if row["overlay"] is not None:
            row["overlay"] = out / row["overlay"].name
    return rows


def _add_calibrated(rows: list[dict[str, Any]], place: Workspace, run: str) -> None:
    """Adds what each score stands for, as the other folds teach it, or why that is not known."""
    shown = [row for row in rows if row["overlay"] is not None]
    ids = [row["image_id"] for row in shown]
    for row, found in zip(
        shown, calibrated_probabilities(place, run, ids, shown[0]["class"]), strict=True
    ):
        is_known = isinstance(found, CalibratedProbability)
        row["calibrated"] = found if is_known else None
        row["not_calibrated"] = found.message if isinstance(found, FundusError) else None


def _add_lights(
    rows: list[dict[str, Any]],
    place: Workspace,
    run: str,
    named: list[str],
    asked: Asked,
    seed: int,
) -> None:
    """Tests the maps and adds what came out to each row."""
    lights = trust_of(
        place,
        run,
        named,
        class_name=asked.class_name or None,
        minus=asked.minus,
        method=asked.method,
        layer=asked.layer,
        seed=seed,
        progress=progress(),
    )
    for row, light in zip(rows, lights, strict=True):
        row["trust"] = describe_trust(light)


def _row(
    image: str, outcome: explaining.Explanation | SaliencyError, out: Path, opacity: float
) -> dict[str, Any]:
    """Writes the overlay and returns what `explain --json` prints of it."""
    if isinstance(outcome, SaliencyError):
        return {"image": image, "overlay": None, "refused": outcome.message}
    return {
        "image": image,
        "image_id": outcome.image_id,
        "path": outcome.path,
        "class": outcome.class_name,
        "minus": outcome.minus or None,
        "score": outcome.score,
        "held_out": outcome.held_out,
        "network_of_fold": None if outcome.network_fold is None else outcome.network_fold + 1,
        "method": outcome.saliency.method,
        "layer": outcome.saliency.layer or None,
        "grid": list(outcome.saliency.values.shape),
        "overlay": explaining.write_overlay(outcome, out, opacity=opacity),
    }


def _print_rows(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    for row in rows:
        if row["overlay"] is None:
            print_line(f"{row['image']}: {row['refused']}")
            continue
        print_line(f"{row['overlay']}: score {row['score']:.3f} for {row['class']}")
        print_line(f"  {_calibrated_text(row)}")
        if light := row.get("trust"):
            print_line(f"  Trust light: {light['light']}")
            for check in light["checks"]:
                print_line(f"    {_SHOWN_CHECK[check.passed]}: {check.title}. {check.figure}")
    if any(row.get("calibrated") for row in rows):
        print_line(MEANING)
    if any(row.get("trust") for row in rows):
        print_line(NOT_SHOWN)


def _calibrated_text(row: dict[str, Any]) -> str:
    if row["calibrated"] is None:
        return f"Calibrated probability: not known. {row['not_calibrated']}"
    return f"Calibrated probability: {_share_text(row['calibrated'].probability)}"


def _print_layers(place: Workspace, run: str, *, as_json: bool) -> None:
    choices = explaining.layers_of(place, run)
    if as_json:
        print_json(
            [{"layer": c.layer.name, "grid": list(c.grid), "usual": c.usual} for c in choices]
        )
        return
    for choice in choices:
        print_line(choice.title + (", the usual one" if choice.usual else ""))


def _print_model(found: ModelTrust, *, as_json: bool) -> None:
    if as_json:
        print_json(describe_model_trust(found))
        return
    print_line(f"{found.run_id}: the maps of {len(found.image_ids)} held-out photographs")
    for light, interval in found.shares.items():
        print_line(f"  {light}: {_share_text(interval)}")
    print_line(f"  share of checks passed: {_share_text(found.mean_passed)}")
    print_line(NOT_SHOWN)


def _share_text(interval: Interval) -> str:
    """Returns a share with its interval, or why there is none."""
    if interval.value is None:
        return interval.reason
    if interval.low is None or interval.high is None:
        return f"{interval.value:.0%} (no interval: {interval.reason})"
    percent = round(100 * interval.confidence)
    return f"{interval.value:.0%} ({percent} % CI {interval.low:.0%}–{interval.high:.0%})"
