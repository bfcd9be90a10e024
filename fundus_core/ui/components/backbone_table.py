"""The catalogue as a table to choose from: what each backbone is, costs, needs and allows."""

from typing import Any

import pandas as pd
import streamlit as st

from fundus_core.backbones.base import BackboneSpec, Group
from fundus_core.backbones.catalogue import BACKBONES, SHORTCUT
from fundus_core.backbones.costs import backbone_costs
from fundus_core.io.weights import WeightsState
from fundus_core.ui import wiring

FALLBACK = "resnet18"
"""Chosen at first where no weights are on this machine: quick everywhere."""

GROUPS: dict[Group, str] = {
    "ours": "ours, synthetic",
    "retinal": "retinal",
    "general": "general",
    "baseline": "baseline",
}
STATES: dict[WeightsState, str] = {
    "present": "on this machine",
    "in hub cache": "in the hub's cache",
    "fetchable": "to be fetched",
    "by hand": "by hand",
    "not needed": "none needed",
}
_MEGABYTE = 1_000_000


def backbone_table() -> list[str]:
    """Draws the catalogue and returns the ids of the chosen rows."""
    specs = offered()
    event = st.dataframe(
        _rows(specs),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [_first(specs)]}},
        column_config=_columns(),
        placeholder="",
        key="extract.backbones",
        alt="Backbones, their sizes, speeds, licences and where their weights are",
    )
    _say_where_measured()
    return [specs[row].id for row in event["selection"]["rows"]]


def offered() -> list[BackboneSpec]:
    """Returns the catalogue without the shortcut baseline, which is made with every probe."""
    return [spec for spec in BACKBONES.values() if spec.id != SHORTCUT]


def _first(specs: list[BackboneSpec]) -> int:
    """Returns the row that is chosen at first: one that runs at once."""
    usable = [row for row, spec in enumerate(specs) if wiring.weights_place(spec.id).usable]
    return usable[0] if usable else [spec.id for spec in specs].index(FALLBACK)


def _rows(specs: list[BackboneSpec]) -> pd.DataFrame:
    places = [wiring.weights_place(spec.id) for spec in specs]
    costs = [backbone_costs().get(spec.id) for spec in specs]
    table = pd.DataFrame(
        {
            "backbone": [spec.title for spec in specs],
            "group": [GROUPS[spec.group] for spec in specs],
            "weights": [STATES[place.state] for place in places],
            "use": [spec.licence_kind for spec in specs],
            "parameters": [cost and cost.parameters_m for cost in costs],
            "file_mb": [
                place.n_bytes / _MEGABYTE if place.n_bytes else cost and cost.file_mb
                for place, cost in zip(places, costs, strict=True)
            ],
            "ms": [cost and cost.ms_per_image for cost in costs],
            "peak_mb": [cost and cost.peak_mb for cost in costs],
            "input": [spec.image_size for spec in specs],
            "embedding": [_numbers(spec) for spec in specs],
            "licence": [spec.licence for spec in specs],
            "file": [place.file for place in places],
            "id": [spec.id for spec in specs],
        }
    )
    measured = ["parameters", "file_mb", "ms", "peak_mb"]
    table[measured] = table[measured].astype(float)
    return table.drop(columns=[name for name in measured if table[name].isna().all()])


def _numbers(spec: BackboneSpec) -> str:
    """Returns the lengths of a backbone's embeddings, the default pooling's first."""
    counts = dict.fromkeys([spec.embed_dim, *(pooling.embed_dim for pooling in spec.poolings)])
    return " or ".join(f"{count:,}" for count in counts)


def _columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "backbone": st.column_config.TextColumn(width=250),
        "use": st.column_config.TextColumn(
            "licence allows",
            help="open: any use its licence names; non-commercial: research only, or no licence "
            "stated; gated: terms to accept at the publisher first.",
        ),
        "parameters": number("parameters, millions", format="%.1f"),
        "file_mb": number(
            "file, MB",
            format="%.0f",
            help="Of the file on this machine; else that of the encoder alone as 32-bit numbers. "
            "Some published files hold more.",
        ),
        "ms": number("ms per photograph", format="%.0f"),
        "peak_mb": number("peak memory, MB", format="%.0f"),
        "input": number("input, px", format="%d"),
        "embedding": st.column_config.TextColumn("numbers"),
    }


def _say_where_measured() -> None:
    machines = {cost.machine for cost in backbone_costs().values()}
    if machines:
        st.caption(
            f":material/info: Speed and memory at each backbone's own input size, on "
            f"{' and '.join(sorted(machines))}; at twice the side about four times as long."
        )
