"""A provider of OpenID Connect on this machine, which can also be told to lie."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT_ID = "fundus"
CLIENT_SECRET = "planted-client-secret-7f3a"  # the tests look for it in the log

ANNA = {
    "sub": "anna-17",
    "email": "anna@eye.example",
    "email_verified": True,
    "name": "Anna <b>B</b>",
}
"""Somebody on the list."""


@dataclass
class Provider:
    """What the provider knows, and what it was asked."""

    port: int
    person: dict[str, Any] = field(default_factory=lambda: dict(ANNA))
    """Whom it takes the browser for."""

    lie: str = ""
    """What is wrong with the next id_tokens; a key of `LIES`, or a name below."""

    answer: str = ""
    """Instead of a code, an error to send the browser back with."""

    tokens: list[str] = field(default_factory=list)
    """Every token and code that it gave out."""

    signed_out: list[dict[str, str]] = field(default_factory=list)
    """What came to its end of session."""

    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    other_key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    asked: dict[str, dict[str, str]] = field(default_factory=dict)
    """Code -> the request it was given for."""

    @property
    def issuer(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def id_token(self, nonce: str) -> str:
        """Returns what it says of the person, signed."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300}
        claims |= {"nonce": nonce, **self.person, **LIES.get(self.lie, {})}
        if self.lie == "other person":  # changed after it was signed
            honest = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key).split(".")
            body = json.dumps(claims | {"email": "anna@eye.example"}).encode()
            return ".".join(
                [honest[0], base64.urlsafe_b64encode(body).decode().strip("="), honest[2]]
            )
        if self.lie == "not signed":
            parts = [json.dumps(one).encode() for one in ({"alg": "none"}, claims)]
            return ".".join(base64.urlsafe_b64encode(p).decode().strip("=") for p in parts) + "."
        if self.lie == "signed with what everybody knows":  # the public key taken for a secret
            secret = OctKey.import_key(self.key.as_pem(private=False))
            return jwt.encode({"alg": "HS256", "kid": "one"}, claims, secret, algorithms=["HS256"])
        key = self.other_key if self.lie == "another's key" else self.key
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)


LIES: dict[str, dict[str, Any]] = {
    "expired": {"iat": int(time.time()) - 9000, "exp": int(time.time()) - 3600},
    "wrong nonce": {"nonce": "another"},
    "for another program": {"aud": "another"},
    "of another provider": {"iss": "https://elsewhere.example"},
}
"""Claims that replace the honest ones."""

OTHER_LIES = (
    "other person", "not signed", "signed with what everybody knows", "another's key"
)  # fmt: skip


@contextmanager
def running(port: int) -> Iterator[Provider]:
    """Yields a provider that listens until the block ends."""
    provider = Provider(port)
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(provider))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *said: object) -> None:
            """Says nothing."""

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            query = dict(parse_qsl(asked.query))
            if asked.path == "/.well-known/openid-configuration":
                self._send(_discovery(provider))
            elif asked.path == "/jwks":
                self._send({"keys": [provider.key.as_dict(private=False)]})
            elif asked.path == "/authorize":
                self._redirect(_authorized(provider, query))
            elif asked.path == "/end_session":
                provider.signed_out.append(query)
                self._redirect(query["post_logout_redirect_uri"])
            else:
                self._send({"error": "not found"}, status=404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            basic = base64.b64decode(self.headers.get("Authorization", "")[6:]).decode()
            answer = _token(provider, form, basic)
            self._send(answer, status=400 if "error" in answer else 200)

        def _send(self, answer: dict[str, Any], status: int = 200) -> None:
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _redirect(self, address: str) -> None:
            self.send_response(302)
            self.send_header("Location", address)
            self.send_header("Content-Length", "0")
            self.end_headers()

    return Handler


def _discovery(provider: Provider) -> dict[str, Any]:
    where = provider.issuer
    return {
        "issuer": where,
        "authorization_endpoint": f"{where}/authorize",
        "token_endpoint": f"{where}/token",
        "jwks_uri": f"{where}/jwks",
        "end_session_endpoint": f"{where}/end_session",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
    }


def _authorized(provider: Provider, query: dict[str, str]) -> str:
    """Returns where the browser goes next: back, with a code."""
    back = {"state": query["state"]}
    if provider.answer:
        back |= {"error": provider.answer, "error_description": "no"}
    else:
        back["code"] = secrets.token_hex(8)
        provider.asked[back["code"]] = query
        provider.tokens.append(back["code"])
    return f"{query['redirect_uri']}?{urlencode(back)}"


def _token(provider: Provider, form: dict[str, str], basic: str) -> dict[str, Any]:
    """Returns tokens for a code that was not used before, to the program it was given for."""
    asked = provider.asked.pop(form.get("code", ""), None)
    if basic != f"{CLIENT_ID}:{CLIENT_SECRET}":
        return {"error": "invalid_client"}
    if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
        return {"error": "invalid_grant"}
    proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    if base64.urlsafe_b64encode(proof).decode().strip("=") != asked["code_challenge"]:
        return {"error": "invalid_grant"}
    access, token = f"access-{secrets.token_hex(16)}", provider.id_token(asked["nonce"])
    provider.tokens += [access, token]
    return {"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": token}
