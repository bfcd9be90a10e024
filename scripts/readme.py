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
    head = "| id | what | numbers | px | licence of the weights |\n|---|---|---|---|---|"
    sections = []
    for group, title in _TITLES.items():
        rows = [_row(spec) for spec in BACKBONES.values() if spec.group == group]
        sections.append("\n".join([f"| **{title}** | | | | |", *rows]))
    table = "\n".join([head, *sections])
    return f"{before}{_START}\n{table}\n{_END}{after}"


_TITLES = {
    "ours": "ours",
    "retinal": "retinal",
    "general": "general",
    "baseline": "baseline",
}


def _row(spec: BackboneSpec) -> str:
    dims = " or ".join(dict.fromkeys(str(each.embed_dim) for each in spec.poolings))
    kind = "" if spec.licence_kind == "open" else f" ({spec.licence_kind})"
    numbers = dims or spec.embed_dim
    return f"| `{spec.id}` | {spec.title} | {numbers} | {spec.image_size} | {spec.licence}{kind} |"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
