"""Fundus Explorer: which backbone to trust on which retinal photographs.

In a notebook: `import fundus_core as fundus`, then `fundus.open_data(...)`; see
`fundus_core.notebook`. What is below is loaded when it is first asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fundus_core.notebook import Photographs as Photographs
    from fundus_core.notebook import comparison_table as comparison_table
    from fundus_core.notebook import draw_demo as draw_demo
    from fundus_core.notebook import open_data as open_data

__version__ = "0.1.0"

_IN_NOTEBOOKS = ("Photographs", "comparison_table", "draw_demo", "open_data")


def __getattr__(name: str) -> Any:
    if name not in _IN_NOTEBOOKS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fundus_core import notebook

    return getattr(notebook, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_IN_NOTEBOOKS])
