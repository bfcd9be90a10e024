"""Reports and bundles as the dashboard makes them: `wiring` for one page."""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from fundus_core.io.workspace import Workspace
from fundus_core.report.content import Report
from fundus_core.report.pdf import as_pdf
from fundus_core.report.web_page import as_html
from fundus_core.ui import wiring
from fundus_core.workflows.reports.bundle import BundleOptions, Exported, export_bundle
from fundus_core.workflows.reports.report import make_report
from fundus_core.workflows.reports.report_subject import ReportOptions

_INPUTS = ("runs", "datasets", "shortcuts", "trust")
"""Folders of the workspace that a report reads."""


def report(run_ids: Sequence[str], options: ReportOptions) -> Report:
    """Returns a report on runs; one that was made before, of the same results, is returned.

    Raises:
        FundusError: As `make_report` does.
    """
    place = wiring.workspace()
    token = tuple(wiring.token_of(place.root / name) for name in _INPUTS)
    return _report(place, tuple(run_ids), options, token)


def page_of(report: Report) -> bytes:
    """Returns a report as HTML."""
    return as_html(report).encode()


def pdf_of(report: Report) -> bytes:
    """Returns a report as PDF.

    Raises:
        StoreError: If typst is not installed.
    """
    return as_pdf(report)


def manifest_of(report: Report) -> bytes:
    """Returns the manifest of a report as JSON."""
    return json.dumps(report.manifest, indent=1, ensure_ascii=False).encode()


def bundle(dataset_id: str, options: BundleOptions) -> tuple[bytes, Exported]:
    """Returns a bundle of a data set as the bytes of a zip file, and what is in it.

    Raises:
        FundusError: As `export_bundle` does.
    """
    with TemporaryDirectory() as folder:
        out = Path(folder) / "bundle.zip"
        done = export_bundle(wiring.workspace(), dataset_id, out, options)
        return out.read_bytes(), done


@st.cache_resource(show_spinner="Writing the report…", max_entries=8)
def _report(
    place: Workspace, run_ids: tuple[str, ...], options: ReportOptions, token: object
) -> Report:
    return make_report(place, run_ids, options)
