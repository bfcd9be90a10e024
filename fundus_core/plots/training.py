"""Learning curves as a plotly figure."""

from html import escape

import plotly.graph_objects as go

from fundus_core.finetune.curves import LearningCurves
from fundus_core.finetune.state import Epoch
from fundus_core.plots import palette


def learning_curves_figure(curves: LearningCurves) -> go.Figure:
    """Draws the loss of every epoch, fold by fold: held-out photographs solid, learned ones dotted.

    A fold has one entry in the legend, which hides and shows both of its lines. Its lowest held-out
    loss, the epoch whose weights are kept, has a ring around it.
    """
    figure = go.Figure()
    several = len(curves.folds) > 1
    for index, epochs in enumerate(curves.folds):
        name = f"fold {index + 1}" if several else "held out"
        if epochs:
            figure.add_trace(_line(epochs, index, name, held_out=False))
            figure.add_trace(_line(epochs, index, name, held_out=True))
            figure.add_trace(_kept(epochs, index, name))
    figure.update_xaxes(title="Epoch", range=[0.5, curves.n_epochs + 0.5], tick0=1, nticks=12)
    figure.update_yaxes(title="Loss")
    figure.update_layout(
        hovermode="x unified",
        legend={"orientation": "h", "y": -0.25},
        title={"text": escape(curves.title), "font": {"size": 14}},
        height=360,
    )
    palette.themed(figure)
    figure.update_layout(margin={"t": 50})
    return figure


def _line(epochs: tuple[Epoch, ...], index: int, name: str, *, held_out: bool) -> go.Scatter:
    return go.Scatter(
        x=[epoch.number for epoch in epochs],
        y=[epoch.validation_loss if held_out else epoch.train_loss for epoch in epochs],
        mode="lines+markers",
        marker={"size": 5},
        line={
            "color": palette.colour(index),
            "dash": "solid" if held_out else "dot",
            "width": 2 if held_out else 1.5,
        },
        name=name,
        legendgroup=str(index),
        showlegend=held_out,
        hovertemplate=f"{name}, {'held out' if held_out else 'learned from'}: %{{y:.4f}}"
        "<extra></extra>",
    )


def _kept(epochs: tuple[Epoch, ...], index: int, name: str) -> go.Scatter:
    losses = {e.number: e.validation_loss for e in epochs if e.validation_loss is not None}
    best = min(losses, key=lambda number: losses[number]) if losses else None
    return go.Scatter(
        x=[] if best is None else [best],
        y=[] if best is None else [losses[best]],
        mode="markers",
        marker={
            "symbol": "circle-open",
            "size": 14,
            "color": palette.colour(index),
            "line": {"width": 2},
        },
        name=f"{name}: lowest",
        legendgroup=str(index),
        showlegend=False,
        hoverinfo="skip",
    )
