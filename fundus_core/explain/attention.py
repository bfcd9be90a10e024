"""What the tokens of a vision transformer read from one another.

B is the batch size, H the number of heads, N the number of tokens: prefix tokens (class, registers)
and places. A is the attention of a block, (B, H, N, N): row i says from which tokens token i reads,
and sums to 1.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from fundus_core.backbones.base import Backbone
from fundus_core.backbones.token_grid import TokenGrid, declared_grid
from fundus_core.errors import SaliencyError
from fundus_core.explain.layers import pooled_layer
from fundus_core.explain.question import Question
from fundus_core.explain.tail import device_type, require_eval

if TYPE_CHECKING:
    from torch import Tensor, nn

_EXPLICIT = threading.Lock()
"""Held while networks compute their attention step by step: the switch is the network's own."""


@dataclass(frozen=True, slots=True)
class AttentionRecord:
    """The attention of every block in one pass, and what the target would gain from more of it."""

    attentions: "tuple[Tensor, ...]"
    """From the first block to the last, each (B, H, N, N), float32, in [0, 1]."""

    gradients: "tuple[Tensor, ...]"
    """Of the same shapes: d target / d A."""

    readers: "Tensor"
    """Shape (B, N), at least 0, sums to 1: how much of the target is read from each last token. All
    of it from the class token, for example, or the same from each place."""

    grid: TokenGrid
    """Where the tokens lie."""


def attention_rollout(question: Question) -> "Tensor":
    """Follows the attention of all blocks from the last tokens to the first: maps (B, h, w).

    Heads are averaged, and half of every step stays with the token, for the shortcut. Every place
    is read from a little; what the least-read place gets is taken off. The map is the same for
    every class.

    Raises:
        SaliencyError: See `record_attention`.

    References:
        Abnar & Zuidema (2020), ACL, arXiv:2005.00928. There the class token is read; here whatever
        the network pools.
    """
    import torch

    record = record_attention(question)
    reached = torch.eye(record.attentions[0].shape[-1]).to(record.attentions[0])
    for attention in record.attentions:
        step = 0.5 * attention.mean(dim=1) + 0.5 * torch.eye(reached.shape[-1]).to(reached)
        reached = step @ reached  # (B, N, N)
    read = _at_places(torch.einsum("bn,bnm->bm", record.readers, reached), record.grid)
    return read - read.amin(dim=(1, 2), keepdim=True)


def weighted_attention(question: Question) -> "Tensor":
    """Like rollout, each attention weighed by what the target gains from it: maps (B, h, w).

    Per block the positive part of gradient times attention, averaged over heads, is one more way
    from token to token; what reaches a token by any chain of blocks adds up. What a token has of
    itself is left out.

    Raises:
        SaliencyError: See `record_attention`.

    References:
        Chefer, Gur & Wolf (2021), ICCV, arXiv:2103.15679, section 3.1.
    """
    import torch

    record = record_attention(question)
    identity = torch.eye(record.attentions[0].shape[-1]).to(record.attentions[0])
    reached = identity
    for attention, gradient in zip(record.attentions, record.gradients, strict=True):
        reached = reached + (attention * gradient).clamp(min=0).mean(dim=1) @ reached
    relevance = torch.einsum("bn,bnm->bm", record.readers, reached - identity)
    return _at_places(relevance, record.grid)


def record_attention(question: Question) -> AttentionRecord:
    """Runs a transformer once, its attention computed step by step, and differentiates back to it.

    Raises:
        SaliencyError: If the network does not attend from every token to every token.
        ValueError: If it is in training mode.
    """
    import torch

    backbone, batch = question.backbone, question.batch
    require_eval(backbone.module)
    last = pooled_layer(backbone)
    if last.layout != "NLC":
        raise _no_attention(backbone, "its last features are no tokens")
    tape = _Tape()
    with torch.inference_mode(mode=False), ExitStack() as open_hooks:
        open_hooks.enter_context(torch.no_grad())
        open_hooks.enter_context(torch.autocast(device_type(backbone.module), enabled=False))
        for hooks in (
            _attention_hooks(backbone.module, tape),
            _end_hook(backbone, last.name, tape),
        ):
            open_hooks.enter_context(hooks)
        targets = question.target(backbone.forward(batch))
    grid = declared_grid(backbone.module, (batch.shape[-2], batch.shape[-1]))
    _require_global(backbone, tape, grid)
    with torch.inference_mode(mode=False):
        wanted = [*tape.attentions, cast("Tensor", tape.last)]
        *gradients, of_last = torch.autograd.grad(targets.sum(), wanted, allow_unused=True)
    if of_last is None or any(gradient is None for gradient in gradients):
        raise _no_attention(backbone, "the score does not depend on the attention of every block")
    norms = of_last.norm(dim=2)  # (B, N)
    return AttentionRecord(
        attentions=tuple(attention.detach().float() for attention in tape.attentions),
        gradients=tuple(gradient.float() for gradient in gradients),
        readers=norms / norms.sum(dim=1, keepdim=True).clamp(min=1e-30),
        grid=grid,
    )


@dataclass
class _Tape:
    """What one thread sees while a network runs."""

    attentions: "list[Tensor]" = field(default_factory=list)
    last: "Tensor | None" = None
    """The tokens that the network pools; attention after them is not of its blocks."""

    owner: int = field(default_factory=threading.get_ident)

    @property
    def listens(self) -> bool:
        """Says whether this is the thread that asked, and the blocks are not all done."""
        return threading.get_ident() == self.owner and self.last is None

    def take(self, attention: "Tensor") -> "Tensor":
        """Notes an attention, and returns it as a part of the graph from here on."""
        import torch

        if not self.attentions:
            torch.set_grad_enabled(True)
            attention = attention.detach().requires_grad_(True)
        self.attentions.append(attention)
        return attention


@contextmanager
def _attention_hooks(module: "nn.Module", tape: _Tape) -> Iterator[None]:
    """Makes a network hand its attention over for the length of a block."""
    from torch import nn

    handles, switched = [], []
    with _EXPLICIT:
        try:
            layers: list[Any] = list(module.modules())
            for layer in layers:
                dropout = getattr(layer, "attn_drop", None)
                if isinstance(layer, nn.MultiheadAttention):
                    hook: Any = _multihead_hook(tape)
                    handles.append(layer.register_forward_hook(hook, with_kwargs=True))
                elif isinstance(dropout, nn.Dropout):
                    handles.append(dropout.register_forward_hook(_dropout_hook(tape)))
                    if getattr(layer, "fused_attn", False):
                        layer.fused_attn = False
                        switched.append(layer)
            yield
        finally:
            for layer in switched:
                layer.fused_attn = True
            for handle in handles:
                handle.remove()


def _dropout_hook(tape: _Tape) -> Callable[..., "Tensor | None"]:
    """Takes what timm's attention hands to its dropout, which does nothing in eval mode."""

    def take(layer: "nn.Module", inputs: Any, attention: "Tensor") -> "Tensor | None":
        return tape.take(attention) if tape.listens else None

    return take


def _multihead_hook(tape: _Tape) -> Callable[..., Any]:
    """Computes torch's own attention anew, in steps, since that keeps its weights to itself."""

    def take(layer: Any, inputs: Any, options: dict[str, Any], output: Any) -> Any:
        if not tape.listens:
            return None
        if options.get("attn_mask") is not None or layer.in_proj_weight is None:
            raise SaliencyError(
                "This attention is masked, or reads from elsewhere.", hint="Choose another method."
            )
        return _in_steps(layer, inputs[0], tape), None

    return take


def _in_steps(layer: Any, tokens: "Tensor", tape: _Tape) -> "Tensor":
    """Returns the self-attention (B, N, C) of `nn.MultiheadAttention`, its weights noted."""
    from torch.nn import functional

    sequence = tokens if layer.batch_first else tokens.transpose(0, 1)
    projected = functional.linear(sequence, layer.in_proj_weight, layer.in_proj_bias)
    batch, length, width = sequence.shape
    parts = projected.view(batch, length, 3, layer.num_heads, -1).permute(2, 0, 3, 1, 4)
    query, key, value = parts.unbind(0)  # (B, H, N, C / H)
    scale = query.shape[-1] ** -0.5
    attention = tape.take((query * scale @ key.transpose(-2, -1)).softmax(dim=-1))
    joined = (attention @ value).transpose(1, 2).reshape(batch, length, width)
    mixed: Tensor = layer.out_proj(joined)
    return mixed if layer.batch_first else mixed.transpose(0, 1)


@contextmanager
def _end_hook(backbone: Backbone, name: str, tape: _Tape) -> Iterator[None]:
    """Notes the tokens that the network pools."""

    def note(layer: "nn.Module", inputs: Any, output: "Tensor") -> None:
        if tape.listens:
            tape.last = output

    handle = backbone.module.get_submodule(name).register_forward_hook(note)
    try:
        yield
    finally:
        handle.remove()


def _require_global(backbone: Backbone, tape: _Tape, grid: TokenGrid) -> None:
    """Raises unless every block attends from every token to every token."""
    if not tape.attentions or tape.last is None:
        raise _no_attention(backbone, "none of its layers computes attention")
    length = tape.last.shape[1]
    if length - grid.height * grid.width not in {0, grid.n_prefix}:
        raise _no_attention(backbone, f"where its {length} tokens lie is not known")
    expected = (len(tape.last), length, length)
    for attention in tape.attentions:
        if attention.ndim != 4 or (attention.shape[0], *attention.shape[2:]) != expected:
            raise _no_attention(
                backbone,
                f"a block attends over {tuple(attention.shape)}, not from each of its {length} "
                "tokens to each",
            )


def _no_attention(backbone: Backbone, reason: str) -> SaliencyError:
    return SaliencyError(
        f"The attention of {backbone.spec.id} cannot be followed: {reason}.",
        hint="Choose a plain vision transformer, or Grad-CAM for this network.",
    )


def _at_places(per_token: "Tensor", grid: TokenGrid) -> "Tensor":
    """Lays what each token gets (B, N) out on the grid, prefix tokens left out: (B, h, w)."""
    n_places = grid.height * grid.width
    return per_token[:, -n_places:].reshape(-1, grid.height, grid.width)
