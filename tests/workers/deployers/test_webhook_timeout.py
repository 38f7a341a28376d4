"""The time that is declared for a webhook is the time it is given, whatever it is asked."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest

from domain.errors import DeployUncertain
from tests.workers.conftest import make_option
from tests.workers.deployers.badly import answering
from workers.deployers.webhook import KIND, WebhookDeployer, WebhookOptions

OPTION = make_option(deployer="hook")


def silent(connection: socket.socket, _request: bytes) -> None:
    """Waits for the other side to go."""
    connection.recv(1)


def opened(url: str, seconds: int) -> WebhookDeployer:
    declared = WebhookOptions(
        name="hook",
        kind="webhook",
        url=url,
        confirm_url=url,
        secret_env="HOOK_SECRET",
        timeout=timedelta(seconds=seconds),
    )
    made = KIND.open(declared, {"HOOK_SECRET": "shared"})
    assert isinstance(made, WebhookDeployer)
    return made


@pytest.mark.parametrize("seconds", [1, 2])
def test_a_receiver_that_says_nothing_is_waited_for_as_long_as_is_declared(seconds: int) -> None:
    with answering(silent) as server:
        hook = opened(server.url, seconds)
        for asked in (
            lambda: hook.apply("e", OPTION, None),
            lambda: hook.revert("e", OPTION),
            hook.serving,
        ):
            with pytest.raises(DeployUncertain, match=f"no whole answer within {seconds} s"):
                asked()
