"""What the points of a map are coloured by: a column of the table, or what a run made of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from fundus_core.domain.predictions import Predictions
from fundus_core.plots.map import Colouring, colouring
from fundus_core.ui import dataset_caches, state, wiring
from fundus_core.ui.session import FIXED_BEFOREHAND
from fundus_core.workflows.models.run_names import run_names
from fundus_core.workflows.models.run_record import Run

SCORE = "Prediction: score"
OUTCOME = "Prediction: right or wrong"

OUTCOMES = ("true positive", "true negative", "false positive", "false negative")


@dataclass(frozen=True, slots=True)
class ColourChoice:
    """What the reader chose."""

    column: str
    """A column of the table, `SCORE` or `OUTCOME`."""

    run: Run | None
    """The evaluated model whose predictions are shown."""

    class_name: str
    """The scored class looked at; empty without a run."""

    threshold: float
    """Scores from here on count as positive."""


def pick_colours(dataset_id: str, runs: Sequence[Run]) -> ColourChoice:
    """Draws the menus of colour, run and class."""
    columns = dataset_caches.colour_columns(dataset_id)
    left, middle, right = st.columns(3)
    offered = [*columns, *([SCORE, OUTCOME] if runs else [])]
    column = left.selectbox(
        "Colour by", offered, **state.bound("colour", offered, key="map.colour")
    )
    if not runs:
        return ColourChoice(column, None, "", FIXED_BEFOREHAND)
    names = run_names(runs)
    chosen = [run_id for run_id in state.current().run_ids if run_id in names]
    first = list(names).index(chosen[0]) if chosen else 0
    run_id = middle.selectbox(
        "Model", list(names), index=first, format_func=names.__getitem__, key="map.run"
    )
    run = next(run for run in runs if run.id == run_id)
    classes = run.target.scored_classes
    name = classes[0]
    if len(classes) > 1:
        name = right.selectbox("Class", classes, **state.bound("class_name", classes))
    return ColourChoice(column, run, name, state.current().threshold)


def colours_of(dataset_id: str, image_ids: Sequence[str], choice: ColourChoice) -> Colouring:
    """Returns the colours of photographs, in the given order."""
    if choice.run is None or choice.column not in {SCORE, OUTCOME}:
        columns = dataset_caches.colour_columns(dataset_id)
        column = choice.column if choice.column in columns else columns[0]
        return dataset_caches.colours(dataset_id, column, image_ids)
    predictions = wiring.predictions(choice.run.id).binary(choice.class_name or None)
    if choice.column == SCORE:
        return _scores(predictions, image_ids, choice.class_name)
    values = outcomes(predictions, choice.threshold).reindex(list(image_ids))
    return colouring(f"At threshold {choice.threshold:.3g}", values, order=OUTCOMES)


def _scores(predictions: Predictions, image_ids: Sequence[str], class_name: str) -> Colouring:
    """Returns held-out scores on a scale from 0 to 1."""
    scores = pd.Series(predictions.y_score[:, 0], index=list(predictions.image_ids))
    numbers = scores.reindex(list(image_ids)).to_numpy(np.float32)
    return Colouring(f"score for {class_name}", None, (), numbers, (0.0, 1.0))


def outcomes(predictions: Predictions, threshold: float) -> "pd.Series[str]":
    """Returns what became of each photograph of a binary task, indexed by image id."""
    positive = predictions.y_score[:, 0] >= threshold
    labelled = predictions.y_true[:, 0]
    names = np.select(
        [positive & labelled, ~positive & ~labelled, positive & ~labelled],
        OUTCOMES[:3],
        OUTCOMES[3],
    )
    return pd.Series(names, index=list(predictions.image_ids))
