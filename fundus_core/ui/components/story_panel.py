"""The demo's story: what is asked, two maps, four curves, and how to go on from there."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from fundus_core.plots.map import Colouring, colouring, map_figure
from fundus_core.plots.roc import RocTrace, interval_text, roc_figure
from fundus_core.stats.roc import roc_curve
from fundus_core.ui import dataset_caches, messages, outside, state, text, wiring
from fundus_core.ui.components import downloads, job_progress
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.data.datasets import dataset_id
from fundus_core.workflows.data.demo import demo_source, has_demo
from fundus_core.workflows.story.story_design import CELLS, MAP, TARGET, Cell, Start
from fundus_core.workflows.story.story_store import Contrast, Story

COMMANDS = ("demo", "check", "story")
"""Jobs that end in a story."""

QUESTION = (
    "**Does a network read the retina better when it has seen retinas before?** One network, "
    "MobileNet V2, starts from random weights (*Scratch*) or from weights pre-trained on other "
    "synthetic photographs of the same program (*Pre-trained*). Each is used as it is, with a "
    "**linear probe** on top, and **fine-tuned**. All four answer for patients they never saw: is "
    "this photograph abnormal?"
)

NOT_SHOWN = (
    "- Nothing about real eyes. Photographs, diseases and lesions were drawn by a program, and the "
    "pre-trained weights learned from photographs of that same program: this favours them. What "
    "they are worth on real photographs is in `docs/pretraining.md`.\n"
    "- Not which network is best: one architecture, one setting, one draw of folds.\n"
    "- Not that heat on a lesion means the lesion was recognised. It raised the score, to first "
    "order, in cells that are larger than most lesions."
)

START_NAMES: dict[Start, str] = {"scratch": "Scratch", "phantom": "Pre-trained"}

_TITLE = "Tell the demo's story (synthetic)"
_MAP_HEIGHT = 430
_SIGNIFICANT = 0.05
_DISEASES = {
    "diabetic_retinopathy": "diabetic retinopathy",
    "amd": "AMD",
    "glaucoma": "glaucoma or suspect",
    "glaucoma_suspect": "glaucoma or suspect",
    "pathologic_myopia": "pathologic myopia",
    "epiretinal_membrane": "epiretinal membrane",
    "vein_occlusion": "vein occlusion",
    "normal": "normal",
    "hypertensive_retinopathy": "hypertensive retinopathy",
}
"""Value of the column `diagnosis` -> name on the page. Glaucoma and its suspects share one: a map
has eight colours. In the order of the colours: normal gets grey."""


def comes_first() -> bool:
    """Says whether the demo is all there is in this workspace, or will be once it is drawn."""
    opened = {summary.id for summary in wiring.datasets()}
    if opened:
        return opened == {dataset_id(demo_source(wiring.workspace()))}
    return bool(job_progress.under_way(("demo", "story")))


def beginning() -> None:
    """Says how the story comes about: by itself where a job runs, else by one click."""
    if job_progress.under_way(COMMANDS):
        st.info(
            "The demo photographs are drawn, embedded and evaluated; the story appears here by "
            "itself after a few minutes.",
            icon=":material/schedule:",
        )
        return
    st.info(
        "The story was not prepared yet."
        if has_demo(wiring.workspace())
        else "The demo photographs were not drawn yet."
    )
    st.button(
        "Tell the story",
        key="story.prepare",
        type="primary",
        icon=":material/play_arrow:",
        disabled=wiring.read_only(),
        on_click=outside.callback(_submit),
        args=(["story"], _TITLE),
    )


def _submit(argv: list[str], title: str) -> None:
    wiring.submit(argv, title)


def figures(story: Story) -> None:
    """Says how many photographs there are, and how many are abnormal."""
    labels = wiring.dataset(story.dataset_id).table[TARGET]
    with st.container(horizontal=True):
        st.metric(
            "Synthetic photographs", f"{story.n_images:,}", border=True, help=help_for("phantom")
        )
        patients = "unknown" if story.n_patients is None else f"{story.n_patients:,}"
        st.metric("Patients", patients, border=True, help=help_for("patient"))
        st.metric(
            "Labelled abnormal", f"{(labels == '1').sum():,}", border=True, help=help_for("label")
        )


def maps(story: Story) -> None:
    """Draws the maps of both starts side by side, coloured by diagnosis."""
    for place, start in zip(st.columns(2), START_NAMES, strict=True):
        with place, messages.shown_to_user():
            st.markdown(f"**{START_NAMES[start]}**")
            projection = wiring.projection(story.dataset_id, story.embeddings[start], MAP)
            if projection is None:
                st.info("This map was removed; prepare the story again below.")
                continue
            colours = _by_diagnosis(story, projection.image_ids)
            figure = map_figure(projection.points, colours, height=_MAP_HEIGHT)
            st.plotly_chart(
                figure.update_layout(dragmode="pan"),
                key=f"story.map.{start}",
                config={"displaylogo": False},
                alt=f"t-SNE map of the photographs, {START_NAMES[start]}, coloured by diagnosis",
            )
            downloads.figure(
                figure,
                name=f"story-map-{start}",
                caption=f"t-SNE map of {story.n_images:,} synthetic photographs, "
                f"{START_NAMES[start]}, coloured by diagnosis.",
                methods="Distances between clusters, their sizes and the axes have no meaning.",
                cautions=dataset_caches.cautions(story.dataset_id),
            )
            st.caption(
                f"Trustworthiness {projection.trustworthiness:.3f} over "
                f"{projection.n_neighbors} neighbours"
            )


def _by_diagnosis(story: Story, image_ids: Sequence[str]) -> Colouring:
    table = wiring.dataset(story.dataset_id).table.set_index("image_id")
    named = table["diagnosis"].reindex(list(image_ids)).map(disease)
    return colouring("Diagnosis", pd.Series(named), order=tuple(dict.fromkeys(_DISEASES.values())))


def disease(diagnosis: str) -> str:
    """Returns a diagnosis as pages name it."""
    return _DISEASES.get(diagnosis, diagnosis)


def curves(story: Story) -> None:
    """Draws the ROC curves of the models that are there; AUC and interval are in the legend."""
    traces = [_trace(story, cell) for cell in CELLS if cell in story.runs]
    figure = roc_figure(traces)
    said = "; ".join(f"{one.name}: AUC {interval_text(one.interval)}" for one in traces)
    st.plotly_chart(figure, key="story.roc", alt=f"ROC curves. {said}.")
    downloads.figure(
        figure,
        name="story-roc",
        caption=f"ROC curves of synthetic photographs, abnormal against normal. {said}.",
        methods="Held-out photographs of five folds that keep a patient together; intervals by "
        "Obuchowski's form of DeLong's variance, by patient, on the logit scale.",
        cautions=dataset_caches.cautions(story.dataset_id),
    )


def _trace(story: Story, cell: Cell) -> RocTrace:
    run = story.runs[cell]
    said = wiring.predictions(run.id)
    curve = roc_curve(said.y_true[:, 0], said.y_score[:, 0])
    if run.auc is None:
        raise ValueError(f"{run.id} was not evaluated")
    return RocTrace(cell_name(story, cell), curve, run.auc)


def cell_name(story: Story, cell: Cell) -> str:
    """Returns a model's name, which says where its scores were not computed here."""
    if cell.way == "probe":
        return f"{START_NAMES[cell.start]}, linear probe"
    stored = " (precomputed)" if story.precomputed else ""
    return f"{START_NAMES[cell.start]}, fine-tuned{stored}"


def contrasts(story: Story) -> None:
    """Says in words which differences were found, and by which test."""
    st.markdown("\n".join(f"- {contrast_sentence(one)}" for one in story.contrasts))
    first = story.runs[Cell("phantom", "probe")]
    colour = first.baseline_auc
    said = text.interval_method(first.auc) if first.auc else ""
    if colour is not None:
        said += f" The mean colour of the photograph alone reaches {interval_text(colour)}."
    st.caption(
        f"{said} Differences: DeLong's test with patients as the independent units (Obuchowski "
        f"1997); p corrected by Holm over the {text.count(len(story.contrasts), 'difference')} "
        "above. A large p does not show that two models are equal."
    )


def contrast_sentence(contrast: Contrast) -> str:
    """Says what one comparison found."""
    result, p = contrast.result, text.p_value(contrast.p_holm)
    if contrast.first.way == contrast.second.way:
        way = "linear probe" if contrast.first.way == "probe" else "fine-tuned network"
        subject, other = f"Pre-training, {way}", "Scratch"
    else:
        subject, other = "Fine-tuning the pre-trained network", "its linear probe"
    size = f"{result.difference:+z.3f} (95 % CI {result.low:+z.3f} to {result.high:+z.3f}), {p}"
    if contrast.p_holm >= _SIGNIFICANT:
        return f"**{subject}**: no difference in AUC from {other} was shown: {size}."
    verb = "raises" if result.difference > 0 else "lowers"
    return f"**{subject}**: {verb} the AUC against {other}: {size}."


def fine_tuning_note(story: Story) -> None:
    """Says where the scores of the fine-tuned networks come from, or why there are none."""
    if story.not_fine_tuned:
        st.info(
            f"**Without fine-tuned networks.** {text.escaped(story.not_fine_tuned)} They can be "
            "trained here: *Fine-tune here*, below.",
            icon=":material/model_training:",
        )
    elif story.precomputed:
        st.caption(
            ":material/inventory_2: The fine-tuned networks were trained beforehand on these very "
            "photographs, in the same folds; their held-out scores come with the program "
            "(`fundus_core/story/about.json` says how). *Fine-tune here*, below, does it again."
        )


def buttons(story: Story) -> None:
    """Draws what can be computed again, and where each part can be looked into."""
    busy = wiring.read_only() or bool(job_progress.under_way(("story",)))
    with st.container(horizontal=True):
        st.button(
            "Recompute everything",
            key="story.fresh",
            icon=":material/refresh:",
            disabled=busy,
            help="Embeddings, maps, probes, heat maps, then both fine-tunings. The story is gone "
            "for some minutes and grows again.",
            on_click=outside.callback(_submit),
            args=(["story", "--fresh", "--fine-tune"], "Recompute the demo's story (synthetic)"),
        )
        st.button(
            "Fine-tune here",
            key="story.fine_tune",
            icon=":material/model_training:",
            disabled=busy,
            help="Five folds from each start: minutes on a GPU, longer on a CPU.",
            on_click=outside.callback(_submit),
            args=(["story", "--fine-tune"], "Fine-tune on the demo photographs (synthetic)"),
        )
    st.markdown("**Look into it:**")
    with st.container(horizontal=True):
        _look(story, "Maps", "pages/embed/map.py", ":material/bubble_chart:")
        _look(story, "ROC", "pages/evaluate/roc.py", ":material/show_chart:")
        _look(story, "Compare models", "pages/evaluate/compare.py", ":material/balance:")
        _look(story, "Explain", "pages/explain/grad_cam.py", ":material/center_focus_strong:")


def _look(story: Story, label: str, page: str, icon: str) -> None:
    """Draws a button that opens another page on the models of the story."""
    if not st.button(label, key=f"story.look.{page}", icon=icon):
        return
    cells = [cell for cell in CELLS if cell in story.runs]
    if "explain" in page and story.precomputed:  # of those networks only the scores are here
        cells = [cell for cell in cells if cell.way == "probe"]
    state.choose(
        dataset_id=story.dataset_id,
        backbones=tuple(story.embeddings[start] for start in START_NAMES),
        method=MAP,
        target=TARGET,
        run_ids=tuple(story.runs[cell].id for cell in cells),
    )
    st.switch_page(page)
