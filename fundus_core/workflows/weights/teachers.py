"""Use case: which photographs taught weights that were made here, and what follows for a figure.

Beside weights lies a table of their teachers, in the folder `TEACHERS`, under the SHA-256 of the
weights: copies are recognised by whatever name they have. Weights that started from others have
their teachers too. The photographs that only chose the epoch are among them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.checks import Caution, photographs_of
from fundus_core.domain.dataset import OWN_PATIENT, FundusDataset
from fundus_core.errors import WeightsError
from fundus_core.io.files import read_json, write_atomically
from fundus_core.io.weights import weights_folders
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.hidden_ids import has_pseudonyms, hides_ids, without_patients

TEACHERS = "taught"
"""Folder of tables in a folder of weights."""

COLUMNS = ("image_id", "patient_id", "labelled", "synthetic")
"""Of a table: photograph, its patient or None, whether its labels were learned, and whether it was
drawn by a program."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Exposure:
    """How far those that a model is judged on taught the weights it starts from."""

    n_seen: int
    """Photographs that taught."""

    n_scored: int
    """All photographs it is judged on."""

    n_patients: int
    """Further patients: no photograph of theirs here taught, but others did."""

    labelled: bool
    """Whether labels were learned of any of those photographs and patients."""

    def caution(self, weights: str) -> Caution | None:
        """Returns what to know of figures, if anything.

        Args:
            weights: Their name, for the text.
        """
        further = "further " if self.n_seen else ""
        patients = "patient" if self.n_patients == 1 else "patients"
        others = f"{self.n_patients:,} {further}{patients} (or of others with the same ids)"
        who = [photographs_of(self.n_seen, self.n_scored)] if self.n_seen else []
        who += [f"other photographs of {others}"] if self.n_patients else []
        if not who:
            return None
        said = ", and ".join(who)
        how = "with labels" if self.labelled else "without labels, which flatters less"
        text = f"{said[0].upper()}{said[1:]} taught the weights {weights!r}, {how}."
        return Caution("FD025", text)


def table_of_teachers(
    dataset: FundusDataset, image_ids: Sequence[str], labelled: NDArray[np.bool_]
) -> pd.DataFrame:
    """Returns photographs as teachers, a row each with `COLUMNS`.

    Args:
        dataset: What they are of; patients are called as it shows them.
        image_ids: N photographs.
        labelled: Shape (N,): whether a label of the photograph was learned.
    """
    patients = dataset.select(image_ids).table["patient_id"]
    return pd.DataFrame(
        {
            "image_id": list(image_ids),
            "patient_id": patients.where(patients.notna(), None).to_numpy(object),
            "labelled": labelled,
            "synthetic": dataset.synthetic,
        }
    )


def store_teachers(
    workspace: Workspace, sha256: str, teachers: pd.DataFrame, *, started_from: str = ""
) -> None:
    """Stores who taught weights, together with who taught those they started from.

    Args:
        workspace: Its weights folder gets the table.
        sha256: Of the weights.
        teachers: With `COLUMNS`.
        started_from: SHA-256 of the weights before; empty for random ones.
    """
    before = teachers_of(workspace, started_from)
    everybody = teachers if before is None else _together(before, teachers)
    write_atomically(
        _table(workspace.weights, sha256), lambda file: everybody.to_parquet(file, index=False)
    )


def inherit_teachers(workspace: Workspace, sha256: str, *, started_from: str) -> None:
    """Stores for weights who taught those they were made of; nothing where nobody is known."""
    teachers = teachers_of(workspace, started_from)
    if teachers is not None and sha256 != started_from:
        store_teachers(workspace, sha256, teachers)


def teachers_of(workspace: Workspace, sha256: str) -> pd.DataFrame | None:
    """Returns who taught weights, with `COLUMNS`; None for those that nobody here has taught.

    Raises:
        WeightsError: If the table is damaged.
    """
    if not _SHA256.fullmatch(sha256):  # it may come from a stranger's bundle
        return None
    found = [_table(folder, sha256) for folder in weights_folders(workspace)]
    path = next((path for path in found if path.is_file()), None)
    if path is None:
        return None
    try:
        return pd.read_parquet(path)[list(COLUMNS)]
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{path} tells who taught weights, and cannot be read.",
            hint="Put it back from a backup, or repeat the `fundus pretrain` that made it.",
        ) from error


def exposure(
    workspace: Workspace,
    sha256: str,
    dataset: FundusDataset,
    image_ids: Sequence[str],
    patient_ids: Sequence[str] | NDArray[np.str_] | None,
) -> Exposure:
    """Returns how far photographs that a model is judged on taught its weights.

    Args:
        workspace: Where the weights and their teachers are.
        sha256: Of the weights; empty for random ones.
        dataset: What they are of. A drawn patient is no real one's namesake; and weights of older
            versions, that name no teachers, are known by the data set on their card.
        image_ids: N photographs that the model is judged on.
        patient_ids: Of each; None where not every photograph names its patient.
    """
    n_scored = len(image_ids)
    teachers = teachers_of(workspace, sha256)
    if teachers is None:
        on_cards = _datasets_on_cards(workspace, sha256)
        is_same = bool(on_cards) and dataset.fingerprint() in on_cards
        return Exposure(n_scored if is_same else 0, n_scored, 0, is_same)
    seen = _seen(teachers, image_ids)
    alike = teachers[teachers["synthetic"] == dataset.synthetic]
    further, of_patients = _further_patients(workspace, alike, patient_ids, seen)
    learned = _of_photographs(teachers, image_ids).labelled
    return Exposure(int(seen.sum()), n_scored, further, learned or of_patients)


def exposure_of_photographs(
    workspace: Workspace, sha256: str, image_ids: Sequence[str]
) -> Exposure:
    """Returns how far these very photographs taught weights, whosever they are."""
    teachers = teachers_of(workspace, sha256)
    if teachers is None:
        return Exposure(0, len(image_ids), 0, labelled=False)
    return _of_photographs(teachers, image_ids)


def _of_photographs(teachers: pd.DataFrame, image_ids: Sequence[str]) -> Exposure:
    taught_here = teachers["image_id"].isin(image_ids)
    learned = bool(teachers.loc[taught_here, "labelled"].any())
    return Exposure(int(_seen(teachers, image_ids).sum()), len(image_ids), 0, learned)


def _seen(teachers: pd.DataFrame, image_ids: Sequence[str]) -> NDArray[np.bool_]:
    known = set(teachers["image_id"])
    return np.array([image_id in known for image_id in image_ids], dtype=bool)


def _further_patients(
    workspace: Workspace,
    teachers: pd.DataFrame,
    patient_ids: Sequence[str] | NDArray[np.str_] | None,
    seen: NDArray[np.bool_],
) -> tuple[int, bool]:
    """Returns how many patients taught by other photographs alone, and whether by labels."""
    named = teachers.dropna(subset=["patient_id"])
    if patient_ids is None or named.empty:
        return 0, False
    patients = [str(one) for one in patient_ids]
    taught = [str(one) for one in named["patient_id"]]
    both = [*patients, *taught]
    if hides_ids() or has_pseudonyms(workspace, both):
        patients, taught = (without_patients(workspace, side) for side in (patients, taught))
    by_photograph = {one for one, is_seen in zip(patients, seen, strict=True) if is_seen}
    further = (set(patients) - by_photograph) & set(taught)
    further = {one for one in further if not one.startswith(OWN_PATIENT)}
    learned = named["labelled"].to_numpy(bool)[[one in further for one in taught]]
    return len(further), bool(learned.any())


def _together(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Returns the teachers of both, one row per photograph; labels count if they ever taught."""
    both = pd.concat([before, after], ignore_index=True)
    ever = both.groupby("image_id")["labelled"].any()
    once = both.drop_duplicates("image_id", keep="last").reset_index(drop=True)
    return once.assign(labelled=once["image_id"].map(ever).astype(bool))


def _table(folder: Path, sha256: str) -> Path:
    return folder / TEACHERS / f"{sha256}.parquet"


def _datasets_on_cards(workspace: Workspace, sha256: str) -> set[str]:
    """Returns the fingerprints of the data sets that cards name for weights."""
    if not sha256:
        return set()
    folders = weights_folders(workspace)
    cards: list[Any] = [read_json(path) for one in folders for path in sorted(one.glob("*.json"))]
    about = [card for card in cards if isinstance(card, dict) and card.get("sha256") == sha256]
    recipes = [card["recipe"] for card in about if isinstance(card.get("recipe"), dict)]
    return {str(recipe.get("dataset")) for recipe in recipes}
