"""Heat maps of runs, computed once per question and kept.

What is kept is the signed map as it left the network, with all that the page needs beside it; so a
map that shows nothing is kept too, and whoever looks again loads no network.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.recipe import Recipe
from fundus_core.errors import SaliencyError
from fundus_core.explain.cam import SaliencyMap, map_or_reason, maps_of
from fundus_core.geometry import Geometry
from fundus_core.io.files import read_json, write_array, write_json
from fundus_core.io.read_only import is_read_only
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.explanations.explained import Asked, ModelShelf
from fundus_core.workflows.explanations.explained_photographs import Shown, Subject, shown_to
from fundus_core.workflows.models.run_record import Run

_FOLDER = "heat_maps"
_GRID, _ABOUT = "grid.npy", "map.json"


@dataclass(frozen=True, slots=True)
class MapRecipe(Recipe):
    """Everything that determines a map."""

    run: str
    """Id of the run whose model is explained: it changes with whatever changes the model. Run and
    photograph determine the fold."""

    image: str
    """Id of the photograph: of its content."""

    class_name: str
    minus: str
    method: str
    layer: str
    """As it was asked for; empty for the usual one."""

    version: int = 1
    """Raised when maps are computed otherwise."""


@dataclass(frozen=True, slots=True)
class KeptMap:
    """One map as it left the network."""

    grid: NDArray[np.float32]
    """Shape (h, w), signed: see `raw_maps`."""

    layer: str
    """Name of the layer it is from; empty for methods that look at none."""

    score: float
    """The model's probability of the class, in [0, 1]."""

    network_fold: int | None
    """Of a fine-tuned run: the fold whose network was asked."""

    geometry: Geometry
    """Where the square that the network was shown lies in the photograph."""

    def outcome(self, asked: Asked) -> SaliencyMap | SaliencyError:
        """Returns the map to be shown, or why there is none."""
        return map_or_reason(
            self.grid, layer=self.layer, method=asked.method, class_name=asked.title
        )


@dataclass
class HeatMaps:
    """The maps of one run, asked for in one way: read where they are kept, else computed."""

    workspace: Workspace
    run: Run
    asked: Asked
    shelf: ModelShelf = field(init=False)
    """The run's models; each is loaded when the first map of it has to be computed."""

    def __post_init__(self) -> None:
        self.shelf = ModelShelf(self.workspace, self.run)

    def of(self, subject: Subject) -> KeptMap:
        """Returns the map of a photograph, computed and kept if it was not.

        Raises:
            SaliencyError: If the method or the layer does not fit the model.
            TargetError: If the run has no such class.
            WeightsError: If the weights of the backbone are no longer at hand.
            ImageError: If the photograph cannot be read.
        """
        if (kept := self.kept(subject)) is not None:
            return kept
        shown = shown_to(self.run, subject.path, image_id=subject.image_id)
        computed = self._computed(subject, shown)
        recipe, about = self._recipe(subject), asdict(computed)
        grid = about.pop("grid")

        def write(folder: Path) -> None:
            write_array(folder / _GRID, grid)
            write_json(folder / _ABOUT, about)

        if not is_read_only():
            self._store.put(recipe.fingerprint(), recipe.to_dict(), write)
        return computed

    def kept(self, subject: Subject) -> KeptMap | None:
        """Returns a map that was computed before; None where none was, or its files are damaged."""
        folder = self._store.get(self._recipe(subject).fingerprint())
        if folder is None:
            return None
        return _from_json(read_json(folder / _ABOUT), np.load(folder / _GRID, allow_pickle=False))

    @property
    def _store(self) -> ArtifactStore:
        return ArtifactStore(self.workspace.root / _FOLDER)

    def _computed(self, subject: Subject, shown: Shown) -> KeptMap:
        model = self.shelf.model_for(subject)
        layer = model.layer(self.asked)
        (grid,) = maps_of(
            model.backbone,
            shown.batch,
            model.target(self.asked),
            method=self.asked.method,
            layer=layer,
        )
        return KeptMap(
            grid,
            layer.name if layer else "",
            model.probability(shown.batch, self.asked.class_name),
            model.network_fold,
            shown.geometry,
        )

    def _recipe(self, subject: Subject) -> MapRecipe:
        return MapRecipe(
            run=self.run.id,
            image=subject.image_id,
            class_name=self.asked.class_name,
            minus=self.asked.minus,
            method=self.asked.method,
            layer=self.asked.layer or "",
        )


def _from_json(about: Any, grid: NDArray[np.float32]) -> KeptMap | None:
    """Returns a kept map; None where another version of the program wrote it."""
    try:
        where = about["geometry"]
        pairs = {name: tuple(where[name]) for name in ("extent", "crop")}
        return KeptMap(**{**about, "grid": grid, "geometry": Geometry(**{**where, **pairs})})
    except (TypeError, KeyError):
        return None
