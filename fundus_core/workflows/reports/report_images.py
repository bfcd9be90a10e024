"""The section of a report that shows photographs: for each kind of answer, the clearest ones."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import FundusError, ImageError
from fundus_core.report.content import Block, Picture, Pictures, Section, Words
from fundus_core.workflows.data.photographs import photograph
from fundus_core.workflows.evaluation.operating import OperatingResult, operate
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.reports.report_subject import Subject
from fundus_core.workflows.reports.report_words import count

SIDE = 320
"""Longer side of a photograph in a report, in pixels."""

_QUALITY = 85
MOST = 12
"""Photographs of each kind."""

_KINDS = (
    ("missed: has it, not called", True, False, 1),
    ("false alarm: does not have it, called", False, True, -1),
    ("found: has it, called", True, True, -1),
    ("rightly not called", False, False, 1),
)
"""Name of a group, the truth, the call, and whether low scores (1) or high ones (-1) come first."""


def image_section(subject: Subject) -> Section | None:
    """Returns photographs of each kind of answer of the first model; None if none were asked for.

    Pictures are made from pixels, so that nothing else of a file gets into a report.
    """
    if subject.options.images < 1:
        return None
    run = subject.runs[0]
    dataset = subject.datasets.get(run.dataset_id)
    if dataset is None:
        words = Words("The data set is no longer remembered, so no photograph can be shown.")
        return Section("photographs", "Example photographs", (words,))
    try:
        found = operate(subject.workspace, run.id, class_name=subject.classes[0])
    except FundusError as error:
        return Section("photographs", "Example photographs", (Words(error.message),))
    name, label = subject.names[run.id], subject.label(subject.classes[0])
    blocks: list[Block] = [
        Words(
            f"Photographs that {name} was most, or least, sure of, at the threshold of the highest "
            f"Youden index, for {label}. They are the extremes, not typical ones."
        )
    ]
    for kind in _KINDS:
        blocks += _group(subject, dataset, run, found, kind)
    return Section("photographs", "Example photographs", tuple(blocks))


def _group(
    subject: Subject,
    dataset: FundusDataset,
    run: Run,
    found: OperatingResult,
    kind: tuple[str, bool, bool, int],
) -> list[Block]:
    title, truth, called, order = kind
    said = found.predictions
    rows = np.flatnonzero((said.y_true[:, 0] == truth) & (found.called == called))
    ranked = rows[np.argsort(order * said.y_score[rows, 0], kind="stable")]
    wanted = ranked[: min(subject.options.images, MOST)]
    if not len(wanted):
        return [Words(f"{title.capitalize()}: none.", "note")]
    pictures, unreadable = _pictures(subject, dataset, found, wanted)
    caption = f"{title.capitalize()}; {count(len(rows), 'photograph')} in all."
    if unreadable:
        caption += f" Not shown, as unreadable or another photograph: {count(unreadable, 'file')}."
    return [Pictures(f"{subject.names[run.id]}: {caption}", tuple(pictures))]


def _pictures(
    subject: Subject, dataset: FundusDataset, found: OperatingResult, rows: NDArray[np.intp]
) -> tuple[list[Picture], int]:
    about = dataset.table.set_index("image_id")
    said, pictures, unreadable = found.predictions, [], 0
    for row in rows:
        image_id = said.image_ids[row]
        if image_id not in about.index:
            unreadable += 1
            continue
        path = str(about.loc[image_id, "path"])
        try:
            jpeg = _jpeg(path, image_id)
        except ImageError:
            unreadable += 1
            continue
        caption = f"score {said.y_score[row, 0]:.3f}"
        if subject.options.file_names:
            caption = f"{_stem(path)}, {caption}"
        pictures.append(Picture(jpeg, caption))
    return pictures, unreadable


def _jpeg(path: str, image_id: str) -> bytes:
    """Returns a photograph as a JPEG; raises an ImageError if it is another one by now."""
    file = io.BytesIO()
    pixels = photograph(Path(path), image_id=image_id, max_side=SIDE)
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _stem(path: str) -> str:
    return Path(path).stem
