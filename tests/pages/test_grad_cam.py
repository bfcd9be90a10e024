"""The Grad-CAM page: one photograph, one or two models, and what it says when there is no map."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.domain.dataset import Target
from fundus_core.errors import SaliencyError
from fundus_core.explain.cam import SaliencyMap
from fundus_core.explain.depths import LayerChoice
from fundus_core.explain.tail import CamLayer
from fundus_core.explain.trust import judged
from fundus_core.similarity import Neighbour
from fundus_core.stats.bootstrap import Interval
from fundus_core.ui import explain_caches, picture_caches, text, wiring
from fundus_core.ui.components import cup_disc_panel
from fundus_core.workflows.evaluation.calibrated import CalibratedProbability
from fundus_core.workflows.explanations.explained import Asked
from fundus_core.workflows.explanations.measured_trust import TrustComparison
from fundus_core.workflows.explanations.model_trust import ModelTrust, summed_up
from tests.explain.test_trust import GOOD
from tests.pages import evaluated

PAGE = evaluated.PAGES / "explain" / "grad_cam.py"


def explanation(run_id: str, image: str, asked: Asked) -> SimpleNamespace:
    """A map that is hot on the right; the run called `colour` cannot be explained."""
    if run_id == "colour":
        raise SaliencyError("It has no places.", hint="Choose a network.")
    values = np.array([[0.0, 1.0], [0.0, 1.0]], np.float32)
    return SimpleNamespace(
        photograph=np.full((8, 8, 3), 120, np.uint8),
        image_id=image,
        saliency=SaliencyMap(values, 2.5, asked.layer or "layer4", asked.method, asked.class_name),
        heat=np.kron(values, np.ones((4, 4), np.float32)),
        class_name=asked.class_name,
        minus=asked.minus,
        score=0.42,
        held_out=run_id != "trained on all",
        network_fold=1 if run_id == "tuned" else None,
    )


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> AppTest:
    """The page as it opens for someone who has a data set and no model yet."""
    evaluated.open_dataset(monkeypatch, workspace)
    monkeypatch.setattr(explain_caches, "explanation", explanation)
    monkeypatch.setattr(explain_caches, "known_light", lambda run_id, image, asked: None)
    monkeypatch.setattr(wiring, "neighbours", lambda dataset, fingerprint, image: ())
    photograph = np.full((8, 8, 3), 120, np.uint8)
    monkeypatch.setattr(picture_caches, "photograph", lambda image, path, max_side=1024: photograph)
    return AppTest.from_file(PAGE, default_timeout=30)


def store(workspace: Path, *names: str) -> None:
    for name in names:
        evaluated.store(workspace, name, evaluated.predictions(name, evaluated.POOR))


def test_the_photograph_of_the_largest_error_is_shown_first(page: AppTest, workspace: Path) -> None:
    store(workspace, "poor")

    page.run()

    assert not page.exception
    # h5 scores 0.85 without the disease; d5, with it, scores 0.2.
    assert page.query_params["image"] == "h5"
    assert "Labelled **not dr \\= 1**" in evaluated.texts(page)


def test_two_models_are_shown_side_by_side_for_the_same_photograph(
    page: AppTest, workspace: Path
) -> None:
    store(workspace, "one", "two")
    evaluated.address(page, run=["one", "two"], image="d2")

    page.run()

    assert not page.exception
    assert evaluated.texts(page).count("Score for dr \\= 1: **0.420**") == 2
    assert "Labelled **dr \\= 1**" in evaluated.texts(page)


def test_what_a_map_does_not_show_is_said(page: AppTest, workspace: Path) -> None:
    store(workspace, "poor")

    page.run()

    assert "not show that these places are diseased" in evaluated.texts(page)
    assert "2 × 2 cells" in evaluated.texts(page)


def test_a_probe_that_may_have_seen_the_photograph_is_said_to(
    page: AppTest, workspace: Path
) -> None:
    store(workspace, "trained on all")

    page.run()

    assert "may include this one" in evaluated.texts(page)
    assert "held this photograph out" not in evaluated.texts(page)


def test_a_probe_of_another_data_set_is_given_the_file_and_said_to_be_one(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def remembered(run_id: str, image: str, how: Asked) -> SimpleNamespace:
        asked.append(image)
        return explanation("trained on all", image, how)

    monkeypatch.setattr(explain_caches, "explanation", remembered)
    scores = evaluated.predictions("outside", evaluated.POOR)
    evaluated.store(workspace, "outside", scores, kind="external", baseline=False)

    page.run()

    assert asked == ["/nowhere/h5.jpg"]
    assert "another data set" in evaluated.texts(page)


def test_a_model_without_a_map_is_explained_and_the_other_drawn(
    page: AppTest, workspace: Path
) -> None:
    store(workspace, "colour", "one")
    evaluated.address(page, run=["colour", "one"])

    page.run()

    assert not page.exception
    assert "It has no places" in page.info[0].value
    assert "Score for dr \\= 1: **0.420**" in evaluated.texts(page)


def test_the_other_class_of_two_can_be_asked_for(page: AppTest, workspace: Path) -> None:
    store(workspace, "poor")
    evaluated.address(page, image="d2")
    page.run()

    next(one for one in page.selectbox if one.label == "Class").set_value("0").run()

    assert not page.exception
    assert "Score for dr \\= 0" in evaluated.texts(page)
    assert "Labelled **dr \\= 1**" in evaluated.texts(page)


def test_a_method_that_ignores_the_class_says_so(page: AppTest, workspace: Path) -> None:
    store(workspace, "poor")
    page.run()

    next(one for one in page.selectbox if one.label == "Method").set_value("eigen_cam").run()

    assert "same map whichever class" in page.info[0].value


def test_a_photograph_that_is_not_there_is_named_and_another_shown(
    page: AppTest, workspace: Path
) -> None:
    store(workspace, "poor")
    evaluated.address(page, image="gone")

    page.run()

    assert not page.exception
    assert "gone" in page.warning[0].value
    assert page.query_params["image"] == "h5"


def test_of_many_chosen_models_four_are_drawn_and_the_choice_is_kept(
    page: AppTest, workspace: Path
) -> None:
    names = ["one", "two", "three", "four", "five"]
    store(workspace, *names)
    evaluated.address(page, run=names)

    page.run()

    assert not page.exception
    assert evaluated.texts(page).count("Score for dr \\= 1") == 4
    assert page.query_params["run"] == names


def tune(workspace: Path, name: str = "tuned") -> None:
    scores = evaluated.predictions(name, evaluated.GOOD)
    evaluated.store(workspace, name, scores, kind="finetune", baseline=False)


def test_fine_tuned_networks_that_were_not_kept_stay_chosen_for_other_pages(
    page: AppTest, workspace: Path
) -> None:
    store(workspace, "one", "two")
    tune(workspace)
    evaluated.address(page, run=["tuned", "one"])

    page.run()

    assert not page.exception
    assert "stay chosen on other pages" in evaluated.texts(page)
    assert page.multiselect[0].value == ["one"]
    assert page.query_params["run"] == ["tuned", "one"]

    page.multiselect[0].select("two").run()

    assert page.query_params["run"] == ["one", "two", "tuned"]


def test_a_damaged_network_leaves_the_other_models_to_be_looked_at(
    page: AppTest, workspace: Path
) -> None:
    good = evaluated.predictions("good", evaluated.GOOD)
    evaluated.store(workspace, "good", good)
    evaluated.store(workspace, "tuned", replace(good, model="tuned"), kind="finetune")
    (workspace / "runs" / "tuned" / "predictions.parquet").write_bytes(b"")
    evaluated.address(page, run=["good"])

    page.run()

    assert not page.exception
    assert "Models that cannot be explained" in evaluated.texts(page)
    assert page.multiselect[0].options == ["good"]
    page.run()
    assert "runs/tuned" in "".join(one.value for one in page.warning)


def test_fine_tuned_networks_that_were_kept_are_explained(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tune(workspace)
    monkeypatch.setattr(explain_caches, "refusal", lambda run_id: "")

    page.run()

    assert not page.exception
    assert "network of the fold that **held this photograph out**" in evaluated.texts(page)
    assert "are not stored; it has no nearest cases" in evaluated.texts(page)


def test_where_only_fine_tuned_models_are_chosen_a_probe_is_shown_beside_them(
    page: AppTest, workspace: Path
) -> None:
    store(workspace, "one")
    tune(workspace)
    evaluated.address(page, run=["tuned"])

    page.run()

    assert not page.exception
    assert page.multiselect[0].value == ["one"]
    assert page.query_params["run"] == ["tuned", "one"]


def test_the_maps_are_tested_on_request_and_the_light_says_why(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(workspace, "one")
    measured: list[str] = []

    def measure(run_id: str, image: str, asked: Asked) -> object:
        measured.append(image)
        return judged(GOOD)

    monkeypatch.setattr(explain_caches, "measure_light", measure)
    page.run()
    assert "Not tested yet" in evaluated.texts(page)

    page.button(key="grad_cam.test").click().run()

    assert not page.exception
    assert measured == ["h5"]
    said = evaluated.texts(page)
    assert "Trust light: green" in said
    assert "6 of 6 checks passed" in said
    assert "The score follows the map" in said
    assert "does not say that the marked places are diseased" in said
    assert evaluated.table(page, "Region")["Region"].tolist()[0].startswith("beyond the field")


def test_a_light_that_is_known_is_shown_at_once(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(workspace, "one")
    monkeypatch.setattr(explain_caches, "known_light", lambda run, image, asked: judged(GOOD))

    page.run()

    assert "Trust light: green" in evaluated.texts(page)


def test_next_and_previous_step_through_the_errors(page: AppTest, workspace: Path) -> None:
    store(workspace, "poor")
    page.run()
    first = page.query_params["image"]

    page.button(key="step.Next").click().run()
    second = page.query_params["image"]
    page.button(key="step.Previous").click().run()

    assert first == "h5"
    assert second == "d5"  # 0.2 with the disease: the error next in size
    assert page.query_params["image"] == first
    assert page.button(key="step.Previous").disabled


def test_photographs_come_in_the_order_of_disagreement(page: AppTest, workspace: Path) -> None:
    evaluated.store(workspace, "one", evaluated.predictions("one", evaluated.POOR))
    evaluated.store(workspace, "two", evaluated.predictions("two", evaluated.GOOD))
    evaluated.address(page, run=["one", "two"])
    page.run()

    page.segmented_control[0].set_value("disagree").run()
    page.button(key="step.Next").click().run()

    apart = {name: abs(evaluated.POOR[name] - evaluated.GOOD[name]) for name in evaluated.POOR}
    ordered = sorted(apart, key=lambda name: -apart[name])
    at = ordered.index("h5")
    assert page.query_params["image"] == ordered[at + 1]


def test_one_model_s_layers_are_offered_by_name_once_asked_for(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(workspace, "one")
    offered = (
        LayerChoice(CamLayer("layer1", "NCHW"), (16, 16), usual=False),
        LayerChoice(CamLayer("layer4", "NCHW"), (2, 2), usual=True),
    )
    monkeypatch.setattr(explain_caches, "layers", lambda run_id: offered)
    page.run()
    assert not page.select_slider

    page.toggle(key="grad_cam.choose_layer").set_value(True).run()
    page.select_slider[0].set_value("layer1").run()

    assert not page.exception
    assert "of layer `layer1`" in evaluated.texts(page)


def test_several_models_share_one_depth(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(workspace, "one", "two")
    evaluated.address(page, run=["one", "two"])

    def layers(run_id: str) -> tuple[LayerChoice, ...]:
        names = [f"{run_id}.{number}" for number in range(5)]
        return tuple(LayerChoice(CamLayer(n, "NCHW"), (4, 4), usual=n.endswith("4")) for n in names)

    monkeypatch.setattr(explain_caches, "layers", layers)
    page.run()

    page.toggle(key="grad_cam.choose_layer").set_value(True).run()
    page.select_slider[0].set_value(0.5).run()

    assert not page.exception
    assert "of layer `one.2`" in evaluated.texts(page)
    assert "of layer `two.2`" in evaluated.texts(page)


def test_of_several_classes_one_can_be_subtracted(page: AppTest, workspace: Path) -> None:
    scores = evaluated.graded("grades", 0)
    evaluated.store(workspace, "grades", scores, target=evaluated.GRADE, baseline=False)
    page.run()

    next(one for one in page.selectbox if one.label == "Rather than").set_value("2").run()

    assert not page.exception
    assert "rather than 2" in evaluated.texts(page)


def test_nearest_cases_are_labelled_photographs_of_other_patients(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(workspace, "one")
    near = tuple(Neighbour(name, 0.9) for name in ("h4", "d1", "gone", "h0"))
    monkeypatch.setattr(wiring, "neighbours", lambda dataset, fingerprint, image: near)

    page.run()

    keys = [one.key for one in page.button if str(one.key).startswith("cases.one.")]
    assert keys == ["cases.one.d1", "cases.one.h0"]  # h4 is the same patient's as h5
    assert "with · 0.90" in evaluated.texts(page)


def calibrated(probability: Interval) -> CalibratedProbability:
    return CalibratedProbability("h5", "1", probability, 40, 20, "cross-validation", False)


def test_the_score_stands_beside_what_it_stands_for(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(workspace, "one")
    known = calibrated(Interval(0.31, 0.2, 0.45, 0.95, "percentile bootstrap of patients", 1000))
    asked = []

    def remember(*question: str) -> CalibratedProbability:
        asked.append(question)
        return known

    monkeypatch.setattr(explain_caches, "calibrated", remember)

    page.run()

    said = evaluated.texts(page)
    assert asked == [("one", "h5", "1")]
    assert "Calibrated probability of dr \\= 1: **31%** (95 % interval of the calibration" in said
    assert "curve 20%–45%), taught by 20 patients of the other folds" in said
    (beside,) = [one for one in page.markdown if "Calibrated probability" in one.value]
    assert "no range for this patient" in beside.help


def test_too_few_patients_give_a_calibrated_probability_without_an_interval(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(workspace, "one")
    found = calibrated(Interval(0.31, None, None, 0.95, "", 0, "only 3 patients with the class"))
    monkeypatch.setattr(explain_caches, "calibrated", lambda *question: found)

    page.run()

    assert "**31%** (no interval: only 3 patients with the class)" in evaluated.texts(page)


def test_where_scores_cannot_be_calibrated_the_reason_is_said(
    page: AppTest, workspace: Path
) -> None:
    store(workspace, "one")  # each of its patients is in both folds

    page.run()

    assert not page.exception
    assert "Calibrated probability: not known" in evaluated.texts(page)
    assert "in more than one fold" in evaluated.texts(page)


def test_a_photograph_that_no_fold_held_out_has_no_calibrated_probability(
    page: AppTest, workspace: Path
) -> None:
    scores = evaluated.predictions("outside", evaluated.POOR)
    evaluated.store(workspace, "outside", scores, kind="external", baseline=False)

    page.run()

    assert not page.exception
    assert "Calibrated probability: not known" in evaluated.texts(page)
    assert "comes from another data set" in evaluated.texts(page)


def test_a_model_without_a_map_still_has_a_score(page: AppTest, workspace: Path) -> None:
    store(workspace, "colour")
    evaluated.address(page, run=["colour"])

    page.run()

    assert "Score for dr \\= 1 in the evaluation: **0.850**" in evaluated.texts(page)


def test_pictures_can_be_zoomed_together(page: AppTest, workspace: Path) -> None:
    store(workspace, "one", "two", "colour")
    evaluated.address(page, run=["one", "two", "colour"])
    page.run()
    assert not page.get("plotly_chart")

    page.toggle(key="grad_cam.together").set_value(True).run()

    assert not page.exception
    figure = json.loads(page.get("plotly_chart")[0].proto.spec)
    assert len(figure["layout"]["images"]) == 3  # the photograph, and the two with a map
    assert figure["layout"]["xaxis3"]["matches"] == "x"
    assert "It has no places" in page.info[0].value
    assert evaluated.texts(page).count("Score for dr \\= 1: **0.420**") == 2


def test_maps_of_a_sample_are_tested_by_a_job_per_model(
    page: AppTest, workspace: Path, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store(workspace, "one", "two")
    evaluated.address(page, run=["one", "two"])
    monkeypatch.setattr(explain_caches, "measured", lambda run_id, asked: None)
    page.run()

    page.button(key="grad_cam.sample.start").click().run()

    assert not page.exception
    how = ["--class", "1", "--method", "grad_cam"]
    assert started == [["explain", name, "--sample", "40", *how] for name in ("one", "two")]


def trusted(run_id: str, n_green: int) -> ModelTrust:
    lights = [judged(GOOD)] * n_green + [SaliencyError("Nothing.", hint="Look.")] * (12 - n_green)
    return summed_up(run_id, [f"i{row}" for row in range(12)], lights, None)


def test_what_was_measured_of_models_is_shown_and_compared(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(workspace, "one", "two")
    evaluated.address(page, run=["one", "two"])
    found = {"one": trusted("one", 9), "two": trusted("two", 6)}
    monkeypatch.setattr(explain_caches, "measured", lambda run_id, asked: found[run_id])
    area = Interval(0.83, 0.7, 0.92, 0.95, "BCa bootstrap of patients", 2000)
    difference = Interval(0.2, None, None, 0.95, "", 2000, "all resamples give the same value")
    compared = TrustComparison(6, area, difference)
    monkeypatch.setattr(explain_caches, "compared", lambda run_ids, asked: compared)

    page.run()

    assert not page.exception
    table = evaluated.table(page, "Green")
    assert table["Photographs"].tolist() == ["12", "12"]
    assert [text.plain(cell).split()[0] for cell in table["Green"]] == ["75%", "50%"]
    said = evaluated.texts(page)
    assert "in **0.83** (95 % CI 0.70 to 0.92) of all pairs" in said
    assert "**+0.20** (no interval: all resamples give the same value)" in said
    assert "On the 6 photographs with a map of both" in said


def test_the_cup_to_disc_ratio_is_said_where_glaucoma_is_asked_for(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FUNDUS_WEIGHTS", raising=False)
    glaucoma = Target("glaucoma", "binary", ("0", "1"), ("glaucoma",))
    evaluated.open_dataset(monkeypatch, workspace, evaluated.dataset(targets=[glaucoma]))
    scores = evaluated.predictions("one", evaluated.POOR)
    evaluated.store(workspace, "one", scores, target=glaucoma)

    page.run()

    assert not page.exception
    assert "Vertical cup-to-disc ratio: not known" in evaluated.texts(page)
    assert "wnet_disc_cup" in evaluated.texts(page)


def test_of_other_diseases_the_cup_to_disc_ratio_is_said_on_request(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(workspace, "one")
    monkeypatch.setattr(cup_disc_panel, "ratio_origin", lambda *arguments: "masks")
    monkeypatch.setattr(cup_disc_panel, "drawn_ratio", lambda *arguments: 0.372)
    page.run()
    assert "cup-to-disc ratio" not in evaluated.texts(page)

    page.toggle(key="grad_cam.cup_disc.False").set_value(True).run()

    assert "ratio: **0.37**, in the masks that this synthetic photograph" in evaluated.texts(page)


def test_without_a_model_the_page_says_where_to_get_one(page: AppTest) -> None:
    page.run()

    assert not page.exception
    assert "Linear probe" in page.info[0].value
