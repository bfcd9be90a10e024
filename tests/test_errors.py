"""Errors reach the process that waits for a worker, whatever their kind."""

import importlib
import pickle
import pkgutil
from collections.abc import Iterator

import pytest

import fundus_core
from fundus_core.errors import FundusError, ImageError
from fundus_core.io.read_only import ReadOnlyError


def kinds(of: type[FundusError]) -> Iterator[type[FundusError]]:
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


def every_kind() -> list[type[FundusError]]:
    """Returns all kinds of errors, after importing all modules that define one."""
    for module in pkgutil.walk_packages(fundus_core.__path__, "fundus_core."):
        spec = importlib.util.find_spec(module.name)
        source = spec.loader.get_source(module.name) if spec and spec.loader else ""  # type: ignore[attr-defined]
        if "Error(FundusError)" in source or "(ImageError)" in source:
            importlib.import_module(module.name)
    return sorted({*kinds(FundusError)}, key=lambda kind: kind.__name__)


def made(kind: type[FundusError]) -> FundusError:
    if issubclass(kind, ReadOnlyError):
        return kind()
    if issubclass(kind, ImageError):
        return kind("too_large", "It is wrong.", hint="Mend it.")
    return kind("It is wrong.", hint="Mend it.")


@pytest.mark.parametrize("kind", every_kind(), ids=lambda kind: kind.__name__)
def test_error__says_the_same_after_being_pickled(kind: type[FundusError]) -> None:
    error = made(kind)

    found = pickle.loads(pickle.dumps(error))  # noqa: S301

    assert type(found) is kind
    assert (str(found), found.message, found.hint) == (str(error), error.message, error.hint)
    assert vars(found) == vars(error)


def test_every_kind__those_of_other_modules_are_among_them() -> None:
    names = {kind.__name__ for kind in every_kind()}

    assert {"ReadOnlyError", "QueryError", "ImageError", "StoreError"} <= names
