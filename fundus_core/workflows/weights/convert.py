"""Use case: a checkpoint as it was published becomes safetensors in our networks' own names."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.backbones.checkpoints import TRUNK, KeyReport
from fundus_core.backbones.pickled import PickledObjects, pickled_objects, tensors_of_trusted_pickle
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import WeightsError
from fundus_core.io.files import read_json, write_json
from fundus_core.io.tensors import save_tensors
from fundus_core.io.weights import file_sha256, name_when_converted, write_weights
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.weights.teacher_tables import inherit_teachers

if TYPE_CHECKING:
    from torch import Tensor

_NAMED_AT_MOST = 4


@dataclass(frozen=True, slots=True)
class Converted:
    """A checkpoint that was converted, and what became of its tensors."""

    backbone: str
    path: Path
    """The new file."""

    sha256: str
    report: KeyReport
    """Of the backbone's default pooling."""

    poolings: tuple[str, ...]
    """Names of the poolings that the new file serves."""

    unpickled: bool
    """Whether Python objects had to be made, in a process of their own."""


def convert(
    workspace: Workspace,
    file: Path,
    backbone: str,
    *,
    out: Path | None = None,
    trust_pickle: bool = False,
    replace: bool = False,
    progress: Progress = silent,
) -> Converted:
    """Writes the tensors of a checkpoint that a backbone uses as safetensors, under its own names.

    Args:
        workspace: Its weights folder receives the new file unless `out` is given.
        file: The checkpoint, in any layout known of the backbone.
        backbone: Id in the catalogue, or `timm:NAME`.
        out: The new file, ending in `.safetensors`.
        trust_pickle: Whether a pickle of Python objects may be read, which runs any code in it.
        replace: Whether another file of weights may be written over.
        progress: Told which step it is at.

    Raises:
        BackboneError: If the backbone is unknown.
        WeightsError: If the checkpoint is not one of this backbone, or is a pickle that was not
            said to be trusted, or if the new file is there already.
    """
    spec = backbone_spec(backbone)
    _require_convertible(spec, file)
    target = _target(workspace, spec, out, replace=replace)
    progress(0, 3, f"Looking into {file.name}")
    objects = pickled_objects(file)
    if objects.runs_code and not trust_pickle:
        raise _refusal(file, spec, objects)
    with tempfile.TemporaryDirectory(prefix="fundus-convert-") as folder:
        readable = file
        if objects.runs_code:
            progress(1, 3, f"Unpickling {file.name} in a process of its own")
            readable = Path(folder) / f"{file.stem}.safetensors"
            tensors_of_trusted_pickle(file, readable)
        progress(2, 3, f"Filling {spec.id}")
        report, tensors, poolings = _filled(spec, readable)

    def result(sha256: str) -> Converted:
        return Converted(spec.id, target, sha256, report, poolings, unpickled=objects.runs_code)

    def tell(sha256: str) -> None:
        n_teachers = inherit_teachers(workspace, sha256, started_from=file_sha256(file))
        card = _card(spec, file, result(sha256), objects)
        write_json(target.with_suffix(".json"), card | {"n_teachers": n_teachers})

    sha256 = _save(target, tensors, spec, tell)
    progress(3, 3, f"Wrote {target.name}")
    return result(sha256)


def _filled(
    spec: BackboneSpec, checkpoint: Path
) -> tuple[KeyReport, "dict[str, Tensor]", tuple[str, ...]]:
    """Fills the network of each pooling and returns all tensors that came from the checkpoint."""
    from fundus_core.backbones.networks import build_network, fill_network

    network = build_network(spec)
    report = fill_network(network, spec, checkpoint)
    tensors = _matched(network.state_dict(), report)
    served = [spec.pooling]
    for pooling in spec.poolings:
        if pooling.name == spec.pooling:
            continue
        other = replace(spec, pooling=pooling.name, embed_dim=pooling.embed_dim)
        network = build_network(other)
        try:
            found = fill_network(network, other, checkpoint)
        except WeightsError:  # the file has no tensors for it; the report names those served
            continue
        tensors = _matched(network.state_dict(), found) | tensors
        served.append(pooling.name)
    return report, tensors, tuple(served)


def _matched(state: "dict[str, Tensor]", report: KeyReport) -> "dict[str, Tensor]":
    """Returns those tensors of a network that the checkpoint filled, by the network's names."""
    own = {name.removeprefix(TRUNK): value for name, value in state.items()}
    return {name: own[name] for name in report.matched}


def _require_convertible(spec: BackboneSpec, file: Path) -> None:
    if not file.is_file():
        raise WeightsError(
            f"There is no file {file}.", hint="Give the path of the checkpoint to convert."
        )
    if spec.loader == "colour":
        raise WeightsError(
            f"{spec.id} has no weights to convert to.",
            hint="Name the backbone that the checkpoint is of: --as ID.",
        )


def _target(workspace: Workspace, spec: BackboneSpec, out: Path | None, *, replace: bool) -> Path:
    """Returns the path of the new file, which must be free, as that of the card beside it."""
    target = out or workspace.weights / name_when_converted(spec)
    if target.suffix != ".safetensors":
        raise WeightsError(
            f"{target.name} does not end in .safetensors.",
            hint=f"Choose another name, for example --out {target.stem}.safetensors.",
        )
    if target.exists() and not replace:
        raise WeightsError(
            f"{target} is there already; --replace writes over it.",
            hint="Or name another file by --out.",
        )
    beside = target.with_suffix(".json")
    card = read_json(beside)
    if beside.exists() and not (isinstance(card, dict) and "sha256" in card):
        raise WeightsError(
            f"{beside} is there already and tells nothing of weights, whose card belongs there.",
            hint="Name another file by --out.",
        )
    return target


def _refusal(file: Path, spec: BackboneSpec, objects: PickledObjects) -> WeightsError:
    """Returns what to say of a pickle that nobody has vouched for."""
    shown = ", ".join(objects.names[:_NAMED_AT_MOST])
    more = len(objects.names) - _NAMED_AT_MOST
    calls = f" (it calls {shown}{f' and {more} more' if more > 0 else ''})" if shown else ""
    return WeightsError(
        f"{file.name} is a pickle of Python objects{calls}: reading it runs whatever code its "
        "maker put into it. It was not opened.",
        hint="Ask its maker for the state_dict() as .safetensors. If you trust the file like a "
        f"program: fundus backbones convert {file} --as {spec.id} --trust-pickle.",
    )


def _save(
    target: Path, tensors: "dict[str, Tensor]", spec: BackboneSpec, tell: Callable[[str], None]
) -> str:
    """Writes the tensors, see `write_weights`; returns the SHA-256 of their file."""
    about = {"format": "pt", "backbone": spec.id, "architecture": spec.architecture}
    whole = {name: value.contiguous() for name, value in tensors.items()}
    return write_weights(
        target,
        lambda path: save_tensors(path, whole, about),
        tell,
        n_bytes=sum(value.numel() * value.element_size() for value in whole.values()),
    )


def _card(
    spec: BackboneSpec, file: Path, result: Converted, objects: PickledObjects
) -> dict[str, Any]:
    """Returns what is known of the new file, for whoever finds it later."""
    return {
        "kind": "converted weights",
        "backbone": spec.id,
        "file": result.path.name,
        "sha256": result.sha256,
        "converted_from": file.name,
        "converted_from_sha256": file_sha256(file),
        "unpickled": result.unpickled,
        "pickled_objects": list(objects.names),
        "n_matched": len(result.report.matched),
        "left_out": list(result.report.left_out),
        "unexpected": list(result.report.unexpected),
        "poolings": list(result.poolings),
        "licence": spec.licence,
        "licence_kind": spec.licence_kind,
        "reference": spec.reference,
        "converted_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
