"""Use case: results as files that other programs read."""

from pathlib import Path

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.embeddings import Embeddings
from fundus_core.io.files import write_array, write_atomically


def export_embeddings(embeddings: Embeddings, dataset: FundusDataset, folder: Path) -> Path:
    """Writes `vectors.npy` (N, D) and `image_ids.csv`, whose row i describes vector i."""
    columns = ["image_id", "path", "patient_id", "eye", "split"]
    about = dataset.select(embeddings.image_ids).table[columns]
    write_array(folder / "vectors.npy", embeddings.vectors)
    text = about.to_csv(index=False)
    write_atomically(folder / "image_ids.csv", lambda file: file.write(text.encode()))
    return folder
