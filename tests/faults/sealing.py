"""Sealed records as a later version of the program would write them."""

import json
from collections.abc import Mapping

from fundus_core.io import sealed


def of_format(value: Mapping[str, object], number: int) -> str:
    """Returns a record in a format of that number; a seal that `value` has is replaced."""
    whole = {**{k: v for k, v in value.items() if k != "sum"}, "format": number}
    return json.dumps({**whole, "sum": sealed._sum(whole)})


def by_hand(value: Mapping[str, object], number: int) -> str:
    """Returns a record that says another format, with a checksum that this version cannot make."""
    return json.dumps({"sum": "0", **value, "format": number})
