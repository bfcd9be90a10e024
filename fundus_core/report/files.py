"""A report as a file."""

from pathlib import Path

from fundus_core.io.files import write_atomically
from fundus_core.report.content import Report
from fundus_core.report.pdf import as_pdf
from fundus_core.report.web_page import as_html

ENDINGS = (".html", ".htm", ".pdf")


def write_report(made: Report, out: Path) -> int:
    """Writes a report as HTML or PDF, by the file's ending; returns the bytes written."""
    content = as_pdf(made) if out.suffix.lower() == ".pdf" else as_html(made).encode()
    write_atomically(out, lambda file: file.write(content))
    return len(content)
