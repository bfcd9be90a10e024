"""How a backbone may change while a classifier is trained: STRATEGIES, by their short names."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FineTuneStrategy:
    """Which weights move, and by which rule."""

    label: str
    reference: str


STRATEGIES: dict[str, FineTuneStrategy] = {
    "ft": FineTuneStrategy(
        "full fine-tuning: backbone and head together, at one learning rate",
        "Davila et al. (2024), arXiv:2406.10050",
    ),
}
"""Strategies by name. Probes (`PROBES`) are the case in which the backbone does not move."""
