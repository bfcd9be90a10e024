"""Use case: which photographs fit free text."""

from collections.abc import Mapping
from dataclasses import dataclass

from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.domain.visible import require_text
from fundus_core.errors import TargetError
from fundus_core.io.findings import Finding, read_findings
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, resolve
from fundus_core.workflows.embeddings.embed import embed_resolved
from fundus_core.workflows.models.prototypes import (
    Reading,
    TowerAt,
    projected,
    prototypes_of,
    recipe_of,
    stored_prototype,
    tower_of,
)
from fundus_core.zero_shot import ranked

_LONGEST_WORDS = 1_000
"""Characters; text towers read less than a hundred words."""


@dataclass(frozen=True, slots=True)
class TextSearch:
    """The photographs that are nearest to some words."""

    words: str
    label: str
    """Name of the backbone, as users see it."""

    cosines: Mapping[str, float]
    """Image id -> cosine, nearest first."""

    n_images: int
    """Photographs that were ranked."""


def search_text(
    workspace: Workspace,
    dataset: FundusDataset,
    backbone: BackboneChoice,
    words: str,
    *,
    count: int | None = 20,
    progress: Progress = silent,
) -> TextSearch:
    """Returns the photographs nearest to free text, nearest first.

    Args:
        workspace: Where embeddings and prototypes are kept.
        dataset: What to rank.
        backbone: One that understands words.
        words: Such as "flame haemorrhage near the disc"; put into the usual template.
        count: How many; all of them if None.
        progress: Told what is being computed.

    Raises:
        TargetError: If there are no words.
        FundusError: See `resolve`, `embed_resolved` and `prototypes_of`.
    """
    query = _query(words)
    resolved = resolve(workspace, projected(backbone))
    (prototype,) = prototypes_of(
        workspace, tower_of(resolved), [query], _query_reading(), progress=progress
    )
    embeddings = embed_resolved(workspace, dataset, resolved, progress=progress)
    nearest = ranked(embeddings.vectors, embeddings.image_ids, prototype.vector, count=count)
    return TextSearch(query.name, resolved.label, nearest, len(embeddings.image_ids))


def known_search(
    workspace: Workspace, recipe: EmbedRecipe, embeddings: Embeddings, words: str
) -> Mapping[str, float] | None:
    """Returns all photographs with their cosines, nearest first, if the words were read before.

    Loads no network: what a page can do while its reader waits.

    Args:
        workspace: Where prototypes are kept.
        recipe: How the embeddings were made.
        embeddings: What to rank.
        words: As `search_text` was given them.
    """
    tower = TowerAt(backbone_spec(recipe.backbone), None, recipe.weights_sha256)
    wanted = recipe_of(tower, _query(words).texts, _query_reading())
    prototype = stored_prototype(workspace, wanted)
    if prototype is None:
        return None
    return ranked(embeddings.vectors, embeddings.image_ids, prototype.vector)


def _query(words: str) -> Finding:
    text = " ".join(words.split())
    if not text:
        raise TargetError(
            "There are no words to look for.", hint="Give a description, such as 'drusen'."
        )
    require_text("description", text, _LONGEST_WORDS)
    return Finding(text, (text,))


def _query_reading() -> Reading:
    return Reading(read_findings().template, "renormalised")
