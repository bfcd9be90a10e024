"""Fixtures of the fault tests: command lines, in this process and in one of their own."""

from tests.cli.conftest import fundus
from tests.jobs.conftest import store as python

__all__ = ["fundus", "python"]
