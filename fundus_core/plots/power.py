"""What studies of several sizes can find."""

from collections.abc import Sequence

import plotly.graph_objects as go

from fundus_core.plots import palette
from fundus_core.stats.power import StudyPlan


def power_figure(curve: Sequence[StudyPlan], planned: StudyPlan) -> go.Figure:
    """Draws power over the number of patients, the planned study marked.

    Args:
        curve: Studies of one question, by size.
        planned: The one that was asked for.
    """
    figure = go.Figure(
        go.Scatter(
            x=[study.n_patients for study in curve],
            y=[study.power for study in curve],
            customdata=[(study.n_diseased, study.n_healthy) for study in curve],
            mode="lines+markers",
            line={"color": palette.colour(0), "width": 2, "shape": "spline", "smoothing": 0.6},
            marker={"size": 6},
            hovertemplate="%{x:,} patients (%{customdata[0]:,} diseased, %{customdata[1]:,} "
            "healthy)<br>power %{y:.2f}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[planned.n_patients],
            y=[planned.power],
            mode="markers",
            marker={"color": palette.colour(3), "symbol": "diamond", "size": 13},
            hovertemplate="planned: %{x:,} patients<br>power %{y:.2f}<extra></extra>",
        )
    )
    figure.add_hline(y=planned.alpha / 2, line={"color": palette.NEUTRAL, "dash": "dot"})
    figure.update_xaxes(title="Patients", rangemode="tozero", tickformat=",")
    figure.update_yaxes(title="Power", range=[0, 1.03])
    figure.update_layout(showlegend=False, height=320)
    return palette.themed(figure)
