"""A model beside its shortcuts, and what is left of it within their strata."""

from collections.abc import Sequence

import plotly.graph_objects as go

from fundus_core.plots.roc import interval_text
from fundus_core.plots.subgroups import Row, forest
from fundus_core.stats.delong import AucInterval
from fundus_core.stats.stratified import WithinStrata


def shortcut_forest(
    model: tuple[str, AucInterval], shortcuts: Sequence[tuple[str, AucInterval, bool]]
) -> go.Figure:
    """Draws the AUC of the model, below it that of each shortcut; a line at one half.

    Args:
        model: Its name and AUC.
        shortcuts: Name, AUC, and whether the model is shown to be better; one that it is not shown
            to be better than says so in its label.
    """
    rows = [_row(*model, "the model")]
    rows += [
        _row(
            name if beaten else f"{name} (not beaten)",
            auc,
            "the model is shown to be better" if beaten else "the model is not shown to be better",
            faded=beaten,
        )
        for name, auc, beaten in shortcuts
    ]
    return forest(rows, title=f"AUC, {model[1].confidence:.0%} interval", line=0.5)


def survival_forest(overall: AucInterval, within: Sequence[tuple[str, WithinStrata]]) -> go.Figure:
    """Draws the AUC of all pairs, below it that within the strata of each shortcut.

    Args:
        overall: Of all pairs of photographs; a line goes through it.
        within: Name of the shortcut, and what is left.
    """
    rows = [_row("all pairs", overall, "pairs of any two photographs")]
    rows += [
        _row(
            f"within strata of {name}",
            found.auc,
            f"{found.n_strata} strata, {found.n_images:,} photographs, {found.n_pairs:,} pairs",
        )
        for name, found in within
    ]
    return forest(rows, title=f"AUC, {overall.confidence:.0%} interval", line=overall.auc)


def _row(label: str, auc: AucInterval, said: str, *, faded: bool = False) -> Row:
    return Row(label, auc.auc, auc.low, auc.high, f"AUC {interval_text(auc)}; {said}", faded)
