"""
What the workspace refuses, and how it says so.

    Refusal            answered as {"ok": false, "error": code, …}, with Slack's own code
    └── RateLimited    answered 429 with Retry-After
"""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A Web API call that Slack would refuse; `code` is Slack's, `details` go beside it."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details

    def body(self) -> dict[str, Any]:
        return {"ok": False, "error": self.code, **self.details}


class RateLimited(Refusal):
    """Too many calls; may be tried again after `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after


def refuse_shapes(code: str, problems: list[str]) -> Refusal:
    """The refusal for blocks or a view whose shape is wrong, each problem named by its JSON pointer."""
    return Refusal(code, response_metadata={"messages": [f"[ERROR] {problem}" for problem in problems]})
