"""Whether the names of patients and files are hidden in this process."""

import os

VARIABLE = "FUNDUS_HIDE_IDS"

_OFF = {"", "0", "false", "no", "off"}


def hides_ids() -> bool:
    """Says whether names are hidden in this process; the environment is asked each time."""
    return os.environ.get(VARIABLE, "").strip().lower() not in _OFF
