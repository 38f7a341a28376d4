"""A real OpenID Connect provider on loopback, whose answers a test can have forged."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from oidc_provider_mock import User, app
from werkzeug.serving import make_server
from werkzeug.wrappers import Request

PEOPLE = (
    User(sub="ada", claims={"email": "ada@ops.example", "email_verified": True}),
    User(sub="eve", claims={"email": "eve@ops.example", "email_verified": False}),
    User(sub="mallory", claims={"email": "mallory@ops.example.evil.example", "email_verified": True}),
    User(sub="grace", claims={"email": "grace@elsewhere.example", "groups": ["sre", "other"]}),
    User(sub="alan", claims={}),
    User(sub="oscar", claims={"email": "oscar@evil.example@ops.example", "email_verified": True}),
)
Hand = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass
class Provider:
    """
    What a test sees of it.

    Attributes:
        answers: every answer of its token endpoint, in order.
        hand: what becomes of the next one on its way.
        calls_itself: another name of the same length, if it is to say one.
        challenges: S256 challenges that authorizations came with; a token is given for one of them only.
        described: how often it was asked to describe itself.
        signs_by: algorithms that it says it signs by, if not those that it does.
        keys: public keys (JWK) that it offers besides its own.
        broken: its token endpoint answers 500.
    """

    issuer: str = ""
    answers: list[dict[str, Any]] = field(default_factory=list)
    hand: Hand | None = None
    challenges: set[str] = field(default_factory=set)
    calls_itself: str = ""
    described: int = 0
    signs_by: Sequence[str] = ()
    keys: list[dict[str, Any]] = field(default_factory=list)
    broken: bool = False

    def wrapped(self, inner: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        def outer(environment: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            request = Request(environment)
            if request.path == "/oauth2/authorize" and request.args.get("code_challenge_method") == "S256":
                self.challenges.add(request.args["code_challenge"])
            if request.path == "/oauth2/token":
                return self._token(inner, request, environment, start)
            if request.path == "/.well-known/openid-configuration":
                return self._description(inner, environment, start)
            if request.path == "/jwks" and self.keys:
                return _changed(inner, environment, start, lambda own: {"keys": [*own["keys"], *self.keys]})
            return inner(environment, start)

        return outer

    def _description(
        self, inner: Callable[..., Iterable[bytes]], environment: dict[str, Any], start: Callable[..., Any]
    ) -> Iterable[bytes]:
        self.described += 1

        def own(said: dict[str, Any]) -> dict[str, Any]:
            if self.calls_itself:
                said = json.loads(json.dumps(said).replace(self.issuer, self.calls_itself))
            if self.signs_by:
                said["id_token_signing_alg_values_supported"] = list(self.signs_by)
            return said

        return _changed(inner, environment, start, own)

    def _token(
        self,
        inner: Callable[..., Iterable[bytes]],
        request: Request,
        environment: dict[str, Any],
        start: Callable[..., Any],
    ) -> Iterable[bytes]:
        body = request.get_data(cache=True)
        environment["wsgi.input"] = io.BytesIO(body)
        verifier = parse_qs(body.decode()).get("code_verifier", [""])[0]
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if self.broken:
            start("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [b"broken"]
        if challenge not in self.challenges:
            start("400 Bad Request", [("Content-Type", "application/json")])
            return [b'{"error": "invalid_grant"}']
        return _changed(inner, environment, start, self._handed)

    def _handed(self, answer: dict[str, Any]) -> dict[str, Any]:
        self.answers.append(answer)
        return answer if self.hand is None else self.hand(answer)


def _changed(
    inner: Callable[..., Iterable[bytes]],
    environment: dict[str, Any],
    start: Callable[..., Any],
    change: Callable[[dict[str, Any]], dict[str, Any]],
) -> Iterable[bytes]:
    """What `inner` answers, changed on its way."""
    said: list[Any] = []
    whole = b"".join(inner(environment, lambda *given: said.append(given)))
    changed = change(json.loads(whole))
    start(said[0][0], [("Content-Type", "application/json")])
    return [json.dumps(changed).encode()]


@contextmanager
def provider() -> Iterator[Provider]:
    """Up for the block."""
    made = Provider()
    server = make_server("localhost", 0, made.wrapped(app(user_claims=PEOPLE)), threaded=True)
    made.issuer = f"http://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join(60)
        server.server_close()
