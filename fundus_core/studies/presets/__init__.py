"""Questions that one click turns into a study. To add one, add its file and its entry here."""

from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Preset:
    """A question that readers have, and the study that answers it."""

    question: str
    """As the opening page asks it; also the study's title."""

    explanation: str
    """What is done about it, in a sentence."""

    path: Path
    """The study file."""


PRESETS: dict[str, Preset] = {
    "better_on_my_data": Preset(
        "Is a fundus-specific backbone better on my data?",
        "Two backbones of everyday pictures and two of retinas, frozen, each under a linear probe, "
        "on the same folds of patients.",
        _FOLDER / "better_on_my_data.yaml",
    ),
    "probe_or_fine_tuning": Preset(
        "Linear probe or fine-tuning?",
        "Two backbones, each with a linear probe, fine-tuned, and probed before fine-tuning.",
        _FOLDER / "probe_or_fine_tuning.yaml",
    ),
    "how_many_labels": Preset(
        "How many labels do I need?",
        "Linear probes that learn from 10, 25, 50 and 100 % of the patients, three draws each.",
        _FOLDER / "how_many_labels.yaml",
    ),
}
"""Questions by the name of their study file."""


def preset_files() -> tuple[Path, ...]:
    """Returns the study files of the questions, in their order."""
    return tuple(one.path for one in PRESETS.values())
