"""Starts Streamlit on `app.py`, with a `pages` folder beside it that is not the old kind.

Streamlit takes any folder `pages` beside the main script for its first multi-page feature until a
session has called `st.navigation`. The first visitor after a start who comes by a page's address
is then told that there is no such page. Saying beforehand that the feature is not used is what
`st.navigation` does itself, one session too late.
"""

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import cli


def main() -> None:
    """Runs Streamlit's command line with the arguments of this process."""
    PagesManager.uses_pages_directory = False
    cli.main(prog_name="streamlit")


if __name__ == "__main__":
    main()
