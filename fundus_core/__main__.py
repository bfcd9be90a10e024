"""Runs the command line as `python -m fundus_core`."""

from fundus_core.cli.main import main

if __name__ == "__main__":
    main()
