"""Learning curves as a figure: which lines there are, and which point is marked."""

from fundus_core.finetune.curves import LearningCurves
from fundus_core.finetune.state import Epoch
from fundus_core.plots.training import learning_curves_figure


def epochs(*held_out: float | None) -> tuple[Epoch, ...]:
    return tuple(Epoch(n, 1.0 / n, loss, 1e-3, 1.0) for n, loss in enumerate(held_out, 1))


def test_learning_curves_figure__a_fold_has_both_losses_and_one_entry_in_the_legend() -> None:
    figure = learning_curves_figure(LearningCurves("tiny", 5, (epochs(0.8, 0.7), epochs(0.9))))

    lines = [drawn for drawn in figure.data if drawn.mode == "lines+markers"]
    assert [line.line.dash for line in lines] == ["dot", "solid"] * 2
    assert [line.name for line in lines if line.showlegend] == ["fold 1", "fold 2"]
    assert list(lines[1].y) == [0.8, 0.7]
    assert list(lines[0].y) == [1.0, 0.5]
    assert figure.layout.xaxis.range == (0.5, 5.5)


def test_learning_curves_figure__the_lowest_held_out_loss_has_a_ring() -> None:
    figure = learning_curves_figure(LearningCurves("tiny", 3, (epochs(0.8, 0.5, 0.6),)))

    (ring,) = [drawn for drawn in figure.data if drawn.mode == "markers"]
    assert (ring.x, ring.y) == ((2,), (0.5,))


def test_learning_curves_figure__without_held_out_photographs_nothing_is_marked() -> None:
    figure = learning_curves_figure(LearningCurves("tiny", 3, (epochs(None, None),)))

    (ring,) = [drawn for drawn in figure.data if drawn.mode == "markers"]
    assert ring.x == ()


def test_learning_curves_figure__a_title_is_no_html() -> None:
    figure = learning_curves_figure(LearningCurves("<img src=x>", 3, ()))

    assert figure.layout.title.text == "&lt;img src=x&gt;"
