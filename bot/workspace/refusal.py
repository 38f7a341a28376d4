"""What the Web API refuses, and how it says so."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse


class Refusal(Exception):
    """A call that Slack would refuse; `code` is Slack's, `details` go beside it."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details

    def response(self) -> JSONResponse:
        """Slack says no with status 200, except where the app has to wait: 429 with Retry-After."""
        body = {"ok": False, "error": self.code, **self.details}
        if self.code != "ratelimited":
            return JSONResponse(body)
        return JSONResponse(body, 429, headers={"Retry-After": str(self.details["retry_after"])})


def refuse_shapes(code: str, problems: list[str]) -> Refusal:
    """The refusal for blocks or a view whose shape is wrong, each problem named by its JSON pointer."""
    return Refusal(code, response_metadata={"messages": [f"[ERROR] {problem}" for problem in problems]})
