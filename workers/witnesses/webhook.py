"""A third party's service that takes checkpoints by a signed POST, and may list them again."""

from __future__ import annotations

from typing import Literal, Self

import orjson
from pydantic import model_validator

from domain.errors import WitnessError
from domain.recommender.witness import Witness
from workers.environment import clock
from workers.environment.exchange import NoAnswer, NotReached, exchange, is_safe, signed_headers
from workers.store.log.checkpoint import Checkpoint, Held
from workers.witnesses.kind import Kind, Surroundings
from workers.witnesses.lines import held_in, is_kept

ANSWER_BYTES = 64 * 1024
READ_BYTES = 64 * 1024 * 1024
SHOWN_CHARACTERS = 200


class WebhookWitness(Witness):
    """
    `url` is posted `{"id", "action": "witness", "checkpoint"}`, signed with the secret in `secret_env` like a
    webhook deployer's calls; a repeated id gets the same answer as the first time. `read_url`, if
    declared, answers a signed GET with the checkpoints of `?workspace=`, one per line.
    """

    kind: Literal["webhook"]
    url: str
    """Address that checkpoints are posted to."""
    secret_env: str
    """Variable with the secret that calls are signed with."""
    read_url: str | None = None
    """Address that lists the checkpoints of `?workspace=`, one per line."""

    @model_validator(mode="after")
    def _safe(self) -> Self:
        for url in (self.url, self.read_url):
            if url is not None and not is_safe(url):
                raise ValueError("a webhook needs https, or http on this machine (127.0.0.1, ::1, localhost)")
        return self


class Webhook:
    """Calls the service."""

    def __init__(self, declared: WebhookWitness, secret: bytes) -> None:
        self._declared = declared
        self._secret = secret

    def hand(self, checkpoint: Checkpoint) -> str:
        """Post the checkpoint; the service recognises by its id what it took before."""
        if self._declared.read_url is not None:
            is_kept(checkpoint, self.held(checkpoint.workspace) or [])
        place = f"{checkpoint.workspace}:{checkpoint.position}"
        document = {"id": f"checkpoint:{place}", "action": "witness", "checkpoint": checkpoint.signed}
        status, answer = self._call("POST", self._declared.url, orjson.dumps(document), ANSWER_BYTES)
        if not 200 <= status < 300:
            said = answer[:SHOWN_CHARACTERS].decode(errors="replace").strip()
            raise WitnessError(f"it answered {status}: {said}")
        return f"it answered {status} to position {checkpoint.position}"

    def held(self, workspace: str) -> list[Held] | None:
        """What the service lists; None if `read_url` is not declared."""
        if self._declared.read_url is None:
            return None
        joint = "&" if "?" in self._declared.read_url else "?"
        url = f"{self._declared.read_url}{joint}workspace={workspace}"
        status, answer = self._call("GET", url, b"", READ_BYTES)
        if status != 200:
            raise WitnessError(f"it answered {status} when asked what it holds")
        held = held_in(answer, f"the answer of the witness “{self._declared.name}”")
        return [one for one in held if one.checkpoint.workspace == workspace]

    def _call(self, method: str, url: str, body: bytes, most_bytes: int) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json", **signed_headers(self._secret, body, clock.now())}
        seconds = self._declared.timeout.total_seconds()
        try:
            return exchange(method, url, body, headers, seconds=seconds, most_bytes=most_bytes)
        except (NotReached, NoAnswer) as error:
            raise WitnessError(str(error)) from None


def _opened(witness: WebhookWitness, around: Surroundings) -> Webhook:
    secret = around.environment.get(witness.secret_env)
    if not secret:
        raise WitnessError(f"the variable {witness.secret_env} is not set: calls could not be signed")
    return Webhook(witness, secret.encode())


KIND = Kind("webhook", WebhookWitness, _opened)
