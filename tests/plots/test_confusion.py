"""The confusion matrix as a heat map, by its structure."""

import numpy as np

from fundus_core.plots.confusion import confusion_figure
from fundus_core.stats.confusion import confusion_matrix

TRUTH = np.array([0, 0, 0, 1, 1, 2])
SAID = np.array([0, 0, 1, 1, 2, 2])
NAMES = ("grade 0", "<b>", "grade 2")


def drawn(n_classes: int = 3) -> object:
    """Returns the heat map of three classes, or of more that no image has."""
    classes = tuple(map(str, range(n_classes)))
    marks = np.eye(n_classes, dtype=bool)
    matrix = confusion_matrix(marks[TRUTH], marks[SAID], classes)
    return confusion_figure(matrix, (*NAMES, *classes[3:])).data[0]


def test_confusion_figure__has_the_truth_in_rows_and_the_first_class_on_top() -> None:
    heatmap = drawn()

    assert heatmap.z[0] == [2 / 3, 1 / 3, 0.0]
    assert heatmap.z[1] == [0.0, 0.5, 0.5]
    assert list(heatmap.y) == list(heatmap.x) == ["grade 0", "&lt;b&gt;", "grade 2"]


def test_confusion_figure__says_share_interval_and_count_in_each_cell() -> None:
    heatmap = drawn()

    # R: prop.test(2, 3, correct = FALSE)$conf.int is 0.2077 to 0.9385.
    assert heatmap.text[0][0] == "0.67<br>(0.21 to 0.94)<br>2 of 3"
    assert heatmap.hovertext[0][1].startswith("grade 0, decided &lt;b&gt;<br>0.33")


def test_confusion_figure__of_many_classes_leaves_intervals_to_the_pointer() -> None:
    heatmap = drawn(8)

    assert heatmap.text[0][0] == "0.67<br>2 of 3"
    assert "(0.21 to 0.94)" in heatmap.hovertext[0][0]


def test_confusion_figure__leaves_the_row_of_an_absent_class_empty() -> None:
    heatmap = drawn(4)

    assert heatmap.z[3] == [None] * 4
    assert heatmap.text[3] == [""] * 4
