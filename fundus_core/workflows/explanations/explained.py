"""What of a run can be explained: the network and the head that scored a photograph."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fundus_core.backbones.base import Backbone
from fundus_core.compute import choose_device
from fundus_core.errors import SaliencyError, TargetError
from fundus_core.explain.cam import chosen_method
from fundus_core.explain.depths import chosen_layer
from fundus_core.explain.layers import cam_layer
from fundus_core.explain.tail import CamLayer, Target
from fundus_core.finetune.heads import HEADS
from fundus_core.io.workspace import Workspace
from fundus_core.probes import LinearProbe
from fundus_core.workflows.embeddings.backbone_choice import (
    ResolvedChoice,
    load_for,
    resolve_recipe,
)
from fundus_core.workflows.explanations.explained_photographs import Subject
from fundus_core.workflows.models.networks import fine_tuned, kept_folds
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import load_run, run_probe

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be shown of a photograph."""

    class_name: str
    minus: str = ""
    """A class whose logit is subtracted; empty for none."""

    method: str = "grad_cam"
    """Key of `METHODS`."""

    layer: str | None = None
    """Name of a layer; None for the usual one."""

    @property
    def title(self) -> str:
        """Returns the class, or the difference of two, as messages name it."""
        return f"{self.class_name} rather than {self.minus}" if self.minus else self.class_name


@dataclass(frozen=True, slots=True)
class ExplainedModel:
    """A network and its head, as they scored one fold."""

    run: Run
    backbone: Backbone
    logits: "Callable[[Tensor], Tensor]"
    """Maps embeddings (B, D) to logits (B, C) of the scored classes."""

    network_fold: int | None
    """Of a fine-tuned run: the fold whose network this is."""

    def target(self, asked: Asked) -> Target:
        """Returns the logit asked for, or the difference of two, as a function of embeddings.

        Raises:
            TargetError: If the run has no such class.
        """
        column, sign = column_of(self.run, asked.class_name)
        if not asked.minus:
            return lambda embeddings: sign * self.logits(embeddings)[:, column]
        other, other_sign = column_of(self.run, asked.minus)
        if (other, other_sign) == (column, sign):
            raise TargetError(
                f"{asked.class_name!r} less itself is nothing to explain.",
                hint="Choose two different classes.",
            )

        def difference(embeddings: "Tensor") -> "Tensor":
            logits = self.logits(embeddings)
            return sign * logits[:, column] - other_sign * logits[:, other]

        return difference

    def probability(self, batch: "Tensor", class_name: str) -> float:
        """Returns the score of a class of one photograph (1, 3, S, S), in [0, 1].

        Raises:
            TargetError: If the run has no such class.
        """
        column, sign = column_of(self.run, class_name)
        logits = self.logits(self.backbone.embed(batch).float())[0].double()
        several = self.run.target.task == "multiclass"
        score = float((logits.softmax(dim=0) if several else logits.sigmoid())[column])
        return score if sign > 0 else 1 - score

    def layer(self, asked: Asked) -> CamLayer | None:
        """Returns the layer to look at; None for methods that look at none.

        Raises:
            SaliencyError: If there is no such method or layer, or the method looks at none.
        """
        if chosen_method(asked.method).by_layer:
            return (
                chosen_layer(self.backbone, asked.layer)
                if asked.layer
                else cam_layer(self.backbone)
            )
        if asked.layer:
            raise SaliencyError(
                f"{chosen_method(asked.method).label} looks at the whole network, not at a layer.",
                hint="Leave the layer out, or choose Grad-CAM.",
            )
        return None


@dataclass
class ModelShelf:
    """The models of one run, each loaded when it is first asked for."""

    workspace: Workspace
    run: Run
    _resolved: ResolvedChoice | None = None
    _backbone: Backbone | None = None
    _networks: dict[int, ExplainedModel] = field(default_factory=dict)

    def model_for(self, subject: Subject) -> ExplainedModel:
        """Returns the model that never saw this patient, else the one that serves new photographs.

        That is the probe fitted on all, or of a fine-tuned run, which has no such network, that of
        its first fold.

        Raises:
            SaliencyError: If it cannot be explained.
            WeightsError: If the weights of the backbone are no longer at hand.
        """
        if self._resolved is None:
            self._resolved = resolve_recipe(
                self.workspace, self.run.embeddings, self.run.weights_path
            )
        if self.run.kind == "finetune":
            fold = subject.fold if subject.held_out else None
            return self._network(self._resolved, fold)
        if self._backbone is None:
            self._backbone = load_for(self._resolved)
        probe = run_probe(self.workspace, self.run, fold=subject.fold)
        if not isinstance(probe, LinearProbe):
            raise SaliencyError(
                f"The probe of run {self.run.id} is not linear.", hint="Fit a logistic probe."
            )
        return ExplainedModel(self.run, self._backbone, _probe_logits(probe), None)

    def _network(self, resolved: ResolvedChoice, fold: int | None) -> ExplainedModel:
        from fundus_core.backbones.loaders import TorchBackbone

        kept = kept_folds(self.workspace, self.run)
        number = kept[0] if fold is None else fold
        if number not in self._networks:
            self._networks.clear()  # one network in memory at a time
            classifier = fine_tuned(self.workspace, self.run, resolved, number)
            recipe = resolved.recipe
            backbone = TorchBackbone(
                replace(
                    resolved.spec, mean=recipe.mean, std=recipe.std, image_size=recipe.image_size
                ),
                classifier.module[0],
                image_size=recipe.image_size,
                preprocessing=recipe.preprocessing,
                device=choose_device(),
                precision="fp32",  # as it scored
            )
            head: Any = classifier.module[1].eval().requires_grad_(False)
            self._networks[number] = ExplainedModel(
                self.run, backbone, lambda embeddings: head(embeddings).float(), number
            )
        return self._networks[number]


def explainable_run(workspace: Workspace, run_id: str) -> Run:
    """Returns the run whose model is to be explained: for an external run, the one it came from.

    Raises:
        SaliencyError: If its score is no function of an embedding whose weights are kept.
    """
    run = load_run(workspace, run_id)
    if run.kind == "external":
        run = load_run(workspace, run.trained_as)
    if reason := why_not(run):
        raise reason
    if run.kind == "finetune" and not kept_folds(workspace, run):
        raise SaliencyError(
            f"Run {run.id} is a fine-tuned network whose weights were not kept.",
            hint="Fine-tune again and keep them (without --no-checkpoint), or fit a linear probe "
            "on the same backbone and explain that one.",
        )
    return run


def why_not(run: Run) -> SaliencyError | None:
    """Returns why a run cannot be explained by what it is; None where nothing speaks against it."""
    if run.kind == "zero_shot":
        return SaliencyError(
            f"Run {run.id} was scored by words: there is no probe behind its scores.",
            hint="Fit a linear probe on the same backbone and explain that one.",
        )
    if run.kind == "finetune":
        head = str(run.recipe.get("head", "linear"))
        if HEADS[head].tokens:
            return SaliencyError(
                f"The head {head!r} of run {run.id} reads places, not an embedding: it cannot be "
                "explained yet.",
                hint="Fine-tune with the linear head and explain that network.",
            )
        return None
    if run.probe != "logistic":
        return SaliencyError(
            f"Run {run.id} was scored by {run.probe}: its score is no weighted sum of features, "
            "and only such sums can be explained yet.",
            hint="Fit a logistic probe on the same embeddings and explain that one.",
        )
    return None


def column_of(run: Run, class_name: str) -> tuple[int, float]:
    """Returns which score speaks for a class, and whether for (+1) or against it (-1).

    Raises:
        TargetError: If the run has no such class.
    """
    scored = run.target.scored_classes
    if class_name in scored:
        return scored.index(class_name), 1.0
    if run.target.task == "binary" and class_name == run.target.classes[0]:
        return 0, -1.0
    raise TargetError(
        f"{run.target.name} has no class {class_name!r}; it has {', '.join(run.target.classes)}.",
        hint="Choose one of them.",
    )


def _probe_logits(probe: LinearProbe) -> "Callable[[Tensor], Tensor]":
    """Returns a linear probe as a function of embeddings (B, D): logits (B, C)."""
    directions = [probe.direction(column) for column in range(len(probe.coef))]
    weights = np.stack([weight for weight, _ in directions])
    biases = np.array([bias for _, bias in directions])

    def logits(embeddings: "Tensor") -> "Tensor":
        import torch

        rows = torch.from_numpy(weights).to(embeddings)
        return embeddings @ rows.T + torch.from_numpy(biases).to(embeddings)

    return logits
