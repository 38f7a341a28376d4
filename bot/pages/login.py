"""
A person's login by OpenID Connect: authorization code with PKCE, state and nonce; the id_token verified.

The browser keeps one signed cookie: who somebody is, and until when. Authlib, which talks to the provider,
is loaded at the first login.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import warnings
from collections.abc import Mapping
from typing import Any, cast

import structlog
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import NotAllowed
from workers.door import Door
from workers.door import Login as Declared

SESSION_SECONDS = 8 * 3600
PROVIDER_SECONDS = 10.0
LEEWAY_SECONDS = 60
"""How far the provider's clock may differ from ours."""

DONE = "/login/done"
_log = structlog.get_logger(__name__)


class Unreachable(Exception):
    """The provider does not answer, or not as it should."""


class Login:
    """The two ends of a login, and the session that remembers it."""

    def __init__(self, declared: Declared, public_url: str, door: Door) -> None:
        self._door = door
        self._declared = declared
        self._done = public_url + DONE
        self._provider: Any = None

    async def begin(self, request: Request) -> Response:
        """
        Redirect to the provider, which sends the browser back to `DONE`.

        Raises:
            Unreachable: the provider does not say where to go.
        """
        import httpx  # noqa: PLC0415 - loaded at the first login, as Authlib is

        try:
            provider = await self._ready()
            return cast("Response", await provider.authorize_redirect(request, self._done))
        except (httpx.HTTPError, ValueError, KeyError, RuntimeError) as error:
            raise _unreachable(error) from error

    async def end(self, request: Request) -> None:
        """
        Verify that the returning person is who the provider says, and start their session.

        Raises:
            NotAllowed: the answer fits no request of ours, cannot be verified, or is for somebody who is not
                allowed.
            Unreachable: the provider does not answer.
        """
        import httpx  # noqa: PLC0415
        from authlib.common.errors import AuthlibBaseError  # noqa: PLC0415 - loaded at the first login
        from joserfc.errors import JoseError  # noqa: PLC0415

        try:
            provider = await self._ready()
            token = await provider.authorize_access_token(
                request, claims_options=self._claims(), leeway=LEEWAY_SECONDS
            )
        except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as error:
            _log.warning("login_refused", error=type(error).__name__)
            raise NotAllowed("The login could not be verified. Please log in again.") from error
        except (httpx.HTTPError, RuntimeError) as error:
            raise _unreachable(error) from error
        claims = token.get("userinfo")
        if not claims:
            raise NotAllowed("The provider did not say who you are (no id_token).")
        self._remember(request, claims)

    async def who(self, request: Request) -> str | None:
        """Who is logged in (`oidc:…`) and still allowed; None if nobody is."""
        session = request.session
        if session.get("until", 0) <= time.time() or not self._allows(session.get("claims", {})):
            return None
        if await asyncio.to_thread(self._door.is_login_ended, session["id"]):
            return None
        return f"oidc:{session['claims']['sub']}"

    async def forget(self, request: Request) -> None:
        """Log out: this browser forgets who was logged in, and its cookie no longer opens anything."""
        if login := request.session.get("id"):
            await asyncio.to_thread(self._door.end_login, login)
        request.session.clear()

    def _remember(self, request: Request, claims: Mapping[str, Any]) -> None:
        kept = {name: claims[name] for name in ("sub", "email", "email_verified") if name in claims}
        of_ours = [one for one in self._declared.groups if one in _groups(claims)]
        kept["groups"] = of_ours  # a cookie has no room for hundreds
        if not self._allows(kept):
            raise NotAllowed("You are logged in, but you have no permission to see these pages.")
        request.session.clear()  # the old session belongs to whoever was logged in before
        request.session.update(
            {"claims": kept, "until": time.time() + SESSION_SECONDS, "id": secrets.token_hex(8)}
        )

    def _allows(self, claims: Mapping[str, Any]) -> bool:
        email = str(claims.get("email", "")).lower()
        verified = claims.get("email_verified") is True and email.count("@") == 1
        return (
            claims["sub"] in self._declared.subjects
            or (verified and email.rpartition("@")[2] in self._declared.domains)
            or not _groups(claims).isdisjoint(self._declared.groups)
        )

    def _claims(self) -> dict[str, Any]:
        needed = {name: {"essential": True} for name in ("sub", "exp", "iat")}
        return {
            **needed,
            "iss": {"essential": True, "value": self._declared.issuer},
            "aud": {"essential": True, "value": self._declared.client_id},
            "nonce": {"essential": True},
        }

    async def _ready(self) -> Any:
        """The provider with its metadata; the metadata is requested again if that failed before."""
        if self._provider is None:
            provider = _client(self._declared)
            said = await provider.load_server_metadata()
            if str(said["issuer"]).rstrip("/") != self._declared.issuer:
                raise ValueError(f"the provider calls itself {said['issuer']!r}")
            self._provider = provider
        return self._provider


def _client(declared: Declared) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would prefer another client to httpx, which we have
        from authlib.integrations.starlette_client import OAuth  # noqa: PLC0415
    return OAuth().register(
        "provider",
        client_id=declared.client_id,
        client_secret=declared.client_secret,
        server_metadata_url=f"{declared.issuer}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid email profile",
            "code_challenge_method": "S256",
            "timeout": PROVIDER_SECONDS,
        },
    )


def _groups(claims: Mapping[str, Any]) -> set[str]:
    said = claims.get("groups") or ()
    return {str(one) for one in said} if isinstance(said, list | tuple) else {str(said)}


def _unreachable(error: Exception) -> Unreachable:
    _log.warning("provider_not_reached", error=type(error).__name__)
    return Unreachable("The login provider is not answering. Try again in a minute.")
