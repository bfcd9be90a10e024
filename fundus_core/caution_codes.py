"""The codes of cautions, and what each of them means. To add one, begin here."""

from pathlib import Path

CAUTIONS: dict[str, str] = {
    "FD001": "A patient is on both sides of the split, so the test is not independent.",
    "FD002": "Few photographs of one class: intervals are wide, thresholds unstable.",
    "FD003": "Patients are unknown, so two eyes of one patient count as independent and may be on "
    "both sides of a fold; intervals are too narrow.",
    "FD004": "Some photographs do not name their patient; each of them counts as its own.",
    "FD005": "A photograph was given more than once; only the first row of each is used.",
    "FD006": "The model is not shown to be better than a shortcut: the mean colour of the "
    "photograph, or another thing measured of it that is no sign of disease.",
    "FD007": "The photographs are synthetic; figures say nothing about patients.",
    "FD008": "Some rows have no label for this target and take no part.",
    "FD009": "Some rows were rejected.",
    "FD010": "The labels of this data set are not classes of the model, so it was not evaluated.",
    "FD011": "Some labelled photographs could not be read and take no part.",
    "FD012": "The backbone was pre-trained on a data set of this name, perhaps on these very "
    "photographs: figures on them say less about new ones.",
    "FD013": "Photographs that show the same are on both sides of a fold: the model is tested on "
    "what it has learned.",
    "FD014": "A fold lacks a class among what it tests, so it has no figure of its own.",
    "FD015": "The share of the diseased is not that of the photographs the model was judged on: "
    "what depends on it - predictive values, net benefit, calibration - does not carry over.",
    "FD016": "The scores separate the classes perfectly: no variance can be estimated, so the "
    "interval is an exact bound; look for what the model may have been told.",
    "FD017": "The threshold was sought on the photographs it is judged on, which flatters "
    "sensitivity and specificity.",
    "FD018": "More than one comparison was made: without a correction one of them is significant "
    "by chance more often than stated.",
    "FD019": "Rows were paired by their order: the tables name no photographs, so nothing tells "
    "whether the same row is the same photograph.",
    "FD020": "A word that often stands for a missing value was taken as it stands: as a class, or "
    "as one patient.",
    "FD021": "Patients or labels are spelt almost alike and count as different ones.",
    "FD022": "The model learned from some of the photographs it is judged on: this is no external "
    "test, and its figures flatter.",
    "FD023": "Patients of the same ids are on both sides of a comparison that takes them for "
    "different people.",
    "FD024": "Some photographs have no split: with the table's own split, they take no part.",
    "FD025": "Photographs or patients that the model is judged on taught the weights it starts "
    "from: its figures flatter.",
    "FD026": "The data set was changed since the model was judged: its figures are of photographs, "
    "labels or patients that are others now.",
    "FD027": "Tables, or folders of masks, that lie among the photographs were left out: what they "
    "tell of patients and labels is not known here.",
}
"""Code -> what it means, in a sentence; `explanation` has the page."""

LOUD: dict[str, str] = {
    "FD022": "the model learned from photographs it is judged on, so this is no external test",
    "FD001": "patients are on both sides of the split",
    "FD025": "photographs or patients it is judged on taught its weights, or may have",
    "FD013": "photographs that show the same are on both sides of a fold",
    "FD023": "patients it is judged on have the ids of some that taught it",
    "FD012": "the backbone may have seen these photographs in pre-training",
    "FD003": "patients are unknown, so intervals are too narrow",
    "FD004": "some photographs name no patient, so intervals may be too narrow",
    "FD016": "scores separate the classes perfectly, which asks for a second look",
    "FD006": "it is not shown to be better than the mean colour",
    "FD017": "its threshold was sought on the photographs it is judged on",
    "FD019": "photographs were paired by their order, which nothing confirms",
    "FD026": "the data set was changed since, so the figures are of what it was",
    "FD020": "a word for a missing value counts as a class or as one patient",
    "FD021": "words that differ in spelling alone count as different patients or classes",
}
"""Code -> what a summary says of it, for cautions without which figures must not be believed: they
may not be what they say. Pages show them first and as warnings. The others limit what can be read
from figures that are right, or are seen from them."""

_EXPLANATIONS = Path(__file__).with_name("caution_pages")


def explanation(code: str) -> str:
    """Returns the page about a caution, as Markdown: what is wrong, what it does, what to do.

    Raises:
        KeyError: If there is no such code.
    """
    if code not in CAUTIONS:
        raise KeyError(code)
    return (_EXPLANATIONS / f"{code}.md").read_text(encoding="utf-8")
