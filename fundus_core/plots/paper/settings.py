"""matplotlib as it comes: neither a file of the user nor one of the current folder sets it up."""

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from types import ModuleType

_SETTINGS = Lock()
"""matplotlib's settings are the whole program's; pages run in threads."""

_FOR_PRINT = {"svg.fonttype": "none", "pdf.fonttype": 42}
"""Text stays text."""

_FILE, _VARIABLE = "matplotlibrc", "MATPLOTLIBRC"


@contextlib.contextmanager
def own_settings() -> Iterator[None]:
    """Lets figures be drawn and saved as they are meant, whatever a notebook chose for its own.

    One thread at a time.
    """
    with _SETTINGS:
        matplotlib = _imported()
        with matplotlib.rc_context({**matplotlib.rcParamsDefault, **_FOR_PRINT}):
            yield


def _imported() -> ModuleType:
    """Returns matplotlib; where it was not imported yet, it reads its own file of settings alone.

    It would look into the current folder first, whatever it is told: a file there that is no text
    would end the import, a pipe would hold it up.
    """
    if "matplotlib" not in sys.modules and (found := importlib.util.find_spec("matplotlib")):
        with _reading(Path(str(found.origin)).parent / "mpl-data" / _FILE):
            importlib.import_module("matplotlib")
    return importlib.import_module("matplotlib")


@contextlib.contextmanager
def _reading(own: Path) -> Iterator[None]:
    """Has matplotlib find one file of settings while it is imported, and no other."""
    exists, named = os.path.exists, os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = str(own)  # asked for after the current folder's, before the user's
    os.path.exists = lambda path: path != _FILE and exists(path)
    try:
        yield
    finally:
        os.path.exists = exists
        os.environ.pop(_VARIABLE)
        if named is not None:
            os.environ[_VARIABLE] = named
