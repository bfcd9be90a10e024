"""`fundus story`: the same figures as JSON and as text, and what is said without weights."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from fundus_core.cli import manage
from fundus_core.cli import story as command
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.workflows.story.story import prepare_story
from fundus_core.workflows.story.story_design import StoryDesign
from tests.cli.conftest import Fundus

WEIGHTS = "mobilenetv2_100.phantom.safetensors"
TINY = StoryDesign(
    image_size=96, folds=2, training=TrainingRecipe(epochs=1, batch_size=16), n_explained=3
)


@pytest.fixture
def demo(fundus: Fundus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve drawn patients in the workspace, and a story that is soon told."""
    folder = tmp_path / "workspace" / "demo"
    fundus("demo", folder, "--patients", 12, "--image-size", 96)
    nowhere = tmp_path / "no scores"
    tiny = partial(prepare_story, design=TINY, scores=nowhere)
    monkeypatch.setattr(command, "prepare_story", tiny)
    return folder


def test_story__json_and_text_tell_the_same(fundus: Fundus, demo: Path) -> None:
    import timm
    import torch
    from safetensors.torch import save_file

    weights = demo.parent / "weights"
    weights.mkdir()
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = timm.create_model("mobilenetv2_100", num_classes=0)
    save_file(network.state_dict(), weights / WEIGHTS)

    outcome = fundus("story", "--json")

    assert outcome.exit_code == 0, outcome.stderr
    told = outcome.json
    assert told["synthetic"] is True
    assert set(told["runs"]) == {"phantom.probe", "scratch.probe"}
    assert told["contrasts"][0]["second"] == "scratch.probe"
    assert 1 <= told["lesions"]["n_photographs"] <= 3
    assert "No precomputed scores" in told["not_fine_tuned"]

    lines = fundus("story").stdout

    assert f"{told['n_images']} synthetic photographs of 12 patients" in lines
    assert f"pre-trained, linear probe: AUC {told['runs']['phantom.probe']['auc']['auc']:.3f}" in (
        lines
    )
    assert "Not fine-tuned." in lines


def test_story__without_weights_it_says_which_file_goes_where(
    fundus: Fundus, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fundus_core.io.weights.SHIPPED", demo / "none")

    outcome = fundus("story")

    assert outcome.exit_code == 2
    assert WEIGHTS in outcome.stderr


def test_app__on_an_empty_workspace_the_story_follows_the_demo(
    fundus: Fundus, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted = []

    def note(self: object, argv: Sequence[str], *, title: str, device: str = "cpu") -> None:
        submitted.append((argv[0], device))

    monkeypatch.setattr(manage.JobStore, "submit", note)
    monkeypatch.setattr(manage.os, "execve", lambda *_: None)
    monkeypatch.chdir(Path.cwd())  # the server would have run elsewhere

    outcome = fundus("app", "--no-browser")

    assert outcome.exit_code == 0, outcome.stderr
    # One queue: each needs what the one before it made.
    assert submitted == [("demo", "cpu"), ("check", "cpu"), ("story", "cpu")]
