"""Heat maps in the demo's story: a few photographs, and the figures of the whole sample."""

from pathlib import Path

import streamlit as st

from fundus_core.ui import text
from fundus_core.ui.components.story_panel import disease
from fundus_core.workflows.explanations.lesions import ExplainedPhotograph, LesionStudy
from fundus_core.workflows.story.story_store import Story

HOW_TO_READ = (
    "Cyan: raised the score most. White: outlines of the lesions as they were drawn. Each is the "
    "photograph with the middle result of its disease in the sample, not the best."
)


def examples(story: Story) -> None:
    """Draws a typical held-out photograph of each of a few diseases, with heat and lesions."""
    study = story.lesions
    for place, image_id in zip(st.columns(len(study.examples)), study.examples, strict=True):
        found = study.of(image_id)
        with place:
            _picture(story.pictures[image_id], found)
    st.caption(HOW_TO_READ)


def _picture(path: Path, found: ExplainedPhotograph) -> None:
    name = disease(found.diagnosis)
    st.image(path, alt=f"Photograph with {name}: heat map and outlines of lesions", width="stretch")
    st.markdown(
        f"**{text.escaped(name[:1].upper() + name[1:])}**  \n{_percent(found.measured.share)} of "
        f"the heat on lesions, {_percent(found.measured.chance)} by chance"
    )


def summary(study: LesionStudy) -> None:
    """Says what was found in the whole sample, against what a map without knowledge reaches."""
    n = len(study.photographs)
    st.markdown(
        f"Over {text.count(n, 'held-out diseased photograph')} of as many patients, drawn at "
        "random:\n"
        f"- **{_percent(study.median('share'))}** of the heat lies on lesions (median), which "
        f"cover {_percent(study.median('chance'))} of the field of view: more than that in "
        f"**{study.n_above_chance} of {n}**.\n"
        f"- The heat maps of the *other* photographs, laid on the same lesions, reach "
        f"{_percent(study.median('by_others'))}: the own map reaches more in "
        f"**{study.n_above_others} of {n}**.\n"
        f"- The hottest place lies on a lesion, give or take half a cell, in **{study.n_hits} of "
        f"{n}** ({_percent(study.median('chance_near'))} of the field would count)."
    )
    st.caption(_left_out(study))


def _left_out(study: LesionStudy) -> str:
    said = (
        "Chance: an even map over the field of view. The maps of other photographs know where "
        "lesions usually are, but not these ones. Heat maps are of the pre-trained linear probe, "
        "each by the fold that held the patient out."
    )
    if study.n_without_lesion:
        said += (
            f" Passed over: {text.count(study.n_without_lesion, 'photograph')} labelled abnormal "
            "without a lesion (a large cup alone, or a planted wrong label)."
        )
    if study.n_without_map:
        said += (
            f" In {text.count(study.n_without_map, 'photograph')} more nothing raised the score, "
            "so there is no map."
        )
    return said


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"
