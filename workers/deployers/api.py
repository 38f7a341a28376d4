"""Requests that change a target: clear rules on what is certain after a failure."""

from __future__ import annotations

from collections.abc import Collection

from domain.errors import DeployError, DeployUncertain
from workers.environment.exchange import NoAnswer, NotReached, answered
from workers.environment.service import Reply, Service

LATER = (408, 425, 429)
"""Refusals that say nothing about the request: it may be sent again."""


class Api(Service):
    """
    One apply or revert that takes several requests.

    Until something was changed a refusal is certain; afterwards nothing is, and every failure is a
    DeployUncertain: when asked again, the deployer looks at the target to find out how far it came.
    """

    _changed = False

    def get(self, path: str, accept: Collection[int] = (200,)) -> Reply:
        """Read something; the answer's status has to be one of these."""
        return self._ask("GET", path, None, accept)

    def change(self, method: str, path: str, document: object, accept: Collection[int] = (200,)) -> Reply:
        """Change something; from here on no failure is certain."""
        return self._ask(method, path, document, accept)

    def failed(self, says: str) -> DeployError:
        """The error with this message: certain or uncertain, as things stand."""
        return DeployUncertain(says) if self._changed else DeployError(says)

    def _ask(self, method: str, path: str, document: object, accept: Collection[int]) -> Reply:
        try:
            reply = self.send(method, path, document)
        except NotReached as error:
            raise self.failed(f"{error}; is it running?") from error
        except NoAnswer as error:
            self._changed = self._changed or method != "GET"
            raise DeployUncertain(f"{error}; asking again with the same id is safe") from error
        if method != "GET" and not 400 <= reply.status < 500:
            self._changed = True
        if reply.is_one_of(*accept):
            return reply
        said = f"{method} {path.partition('?')[0]} was answered {reply.status}"
        answered(said, reply.body)
        if 200 <= reply.status < 300 or reply.status >= 500 or reply.status in LATER:
            raise DeployUncertain(said)
        raise self.failed(said)
