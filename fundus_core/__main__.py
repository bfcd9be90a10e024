"""Runs the command line, as `python -m fundus_core` and as `fundus`."""

from fundus_core.cli.stopping import ended_at_once
from fundus_core.io.lifeline import end_with_starter


def run() -> None:
    """Imports the commands, which takes seconds, and runs the one that was given."""
    end_with_starter()
    with ended_at_once():
        from fundus_core.cli.main import main
    main()


if __name__ == "__main__":
    run()
