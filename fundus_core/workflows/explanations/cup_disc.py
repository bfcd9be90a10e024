"""Use case: the vertical cup-to-disc ratio of a photograph, and where it comes from."""

import re
from typing import Literal

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.vessels import vertical_cup_disc_ratio
from fundus_core.workflows.explanations.truth import drawn_cup, drawn_disc, mask_files
from fundus_core.workflows.segmenting.segmenters import ready_file

MODEL = "wnet-disc-cup"
"""Key of `READY`: the published model that marks disc and cup."""

Origin = Literal["masks", "model", ""]

_GLAUCOMA = re.compile(r"glauc|cup.?disc|\bvcdr\b|\bgon\b", re.IGNORECASE)


def concerns_glaucoma(*names: str) -> bool:
    """Says whether a class, or the target it is of, is about glaucoma by its name.

    Examples:
        >>> concerns_glaucoma("1", "glaucoma_suspect"), concerns_glaucoma("1", "dr")
        (True, False)
    """
    return any(_GLAUCOMA.search(name) for name in names)


def ratio_origin(workspace: Workspace, dataset: FundusDataset, image_id: str) -> Origin:
    """Returns whence the ratio of a photograph can be had: masks that come with it come first."""
    files = mask_files(dataset).get(image_id)
    if files is not None and files.lesions is not None:
        return "masks"
    return "model" if ready_file(workspace, MODEL) else ""


def drawn_ratio(dataset: FundusDataset, image_id: str) -> float | None:
    """Returns the ratio in the masks that a photograph was drawn with; None without a disc there.

    Raises:
        DataError: If the photograph comes without masks, or they cannot be read.
    """
    files = mask_files(dataset).get(image_id)
    if files is None or files.lesions is None:
        raise DataError(
            f"The photograph {image_id} comes without masks of disc and cup.",
            hint="Mark them by a model: page Vessels.",
        )
    return vertical_cup_disc_ratio(drawn_cup(files.lesions), drawn_disc(files.lesions))
