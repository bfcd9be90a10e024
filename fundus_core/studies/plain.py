"""The plain values of a study file, in which nothing is read as something else than it looks like.

YAML 1.1 reads `no` as false, `010` as eight, `1:30` as ninety and a date as an object. Here only
`true` and `false` are truths, numbers are decimal, and everything else is text, as in YAML 1.2.
"""

import re
from collections import Counter
from typing import Any

import yaml

MOST_VALUES = 100_000
"""A file may hold, wherever a value that is referred to counts as often as it is."""

_TAG = "tag:yaml.org,2002:"
_TAGS = frozenset(_TAG + name for name in ("null", "bool", "int", "float", "str", "seq", "map"))
_MERGE = _TAG + "merge"


def plain_values(text: str) -> Any:
    """Returns what a YAML text says, made of mappings, lists, text, numbers, truths and None.

    Args:
        text: One document; a mark of the byte order before it is taken for none.

    Raises:
        ValueError: If it is no YAML, a key is written twice, a tag asks for another kind of value,
            or there are more than `MOST_VALUES` of them; with the line.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _Look().at(node)
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(filter(None, (error.context, error.problem)))
        raise ValueError(f"{said}{_line(mark)}") from error
    except yaml.YAMLError as error:
        raise ValueError(str(error).splitlines()[0]) from error
    except (KeyError, OverflowError) as error:
        raise ValueError(f"a value is not of the kind that its tag says: {error}") from error
    except RecursionError:
        raise ValueError("its values are nested too deep") from None


class _Loader(yaml.SafeLoader):
    """Reads no more than the scalars of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


def _resolve(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(tag, re.compile(rf"(?:{pattern})\Z"), list(first))


_resolve(_TAG + "null", "~|null|Null|NULL|", "~nN")
_Loader.yaml_implicit_resolvers[""] = [(_TAG + "null", re.compile(r"\Z"))]
_resolve(_TAG + "bool", "true|True|TRUE|false|False|FALSE", "tTfF")
_resolve(_TAG + "int", "[-+]?(?:0|[1-9][0-9]*)", "-+0123456789")
_resolve(
    _TAG + "float",
    r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    "-+.0123456789",
)
_resolve(_MERGE, "<<", "<")


class _Look:
    """Looks at every value of a document once, before anything is made of it."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}
        """Values in a node, by its `id`; 0 while it is being looked at."""

    def at(self, node: yaml.Node) -> int:
        """Returns how many values a node stands for.

        Raises:
            ValueError: If it is not plain, or they are too many.
        """
        known = self._sizes.get(id(node))
        if known == 0:
            raise ValueError(f"a value holds itself{_line(node.start_mark)}")
        if known is None:
            self._sizes[id(node)] = 0
            known = self._sizes[id(node)] = 1 + sum(map(self.at, _children(node)))
        if known > MOST_VALUES:
            raise ValueError(f"there are more than {MOST_VALUES:,} values{_line(node.start_mark)}")
        return known


def _children(node: yaml.Node) -> list[yaml.Node]:
    """Returns the nodes in a node; of a mapping, its keys were found to differ."""
    if isinstance(node, yaml.SequenceNode):
        _require_plain(node)
        return list(node.value)
    if isinstance(node, yaml.MappingNode):
        _require_plain(node)
        _require_different_keys(node)
        return [one for pair in node.value for one in pair if one.tag != _MERGE]
    _require_plain(node)
    return []


def _require_plain(node: yaml.Node) -> None:
    if node.tag not in _TAGS:
        tag = node.tag.replace(_TAG, "!!")
        raise ValueError(f"the tag {tag} is not for study files{_line(node.start_mark)}")


def _require_different_keys(node: yaml.MappingNode) -> None:
    keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    twice = [key for key, count in Counter(keys).items() if count > 1]
    if not twice:
        return
    lines = [str(key.start_mark.line + 1) for key, _ in node.value if key.value == twice[0]]
    raise ValueError(
        f"the key {twice[0]!r} is written {len(lines)} times, in the lines {', '.join(lines)}"
    )


def _line(mark: yaml.Mark | None) -> str:
    return "" if mark is None else f", in line {mark.line + 1}"
