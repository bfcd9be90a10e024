"""The upstream task: what a backbone learns on many photographs before it meets the real question.

The fundus foundation model learned one thing, normal against abnormal. Where the truth of every
pixel is known, as for phantoms, more can be asked of the same photographs: which diseases, how
many lesions of each kind, and where they are. `UPSTREAM_TASKS` lists the variants.

References:
    Jang et al. (2024), arXiv:2408.08790 (the binary task and its place before others).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.backbones.token_grid import features_as_grid
from fundus_core.domain.dataset import FundusDataset, require_each_once
from fundus_core.errors import TargetError
from fundus_core.finetune.batches import Batch

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

LESION_WEIGHT = 4.0
"""How much more a place with a lesion counts than one without: few places have one."""


@dataclass(frozen=True, slots=True)
class UpstreamTask:
    """What is asked of the network."""

    title: str

    all_labels: bool
    """Every 0/1 column instead of the first alone."""

    counts: bool
    """How many lesions of each kind there are."""

    places: bool
    """Which places of the last feature map hold each kind of lesion."""


UPSTREAM_TASKS: dict[str, UpstreamTask] = {
    "abnormal": UpstreamTask("normal or abnormal", False, counts=False, places=False),
    "diseases": UpstreamTask("diseases and lesion counts", True, counts=True, places=False),
    "lesions": UpstreamTask("diseases, lesion counts and places", True, counts=True, places=True),
}
"""Variants by name; `abnormal` is the published one."""


@dataclass(frozen=True, slots=True)
class UpstreamTargets:
    """What is to be learned of N photographs."""

    label_names: tuple[str, ...]
    labels: NDArray[np.float32]
    """Shape (N, L): 1, 0, or NaN where unknown."""

    count_names: tuple[str, ...]
    counts: NDArray[np.float32]
    """Shape (N, K): ln(1 + number of lesions); NaN where unknown."""

    bits: tuple[int, ...]
    """Values of the mask whose places are learned; empty for none."""

    def rows(self, rows: NDArray[np.intp]) -> "UpstreamTargets":
        """Returns the targets of some photographs."""
        return UpstreamTargets(
            self.label_names, self.labels[rows], self.count_names, self.counts[rows], self.bits
        )


def upstream_targets(
    dataset: FundusDataset,
    image_ids: Sequence[str],
    task: UpstreamTask,
    labels: Sequence[str],
    bits: Mapping[str, int],
) -> UpstreamTargets:
    """Reads from a data set's table what a task asks for.

    Args:
        dataset: Its table has the labels, and for some tasks columns `count_KIND`.
        image_ids: N photographs, in the order wanted.
        task: What is asked.
        labels: Columns of 0 and 1; the task may use the first alone.
        bits: Kinds of lesions with their values in the masks; empty without masks.

    Raises:
        TargetError: If a label is no column of 0 and 1, or there more than once.
    """
    require_each_once(labels)
    chosen = tuple(labels) if task.all_labels else tuple(labels[:1])
    table = dataset.table.set_index("image_id").loc[list(image_ids)]
    for name in chosen:
        if set(dataset.target(name).classes) != {"0", "1"}:
            raise TargetError(
                f"{name} has the classes {', '.join(dataset.target(name).classes)}; the upstream "
                "task learns columns of 0 and 1.",
                hint="Name other columns (--labels).",
            )
    names = tuple(f"count_{kind}" for kind in bits if f"count_{kind}" in table.columns)
    counted = names if task.counts else ()
    return UpstreamTargets(
        chosen,
        _numbers(table, chosen),
        counted,
        np.log1p(_numbers(table, counted)),
        tuple(bits.values()) if task.places else (),
    )


def _numbers(table: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.float32]:
    """Returns columns as numbers, shape (N, number of columns); NaN where there is none."""
    numeric = [pd.to_numeric(table[name], errors="coerce") for name in columns]
    stacked = np.stack(numeric, axis=1) if numeric else np.zeros((len(table), 0))
    return np.asarray(stacked, np.float32)


@dataclass(frozen=True, slots=True)
class UpstreamNetwork:
    """A backbone with the heads of an upstream task."""

    backbone: "nn.Module"
    """A timm network without classifier."""

    heads: "nn.ModuleDict"
    everything: "nn.ModuleList"
    """Backbone and heads; what is trained."""

    mean: "Tensor"
    std: "Tensor"

    def outputs(self, pixels: "Tensor") -> dict[str, "Tensor"]:
        """Returns each head's answer for pixels of shape (B, 3, S, S) in [0, 1]."""
        network = cast(Any, self.backbone)
        features = network.forward_features((pixels - self.mean) / self.std)
        embedding = network.forward_head(features, pre_logits=True)  # (B, D)
        answers = {
            name: head(embedding).float() for name, head in self.heads.items() if name != "places"
        }
        if "places" in self.heads:
            grid = features_as_grid(self.backbone, features, pixels.shape[-1])  # (B, C, h, w)
            answers["places"] = self.heads["places"](grid).float()
        return answers

    def loss(self, batch: Batch, targets: UpstreamTargets) -> "Tensor":
        """Returns the mean loss of a batch: the sum of the heads' losses."""
        import torch
        from torch.nn import functional

        answers = self.outputs(batch.pixels)
        device = batch.pixels.device
        wanted = targets.rows(batch.rows)
        labels = torch.from_numpy(wanted.labels).to(device)
        total = _where_known(labels, functional.binary_cross_entropy_with_logits, answers["labels"])
        if "counts" in answers:
            counts = torch.from_numpy(wanted.counts).to(device)
            total = total + 0.1 * _where_known(counts, functional.mse_loss, answers["counts"])
        if "places" in answers and batch.masks is not None:
            places = lesion_places(batch.masks, targets.bits, answers["places"].shape[-2:])
            weight = torch.tensor(LESION_WEIGHT, device=device)
            total = total + 2 * functional.binary_cross_entropy_with_logits(
                answers["places"], places, pos_weight=weight
            )
        return total


def upstream_network(
    backbone: "nn.Module",
    targets: UpstreamTargets,
    task: UpstreamTask,
    *,
    image_size: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    device: "torch.device",
    seed: int,
) -> UpstreamNetwork:
    """Returns a backbone with fresh heads, on the device.

    Args:
        backbone: A timm network without classifier.
        targets: What the heads answer.
        task: Which heads there are.
        image_size: S, in pixels; the backbone is asked for its shapes once.
        mean: Per channel, in units of [0, 1]; the backbone's normalisation.
        std: Per channel.
        device: Where it computes.
        seed: Of the heads' weights.
    """
    import torch
    from torch import nn

    network = cast(Any, backbone.eval())
    with torch.inference_mode():
        features = network.forward_features(torch.zeros(1, 3, image_size, image_size))
        n_features = features_as_grid(backbone, features, image_size).shape[1]
        embed_dim = network.forward_head(features, pre_logits=True).shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        heads = nn.ModuleDict({"labels": nn.Linear(embed_dim, len(targets.label_names))})
        if task.counts and targets.count_names:
            heads["counts"] = nn.Linear(embed_dim, len(targets.count_names))
        if task.places and targets.bits:
            heads["places"] = nn.Conv2d(n_features, len(targets.bits), 1)
    everything = nn.ModuleList([backbone, heads]).to(device)
    return UpstreamNetwork(
        backbone.to(memory_format=torch.channels_last),
        heads,
        everything,
        torch.tensor(mean, device=device).view(1, 3, 1, 1),
        torch.tensor(std, device=device).view(1, 3, 1, 1),
    )


def lesion_places(masks: "Tensor", bits: tuple[int, ...], grid: tuple[int, ...]) -> "Tensor":
    """Returns which places of a grid hold each kind of lesion.

    Args:
        masks: Shape (B, S, S), whole numbers whose bits are kinds of lesions.
        bits: K values.
        grid: h and w.

    Returns:
        Shape (B, K, h, w): 1 where any pixel of the place has the bit, else 0.
    """
    import torch
    from torch.nn import functional

    values = torch.tensor(bits, device=masks.device, dtype=masks.dtype).view(1, -1, 1, 1)
    planes = (masks[:, None] & values).ne(0).float()  # (B, K, S, S)
    return functional.adaptive_max_pool2d(planes, list(grid))


def _where_known(targets: "Tensor", loss: Any, answers: "Tensor") -> "Tensor":
    """Returns the mean loss over the targets that are not NaN; 0 if none is known."""
    import torch

    known = ~torch.isnan(targets)
    each = loss(answers, torch.nan_to_num(targets), reduction="none")
    mean: Tensor = (each * known).sum() / known.sum().clamp(min=1)
    return mean
