"""Processes of this program that never take a file of the current folder for a module.

Python looks into the folder of whoever starts it first. Photographs and study files come from
elsewhere, and a `numpy.py` may lie beside them.
"""

import os
from pathlib import Path

VARIABLE = "PYTHONSAFEPATH"
"""Python's own: the current folder is not searched, by a process and those that it starts."""

PACKAGE_ROOT = Path(__file__).parents[2]
"""Where `fundus_core` lies: a clone of the repository, or the folder of installed packages."""

_SEARCH_PATH = "PYTHONPATH"


def own_modules() -> dict[str, str]:
    """Returns variables by which a process finds this program, and nothing of its current folder.

    They are added to the environment of the process. What `PYTHONPATH` names stays, but for empty
    entries: Python takes these for the current folder.
    """
    named = os.environ.get(_SEARCH_PATH, "").split(os.pathsep)
    folders = dict.fromkeys([str(PACKAGE_ROOT), *filter(None, named)])
    return {VARIABLE: "1", _SEARCH_PATH: os.pathsep.join(folders)}
