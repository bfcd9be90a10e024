"""Runs the command line, as `python -m fundus_core` and as `fundus`."""

import os
import sys


def run() -> None:
    """Imports the commands, which takes seconds, and runs the one that was given."""
    os.environ["PYTHONSAFEPATH"] = "1"  # what libraries start takes nothing of the current folder
    from fundus_core.cli.stopping import ended_at_once
    from fundus_core.errors import MemoryLimitError
    from fundus_core.io.lack_of_memory import lack_of_memory_explained
    from fundus_core.io.lifeline import end_with_starter

    end_with_starter()
    try:
        with ended_at_once(), lack_of_memory_explained():
            from fundus_core.cli.main import main
    except MemoryLimitError as error:
        sys.stderr.write(f"{error.message}\n{error.hint}\n")
        sys.exit(2)
    main()


def _leave_out_the_current_folder() -> None:
    """Takes out what `python -m` puts first: a file there could stand in for any module.

    Unless it is where this program lies. Modules that Python itself needs to come here were
    imported before.
    """
    here = os.path.realpath(f"{sys.path[0]}/fundus_core/__main__.py")
    if not sys.flags.safe_path and here != os.path.realpath(__file__):
        del sys.path[0]


if __name__ == "__main__":
    _leave_out_the_current_folder()
    run()
