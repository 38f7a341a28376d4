"""Done is what the target shows: a real receiver that lies, answers late, half, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from domain.errors import DeployError, DeployUncertain
from tests.workers.conftest import make_option
from tests.workers.deployers.target import SECRET, Target, listening
from workers.deployers.confirming import UNCONFIRMED, Confirming, open_deployer
from workers.deployers.deployer import Deployer
from workers.deployers.file import FileOptions
from workers.deployers.pull_request import PullRequestOptions
from workers.deployers.webhook import KIND, WebhookOptions
from workers.environment import clock

OPTION = make_option(deployer="hooks", parameters={"kind": "webhook"})
SOON = timedelta(seconds=1)
PATIENT = timedelta(seconds=20)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    with listening(Target(tmp_path / "journal")) as running:
        yield running


def declared(target: Target, timeout: timedelta = PATIENT, confirms: bool = True) -> WebhookOptions:
    return WebhookOptions(
        name="hooks",
        kind="webhook",
        url=target.url,
        confirm_url=target.url if confirms else None,
        secret_env="HOOK_SECRET",
        timeout=timeout,
    )


def deployer(target: Target, timeout: timedelta = PATIENT, confirms: bool = True) -> Confirming:
    return open_deployer(declared(target, timeout, confirms), {"HOOK_SECRET": SECRET})


def apply(deployer: Deployer) -> str:
    return deployer.apply("event-1", OPTION, clock.now() + timedelta(days=1))


def test_what_is_applied_and_taken_back_is_seen_at_the_target(target: Target) -> None:
    assert apply(deployer(target)) == "127.0.0.1 applied it"
    assert deployer(target).serving() == frozenset({"event-1"})
    assert deployer(target).revert("event-1", OPTION) == "127.0.0.1 reverted it"
    assert deployer(target).serving() == frozenset()
    assert target.asked == 4


def test_a_target_that_cannot_be_asked_is_believed_and_the_receipt_says_so(target: Target) -> None:
    assert apply(deployer(target, confirms=False)) == f"127.0.0.1 applied it ({UNCONFIRMED})"
    assert target.asked == 0


def test_a_target_that_lies_is_not_believed_and_not_made_to_do_it_twice(target: Target) -> None:
    target.lies = True
    for _ in range(3):
        with pytest.raises(DeployUncertain, match="event-1 is not among the 0 in force"):
            apply(deployer(target, SOON))
    assert target.done == {("event-1", "apply"): 1}


def test_a_renewal_is_asked_for_and_seen_under_the_same_key(tmp_path: Path) -> None:
    kept = FileOptions(name="overrides", kind="file", path=str(tmp_path / "overrides.json"))
    option, until = make_option(deployer="overrides"), clock.now() + timedelta(days=2)
    opened = open_deployer(kept, {})
    opened.apply("event-1", option, clock.now() + timedelta(days=1))
    opened.renew("event-1", option, until)
    assert opened.serving() == frozenset({"event-1"})
    assert until.isoformat()[:16] in (tmp_path / "overrides.json").read_text()


def test_a_receiver_is_not_asked_for_a_later_end_which_it_would_not_learn_of(target: Target) -> None:
    apply(deployer(target))
    with pytest.raises(DeployError, match="hooks, a webhook, keeps the end"):
        deployer(target).renew("event-1", OPTION, clock.now() + timedelta(days=2))
    assert target.done == {("event-1", "apply"): 1}


def test_a_target_that_keeps_the_end_it_was_given_is_not_asked_for_another() -> None:
    kept = PullRequestOptions(
        name="serving",
        kind="pull_request",
        url="http://127.0.0.1:9",
        repository="shop/serving",
        token_env="HUB_TOKEN",
    )
    option = make_option(deployer="serving")
    with pytest.raises(DeployError, match="serving, a pull_request, keeps the end") as caught:
        open_deployer(kept, {"HUB_TOKEN": "t"}).renew("event-1", option, clock.now())
    assert not isinstance(caught.value, DeployUncertain)


def test_a_target_that_says_it_took_it_back_and_still_serves_it_is_not_believed(target: Target) -> None:
    apply(deployer(target))
    target.lies = True
    with pytest.raises(DeployUncertain, match="event-1 is still among the 1 in force"):
        deployer(target, SOON).revert("event-1", OPTION)


def test_a_target_that_shows_it_late_is_asked_again_and_acts_once(target: Target) -> None:
    target.late = 3
    assert apply(deployer(target)) == "127.0.0.1 applied it"
    assert (target.asked, target.done) == (4, {("event-1", "apply"): 1})


def test_a_call_that_arrives_twice_is_done_once_and_confirmed_both_times(target: Target) -> None:
    assert apply(deployer(target)) == apply(deployer(target)) == "127.0.0.1 applied it"
    assert target.done == {("event-1", "apply"): 1}


HELD = orjson.dumps({"id": "another question", "serving": ["event-1"]})


@pytest.mark.parametrize(
    ("confirms", "words"),
    [
        ((500, HELD, True), "did not list"),
        ((404, b'{"detail": "no such page"}', True), "answered 404"),
        ((200, HELD, False), "gave no answer"),
        ((200, HELD, True), "another question"),
        ((200, b'{"serving": "event-1"}', True), "did not list"),
        ((200, b'{"serving": [1]}', True), "did not list"),
        ((200, b"<html>", True), "did not list"),
    ],
    ids=["500", "404", "half a body", "an older answer", "no list", "no texts", "no JSON"],
)
def test_what_is_no_answer_to_the_question_confirms_nothing_and_a_later_try_acts_once(
    target: Target, confirms: tuple[int, bytes, bool], words: str
) -> None:
    target.confirms = confirms
    with pytest.raises(DeployUncertain, match=words):
        apply(deployer(target, SOON))
    target.confirms = None
    assert apply(deployer(target)) == "127.0.0.1 applied it"
    assert target.done == {("event-1", "apply"): 1}


def test_a_question_without_the_secret_is_not_answered(target: Target) -> None:
    stranger = open_deployer(declared(target), {"HOOK_SECRET": "another"})
    with pytest.raises(DeployUncertain, match="answered 401"):
        stranger.serving()


def test_a_receiver_that_fails_to_look_says_so(tmp_path: Path) -> None:
    target = Target(tmp_path / "journal")

    def fails() -> list[str]:
        raise LookupError("the cache is cold")

    with listening(target):
        target.receiver.confirm_by(fails)
        with pytest.raises(DeployUncertain, match="answered 500"):
            deployer(target).serving()


def test_the_doctor_tells_what_is_not_read_back(target: Target) -> None:
    def examined(one: WebhookOptions) -> list[tuple[str, str]]:
        return [(line.level, line.where) for line in KIND.examine(one, {"HOOK_SECRET": SECRET})]

    assert examined(declared(target)) == []
    assert examined(declared(target, confirms=False)) == [("note", "deployers.hooks.confirm_url")]
    target.confirms = (404, b"", True)
    assert examined(declared(target)) == [("warning", "deployers.hooks.confirm_url")]


def test_the_doctor_asks_for_no_confirmation_that_it_could_not_sign(target: Target) -> None:
    assert [line.where for line in KIND.examine(declared(target), {})] == ["deployers.hooks.secret_env"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://recommender.example.org/hook", "is not an http(s) address"),
        ("http://127.0.0.1:1/hook", "does not answer"),
        ("https://127.0.0.1:1/hook", "does not answer"),
    ],
)
def test_the_doctor_asks_what_is_an_address(target: Target, url: str, says: str) -> None:
    one = declared(target).model_copy(update={"url": url})
    (line,) = KIND.examine(one, {"HOOK_SECRET": SECRET})
    assert line.where == "deployers.hooks.url"
    assert says in line.says
