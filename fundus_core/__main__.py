"""Runs the command line as `python -m fundus_core`."""

from fundus_core.io.lifeline import end_with_starter

if __name__ == "__main__":
    end_with_starter()  # before the imports of the commands, which take seconds

    from fundus_core.cli.main import main

    main()
