"""What the parts of a bundle are called where it is opened, so that none passes for one's own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fundus_core.domain.recipe import EmbedRecipe, fingerprint_of
from fundus_core.io.embedding_store import recipe_from_dict
from fundus_core.workflows.models.runs import OF_BUNDLE

_NAME_MARK = " (bundle)"


@dataclass(frozen=True, slots=True)
class BundleNames:
    """The names of a bundle's parts; those that were in a bundle before keep them."""

    dataset_id: str
    """Under which its data set is remembered here."""

    @classmethod
    def of(cls, dataset_id: str) -> "BundleNames":
        """Returns the names for a bundle of the data set that its author knows by this id."""
        return cls(_ending(dataset_id, OF_BUNDLE))

    def dataset_name(self, name: str) -> str:
        """Returns what pages call the data set."""
        return _ending(name, _NAME_MARK)

    def run_id(self, name: str) -> str:
        """Returns the id of a run; empty for none."""
        return _ending(name, f"-{self.dataset_id}") if name else ""

    def recipe(self, values: dict[str, Any]) -> EmbedRecipe:
        """Returns the recipe of vectors that came in the bundle."""
        return replace(recipe_from_dict(values), origin=self.dataset_id)

    def model(self, name: str, runs: Collection[str]) -> str:
        """Returns the id of the run whose model an external one uses; empty for none.

        That of another data set is in no bundle of this one. It keeps the id that its author knows
        it by, marked so that no run made here is taken for it.

        Args:
            name: As its author knows it.
            runs: Ids that its author knows the bundle's runs by.
        """
        return self.run_id(name) if not name or name in runs else _ending(name, OF_BUNDLE)

    def run(
        self, about: Mapping[str, Any], *, dataset_name: str, runs: Collection[str]
    ) -> dict[str, Any]:
        """Returns what is stored of a run, with all names of other things in it.

        Args:
            about: As its author stored it.
            dataset_name: What pages call its data set here.
            runs: Ids that its author knows the bundle's runs by.
        """
        return {
            **about,
            "id": self.run_id(about["id"]),
            "trained_as": self.model(about["trained_as"], runs),
            "dataset_id": self.dataset_id,
            "dataset_name": dataset_name,
            "embeddings": self.recipe(about["embeddings"]).to_dict(),
            "weights_path": None,  # a place on another machine, or worse
        }

    def artifact(
        self, about: Mapping[str, Any], *, runs: Collection[str], embeddings: Mapping[str, str]
    ) -> dict[str, Any]:
        """Returns the recipe of a map, of measurements or of a heat map's figures.

        Args:
            about: As its author stored it.
            runs: Ids that its author knows the bundle's runs by.
            embeddings: Fingerprint of a recipe in the bundle -> the one it has here.

        Raises:
            ValueError: If it is of a run or of embeddings that are not in the bundle.
        """
        if "run" in about:
            if about["run"] not in runs:
                raise ValueError(f"figures of the run {about['run']}, which is not in it")
            return {**about, "run": self.run_id(about["run"])}
        if "embeddings" in about:
            if about["embeddings"] not in embeddings:
                raise ValueError(f"a map of the embeddings {about['embeddings']}, not in it")
            return {**about, "embeddings": embeddings[about["embeddings"]]}
        return {**about, "origin": self.dataset_id}


def require_named_after(about: Mapping[str, Any], name: str) -> None:
    """Raises ValueError if a result does not go by the fingerprint of its recipe."""
    if fingerprint_of(about) != name:
        raise ValueError(f"the result {name} is of another recipe")


def _ending(name: str, end: str) -> str:
    return name if name.endswith(end) else name + end
