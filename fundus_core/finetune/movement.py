"""How far a training has taken a network from where it began."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

_LEAST_LENGTH = 1e-12
"""Parts shorter than this, such as biases of zero, have no relative distance."""


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """The weights and statistics a training began with."""

    values: "dict[str, Tensor]"
    """All entries of the module's state."""

    def drift(
        self, module: "nn.Module", parts: Mapping[str, Sequence[str]]
    ) -> dict[str, float | None]:
        """Returns |theta - theta0| / |theta0| of each part; None where theta0 is zero.

        Args:
            module: As it is now.
            parts: Names of the parameters of each part.
        """
        import torch

        now = dict(module.named_parameters())
        found: dict[str, float | None] = {}
        with torch.no_grad():
            for part, names in parts.items():
                moved = torch.stack([(now[n] - self.values[n]).norm() for n in names]).norm()
                length = torch.stack([self.values[n].norm() for n in names]).norm()
                found[part] = float(moved / length) if length > _LEAST_LENGTH else None
        return found

    def moved(self, module: "nn.Module") -> tuple[str, ...]:
        """Returns the names of the entries of the module's state that are no longer equal."""
        import torch

        now = module.state_dict()
        return tuple(
            name for name, before in self.values.items() if not torch.equal(before, now[name])
        )


def starting_point(module: "nn.Module") -> StartingPoint:
    """Copies the state of a module."""
    return StartingPoint({k: v.detach().clone() for k, v in module.state_dict().items()})
