"""Use case: getting a backbone's published weights. The only one that uses the network."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import WeightsError
from fundus_core.io.download import Downloaded, download
from fundus_core.io.files import write_json
from fundus_core.io.read_only import require_writable
from fundus_core.io.weights import (
    file_names,
    file_sha256,
    local_weights,
    name_to_fetch,
    where_weights_go,
)
from fundus_core.io.workspace import Workspace

HUB = "https://huggingface.co"
HUB_VARIABLE = "HF_ENDPOINT"
"""Names a mirror of the model hub."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A backbone's weights, now on this machine."""

    backbone: str
    path: Path
    sha256: str
    n_bytes: int
    licence: str
    was_here: bool
    """True where nothing had to be downloaded."""


def fetch(
    workspace: Workspace, backbone: str, *, accept_licence: bool, progress: Progress = silent
) -> Fetched:
    """Downloads a backbone's weights into the workspace, with a card beside the file.

    Args:
        workspace: Its weights folder receives the file.
        backbone: Id in the catalogue, or `timm:NAME`.
        accept_licence: Whether the user accepts the licence of these weights; it matters for those
            that are not open.
        progress: Told how far the download is, in megabytes.

    Raises:
        BackboneError: If the backbone is unknown.
        WeightsError: If there is nothing to download, its licence is not accepted, or the download
            fails.
        StoreError: If the disk is full.
        ReadOnlyError: If the workspace is only to be looked at, and the weights are not there.
    """
    spec = backbone_spec(backbone)
    found = local_weights(spec, workspace) if file_names(spec) else None
    if found is not None:
        size = found.stat().st_size
        return Fetched(spec.id, found, file_sha256(found), size, spec.licence, was_here=True)
    require_writable(workspace.weights)
    _require_fetchable(spec, workspace)
    _require_licence(spec, accepted=accept_licence)
    is_hub = bool(spec.source.repository)
    got = download(
        address(spec),
        workspace.weights / name_to_fetch(spec),
        sha256=spec.source.sha256,
        token=_token() if is_hub else None,
        page=page(spec),
        progress=progress,
    )
    write_json(got.path.with_suffix(".json"), _card(spec, got))
    return Fetched(spec.id, got.path, got.sha256, got.n_bytes, spec.licence, was_here=False)


def address(spec: BackboneSpec) -> str:
    """Returns where the file itself is published.

    Examples:
        >>> from fundus_core.backbones.catalogue import BACKBONES
        >>> address(BACKBONES["resnet18"])
        'https://huggingface.co/timm/resnet18.tv_in1k/resolve/main/model.safetensors'
    """
    from urllib.parse import quote

    source = spec.source
    if not source.repository:
        return source.url
    revision = quote(source.revision, safe="")
    return f"{_hub()}/{source.repository}/resolve/{revision}/{quote(source.file)}"


def page(spec: BackboneSpec) -> str:
    """Returns where people read about the weights, and accept their terms."""
    source = spec.source
    return source.page or (f"{_hub()}/{source.repository}" if source.repository else source.url)


def licence_to_accept(spec: BackboneSpec) -> str:
    """Returns what the user must agree to before weights are downloaded; empty for open ones."""
    if spec.licence_kind == "open":
        return ""
    terms = {"non-commercial": "not for commercial use", "gated": "terms to accept on its page"}
    return f"{spec.licence} ({terms[spec.licence_kind]})"


def _require_fetchable(spec: BackboneSpec, workspace: Workspace) -> None:
    if not file_names(spec):
        raise WeightsError(
            f"{spec.id} needs no weights.", hint=f"Use it as it is (--backbone {spec.id})."
        )
    if not spec.source.fetchable:
        raise WeightsError(
            f"The weights of {spec.id} cannot be downloaded by a program. Licence: {spec.licence}.",
            hint=where_weights_go(spec, workspace),
        )


def _require_licence(spec: BackboneSpec, *, accepted: bool) -> None:
    terms = licence_to_accept(spec)
    if terms and not accepted:
        raise WeightsError(
            f"The weights of {spec.title} have a licence to accept: {terms}. {spec.reference}.",
            hint=f"Read {page(spec)}; if you accept it, run "
            f"`fundus backbones fetch {spec.id} --accept-licence`.",
        )


def _hub() -> str:
    return (os.environ.get(HUB_VARIABLE) or HUB).rstrip("/")


def _token() -> str | None:
    """Returns the user's token at the model hub, if there is one."""
    from huggingface_hub import get_token

    return get_token()


def _card(spec: BackboneSpec, got: Downloaded) -> dict[str, Any]:
    """Returns what is known of the file, for whoever finds it later."""
    return {
        "kind": "fetched weights",
        "backbone": spec.id,
        "title": spec.title,
        "file": got.path.name,
        "address": address(spec),
        "page": page(spec),
        "revision": got.revision or spec.source.revision,
        "sha256": got.sha256,
        "sha256_was_known": bool(spec.source.sha256),
        "n_bytes": got.n_bytes,
        "licence": spec.licence,
        "licence_kind": spec.licence_kind,
        "licence_accepted": bool(licence_to_accept(spec)),
        "reference": spec.reference,
        "fetched_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
