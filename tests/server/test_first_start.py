"""The first start of a new user, who has no settings of Streamlit in his home."""

import os
import urllib.request
from pathlib import Path

from scripts.running import serving


def test_a_new_user_is_asked_nothing_before_the_dashboard_opens(tmp_path: Path) -> None:
    environment = os.environ | {"HOME": str(tmp_path / "home"), "BROWSER": "true"}
    options = ["--port", "{port}", "--no-demo", "--workspace", str(tmp_path / "workspace")]

    with (
        serving(["fundus_core", "app"], options, environment) as address,
        urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer,
    ):
        assert answer.status == 200
