"""Overrides changed by pull requests on a real Git repository, behind the requests that GitHub answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.errors import ConfigurationError, DeployError, DeployUncertain
from tests.proxy import Proxy
from tests.workers.conftest import make_option
from tests.workers.deployers.hub import REPOSITORY, TOKEN, Hub, listening
from workers.deployers.confirming import open_deployer
from workers.deployers.deployer import Deployer
from workers.deployers.pull_request import KIND, PullRequestOptions

OPTION = make_option(deployer="repository")
LATER = datetime(2026, 3, 8, 12, tzinfo=UTC)
FILE = "config/overrides.json"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with listening(Hub(tmp_path / "serving.git")) as running:
        yield running


def declared(hub: Hub, **keys: Any) -> PullRequestOptions:
    given = {"name": "repository", "kind": "pull_request", "url": hub.url, "repository": REPOSITORY}
    given |= {"file": FILE, "token_env": "HUB_TOKEN"}
    return PullRequestOptions.model_validate({**given, "timeout": timedelta(seconds=60), **keys})


def deployer(hub: Hub, **keys: Any) -> Deployer:
    return open_deployer(declared(hub, **keys), {"HUB_TOKEN": TOKEN})


def held(hub: Hub) -> list[str]:
    return [entry["id"] for entry in json.loads(hub.read(FILE))["overrides"]]


def test_a_hotfix_is_merged_read_back_and_taken_out_by_another_pull_request(hub: Hub) -> None:
    one = deployer(hub)
    assert one.apply("event:1", OPTION, LATER).endswith("fill_feature for 1 items, merged as #1")
    assert (held(hub), one.serving()) == (["event:1"], frozenset({"event:1"}))
    assert "Hotfix: event:1" in hub.pulls[0]["body"]
    assert "Until 2026-03-08 12:00 UTC." in hub.pulls[0]["body"]
    assert "merged as #2" in one.revert("event:1", OPTION)
    assert (held(hub), one.serving()) == ([], frozenset())
    assert hub.branches() == {"main"}
    assert hub.read("README.md") == "what serving reads"


def test_twice_is_once_and_strangers_entries_stay(hub: Hub) -> None:
    hub.commit(FILE, json.dumps({"version": 1, "owner": "a team", "overrides": [{"id": "theirs"}]}))
    one = deployer(hub)
    one.apply("event:1", OPTION, LATER)
    assert "already holds" in one.apply("event:1", OPTION, LATER)
    assert (held(hub), len(hub.pulls)) == (["theirs", "event:1"], 1)
    one.revert("event:1", OPTION)
    assert "does not hold" in one.revert("event:1", OPTION)
    assert (held(hub), len(hub.pulls)) == (["theirs"], 2)
    assert json.loads(hub.read(FILE))["owner"] == "a team"


def test_what_was_taken_back_is_not_applied_again(hub: Hub) -> None:
    one = deployer(hub)
    one.apply("event:1", OPTION, LATER)
    one.revert("event:1", OPTION)
    with pytest.raises(DeployError, match="#1 was taken back") as caught:
        one.apply("event:1", OPTION, LATER)
    assert not isinstance(caught.value, DeployUncertain)


def test_it_waits_for_a_check_that_runs(hub: Hub) -> None:
    hub.refuses = 2
    deployer(hub).apply("event:1", OPTION, LATER)
    assert held(hub) == ["event:1"]
    # Another commit would begin the check anew, for ever.
    assert hub.requests.count(("POST", "git/commits")) == 1
    assert not [path for method, path in hub.requests if method == "PATCH"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"type": "submodule", "encoding": "base64", "content": ""}, "is no file"),
        ({"type": "file", "encoding": "none", "content": ""}, "longer than the 1 MB"),
    ],
)
def test_what_is_not_shown_whole_is_not_written_over(hub: Hub, answer: dict[str, str], says: str) -> None:
    hub.contents = lambda _path, _asked: (200, answer)  # type: ignore[assignment]
    with pytest.raises(DeployError, match=says):
        deployer(hub).apply("event:1", OPTION, LATER)
    assert {method for method, _ in hub.requests} == {"GET"}


def test_what_may_not_be_merged_in_time_is_uncertain_and_closed_when_it_is_given_up(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.refuses = 1_000
    # Less is left than the next pause, however much that is: nothing is waited for, on a busy machine too.
    monkeypatch.setattr("workers.deployers.pull_request.PAUSE_SECONDS", 3_600.0)
    with pytest.raises(DeployUncertain, match="#1 of shop/serving cannot be merged yet: Pull Request is not"):
        deployer(hub).apply("event:1", OPTION, LATER)
    hub.refuses = 0
    assert "does not hold" in deployer(hub).revert("event:1", OPTION)
    assert [one["state"] for one in hub.pulls] == ["closed"]
    with pytest.raises(DeployError, match="#1 was taken back"):
        deployer(hub).apply("event:1", OPTION, LATER)
    assert hub.merged == {}


def test_what_others_merged_meanwhile_is_built_upon(hub: Hub) -> None:
    one = deployer(hub)
    hub.commit(FILE, json.dumps({"version": 1, "overrides": []}))
    merge, others = Hub.merge_pull, iter(["theirs"])

    def overtaken(self: Hub, number: str, asked: Any) -> Any:
        for key in others:
            hub.commit(FILE, json.dumps({"version": 1, "overrides": [{"id": key}]}))
        return merge(self, number, asked)

    hub.merge_pull = overtaken.__get__(hub)  # type: ignore[method-assign]
    one.apply("event:1", OPTION, LATER)
    assert held(hub) == ["theirs", "event:1"]


@pytest.mark.parametrize("answer", [True, False], ids=["done and not answered", "never arrived"])
@pytest.mark.parametrize(
    "lost",
    ["POST /repos/shop/serving/git/refs", "POST /repos/shop/serving/pulls", "PUT ", "DELETE "],
)
def test_a_lost_answer_is_uncertain_and_asking_again_merges_once(hub: Hub, lost: str, answer: bool) -> None:
    with Proxy("127.0.0.1", int(hub.url.rpartition(":")[2])) as way:
        over = deployer(hub, url=f"http://127.0.0.1:{way.port}")
        way.lose(lost.encode(), answer=answer)
        with pytest.raises(DeployUncertain):
            over.apply("event:1", OPTION, LATER)
        way.open()
        over.apply("event:1", OPTION, LATER)
        assert held(hub) == ["event:1"]
        assert list(hub.merged.values()) == [1]
        way.cut()
        with pytest.raises(DeployError, match="is it running") as caught:
            over.apply("event:2", OPTION, LATER)
        assert not isinstance(caught.value, DeployUncertain)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"repository": "shop/another"}, "was answered 404"),
        ({"base": "production"}, "was answered 404"),
        ({"file": "config"}, "config in shop/serving is no file"),
    ],
)
def test_what_is_not_there_is_refused_in_words(hub: Hub, keys: dict[str, Any], says: str) -> None:
    hub.commit(FILE, '{"version": 1, "overrides": []}')
    with pytest.raises(DeployError) as caught:
        deployer(hub, **keys).apply("event:1", OPTION, LATER)
    assert says in str(caught.value)
    assert not isinstance(caught.value, DeployUncertain)
    assert hub.pulls == []


def test_a_file_that_is_not_understood_is_left_alone(hub: Hub) -> None:
    hub.commit(FILE, "{half")
    with pytest.raises(DeployError, match="is not JSON"):
        deployer(hub).apply("event:1", OPTION, LATER)
    assert (hub.read(FILE), hub.pulls) == ("{half", [])


def test_a_token_that_is_wrong_or_missing_is_reported_and_never_shown(hub: Hub) -> None:
    with pytest.raises(DeployError, match="was answered 401") as caught:
        open_deployer(declared(hub), {"HUB_TOKEN": "a wrong one"}).apply("event:1", OPTION, LATER)
    assert "a wrong one" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="HUB_TOKEN"):
        open_deployer(declared(hub), {})


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"url": "http://hub.example"}, "needs https"),
        ({"file": "/etc/passwd"}, "from the top of the repository"),
        ({"file": "../x"}, "from the top of the repository"),
        ({"repository": "serving"}, "pattern"),
    ],
)
def test_what_is_declared_wrongly_is_reported_at_once(hub: Hub, keys: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        declared(hub, **keys)


def test_the_doctor_looks_at_the_repository_and_changes_nothing(hub: Hub) -> None:
    def examined(environment: dict[str, str], **keys: Any) -> list[tuple[str, str]]:
        return [(line.level, line.where) for line in KIND.examine(declared(hub, **keys), environment)]

    assert examined({"HUB_TOKEN": TOKEN}) == []
    assert examined({}) == [("error", "deployers.repository.token_env")]
    assert examined({"HUB_TOKEN": TOKEN}, base="production") == [("warning", "deployers.repository")]
    hub.about = lambda _asked: (200, {"permissions": {"push": False}})  # type: ignore[method-assign]
    assert examined({"HUB_TOKEN": TOKEN}) == [("error", "deployers.repository.token_env")]
    assert {method for method, _ in hub.requests} == {"GET"}
