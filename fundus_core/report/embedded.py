"""The manifest inside a report's page, read without running or trusting anything else of it."""

from html.parser import HTMLParser

from fundus_core.report.web_page import MANIFEST_ID


def manifest_in(page: str) -> str:
    """Returns the text of the element that holds the manifest; empty where there is none.

    Examples:
        >>> manifest_in('<p>1</p><script id="fundus-manifest">{"a": 1}</script>')
        '{"a": 1}'
    """
    finder = _Finder()
    finder.feed(page)
    return "".join(finder.found)


class _Finder(HTMLParser):
    """Collects what stands in the one element of the manifest."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes where the element begins."""
        self._inside = tag == "script" and dict(attrs).get("id") == MANIFEST_ID

    def handle_endtag(self, tag: str) -> None:
        """Notes where an element ends."""
        self._inside = False

    def handle_data(self, data: str) -> None:
        """Keeps what stands inside."""
        if self._inside:
            self.found.append(data)
