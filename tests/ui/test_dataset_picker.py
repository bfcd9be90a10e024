"""The menu of data sets: no two entries read the same."""

from pathlib import Path

from fundus_core.io.manifest import DataSource
from fundus_core.ui.components.dataset_picker import dataset_labels
from fundus_core.workflows.data.datasets import DatasetSummary


def _summary(name: str, n_images: int, end: str) -> DatasetSummary:
    made, source = "2026-01-01T12:00:00+00:00", DataSource(Path("/nowhere"))
    return DatasetSummary(f"{name}-{end}", name, n_images, None, 0, False, made, source)


def test_dataset_labels__adds_the_end_of_the_id_only_where_two_are_alike() -> None:
    summaries = [_summary("demo", 608, "a8afcd"), _summary("demo", 608, "8253ac")]

    labels = dataset_labels([*summaries, _summary("demo", 90, "111111")])

    assert list(labels.values()) == ["demo (608) [a8afcd]", "demo (608) [8253ac]", "demo (90)"]
