"""Who somebody is, from the cookie that a log-in leaves in the browser."""

import json
from collections.abc import Mapping
from typing import Any

from streamlit import auth_util
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette import starlette_app_utils
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME


def claims_in(cookies: Mapping[str, str], origin: str) -> Mapping[str, Any]:
    """Returns what the cookie says of the visitor.

    Nothing unless it was signed with today's secret, for the server that browsers reach at an
    origin.
    """

    def read(name: str) -> bytes | None:
        signed = cookies.get(name, "")
        return starlette_app_utils.decode_signed_value(get_cookie_secret(), name, signed)

    value = auth_util.get_cookie_with_chunks(read, USER_COOKIE_NAME)
    claims = json.loads(value) if value else {}
    return claims if isinstance(claims, dict) and claims.get("origin") == origin else {}
