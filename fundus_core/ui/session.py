"""What one browser tab has chosen, and what of it stands in the address."""

from dataclasses import dataclass, field
from typing import Any

ADDRESS: dict[str, str] = {
    "dataset": "dataset_id",
    "backbone": "backbones",
    "map": "method",
    "colour": "colour",
    "run": "run_ids",
    "target": "target",
    "class": "class_name",
    "threshold": "threshold",
    "image": "image_id",
    "filter": "filters",
    "patient": "patient",
    "query": "query",
    "selection": "selection_key",
    "only": "only",
    "view": "views",
    "awaits": "awaited_dataset",
}
"""Name in the address -> field of `Session`."""

OF_ONE_DATASET = (
    "backbones",
    "colour",
    "run_ids",
    "target",
    "class_name",
    "threshold",
    "image_id",
    "filters",
    "patient",
    "query",
    "selection",
    "selection_key",
    "selection_origin",
    "lost_selection",
    "only",
    "views",
    "made",
)
"""Fields that mean nothing for another data set."""

FIXED_BEFOREHAND = 0.5
"""The threshold a tab starts with: the natural one of a probability, not sought on any data."""


@dataclass
class Session:
    """The choices of one browser tab, independent of which widgets are on screen."""

    dataset_id: str = ""
    """The open data set; empty until one is opened."""

    backbones: tuple[str, ...] = ()
    """Fingerprints of the embeddings looked at: one, or two side by side."""

    method: str = "pca"
    """Key of `PROJECTORS`."""

    run_ids: tuple[str, ...] = ()
    """Runs looked at; the first is the one whose predictions other pages show."""

    target: str = ""
    """Name of the target, as `FundusDataset.target` takes it."""

    class_name: str = ""
    """For several classes, the one looked at; empty for all together, or where none was chosen."""

    threshold: float = FIXED_BEFOREHAND
    """Scores from here on count as positive, 0 to 1."""

    image_id: str = ""
    """The photograph looked at."""

    colour: str = ""
    """What the points of maps are coloured by; empty until a map was drawn."""

    filters: tuple[str, ...] = ()
    """Values that photographs must have, each as `COLUMN=VALUE`."""

    patient: str = ""
    """Part of the patient's id that photographs must have."""

    query: str = ""
    """Expression that photographs must fulfil, in the language of `domain.query`."""

    selection: tuple[str, ...] = ()
    """Ids of the photographs that are selected, on every page."""

    selection_key: str = ""
    """Under which the workspace keeps the selection; empty for none, or where none may be kept."""

    selection_origin: str = ""
    """Where the selection came from, in a few words."""

    lost_selection: str = ""
    """Key of a selection that the address named and the workspace does not have."""

    selection_count: int = 0
    """Grows with every new selection, so that charts start without the old outline."""

    only: str = ""
    """`selection` where galleries show the selected photographs alone."""

    views: tuple[str, ...] = ()
    """What is shown of maps that are zoomed into, each `NAME:LEFT,RIGHT,BOTTOM,TOP`."""

    view_count: int = 0
    """Grows when an address changes the views: charts that are there keep to what they show."""

    awaited_dataset: str = ""
    """Data set that a job is reading; opened as soon as it is there."""

    address: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Our part of the address as it was last read or written."""

    made: dict[str, Any] = field(default_factory=dict)
    """What the press of a button made, by a name for it: it stays on its page."""

    tour_step: int = 0
    """Step of the tour that the sidebar shows, from 1; 0 where none is taken."""
