"""Use case: may a heat map be read? Measured once per map and kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import Recipe, added_later, fingerprint_of
from fundus_core.errors import DataError, SaliencyError
from fundus_core.explain.location import RegionShare, region_shares
from fundus_core.explain.question import Question
from fundus_core.explain.removal import N_COPIES, Removal
from fundus_core.explain.sanity import CascadeStep
from fundus_core.explain.trust import (
    OUTSIDE,
    USUAL_RULES,
    TrustFigures,
    TrustLight,
    TrustRules,
    judged,
    trust_figures,
)
from fundus_core.io.files import read_json, write_json
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.data.photographs import photograph
from fundus_core.workflows.explanations.explain import SHOWN_SIDE
from fundus_core.workflows.explanations.explained import Asked, column_of, explainable_run
from fundus_core.workflows.explanations.explained_photographs import (
    Shown,
    Subject,
    shown_to,
    subjects_of,
)
from fundus_core.workflows.explanations.map_store import HeatMaps
from fundus_core.workflows.explanations.truth import MaskFiles, field_of, mask_files
from fundus_core.workflows.models.run_record import Run

_FOLDER = "trust"
_FILE = "figures.json"


@dataclass(frozen=True, slots=True)
class TrustRecipe(Recipe):
    """Everything that determines the figures of one map."""

    run: str
    """Id of the run whose model is explained: it changes with whatever changes the model."""

    image: str
    class_name: str
    minus: str
    method: str
    layer: str
    truth: bool
    """Whether masks of the photograph were looked at."""

    n_copies: int
    seed: int
    version: int = 1
    """Raised when the figures are computed otherwise."""

    macula: str = added_later("")
    """Whence the macula's place: see `MaskFiles.macula`."""

    masks: str = added_later("")
    """Of which mask of lesions, where that is none of the workspace's demo: what was stored before
    was measured on the demo's."""


def trust_of(
    workspace: Workspace,
    run_id: str,
    images: Sequence[str],
    *,
    class_name: str | None = None,
    minus: str | None = None,
    method: str = "grad_cam",
    layer: str | None = None,
    masks: Mapping[str, MaskFiles] | None = None,
    rules: TrustRules = USUAL_RULES,
    n_copies: int = N_COPIES,
    seed: int = 0,
    progress: Progress = silent,
) -> list[TrustLight | SaliencyError]:
    """Measures the maps of photographs; figures that are stored are not computed again.

    Args:
        workspace: Where the run is, and the figures are kept.
        run_id: See `explain_many`, like `images`, `class_name`, `minus`, `method` and `layer`.
        images: Paths or image ids.
        class_name: The class explained.
        minus: The class subtracted.
        method: Key of `METHODS`.
        layer: Name of a layer.
        masks: Image id -> where its truth lies; by default what the program drew beside its own
            photographs.
        rules: From which figures on a check is passed.
        n_copies: Displaced copies that each map is compared with.
        seed: Of all that is drawn.
        progress: Told after every photograph.

    Returns:
        For each image the light, or why there is no map.

    Raises:
        SaliencyError: If the run's model cannot be explained at all.
        TargetError: If the run has no such class.
        DataError: If an image is unknown.
    """
    run = explainable_run(workspace, run_id)
    asked = Asked(class_name or run.target.scored_classes[0], minus or "", method, layer)
    column_of(run, asked.class_name)
    task = _Task(workspace, run, asked, _truth(workspace, run, masks), n_copies, seed)
    subjects = subjects_of(workspace, run, images)
    found: dict[int, TrustLight | SaliencyError] = {}
    order = sorted(range(len(subjects)), key=lambda row: subjects[row].fold or 0)
    for number, row in enumerate(order):
        progress(number, len(order), "Testing heat maps")
        figures = task.figures(subjects[row])
        found[row] = figures if isinstance(figures, SaliencyError) else judged(figures, rules)
    progress(len(order), len(order), "Tested heat maps")
    return [found[row] for row in range(len(subjects))]


def stored_light(workspace: Workspace, run_id: str, image: str, asked: Asked) -> TrustLight | None:
    """Returns the light of a map that was measured before; None where none was. Loads no network.

    Raises:
        SaliencyError: If the run's model cannot be explained at all.
        DataError: If the image is unknown.
    """
    (found,) = stored_lights(workspace, run_id, [image], asked)
    return found if isinstance(found, TrustLight) else None


def stored_lights(
    workspace: Workspace,
    run_id: str,
    images: Sequence[str],
    asked: Asked,
    *,
    rules: TrustRules = USUAL_RULES,
    n_copies: int = N_COPIES,
    seed: int = 0,
) -> Iterator[TrustLight | SaliencyError | None]:
    """Yields the light of each map, or why there is no map; None where it was not measured before.

    No network is loaded.

    Raises:
        SaliencyError: If the run's model cannot be explained at all.
        DataError: If an image is unknown.
    """
    run = explainable_run(workspace, run_id)
    task = _Task(workspace, run, asked, _truth(workspace, run, None), n_copies, seed)
    for subject in subjects_of(workspace, run, images):
        known = task.known(subject)
        yield judged(known, rules) if isinstance(known, TrustFigures) else known


@dataclass
class _Task:
    """The maps of one run, asked for in one way."""

    workspace: Workspace
    run: Run
    asked: Asked
    masks: Mapping[str, MaskFiles]
    n_copies: int
    seed: int
    _maps: HeatMaps = field(init=False)

    def __post_init__(self) -> None:
        self._maps = HeatMaps(self.workspace, self.run, self.asked)

    def figures(self, subject: Subject) -> TrustFigures | SaliencyError:
        """Returns what is known, or measures the map and stores the figures."""
        if (known := self.known(subject)) is not None:
            return known
        measured = self._measured(subject)
        if isinstance(measured, TrustFigures):
            recipe, values = self._recipe(subject), asdict(measured)
            self._store.put(
                recipe.fingerprint(),
                recipe.to_dict(),
                lambda place: write_json(place / _FILE, values),
            )
        return measured

    def known(self, subject: Subject) -> TrustFigures | SaliencyError | None:
        """Returns stored figures, or why a map that was computed before is none."""
        folder = self._store.get(self._recipe(subject).fingerprint())
        if folder and (figures := _from_json(read_json(folder / _FILE))):
            return figures
        kept = self._maps.kept(subject)
        outcome = None if kept is None else kept.outcome(self.asked)
        return outcome if isinstance(outcome, SaliencyError) else None

    @property
    def _store(self) -> ArtifactStore:
        return ArtifactStore(self.workspace.root / _FOLDER)

    def _measured(self, subject: Subject) -> TrustFigures | SaliencyError:
        kept = self._maps.of(subject)
        saliency = kept.outcome(self.asked)
        if isinstance(saliency, SaliencyError):
            return saliency
        model = self._maps.shelf.model_for(subject)
        shown = shown_to(self.run, subject.path, image_id=subject.image_id)
        question = Question(
            model.backbone, shown.batch, model.target(self.asked), model.layer(self.asked)
        )
        return trust_figures(
            question,
            kept.grid,
            _field_on_square(shown),
            method=self.asked.method,
            regions=self._regions(subject, shown, saliency.values),
            n_copies=self.n_copies,
            seed=self.seed,
        )

    def _regions(
        self, subject: Subject, shown: Shown, values: NDArray[np.float32]
    ) -> dict[str, RegionShare]:
        picture = photograph(subject.path, image_id=subject.image_id, max_side=SHOWN_SIDE)
        shape = picture.shape[0], picture.shape[1]
        heat = shown.geometry.at_size(*shape).to_original(values, outside=np.nan)
        regions = self.masks.get(subject.image_id, MaskFiles()).regions(shape)
        field_of_view = field_of(picture)
        return region_shares(heat, field_of_view, {OUTSIDE: ~field_of_view, **regions})

    def _recipe(self, subject: Subject) -> TrustRecipe:
        masks = self.masks.get(subject.image_id, MaskFiles())
        return TrustRecipe(
            run=self.run.id,
            image=subject.image_id,
            class_name=self.asked.class_name,
            minus=self.asked.minus,
            method=self.asked.method,
            layer=self.asked.layer or "",
            truth=subject.image_id in self.masks,
            n_copies=self.n_copies,
            seed=self.seed,
            macula=masks.macula,
            masks=_elsewhere(self.workspace, masks.lesions),
        )


def _truth(
    workspace: Workspace, run: Run, masks: Mapping[str, MaskFiles] | None
) -> Mapping[str, MaskFiles]:
    if masks is not None:
        return masks
    try:
        return mask_files(stored_dataset(workspace, run.dataset_id))
    except DataError:  # the data set is no longer remembered
        return {}


def _elsewhere(workspace: Workspace, mask: Path | None) -> str:
    """Returns a key of a mask's place; empty for one of the workspace's demo, and for none."""
    place = None if mask is None else mask.resolve()
    if place is None or place.is_relative_to(workspace.demo.resolve()):
        return ""
    return fingerprint_of(str(place))


def _field_on_square(shown: Shown) -> NDArray[np.bool_]:
    """Returns the field of view (S, S) on what the network is shown."""
    square = shown.batch[0].permute(1, 2, 0).contiguous().numpy()
    field_of_view = field_of(square)
    left, top, right, bottom = shown.geometry.crop
    inside = np.zeros(field_of_view.shape, bool)  # padding is no part of the photograph
    x0, y0 = shown.geometry.point_to_square(left, top)
    x1, y1 = shown.geometry.point_to_square(right, bottom)
    inside[round(y0) : round(y1), round(x0) : round(x1)] = True
    return field_of_view & inside


def _from_json(values: Any) -> TrustFigures | None:
    """Returns stored figures; None where another version of the program wrote them."""
    try:
        return TrustFigures(
            deletion=_removal(values["deletion"]),
            insertion=_removal(values["insertion"]),
            road_gap=float(values["road_gap"]),
            cascade=tuple(CascadeStep(**step) for step in values["cascade"]),
            stability=float(values["stability"]),
            regions={name: RegionShare(**share) for name, share in values["regions"].items()},
        )
    except (TypeError, KeyError):
        return None


def _removal(values: Mapping[str, Any]) -> Removal:
    lists = {name: tuple(values[name]) for name in ("shares", "scores", "copies")}
    return Removal(**lists, area=float(values["area"]), beaten=float(values["beaten"]))
