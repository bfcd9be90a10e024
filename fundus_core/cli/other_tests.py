"""The command that tests models in other ways than DeLong's."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_cautions, print_json, print_line, sizes_text
from fundus_core.domain.bounds import BELOW_ONE, PRINTED_RESAMPLES, ZERO_TO_ONE
from fundus_core.io.workspace import find_workspace
from fundus_core.stats.paired_bootstrap import ResampledTest
from fundus_core.workflows.evaluation.curves import HIGH_END, PartialRange
from fundus_core.workflows.evaluation.other_tests import (
    DEFAULT_TEST,
    TESTS,
    OtherSettings,
    OtherTests,
    run_test,
)

_START, _END = HIGH_END.start, HIGH_END.end


def other_tests(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN RUN [RUN ...]", help="Run ids, or tables of predictions."),
    ],
    test: Annotated[str, typer.Option(help=f"One of {', '.join(TESTS)}.")] = DEFAULT_TEST,
    class_name: Annotated[
        str | None,
        typer.Option("--class", help="Of several classes, the one against the rest."),
    ] = None,
    start: Annotated[
        float | None,
        options.number(
            ZERO_TO_ONE, "--from", help=f"Lower end of the range of a partial AUC. [{_START:g}]"
        ),
    ] = None,
    end: Annotated[
        float | None, options.number(ZERO_TO_ONE, "--to", help=f"Upper end of it. [{_END:g}]")
    ] = None,
    at: Annotated[
        float | None,
        options.number(
            BELOW_ONE, help=f"The fixed rate of sensitivity-at and specificity-at. [{_START:g}]"
        ),
    ] = None,
    common: Annotated[
        bool, typer.Option("--common", help="Compare on the photographs that all models scored.")
    ] = False,
    resamples: Annotated[
        int, options.number(PRINTED_RESAMPLES, help="Resamples, or permutations.")
    ] = 2000,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Tests whether models differ by resampling or permuting, in the AUC or in a part of the curve.

    By patient where patients are known.
    """
    part = _part(test, start, end, at)
    found = run_test(
        find_workspace(workspace),
        runs,
        test,
        class_name=class_name,
        common=common,
        settings=OtherSettings(part, resamples, seed),
    )
    if as_json:
        print_json(describe_tests(found))
    else:
        _print_tests(found)


def _part(test: str, start: float | None, end: float | None, at: float | None) -> PartialRange:
    """Returns the part of the curve that a test is told to look at.

    Raises:
        typer.BadParameter: If the test does not look at what is given.
    """
    known = TESTS.get(test)
    used = {
        "--from": (start, known and known.has_range),
        "--to": (end, known and known.has_range),
        "--at": (at, known and known.has_rate),
    }
    for option, (value, is_used) in used.items():
        if known and value is not None and not is_used:
            raise typer.BadParameter(
                f"{option} {value:g} is not looked at by the test {test}: leave it out, or choose "
                "another one (--test)."
            )
    if at is not None:
        return PartialRange(at, 1.0)
    return PartialRange(_START if start is None else start, _END if end is None else end)


def describe_tests(found: OtherTests) -> dict[str, Any]:
    """Returns what `tests --json` prints."""
    return {
        "test": found.test,
        "compared": found.number,
        "class": found.class_name,
        "n_images": found.n_images,
        "n_patients": found.n_patients,
        "sizes": [{"n_images": images, "n_patients": known} for images, known in found.sizes],
        "paired": found.paired,
        "pairs": [
            {
                "run_a": pair.run_a,
                "run_b": pair.run_b,
                **asdict(pair.result),
                "p_holm": pair.p_holm,
            }
            for pair in found.pairs
        ],
        "cautions": found.cautions,
    }


def _print_tests(found: OtherTests) -> None:
    numbers, patients = sizes_text(found.sizes)
    print_line(
        f"{found.number[0].upper()}{found.number[1:]} for {found.class_name}, on "
        f"{numbers} photographs, patients: {patients}"
    )
    for pair in found.pairs:
        print_line(
            f"  {pair.label_a} minus {pair.label_b}: {_difference(pair.result)}, "
            f"p = {pair.result.p_value:.3g}, Holm p = {pair.p_holm:.3g}"
        )
    first = found.pairs[0].result
    print_line(f"  Method: {first.method}, {first.n_resamples} drawn.")
    print_line(f"  {first.assumptions}")
    print_cautions(found.cautions)


def _difference(test: ResampledTest) -> str:
    values = f"{test.value_a:.3f} - {test.value_b:.3f} = {test.difference:+z.3f}"
    if test.low is None or test.high is None:
        return f"{values} (no interval: {test.reason})"
    z = "" if test.z is None else f", z = {test.z:.2f}"
    return f"{values} ({test.low:+z.3f} to {test.high:+z.3f}){z}"
