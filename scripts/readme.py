"""Writes the table of backbones into README.md; a test checks that it is up to date."""

from pathlib import Path

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.catalogue import BACKBONES

README = Path(__file__).parents[1] / "README.md"
_START = "<!-- backbones: written by `make readme` -->"
_END = "<!-- end -->"


def with_table(text: str) -> str:
    """Returns the README's text with the table of backbones as the catalogue has it."""
    before, rest = text.split(_START)
    _, after = rest.split(_END)
    head = "| id | what | numbers | px | licence |\n|---|---|---|---|---|"
    rows = "\n".join(_row(spec) for spec in BACKBONES.values())
    return f"{before}{_START}\n{head}\n{rows}\n{_END}{after}"


def _row(spec: BackboneSpec) -> str:
    return f"| `{spec.id}` | {spec.title} | {spec.embed_dim} | {spec.image_size} | {spec.licence} |"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
