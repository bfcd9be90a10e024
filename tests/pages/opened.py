"""A real data set for page tests: eight photographs on disk, opened and embedded in a workspace."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from fundus_core.io.embedding_store import EmbeddingStore
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset, stored_dataset
from tests.fakes import write_photograph
from tests.pages import evaluated

N_PHOTOGRAPHS = 8
TABLE = "photographs.csv"


def write_source(folder: Path) -> DataSource:
    """Writes eight photographs of four patients, half of them diseased, and their table."""
    lines = ["image,patient_id,eye,split,disease"]
    for number in range(N_PHOTOGRAPHS):
        write_photograph(folder / f"photo{number}.png", (40 + 20 * number, 60, 90 - 5 * number))
        eye = "OD" if number % 2 == 0 else "OS"
        split = "train" if number < 4 else "test"
        disease = "healthy" if number < 4 else "dr"
        lines.append(f"photo{number}.png,P{number // 2},{eye},{split},{disease}")
    (folder / TABLE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return DataSource(folder / TABLE)


def open_photographs(place: Path, folder: Path) -> str:
    """Opens the photographs in a workspace and returns the data set's id."""
    source = write_source(folder)
    open_dataset(Workspace(place), source)
    return dataset_id(source)


def image_ids(place: Path, name: str) -> tuple[str, ...]:
    """Returns the ids of the photographs, photo0 first."""
    return stored_dataset(Workspace(place), name).image_ids


def store_embeddings(place: Path, ids: Sequence[str], backbone: str = "resnet18") -> str:
    """Stores a vector per photograph: two groups far apart, first half and second half."""
    recipe = evaluated.recipe(backbone)
    vectors = np.random.default_rng(0).normal(size=(len(ids), 6)).astype(np.float32)
    vectors[len(ids) // 2 :] += 20
    store = EmbeddingStore(Workspace(place).embeddings, recipe)
    with store.lock():
        store.add(vectors, ids, {})
    return recipe.fingerprint()


def buttons(page: AppTest, icons: Collection[str], without: Collection[str]) -> list[str]:
    """Returns the buttons that can be pressed and bear one of some icons, by key or label."""
    return [
        one.key or one.label
        for one in page.button
        if any(name in str(one.proto.icon) for name in icons)
        and not one.disabled
        and one.key not in without
    ]
