"""Every page of the dashboard in the order of its menu: what it answers, and its picture.

`scripts/screenshots.py` takes the pictures and then writes `docs/tour.md` from this table.
"""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOUR = ROOT / "docs" / "tour.md"

_HEAD = """\
# A tour of the pages

Every page of the dashboard, in the order of its menu, on the **synthetic** demo photographs: no
patient is shown, and no figure below says anything about real eyes. Written, with its pictures, by
`make screenshots`.
"""


@dataclass(frozen=True, slots=True)
class Stop:
    """One page."""

    picture: str
    """Name of its picture in `docs/images`, without ending."""

    title: str
    """As the menu has it."""

    words: str
    """What is done there, and what is seen on the picture."""


SECTIONS: dict[str, tuple[Stop, ...]] = {
    "Data": (
        Stop(
            "start",
            "Start",
            "Three doors: look at what a model finds alike, compare backbones, or try the demo. "
            "Below them, questions that one click turns into a study, and a tour of five steps.",
        ),
        Stop(
            "overview",
            "Overview",
            "What is in a data set: classes, patients, eyes, splits; every file that could not be "
            "used, with its reason; and what to mind. A folder or a table is opened here.",
        ),
        Stop(
            "images",
            "Images",
            "All photographs, found by what is known of them, by likeness to one photograph, or by "
            "words. What is found becomes the selection, which every other page shows.",
        ),
        Stop(
            "story",
            "The demo's story",
            "One network with random weights and pre-trained, probed and fine-tuned: maps, ROC "
            "curves, tests by patient, and how much of the heat lies on the true lesions.",
        ),
    ),
    "Embed": (
        Stop(
            "extract",
            "Extract",
            "Chosen backbones turn every photograph into an embedding, as a job that goes on when "
            "the browser is closed and computes only what is not stored.",
        ),
        Stop(
            "map",
            "Map",
            "Two backbones side by side. A lasso on one selects the same photographs on the other; "
            "the gallery below opens each with its nearest neighbours.",
        ),
        Stop(
            "agreement",
            "Agreement",
            "Do two backbones find the same photographs alike? Where they differ most, and which "
            "photographs have neighbours here that they do not have there.",
        ),
    ),
    "Model": (
        Stop(
            "linear_probe",
            "Linear probe",
            "A simple model on frozen embeddings, evaluated on patients it never saw, beside what "
            "the mean colour of the photograph alone reaches.",
        ),
        Stop(
            "fine_tune",
            "Fine-tune",
            "The backbone itself is trained, by one of the strategies of the second paper; the "
            "page shows what would move, what augmentation does, and live learning curves.",
        ),
        Stop(
            "studies",
            "Studies",
            "A grid of models, strategies, sizes and shares of the patients as one table with "
            "figures and tests. Those of the four papers come with the program.",
        ),
        Stop(
            "zero_shot",
            "Zero-shot",
            "Scores from words alone, by backbones that were trained on text. The pictured machine "
            "has none of their weights, and the page says how to get them.",
        ),
        Stop(
            "pretrain",
            "Pre-train",
            "Weights of one's own, from thousands of drawn photographs or from a folder, with a "
            "card that says what they were trained on.",
        ),
    ),
    "Evaluate": (
        Stop(
            "roc",
            "ROC",
            "Curves with bands and intervals by patient. A threshold moves the confusion matrix, "
            "the gallery of errors and what the calls are worth together.",
        ),
        Stop(
            "compare",
            "Compare models",
            "DeLong's test by patient, every pair, corrected; several diseases at once; and the "
            "photographs that only one of two models gets right.",
        ),
        Stop(
            "calibration",
            "Calibration",
            "Are probabilities what they say, and would recalibration mend them without the test "
            "patients having been seen?",
        ),
        Stop(
            "stress",
            "Stress",
            "Subgroups, shortcuts such as colour, light and file size, and doubtful labels.",
        ),
        Stop(
            "report",
            "Report",
            "All of it as one file that needs no network, with a methods paragraph, checklists and "
            "the command that makes it again.",
        ),
    ),
    "Explain": (
        Stop(
            "grad_cam",
            "Explain",
            "One photograph through up to four models: probability, heat map, nearest labelled "
            "cases, and a light that says whether the map may be read.",
        ),
        Stop(
            "photograph",
            "One photograph",
            "A photograph that is handed over and not kept: how networks see it, whether it is "
            "like the data set, and what every model says of it.",
        ),
        Stop(
            "vessels",
            "Vessels",
            "Vessels, disc or lesions marked pixel by pixel, scored against a human's marks where "
            "there are any, and measured.",
        ),
    ),
    "About": (
        Stop(
            "jobs",
            "Jobs",
            "What is running, what has run, and what went wrong in words. Jobs outlive the "
            "browser and the server.",
        ),
        Stop(
            "methods",
            "Methods",
            "How every number is made, with its source; the terms; the cautions and their codes.",
        ),
    ),
}


def document() -> str:
    """Returns the tour in markdown."""
    parts = [_HEAD]
    for section, stops in SECTIONS.items():
        parts.append(f"## {section}\n")
        for stop in stops:
            picture = f"![{stop.title}](images/{stop.picture}.png)"
            parts.append(f"### {stop.title}\n\n{stop.words}\n\n{picture}\n")
    return "\n".join(parts)


def write() -> None:
    """Writes `docs/tour.md`."""
    TOUR.write_text(document(), encoding="utf-8")
