"""Sealed records as a later version of the program would write them."""

import json
from collections.abc import Mapping

from fundus_core.io import sealed


def of_format(value: Mapping[str, object], number: int) -> str:
    """Returns a record in a format of that number; a seal that `value` has is replaced."""
    whole = {**{k: v for k, v in value.items() if k != "sum"}, "format": number}
    return json.dumps({**whole, "sum": sealed._sum(whole)})
