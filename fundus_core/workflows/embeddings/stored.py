"""Use case: embeddings that are stored already."""

from dataclasses import dataclass, replace

from fundus_core.backbones.catalogue import SHORTCUT
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.errors import DataError
from fundus_core.io.embedding_store import EmbeddingStore, understood_recipes
from fundus_core.io.left_out import hint_with_left_out
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.weights.labels import model_label


@dataclass(frozen=True, slots=True)
class EmbeddingSummary:
    """Embeddings that are stored, and how much of a data set they cover."""

    recipe: EmbedRecipe
    n_stored: int
    """Photographs of the data set that have a vector."""

    n_images: int
    """Photographs in the data set."""

    @property
    def fingerprint(self) -> str:
        """Returns the key of the embeddings."""
        return self.recipe.fingerprint()

    @property
    def label(self) -> str:
        """Returns the name shown to the user."""
        return model_label(self.recipe)

    @property
    def complete(self) -> bool:
        """Says whether every photograph has a vector."""
        return self.n_stored == self.n_images


def vectors_of(workspace: Workspace, dataset: FundusDataset, recipe: EmbedRecipe) -> EmbeddingStore:
    """Returns the store that holds a data set's vectors by a recipe.

    What came in a bundle is kept apart from what was computed here, also for the same photographs
    by the same network: each is seen by its own data set only.
    """
    return EmbeddingStore(workspace.embeddings, replace(recipe, origin=dataset.bundle))


def list_embeddings(workspace: Workspace, dataset: FundusDataset) -> tuple[EmbeddingSummary, ...]:
    """Returns the stored embeddings that cover at least one photograph of a data set.

    What this version does not understand is left out, and `left_out` names it.
    """
    ids = dataset.image_ids
    found = []
    for recipe in understood_recipes(workspace.embeddings).values():
        if recipe.backbone == SHORTCUT or recipe.origin != dataset.bundle:
            continue
        count = vectors_of(workspace, dataset, recipe).count(ids)
        if count:
            found.append(EmbeddingSummary(recipe, count, len(ids)))
    return tuple(sorted(found, key=lambda summary: summary.label))


def load_embeddings(workspace: Workspace, dataset: FundusDataset, fingerprint: str) -> Embeddings:
    """Returns stored embeddings of a data set without computing any.

    Raises:
        DataError: If there are none under this fingerprint.
    """
    recipe = understood_recipes(workspace.embeddings).get(fingerprint)
    if recipe is None:
        raise DataError(
            f"There are no embeddings {fingerprint!r} in {workspace.root}.",
            hint=hint_with_left_out(
                "Extract them on the Extract page, or with `fundus embed`.",
                workspace.root,
                "embeddings",
            ),
        )
    return vectors_of(workspace, dataset, recipe).read(dataset.image_ids)
