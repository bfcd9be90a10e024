"""The words, numbers and signs of an expression, and the sentence for what cannot be read."""

import re
from dataclasses import dataclass
from typing import Literal, cast

from fundus_core.errors import FundusError

Kind = Literal["number", "text", "name", "column", "sign", "word", "end"]

EXAMPLE = 'Write, for example: age > 60 and site == "A".'

_WORDS = frozenset({"and", "or", "not", "in", "is", "missing", "contains"})

_PATTERN = re.compile(
    r"""\s*(?:
        (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
      | (?P<text>"[^"]*"|'[^']*')
      | (?P<column>`[^`]+`)
      | (?P<name>[^\W\d]\w*)
      | (?P<sign>==|!=|<>|<=|>=|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE,
)


class QueryError(FundusError):
    """An expression cannot be read, or asks for what the table does not have."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number or sign."""

    kind: Kind
    """`column` is a name between backticks, `word` one of the language's own."""

    content: str
    """Without quotes; words of the language in lower case."""

    position: int
    """Character it begins at, from 1."""

    def __str__(self) -> str:
        """Returns the token and its place, as a sentence names them."""
        return "the end" if self.kind == "end" else f"“{self.content}” at character {self.position}"


def tokens_of(expression: str) -> list[Token]:
    """Returns the tokens of an expression, the end as the last.

    Raises:
        QueryError: If a character belongs to none.

    Examples:
        >>> [token.content for token in tokens_of("`field shape` == 'round'")]
        ['field shape', '==', 'round', '']
    """
    found, at, text = [], 0, expression.rstrip()
    while at < len(text):
        match = _PATTERN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise QueryError(
                f"“{text[at]}” at character {at + 1} has no meaning in an expression.",
                hint="Put text between quotes, and column names with blanks or signs between "
                'backticks, as in `field shape` == "round".',
            )
        found.append(_token(match))
        at = match.end()
    return [*found, Token("end", "", len(text) + 1)]


def _token(match: re.Match[str]) -> Token:
    kind = cast(Kind, match.lastgroup)
    content, at = match[kind], match.start(kind) + 1
    if kind == "name" and content.lower() in _WORDS:
        return Token("word", content.lower(), at)
    return Token(kind, content[1:-1] if kind in {"text", "column"} else content, at)
