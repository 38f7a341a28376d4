"""The Web API answers as Slack's does, refusals included."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.workspace import Workspace, WorkspaceSettings
from bot.workspace.files import READY_SECONDS
from tests.bot.workspace.driver import Driver

SECTION: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": "*hello*"}}]
HOME: dict[str, Any] = {"type": "home", "blocks": SECTION}
MODAL: dict[str, Any] = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": SECTION}


def refusal(call: Any, **arguments: Any) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as refused:
        call(**arguments)
    body = refused.value.response.data
    assert isinstance(body, dict)
    return body


def test_a_call_without_or_with_a_foreign_token_is_refused(workspace: Workspace, client: WebClient) -> None:
    assert httpx.post(workspace.api_url + "auth.test").json()["error"] == "not_authed"
    foreign = WebClient(token="xoxb-other", base_url=workspace.api_url)
    assert refusal(foreign.auth_test)["error"] == "invalid_auth"
    assert refusal(client.apps_connections_open, app_token="xoxb-local")["error"] == "not_allowed_token_type"
    assert client.apps_connections_open(app_token="xapp-local")["url"].startswith("ws://127.0.0.1:")


def test_a_missing_scope_is_named() -> None:
    with Workspace(WorkspaceSettings(port=0, scopes="users:read")) as workspace:
        client = WebClient(token="xoxb-local", base_url=workspace.api_url)
        body = refusal(client.chat_postMessage, channel="C-data", text="x")
        assert (body["error"], body["needed"], body["provided"]) == (
            "missing_scope",
            "chat:write",
            "users:read",
        )
        assert client.users_info(user="U-ml")["ok"]


def test_an_unknown_method_says_so(client: WebClient) -> None:
    assert refusal(client.api_call, api_method="chat.shout")["error"] == "unknown_method"


def test_a_posted_message_comes_back_with_its_metadata_only_when_asked(client: WebClient) -> None:
    metadata = {"event_type": "card", "event_payload": {"incident": "142"}}
    client.chat_postMessage(channel="C-data", text="x", blocks=SECTION, metadata=metadata)
    plain = client.conversations_history(channel="C-data")["messages"][0]
    asked = {"channel": "C-data", "include_all_metadata": "true"}
    full = client.api_call("conversations.history", http_verb="GET", params=asked)["messages"][0]
    assert "metadata" not in plain
    assert full["metadata"] == metadata
    assert full["blocks"][0]["block_id"]


@pytest.mark.filterwarnings("ignore:The top-level `text`")  # slack_sdk warns of what is tried here
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C-none", "text": "x"}, "channel_not_found"),
        ({"channel": "C-data"}, "no_text"),
        ({"channel": "C-data", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "C-data", "text": "x", "blocks": [{"type": "blink"}]}, "invalid_blocks"),
        ({"channel": "C-data", "text": "x", "blocks": "not json"}, "invalid_blocks"),
        ({"channel": "C-data", "text": "x", "thread_ts": "1.0"}, "cannot_reply_to_message"),
    ],
)
def test_what_cannot_be_posted_is_refused(client: WebClient, arguments: dict[str, Any], error: str) -> None:
    assert refusal(client.chat_postMessage, **arguments)["error"] == error


def test_text_and_blocks_that_just_fit_are_posted_and_more_is_not(client: WebClient) -> None:
    assert client.chat_postMessage(channel="C-data", text="x" * 40_000)["ok"]
    texts = [3_000, 3_000, 3_000, 3_000, 13_200 - 12_000 - 4 * 125]
    fits = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * n}} for n in texts]
    assert client.chat_postMessage(channel="C-data", text="x", blocks=fits)["ok"]
    fits[-1]["text"] = {"type": "mrkdwn", "text": "x" * (texts[-1] + 1)}
    body = refusal(client.chat_postMessage, channel="C-data", text="x", blocks=fits)
    assert body["error"] == "msg_blocks_too_long"


def test_refused_blocks_name_the_place(client: WebClient) -> None:
    header = {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}
    body = refusal(client.chat_postMessage, channel="C-data", text="x", blocks=[SECTION[0], header])
    assert body["response_metadata"]["messages"] == [
        "[ERROR] String should have at most 150 characters [json-pointer:/blocks/1/text/text]"
    ]


def test_updating_with_text_alone_removes_the_blocks_and_keeps_the_metadata(
    client: WebClient, driver: Driver
) -> None:
    metadata = {"event_type": "card", "event_payload": {}}
    posted = client.chat_postMessage(channel="C-data", text="one", blocks=SECTION, metadata=metadata)
    client.chat_update(channel="C-data", ts=posted["ts"], text="two")
    [message] = driver.messages("C-data")
    assert (message["text"], message["blocks"], message["metadata"]) == ("two", None, metadata)
    assert [version["text"] for version in message["versions"]] == ["one"]


def test_only_the_apps_own_messages_can_be_changed_and_a_deleted_one_is_gone(
    client: WebClient, driver: Driver
) -> None:
    driver.say("<b> & mine", channel="C-data")
    [said] = driver.messages("C-data")
    assert said["text"] == "&lt;b&gt; &amp; mine"
    place = {"channel": "C-data", "ts": said["ts"]}
    assert refusal(client.chat_update, **place, text="x")["error"] == "cant_update_message"
    place["ts"] = client.chat_postMessage(channel="C-data", text="x")["ts"]
    client.chat_delete(**place)
    assert refusal(client.chat_update, **place, text="y")["error"] == "message_not_found"
    assert [m["text"] for m in client.conversations_history(channel="C-data")["messages"]] == [said["text"]]


def test_replies_are_in_the_thread_and_not_in_the_history(client: WebClient) -> None:
    parent = client.chat_postMessage(channel="C-data", text="parent")
    first = client.chat_postMessage(channel="C-data", text="one", thread_ts=parent["ts"])
    client.chat_postMessage(channel="C-data", text="two", thread_ts=first["ts"])
    history = client.conversations_history(channel="C-data")["messages"]
    assert [(m["text"], m["reply_count"]) for m in history] == [("parent", 2)]
    replies = client.conversations_replies(channel="C-data", ts=parent["ts"])["messages"]
    assert [m["text"] for m in replies] == ["parent", "one", "two"]
    assert refusal(client.conversations_replies, channel="C-data", ts="1.0")["error"] == "thread_not_found"


def test_history_is_newest_first_and_comes_in_pages(client: WebClient) -> None:
    stamps = [client.chat_postMessage(channel="C-data", text=str(n))["ts"] for n in range(5)]
    pages = [page["messages"] for page in client.conversations_history(channel="C-data", limit=2)]
    assert [[m["text"] for m in page] for page in pages] == [["4", "3"], ["2", "1"], ["0"]]
    since = client.conversations_history(channel="C-data", oldest=stamps[2])["messages"]
    assert [m["text"] for m in since] == ["4", "3"]
    asked = {"channel": "C-data", "latest": stamps[1], "inclusive": "true"}
    until = client.api_call("conversations.history", http_verb="GET", params=asked)["messages"]
    assert [m["text"] for m in until] == ["1", "0"]


def test_people_groups_and_channels_are_listed_and_a_person_can_be_written_to(
    client: WebClient, driver: Driver
) -> None:
    assert client.users_info(user="U-oncall")["user"]["real_name"] == "On call"
    assert refusal(client.users_info, user="U-none")["error"] == "user_not_found"
    groups = {group["handle"]: group["users"] for group in client.usergroups_list()["usergroups"]}
    assert groups["leads"] == ["U-lead"]
    driver.channel("C-data", is_member=False)
    assert len(client.conversations_list()["channels"]) == 3
    assert [one["name"] for one in client.users_conversations()["channels"]] == ["recsysops", "content"]
    assert refusal(client.conversations_history, channel="C-data")["error"] == "not_in_channel"
    assert client.chat_postMessage(channel="U-lead", text="x")["channel"] == "D-lead"


def test_an_uploaded_picture_stands_in_blocks_once_slack_has_looked_at_it(
    client: WebClient, workspace: Workspace
) -> None:
    picture = b"\x89PNG\r\n\x1a\n-not-a-whole-picture"
    file = client.files_upload_v2(filename="slice.png", content=picture)["files"][0]["id"]
    shown = httpx.get(f"{workspace.url}/files/{file}")
    assert (shown.content, shown.headers["Content-Type"]) == (picture, "image/png")
    block = {"type": "image", "alt_text": "a", "slack_file": {"id": file}}
    fresh = refusal(client.chat_postMessage, channel="C-data", text="x", blocks=[block])
    assert fresh["error"] == "invalid_blocks"
    time.sleep(READY_SECONDS)
    assert client.chat_postMessage(channel="C-data", text="x", blocks=[block])["ok"]


def test_a_file_that_is_no_picture_is_only_to_be_saved(client: WebClient, workspace: Workspace) -> None:
    file = client.files_upload_v2(filename="a.html", content="<script></script>")["files"][0]["id"]
    shown = httpx.get(f"{workspace.url}/files/{file}")
    assert shown.headers["Content-Disposition"] == "attachment"
    assert shown.headers["Content-Type"] == "application/octet-stream"


def test_a_view_too_large_of_the_wrong_kind_or_without_a_trigger_is_refused(
    client: WebClient, driver: Driver
) -> None:
    client.views_publish(user_id="U-ml", view=HOME)
    assert driver.state()["homes"]["U-ml"]["blocks"][0]["text"]["text"] == "*hello*"
    assert refusal(client.views_publish, user_id="U-none", view=HOME)["error"] == "user_not_found"
    body = refusal(client.views_publish, user_id="U-ml", view=MODAL)
    assert body["error"] == "invalid_arguments"
    assert "json-pointer:/view/type" in body["response_metadata"]["messages"][0]
    large = {**HOME, "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_000}}] * 90}
    assert refusal(client.views_publish, user_id="U-ml", view=large)["error"] == "view_too_large"
    assert refusal(client.views_open, trigger_id="1.2.x", view=MODAL)["error"] == "invalid_trigger_id"
