"""Reads a report's page as a browser would, to see what is in it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_WITHOUT_END = {"meta", "img", "br", "hr"}


@dataclass
class Page(HTMLParser):
    """What a page consists of."""

    html: str
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    open_tags: list[str] = field(default_factory=list)
    unbalanced: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _WITHOUT_END:
            self.open_tags.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open_tags or self.open_tags.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open_tags[-1:] not in (["style"], ["script"]):
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All that is shown."""
        return " ".join(" ".join(self.texts).split())

    def attributes(self, *names: str) -> list[str]:
        """Values of attributes of these names."""
        return [str(about[name]) for _, about in self.tags for name in names if name in about]


def assert_harmless(page: Page) -> None:
    """Fails where a page could run something, or fetch something."""
    tags = {tag for tag, _ in page.tags}
    scripts = [about for tag, about in page.tags if tag == "script"]
    assert [about.get("type") for about in scripts] == ["application/json"]
    assert not tags & {"iframe", "object", "embed", "link", "base", "form", "foreignobject"}
    assert not [name for _, about in page.tags for name in about if name.startswith("on")]
    assert all(one.startswith("data:image/jpeg;base64,") for one in page.attributes("src"))
    inside = ("#", "data:image/png;base64,")
    assert all(one.startswith(inside) for one in page.attributes("href", "xlink:href"))
    assert not page.unbalanced
    style = page.html.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
