"""Socket Mode as the wire sees it: tickets, greetings, ten connections, one payload to one of them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bot.workspace import Workspace


async def ticket(workspace: Workspace) -> str:
    async with httpx.AsyncClient() as http:
        headers = {"Authorization": "Bearer xapp-local"}
        answer = await http.post(workspace.api_url + "apps.connections.open", headers=headers)
        return str(answer.json()["url"])


async def heard(connection: ClientConnection) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(await asyncio.wait_for(connection.recv(), 300))
    return body


async def command(workspace: Workspace) -> dict[str, Any]:
    async with httpx.AsyncClient(timeout=60) as http:
        body = {"user": "U-ml", "channel": "C-data", "text": "status"}
        answered: dict[str, Any] = (await http.post(workspace.url + "/control/command", json=body)).json()
        return answered


async def test_a_connection_is_greeted_and_its_acknowledgement_carries_the_answer(
    workspace: Workspace,
) -> None:
    async with connect(await ticket(workspace)) as connection:
        hello = await heard(connection)
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        asked = asyncio.create_task(command(workspace))
        envelope = await heard(connection)
        assert (envelope["type"], envelope["accepts_response_payload"]) == ("slash_commands", True)
        assert envelope["payload"]["command"] == "/recsysops"
        await connection.send(json.dumps({"envelope_id": envelope["envelope_id"], "payload": {"text": "ok"}}))
        assert (await asked)["answer"] == {"text": "ok"}


async def test_a_ticket_lets_in_once(workspace: Workspace) -> None:
    url = await ticket(workspace)
    async with connect(url) as connection:
        await heard(connection)
        with pytest.raises(InvalidStatus):
            await connect(url)


async def test_ten_connections_are_open_at_most_and_each_payload_goes_to_one(workspace: Workspace) -> None:
    open_ones = [await connect(await ticket(workspace)) for _ in range(10)]
    for connection in open_ones:
        await heard(connection)
    async with connect(await ticket(workspace)) as one_more:
        assert (await heard(one_more))["reason"] == "too_many_websockets"
        with pytest.raises(ConnectionClosed):
            await one_more.recv()
    asked = [asyncio.create_task(command(workspace)) for _ in range(10)]
    ids = set()
    for connection in open_ones:
        envelope = await heard(connection)
        ids.add(envelope["envelope_id"])
        await connection.send(json.dumps({"envelope_id": envelope["envelope_id"]}))
    assert len(ids) == 10
    assert [answered["error"] for answered in await asyncio.gather(*asked)] == [""] * 10
    for connection in open_ones:
        await connection.close()


async def test_nonsense_closes_only_the_connection_it_came_through(workspace: Workspace) -> None:
    async with connect(await ticket(workspace)) as connection:
        await heard(connection)
        await connection.send("nonsense")
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(connection.recv(), 300)
    assert (await command(workspace))["error"] == "dispatch_failed"
