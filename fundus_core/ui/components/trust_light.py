"""Whether a heat map may be read: the light, the checks behind it, and the figures behind those."""

from typing import Literal

import pandas as pd
import streamlit as st

from fundus_core.errors import SaliencyError
from fundus_core.explain.macula import MACULA, MACULA_ESTIMATED
from fundus_core.explain.trust import (
    LESIONS,
    NOT_SHOWN,
    OUTSIDE,
    USUAL_RULES,
    Light,
    TrustFigures,
    TrustLight,
)
from fundus_core.plots.trust import areas_figure, cascade_figure
from fundus_core.ui import messages, text
from fundus_core.ui.components import downloads
from fundus_core.workflows.explanations.truth import DISC, VESSELS

MEANINGS: dict[Light, str] = {
    "green": "every check is passed",
    "amber": "some checks are not passed",
    "grey": "hardly better than a displaced copy of itself: do not read this map",
}
"""What each light says, in words."""

_BADGES: dict[Light, tuple[str, Literal["green", "orange", "gray"]]] = {
    "green": (":material/check_circle:", "green"),
    "amber": (":material/error:", "orange"),
    "grey": (":material/visibility_off:", "gray"),
}
_REGIONS = {
    OUTSIDE: "beyond the field of view",
    LESIONS: "lesions",
    DISC: "optic disc",
    VESSELS: "vessels",
    MACULA: "macula (1 disc diameter around the fovea)",
    MACULA_ESTIMATED: "macula, estimated from the disc (2.5 disc diameters temporal)",
}
_MACULA_UNKNOWN = "Where the macula lies is not known of this photograph."

METHODS_TEXT = (
    "Deletion and insertion curves (Petsiuk et al. 2018) of the logit, the removed places blurred, "
    "beside those of 19 mirrored and shifted copies of the map; ROAD (Rong et al. 2022); cascading "
    "randomisation of the weights (Adebayo et al. 2018), mean of three shuffles; rank correlation "
    "with the maps of five noisy copies of the photograph."
)
"""How the figures were made, for a paper."""


def shown(found: TrustLight, name: str, *, key: str) -> None:
    """Draws a light, and behind it what it rests on.

    Args:
        found: The light.
        name: The model, as menus call it.
        key: Tells lights on one page apart.
    """
    icon, colour = _BADGES[found.light]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(f"Trust light: {found.light}", icon=icon, color=colour)
        with st.popover("Why", icon=":material/fact_check:", type="tertiary", key=f"{key}.why"):
            _behind(found, name, key)
    passed = f"{found.n_passed} of {len(found.checks)} checks passed"
    st.caption(f"{passed}: {MEANINGS[found.light]}.")


def refused(reason: SaliencyError) -> None:
    """Says why a map has no light."""
    messages.show_error(reason)


def _behind(found: TrustLight, name: str, key: str) -> None:
    """Draws the checks, the curves and the regions."""
    for check in found.checks:
        mark = ":material/check: passed" if check.passed else ":material/close: not passed"
        st.markdown(f"**{check.title}** ({mark})  \n{check.figure}")
    figures = found.figures
    caption = f"One heat map of {name} in one photograph"
    areas = areas_figure(figures.deletion, figures.insertion)
    said = f"Share of displaced copies beaten: {figures.beaten:.0%}, of both curves together."
    st.plotly_chart(areas, key=f"{key}.areas", alt=f"Areas of deletion and insertion. {said}")
    downloads.figure(
        areas,
        name=f"{key}-areas",
        caption=f"{caption}, against {len(figures.deletion.copies)} displaced copies.",
        methods=METHODS_TEXT,
        cautions=downloads.of_dataset(),
    )
    cascade = cascade_figure(figures.cascade, USUAL_RULES.most_alike_when_random)
    steps = "; ".join(f"{step.stage} {step.similarity:.2f}" for step in figures.cascade)
    st.plotly_chart(
        cascade, key=f"{key}.cascade", alt=f"Rank correlation as weights are shuffled. {steps}."
    )
    downloads.figure(
        cascade,
        name=f"{key}-cascade",
        caption=f"{caption}, as the network's weights are shuffled from the head down.",
        methods=METHODS_TEXT,
        cautions=downloads.of_dataset(),
    )
    table = regions_frame(figures)
    st.table(table.map(text.escaped), hide_index=True)
    downloads.table(
        table,
        name=f"{key}-regions",
        caption=f"{caption}: heat by region.",
        methods=METHODS_TEXT,
        cautions=downloads.of_dataset(),
    )
    if not {MACULA, MACULA_ESTIMATED} & figures.regions.keys():
        st.caption(_MACULA_UNKNOWN)
    st.caption(NOT_SHOWN)


def regions_frame(figures: TrustFigures) -> pd.DataFrame:
    """Returns how much heat lies in each region that is known of the photograph."""
    known = {name: figures.regions[name] for name in _REGIONS if name in figures.regions}
    return pd.DataFrame(
        {
            "Region": [_REGIONS[name] for name in known],
            "Heat": [f"{share.share:.1%}" for share in known.values()],
            "Area": [f"{share.area:.1%}" for share in known.values()],
            "AUC in the field": [
                "" if share.auc is None else f"{share.auc:.2f}" for share in known.values()
            ],
        }
    )
