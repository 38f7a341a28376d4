"""Requests to one tracker: refusals with messages that say what to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from domain.errors import TrackerError
from workers.environment.exchange import NoAnswer, NotReached, answered
from workers.environment.service import Reply, Service


class TrackerService(Service):
    """
    One operation on a tracker.

    Args:
        about: its name in messages.
        variable: where the secret came from.
    """

    def __init__(
        self, about: str, url: str, headers: Mapping[str, str], *, variable: str, seconds: float
    ) -> None:
        super().__init__(url, headers, seconds=seconds)
        self._about, self._variable = about, variable

    def ask(self, method: str, path: str, document: object = None, accept: Collection[int] = (200,)) -> Reply:
        """
        Send one request; the answer's status has to be one of `accept`.

        Raises:
            TrackerError: it was refused, or the outcome is unknown.
        """
        try:
            reply = self.send(method, path, document)
        except (NotReached, NoAnswer) as error:
            raise TrackerError(f"{self._about}: {error}") from error
        if reply.is_one_of(*accept):
            return reply
        raise TrackerError(f"{self._about} {self._refusal(reply)}{_fields(reply.document, document)}")

    def _refusal(self, reply: Reply) -> str:
        answered(f"{self._about} answered {reply.status}", reply.body)
        if reply.status == 401:
            return f"does not accept the secret in {self._variable} ({reply.status}); set that variable anew"
        if reply.status == 429 or (reply.status == 403 and b"rate limit" in reply.body.lower()):
            return f"asks to wait ({reply.status}); it is asked again later"
        if reply.status == 403:
            return f"does not let the account of {self._variable} do that ({reply.status}); give it the right"
        return f"answered {reply.status}"


def _fields(answer: object, asked: object) -> str:
    """The fields of ours that the tracker finds fault with; not what it says of them."""
    match answer, asked:
        case {"errors": dict(wrong)}, {"fields": dict(ours)} if found := [
            one for one in ours if one in wrong
        ]:
            return f", about {', '.join(found)}"
    return ""
