"""Starts Streamlit on `app.py`: its door shut where log-in is required, its pages told about.

Streamlit takes any folder `pages` beside the main script for its first multi-page feature until a
session has called `st.navigation`. The first visitor after a start who comes by a page's address
is then told that there is no such page. Saying beforehand that the feature is not used is what
`st.navigation` does itself, one session too late.

It also asks a server on the internet for its own address whenever a page elsewhere tries to reach
it, to find out whether that page is its own, and answers nobody while it waits. Pages of ours are
reached by the names in `allowedHosts`, so there is nothing to ask.
"""

import sys

from streamlit import net_util
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import bootstrap, cli

from fundus_core.io.scratch_folders import sweep_scratch
from fundus_core.ui import doorkeeper

CHECK = "check"
"""In place of `run`: nothing is served, and the process ends as the server would at its start."""


def main() -> None:
    """Runs Streamlit's command line with the arguments of this process; see also `CHECK`."""
    PagesManager.uses_pages_directory = False
    net_util.get_external_ip = lambda: None
    doorkeeper.stand()
    if sys.argv[1:2] == [CHECK]:
        sys.argv[1] = "run"
        bootstrap.run = _only_asked
    else:
        sweep_scratch()  # what a killed dashboard left of photographs that were handed over
    cli.main(prog_name="streamlit")


def _only_asked(*_: object, **__: object) -> None:
    """Stands in for the server where Streamlit has read its settings."""
    doorkeeper.require_sound()


if __name__ == "__main__":
    main()
