"""The Web API answers as Slack's does, refusals included."""

from __future__ import annotations

import io
import json
import urllib.request
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.workspace import Workspace, WorkspaceSettings
from tests.bot.workspace.driver import Driver

SECTION: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": "*hello*"}}]
HOME: dict[str, Any] = {"type": "home", "blocks": SECTION}


def refusal(call: Any, **arguments: Any) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as refused:
        call(**arguments)
    body = refused.value.response.data
    assert isinstance(body, dict)
    return body


def test_a_call_without_or_with_a_foreign_token_is_refused(workspace: Workspace) -> None:
    assert httpx.post(workspace.api_url + "auth.test").json()["error"] == "not_authed"
    foreign = WebClient(token="xoxb-other", base_url=workspace.api_url)
    assert refusal(foreign.auth_test)["error"] == "invalid_auth"


def test_a_missing_scope_is_named() -> None:
    with Workspace(WorkspaceSettings(port=0, scopes=("users:read",))) as workspace:
        client = WebClient(token="xoxb-local", base_url=workspace.api_url)
        body = refusal(client.chat_postMessage, channel="C-data", text="x")
        assert (body["error"], body["needed"], body["provided"]) == (
            "missing_scope",
            "chat:write",
            "users:read",
        )
        assert client.users_list()["ok"]


def test_socket_mode_wants_the_app_token(client: WebClient, workspace: Workspace) -> None:
    assert refusal(client.apps_connections_open, app_token="xoxb-local")["error"] == "not_allowed_token_type"
    assert client.apps_connections_open(app_token="xapp-local")["url"].startswith("ws://127.0.0.1:")


def test_an_unknown_method_says_so(client: WebClient) -> None:
    assert refusal(client.api_call, api_method="chat.shout")["error"] == "unknown_method"


def test_a_posted_message_comes_back_with_its_metadata_only_when_asked(client: WebClient) -> None:
    metadata = {"event_type": "card", "event_payload": {"incident": "142"}}
    posted = client.chat_postMessage(channel="#recsysops", text="x", blocks=SECTION, metadata=metadata)
    plain = client.conversations_history(channel=posted["channel"])["messages"][0]
    full = client.conversations_history(channel=posted["channel"], include_all_metadata=True)["messages"][0]
    assert "metadata" not in plain
    assert full["metadata"] == metadata
    assert full["blocks"][0]["block_id"]


def test_json_that_is_none_is_refused(workspace: Workspace) -> None:
    headers = {"Authorization": "Bearer xoxb-local", "Content-Type": "application/json"}
    for body, error in ((b"{", "invalid_json"), (b"[]", "json_not_object")):
        answer = httpx.post(workspace.api_url + "auth.test", content=body, headers=headers)
        assert answer.json()["error"] == error


def test_a_form_is_read_like_json(workspace: Workspace) -> None:
    form = {"channel": "C-data", "text": "x", "blocks": json.dumps(SECTION), "token": "xoxb-local"}
    answer = httpx.post(workspace.api_url + "chat.postMessage", data=form).json()
    assert answer["message"]["blocks"][0]["text"]["text"] == "*hello*"


@pytest.mark.filterwarnings("ignore:The top-level `text`")  # slack_sdk warns of what is tried here
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C-none", "text": "x"}, "channel_not_found"),
        ({"channel": "C-data"}, "no_text"),
        ({"channel": "C-data", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "C-data", "text": "x", "blocks": [{"type": "blink"}]}, "invalid_blocks"),
        ({"channel": "C-data", "text": "x", "blocks": "not json"}, "invalid_blocks_format"),
        ({"channel": "C-data", "text": "x", "thread_ts": "1.0"}, "cannot_reply_to_message"),
        ({"channel": "C-data", "text": "x", "metadata": {"event_type": "a b", "event_payload": {}}},
         "invalid_metadata_format"),
    ],
)  # fmt: skip
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
        "[ERROR] must be less than 151 characters [json-pointer:/blocks/1/text/text]"
    ]


def test_updating_with_text_alone_removes_the_blocks_and_keeps_the_metadata(
    client: WebClient, driver: Driver
) -> None:
    metadata = {"event_type": "card", "event_payload": {}}
    posted = client.chat_postMessage(channel="C-data", text="one", blocks=SECTION, metadata=metadata)
    client.chat_update(channel="C-data", ts=posted["ts"], text="two")
    [message] = driver.messages("C-data")
    assert (message["text"], message["blocks"], message["metadata"]) == ("two", None, metadata)
    assert message["edit_count"] == 1
    assert message["versions"][0]["text"] == "one"


def test_only_the_apps_own_messages_can_be_changed(client: WebClient, driver: Driver) -> None:
    said = driver.say("mine", channel="C-data")["ts"]
    assert refusal(client.chat_update, channel="C-data", ts=said, text="x")["error"] == "cant_update_message"
    assert refusal(client.chat_delete, channel="C-data", ts=said)["error"] == "cant_delete_message"
    assert refusal(client.chat_update, channel="C-data", ts="1.0", text="x")["error"] == "message_not_found"


def test_a_deleted_message_is_gone(client: WebClient) -> None:
    posted = client.chat_postMessage(channel="C-data", text="x")
    client.chat_delete(channel="C-data", ts=posted["ts"])
    assert client.conversations_history(channel="C-data")["messages"] == []
    body = refusal(client.chat_update, channel="C-data", ts=posted["ts"], text="y")
    assert body["error"] == "message_not_found"


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
    inclusive = client.conversations_history(channel="C-data", oldest=stamps[2], inclusive=True)["messages"]
    assert [m["text"] for m in inclusive] == ["4", "3", "2"]


def test_an_ephemeral_message_is_seen_by_one_person_only(client: WebClient, driver: Driver) -> None:
    client.chat_postEphemeral(channel="C-data", user="U-ml", text="psst")
    assert [m["text"] for m in driver.ephemerals("U-ml")] == ["psst"]
    assert driver.ephemerals("U-lead") == []
    assert client.conversations_history(channel="C-data")["messages"] == []
    body = refusal(client.chat_postEphemeral, channel="C-data", user="U-none", text="psst")
    assert body["error"] == "user_not_in_channel"


def test_people_and_groups_are_listed(client: WebClient) -> None:
    assert client.users_info(user="U-oncall")["user"]["real_name"] == "On call"
    assert refusal(client.users_info, user="U-none")["error"] == "user_not_found"
    assert {group["handle"] for group in client.usergroups_list()["usergroups"]} == {
        "oncall", "ml", "leads", "content",
    }  # fmt: skip
    assert client.usergroups_users_list(usergroup="S-leads")["users"] == ["U-lead"]
    assert refusal(client.usergroups_users_list, usergroup="S-none")["error"] == "no_such_subteam"


def test_channels_are_listed_and_a_person_can_be_written_to(client: WebClient) -> None:
    names = [channel["name"] for channel in client.conversations_list()["channels"]]
    assert names == ["recsysops", "content", "data"]
    assert client.conversations_info(channel="C-data")["channel"]["name"] == "data"
    direct = client.conversations_open(users="U-lead")["channel"]["id"]
    assert client.chat_postMessage(channel="U-lead", text="x")["channel"] == direct


def test_a_reaction_counts_once(client: WebClient) -> None:
    posted = client.chat_postMessage(channel="C-data", text="x")
    client.reactions_add(channel="C-data", timestamp=posted["ts"], name="eyes")
    again = {"channel": "C-data", "timestamp": posted["ts"], "name": "eyes"}
    assert refusal(client.reactions_add, **again)["error"] == "already_reacted"


def test_a_permalink_opens_the_page_at_the_message(client: WebClient, workspace: Workspace) -> None:
    ts = client.chat_postMessage(channel="C-data", text="x")["ts"]
    link = client.chat_getPermalink(channel="C-data", message_ts=ts)["permalink"]
    assert link == f"{workspace.url}/#C-data/{ts}"


def test_an_uploaded_picture_stands_in_its_thread_and_in_blocks(client: WebClient, driver: Driver) -> None:
    parent = client.chat_postMessage(channel="C-data", text="x")["ts"]
    picture = b"\x89PNG\r\n\x1a\n-not-a-whole-picture"
    shared = client.files_upload_v2(
        filename="slice.png", file=io.BytesIO(picture), channel="C-data", thread_ts=parent
    )
    file = shared["files"][0]
    assert driver.messages("C-data")[-1]["files"] == [file["id"]]
    with urllib.request.urlopen(file["url_private"]) as response:
        assert (response.read(), response.headers["Content-Type"]) == (picture, "image/png")
    block = {"type": "image", "alt_text": "a", "slack_file": {"id": file["id"]}}
    fresh = refusal(client.chat_postMessage, channel="C-data", text="x", blocks=[block])
    assert fresh["error"] == "invalid_blocks"  # Slack looks at it for a moment first
    driver.advance(1.0)
    assert client.chat_postMessage(channel="C-data", text="x", blocks=[block])["ok"]
    block["slack_file"] = {"id": "F-none"}
    body = refusal(client.chat_postMessage, channel="C-data", text="x", blocks=[block])
    assert body["error"] == "invalid_blocks"


def test_a_file_that_is_no_picture_is_only_to_be_saved(client: WebClient) -> None:
    file = client.files_upload_v2(filename="a.html", content="<script></script>")["files"][0]
    with urllib.request.urlopen(file["url_private"]) as response:
        assert response.headers["Content-Disposition"] == "attachment"
        assert response.headers["Content-Type"] == "application/octet-stream"


def test_a_home_is_published_and_an_old_hash_is_refused(client: WebClient, driver: Driver) -> None:
    first = client.views_publish(user_id="U-ml", view=HOME)["view"]
    client.views_publish(user_id="U-ml", view=HOME, hash=first["hash"])
    body = refusal(client.views_publish, user_id="U-ml", view=HOME, hash=first["hash"])
    assert body["error"] == "hash_conflict"
    assert driver.state()["homes"]["U-ml"]["id"] == first["id"]
    assert refusal(client.views_publish, user_id="U-none", view=HOME)["error"] == "user_not_found"


def test_a_view_too_large_or_of_the_wrong_kind_is_refused(client: WebClient) -> None:
    modal = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": SECTION}
    body = refusal(client.views_publish, user_id="U-ml", view=modal)
    assert body["error"] == "invalid_arguments"
    assert "json-pointer:/view/type" in body["response_metadata"]["messages"][0]
    large = {**HOME, "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_000}}] * 90}
    assert refusal(client.views_publish, user_id="U-ml", view=large)["error"] == "view_too_large"
    assert refusal(client.views_open, trigger_id="1.2.x", view=modal)["error"] == "invalid_trigger_id"
