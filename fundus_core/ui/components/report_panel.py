"""A report on the chosen models: what it is to hold, what it says, and its files."""

from dataclasses import dataclass
from importlib.util import find_spec

import streamlit as st

from fundus_core.errors import FundusError
from fundus_core.report.content import Report
from fundus_core.ui import messages, report_caches, state, text
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.workflows.reports.report_images import MOST
from fundus_core.workflows.reports.report_subject import ReportOptions

_LEVELS = {"Photographs": None, "Patients": "max"}
"""What a row of a report is -> how a patient comes by a score."""

_HOLDS = (
    "One HTML file that needs no network: data, AUCs with intervals, all tests, calibration, "
    "operating points, subgroups, cautions, methods written from the recipes, reporting "
    "checklists, references - and the manifest from which `fundus rerun` makes every result again. "
    "It holds no patient ids, no paths and no file names."
)


def pick_options(picked: PickedRuns) -> ReportOptions:
    """Draws what a report may hold besides, and returns what was chosen."""
    st.markdown(_HOLDS)
    left, right = st.columns(2, gap="large")
    title = left.text_input(
        "Title", key="report.title", placeholder="What was evaluated, if left empty"
    )
    level = "Photographs"
    if not picked.all_classes and all(run.n_patients is not None for run in picked.runs):
        level = right.segmented_control(
            "A row is",
            list(_LEVELS),
            default="Photographs",
            required=True,
            wrap=True,
            key="report.level",
            format_func=lambda name: f"a {name[:-1].lower()}",
            help="A patient is scored by the highest score of the photographs.",
        )
    with left:
        percent = st.number_input(
            "Predictive values also at a prevalence of (%)",
            min_value=0.1,
            max_value=99.9,
            value=None,
            step=1.0,
            key="report.prevalence",
            placeholder="only that of these photographs",
            help="Of 100 who are screened, how many have the disease.",
        )
    with right:
        images = st.number_input(
            "Example photographs of each kind of answer",
            0,
            MOST,
            0,
            key="report.images",
            help="Missed, false alarms, found, rightly not called: the clearest of each, of the "
            "first model. Small, without EXIF data. Check that you may show them.",
        )
        names = st.toggle(
            "With the names of their files", key="report.file_names", disabled=not images
        )
    return ReportOptions(
        title.strip(),
        "" if picked.all_classes else picked.scored_class,
        _LEVELS[level],
        int(images),
        bool(images and names),
        (),
        () if percent is None else (percent / 100,),
    )


def report_panel(picked: PickedRuns, options: ReportOptions) -> None:
    """Draws the button that makes a report, then what the last one says and its files."""
    run_ids = tuple(run.id for run in picked.runs)
    wanted = st.button(
        f"Make the report on {text.count(len(run_ids), 'model')}",
        type="primary",
        icon=":material/description:",
        key="report.make",
    )
    if wanted:
        state.keep("report", _made(run_ids, options))
    found: _Made | None = state.kept("report")
    if found is None:
        return
    if (found.run_ids, found.options) != (run_ids, options):
        st.info(
            "The report below is of what was chosen when it was made. Make it again for what is "
            "chosen now.",
            icon=":material/history:",
        )
    _files(found.report, found.page)
    _preview(found.report)


@dataclass(frozen=True, slots=True)
class _Made:
    """A report as it was made, which stays as it is whatever is chosen afterwards."""

    run_ids: tuple[str, ...]
    options: ReportOptions
    report: Report
    page: bytes
    """The report as HTML."""


def _made(run_ids: tuple[str, ...], options: ReportOptions) -> _Made | None:
    """Returns a report, or says why there is none."""
    try:
        report = report_caches.report(run_ids, options)
    except FundusError as error:
        messages.show_error(error)
        return None
    return _Made(run_ids, options, report, report_caches.page_of(report))


def _files(made: Report, page: bytes) -> None:
    html, pdf, manifest = st.columns(3)
    html.download_button(
        f"HTML, {len(page) / 1e6:.1f} MB",
        page,
        file_name="report.html",
        mime="text/html",
        icon=":material/download:",
        type="primary",
        on_click="ignore",
        key="report.html",
        width="stretch",
    )
    has_typst = find_spec("typst") is not None
    pdf.download_button(
        "PDF",
        (lambda: report_caches.pdf_of(made)) if has_typst else b"",
        file_name="report.pdf",
        mime="application/pdf",
        icon=":material/picture_as_pdf:",
        on_click="ignore",
        key="report.pdf",
        disabled=not has_typst,
        help=None
        if has_typst
        else "typst sets it, which is not installed: pip install typst. Or print the HTML.",
        width="stretch",
    )
    manifest.download_button(
        "Manifest alone",
        lambda: report_caches.manifest_of(made),
        file_name="manifest.json",
        mime="application/json",
        icon=":material/data_object:",
        on_click="ignore",
        key="report.manifest",
        help="For `fundus rerun`; it is inside the HTML as well.",
        width="stretch",
    )


def _preview(made: Report) -> None:
    """Shows the report's first page in words."""
    with st.container(border=True):
        st.markdown(f"#### {text.escaped(made.title)}")
        st.caption(text.escaped(made.subtitle))
        for sentence in made.summary:
            st.markdown(text.escaped(sentence))
        sections = " · ".join(text.escaped(one.title) for one in made.sections)
        st.caption(f"**{len(made.sections)} sections:** {sections}")
    st.caption(
        "Make its results again, anywhere, with `fundus rerun report.html --data DATA`: every run "
        "in an empty workspace, compared to the last digit."
    )
