"""Entry point: puts the commands together and turns errors into exit codes.

0: done. 1: a defect of ours, with a traceback. 2: something the user can mend, in one sentence.
130: stopped by Ctrl-C, SIGTERM or SIGHUP.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Passive waiting: idle OpenMP threads that spin take the core from whoever works beside them.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import typer
from typer.core import TyperGroup

from fundus_core.cli import (
    agreement,
    backbones,
    bundle,
    calibration,
    classes,
    curves,
    data,
    decision_curve,
    differ,
    doctor,
    embed_grid,
    evaluate,
    explain,
    exports,
    imports,
    label_quality,
    manage,
    metrics,
    model,
    operating,
    other_tests,
    photograph,
    power,
    query,
    report,
    segment,
    selections,
    story,
    stress,
    study,
    train,
    zero_shot,
)
from fundus_core.cli.options import with_options
from fundus_core.cli.output import (
    begin_telling,
    legible,
    prepare_output,
    print_begun_elsewhere,
    print_error,
    print_left_out,
)
from fundus_core.cli.stopping import EXIT_INTERRUPTED, STOPPED, ended_as_by_an_interrupt
from fundus_core.errors import FundusError
from fundus_core.io.refused_reading import refusals_explained, require_current_folder
from fundus_core.io.workspace import workspace_folder

EXIT_MENDABLE = 2


class Commands(TyperGroup):
    """The commands; what they say of an argument is shortened and made visible, as all errors."""

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Reads the options before the command's name."""
        with _legible():
            return super().make_context(*args, **more)

    def invoke(self, ctx: Any) -> Any:
        """Reads the command's arguments, and runs it; what it met and left out is said after it."""
        require_current_folder()
        begin_telling()
        try:
            with _legible():
                result = super().invoke(ctx)
        finally:
            print_begun_elsewhere()
        print_left_out(workspace_folder())
        return result


@contextmanager
def _legible() -> Iterator[None]:
    """Lets errors of arguments repeat them as `print_error` would."""
    try:
        yield
    except typer.TyperException as error:
        error.message = legible(error.message)
        raise


app = typer.Typer(
    name="fundus",
    cls=Commands,
    help="Which backbone to trust on your retinal photographs. Research software, not a medical "
    "device.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.command("demo")(data.demo)
app.command("check")(with_options(data.check))
app.command("import")(imports.import_)
app.command("look-alikes")(with_options(data.look_alikes))
app.add_typer(backbones.backbones_app, name="backbones")
app.command("embed")(with_options(model.embed))
app.command("embed-grid")(with_options(embed_grid.embed_grid))
app.command("export")(with_options(exports.export))
app.command("mlflow")(exports.mlflow)
app.command("project")(with_options(model.project))
app.command("probe")(with_options(model.probe))
app.command("finetune")(with_options(train.finetune))
app.command("strategies")(train.strategies)
app.command("study")(study.study)
app.command("pretrain")(with_options(train.pretrain))
app.command("predict")(with_options(model.predict))
app.command("zero-shot")(with_options(zero_shot.zero_shot))
app.command("query")(with_options(query.query))
app.command("similar")(with_options(query.similar))
app.command("selections")(with_options(selections.selections))
app.command("prototypes")(with_options(zero_shot.prototypes))
app.command("search")(with_options(zero_shot.search))
app.command("roc")(classes.roc)
app.command("metrics")(metrics.metrics)
app.command("compare")(evaluate.compare)
app.command("curves")(curves.curves)
app.command("operating")(operating.operating)
app.command("tests")(other_tests.other_tests)
app.command("calibrate")(calibration.calibrate)
app.command("decision-curve")(decision_curve.decision_curve)
app.command("subgroups")(stress.subgroups)
app.command("shortcuts")(stress.shortcuts)
app.command("label-errors")(label_quality.label_errors)
app.command("agreement")(with_options(agreement.agreement))
app.command("power")(power.power)
app.command("explain")(explain.explain)
app.add_typer(segment.segment_app, name="segment")
app.command("photograph")(photograph.photograph)
app.command("differ")(differ.differ)
app.command("report")(report.report)
app.command("rerun")(report.rerun)
app.add_typer(bundle.bundle_app, name="bundle")
app.command("runs")(evaluate.runs)
app.command("story")(story.story)
app.command("doctor")(doctor.doctor)
app.command("repoint")(doctor.repoint)
app.add_typer(manage.jobs_app, name="jobs")
app.command("app")(manage.open_app)


def main() -> None:
    """Runs the command line given to this process."""
    try:
        with ended_as_by_an_interrupt(), refusals_explained():
            prepare_output()
            app()
    except FundusError as error:
        print_error(f"{error.message}\n{error.hint}")
        sys.exit(EXIT_MENDABLE)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        print_error(f"{error.filename} is too long for the name of a file.\nCheck the path.")
        sys.exit(EXIT_MENDABLE)
    except KeyboardInterrupt:
        print_error(STOPPED)
        sys.exit(EXIT_INTERRUPTED)
    except SystemExit as end:
        if end.code == EXIT_INTERRUPTED:  # what Typer makes of an interrupt
            print_error(STOPPED)
        raise
