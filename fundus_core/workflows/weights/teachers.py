"""Use case: what it means for a figure that photographs taught weights that were made here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.checks import Caution, photographs_of
from fundus_core.domain.dataset import OWN_PATIENT, FundusDataset
from fundus_core.domain.predictions import Predictions
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.hidden_ids import has_pseudonyms, hides_ids, with_names
from fundus_core.workflows.weights.teacher_tables import cards_of, is_everybody_known, teachers_of


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

    is_known: bool = True
    """Whether the table of who taught is here, if there ever was one."""

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
        text = []
        if who:
            said = ", and ".join(who)
            how = "with labels" if self.labelled else "without labels, which flatters less"
            text = [f"{said[0].upper()}{said[1:]} taught the weights {weights!r}, {how}."]
        if not self.is_known:
            more = "else " if who else ""
            text += [
                f"Who {more}taught the weights {weights!r} is not known: the list is missing here."
            ]
        return Caution("FD025", " ".join(text)) if text else None


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
    is_known = is_everybody_known(workspace, sha256, teachers)
    if teachers is None:
        on_cards = _datasets_on_cards(workspace, sha256)
        is_same = bool(on_cards) and dataset.fingerprint() in on_cards
        return Exposure(n_scored if is_same else 0, n_scored, 0, is_same, is_known)
    seen = _seen(teachers, image_ids)
    alike = teachers[teachers["synthetic"] == dataset.synthetic]
    further, of_patients = _further_patients(workspace, alike, patient_ids, seen)
    learned = _of_photographs(teachers, image_ids).labelled
    return Exposure(int(seen.sum()), n_scored, further, learned or of_patients, is_known)


def weights_caution(
    workspace: Workspace, recipe: EmbedRecipe, dataset: FundusDataset, judged: Predictions
) -> Caution | None:
    """Returns what is to be known of figures on photographs, by who taught a recipe's weights."""
    ids, patients = judged.image_ids, judged.patient_ids
    met = exposure(workspace, recipe.weights_sha256, dataset, ids, patients)
    return met.caution(recipe.weights)


def exposure_of_photographs(
    workspace: Workspace, sha256: str, image_ids: Sequence[str]
) -> Exposure:
    """Returns how far these very photographs taught weights, whosever they are."""
    teachers = teachers_of(workspace, sha256)
    is_known = is_everybody_known(workspace, sha256, teachers)
    if teachers is None:
        return Exposure(0, len(image_ids), 0, labelled=False, is_known=is_known)
    return replace(_of_photographs(teachers, image_ids), is_known=is_known)


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
        patients, taught = (with_names(workspace, side, set(both)) for side in (patients, taught))
    by_photograph = {one for one, is_seen in zip(patients, seen, strict=True) if is_seen}
    further = (set(patients) - by_photograph) & set(taught)
    further = {one for one in further if not one.startswith(OWN_PATIENT)}
    learned = named["labelled"].to_numpy(bool)[[one in further for one in taught]]
    return len(further), bool(learned.any())


def _datasets_on_cards(workspace: Workspace, sha256: str) -> set[str]:
    """Returns the fingerprints of the data sets that cards name for weights."""
    cards = cards_of(workspace, sha256)
    recipes = [card["recipe"] for card in cards if isinstance(card.get("recipe"), dict)]
    return {str(recipe.get("dataset")) for recipe in recipes}
