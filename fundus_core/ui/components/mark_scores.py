"""How well models mark a whole data set: scores with intervals, and the test between two."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from fundus_core.checks import Caution, joined_cautions
from fundus_core.errors import FundusError
from fundus_core.plots.segmentation import scores_figure
from fundus_core.segmentation.channels import parse_channels
from fundus_core.segmentation.scoring import SCORES
from fundus_core.segmentation.summaries import ScoreSummary
from fundus_core.stats.bootstrap import Interval
from fundus_core.ui import messages, segmentation_caches, text, wiring
from fundus_core.ui.components import downloads, job_progress
from fundus_core.ui.components.mark_picker import PickedTruth, PickedView
from fundus_core.workflows.data.datasets import DatasetSummary, source_arguments
from fundus_core.workflows.segmenting.masks import USUAL_FIELD
from fundus_core.workflows.segmenting.score_store import ScoredModel

COMMAND = "segment"

_METHODS = (
    "Each photograph is scored inside its field of view at its own size; the mean over photographs "
    "with its 95 % interval by the {method} ({n} resamples)."
)
_TEST = (
    "Differences are first minus second, photograph by photograph, with the interval of the "
    "bootstrap of patients; p by Wilcoxon's signed-rank test of the patients' mean differences, "
    "two-sided, not corrected for the number of scores."
)


def scores(
    summary: DatasetSummary,
    names: Sequence[str],
    truth: PickedTruth,
    view: PickedView,
    titles: dict[str, str],
) -> None:
    """Draws the scores of the chosen models, and offers to score those that are not yet."""
    st.subheader("Scores on this data set")
    if not truth.column:
        st.info("Choose the column of the true masks above to score models on all photographs.")
        return
    found = {name: _scored(summary.id, name, truth, view) for name in names}
    missing = [name for name, scored in found.items() if scored is None]
    _offer_scoring(summary, missing, truth, view, titles)
    known = {name: scored for name, scored in found.items() if scored is not None}
    if not known:
        return
    found_out = joined_cautions([(titles[name], one.cautions) for name, one in known.items()])
    messages.cautions(found_out)
    by_model = [(titles[name], _of_channel(scored, view.channel)) for name, scored in known.items()]
    first = next(iter(known.values()))
    people = (
        "unknown patients"
        if first.n_patients is None
        else (text.count(first.n_patients, "patient"))
    )
    caption = (
        f"Marks of {view.channel} against {truth.column} in "
        f"{text.count(first.n_images, 'photograph')} of {people} of {summary.name}, "
        f"from a share of {view.threshold:.2f} on."
    )
    methods = _methods(by_model[0][1])
    drawn = scores_figure(by_model)
    said = "; ".join(
        f"{name} {SCORES[one.score]} {_text(one.mean)}" for name, found in by_model for one in found
    )
    st.plotly_chart(drawn, key="vessels.scores", alt=f"Scores of marks. {said}.")
    st.caption(f"{text.escaped(caption)} {text.escaped(methods)}")
    downloads.figure(
        drawn, name="marks-scores", caption=caption, methods=methods, cautions=found_out
    )
    _table(by_model, caption, methods, found_out)
    if len(known) == 2:
        _comparison(list(known.values()), view, caption, titles, found_out)


def _scored(dataset_id: str, name: str, truth: PickedTruth, view: PickedView) -> ScoredModel | None:
    """Returns the latest scores of a model under the chosen conditions, as they are now."""
    asked = [one for one in parse_channels(truth.channels) if one.name == view.channel]
    conditions = (name, truth.column, USUAL_FIELD, round(view.threshold, 4))
    for one in segmentation_caches.scored_models(dataset_id):
        its_own = (one.model, one.masks, one.field, round(one.threshold, 4))
        if its_own == conditions and set(asked) & set(parse_channels(one.channels)):
            found = segmentation_caches.scores_now(dataset_id, one)
            if found is not None:
                return found
    return None


def _offer_scoring(
    summary: DatasetSummary,
    missing: Sequence[str],
    truth: PickedTruth,
    view: PickedView,
    titles: dict[str, str],
) -> None:
    if not missing or job_progress.under_way((COMMAND,)):
        return
    which = " and ".join(text.escaped(titles[name]) for name in missing)
    st.markdown(f"Not scored yet at this threshold: {which}.")
    label = f"Score on {text.count(summary.n_images, 'photograph')}"
    if st.button(
        label,
        type="primary",
        icon=":material/play_arrow:",
        key="vessels.score",
        disabled=wiring.read_only(),
    ):
        with messages.shown_to_user():
            for name in missing:
                wiring.submit(score_arguments(summary, name, truth, view), f"Score {titles[name]}")
        st.rerun()


def score_arguments(
    summary: DatasetSummary, name: str, truth: PickedTruth, view: PickedView
) -> list[str]:
    """Returns the command line that scores a model on a data set."""
    source, *options = source_arguments(summary.source)
    return [
        *(COMMAND, "score", name, source, *options),
        *("--masks", truth.column, "--channels", truth.channels),
        *("--threshold", f"{view.threshold:g}"),
    ]


def _of_channel(scored: ScoredModel, channel: str) -> list[ScoreSummary]:
    return [one for one in segmentation_caches.score_summaries(scored.id) if one.channel == channel]


def _methods(found: Sequence[ScoreSummary]) -> str:
    first = found[0].mean
    return _METHODS.format(method=first.method, n=f"{first.n_resamples:,}")


def _table(
    by_model: Sequence[tuple[str, Sequence[ScoreSummary]]],
    caption: str,
    methods: str,
    cautions: Sequence[Caution],
) -> None:
    columns = {name: [_text(one.mean) for one in found] for name, found in by_model}
    names = [SCORES[one.score] for one in by_model[0][1]]
    table = pd.DataFrame({"Score": names, **columns})
    st.table(table.rename(columns=text.escaped), hide_index=True)
    downloads.table(
        table, name="marks-scores-table", caption=caption, methods=methods, cautions=cautions
    )


def _comparison(
    known: Sequence[ScoredModel],
    view: PickedView,
    caption: str,
    titles: dict[str, str],
    cautions: Sequence[Caution],
) -> None:
    try:
        compared = segmentation_caches.score_comparison(known[0].id, known[1].id)
    except FundusError as error:
        messages.show_error(error)
        return
    rows = [one for one in compared if one.channel == view.channel]
    table = pd.DataFrame(
        {
            "Score": [SCORES[one.score] for one in rows],
            "Difference": [_text(one.difference, signed=True) for one in rows],
            "p": [text.bare_p(one.p_value) for one in rows],
        }
    )
    first, second = (titles[one.model] for one in known)
    st.markdown(f"**{text.escaped(first)} minus {text.escaped(second)}**")
    st.table(table, hide_index=True)
    st.caption(_TEST)
    downloads.table(
        table,
        name="marks-comparison",
        caption=f"{first} minus {second}. {caption}",
        methods=_TEST,
        cautions=cautions,
    )


def _text(interval: Interval, *, signed: bool = False) -> str:
    """Returns a value with its interval, as tables show it."""
    if interval.value is None:
        return f"not defined: {interval.reason}"
    value = f"{interval.value:+z.3f}" if signed else f"{interval.value:.3f}"
    if interval.low is None or interval.high is None:
        return f"{value} (no interval: {interval.reason})"
    return f"{value} ({interval.low:.3f} to {interval.high:.3f})"
