"""Held-out members are never served a hotfix, and stay the same as long as it is in force."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from recsysops_client import Overrides
from sqlalchemy import Engine

from domain.errors import ConfigurationError
from domain.incident import commands as c
from domain.incident.sentence import sentence
from domain.recommender.exposure import Exposure
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Actor
from tests.workers.conftest import declared_fill, make_option
from tests.workers.respond.resolve.test_deploy import Story, ahead, seen
from tests.workers.test_stages import EVERYBODY
from workers.declaration.declare import load_text
from workers.deployers.file import FileOptions
from workers.doctor.hotfixes import examine_hotfixes
from workers.environment import clock
from workers.log.handle import Answer
from workers.log.obligations import settle
from workers.log.open_obligations import due
from workers.respond.resolve.deploy import apply
from workers.respond.resolve.renew import renew
from workers.respond.resolve.watch import watch
from workers.respond.resolve.widen import widen
from workers.store.log.events import read_stream

HELD_OUT = 0.05
MEMBERS = [f"m{n}" for n in range(4000)]


@pytest.fixture
def recommender(tmp_path: Path) -> Recommender:
    table = Table(name="impressions", path="none.parquet", time="at", window=timedelta(minutes=1))
    overrides = FileOptions(name="overrides", kind="file", path=str(tmp_path / "overrides.json"))
    return Recommender(
        name="cinema",
        tables={"impressions": table},
        hotfixes={"fill_language": declared_fill(hold_out=HELD_OUT)},
        deployers={"overrides": overrides},
    )


@pytest.fixture
def make(
    log: Engine, recommender: Recommender, opened: Callable[..., Answer], on_call: Actor
) -> Callable[..., Story]:
    def made(stages: tuple[float, ...] = ()) -> Story:
        declared = {"fill_language": declared_fill(hold_out=HELD_OUT, stages=stages)}
        option = make_option(hold_out=HELD_OUT, stages=stages)
        own = recommender.model_copy(update={"hotfixes": declared})
        return Story(log, own, opened().stream, on_call, option=option)

    return made


def path_of(story: Story) -> Path:
    return Path(cast(FileOptions, story.recommender.deployers["overrides"]).path)


def held_out(story: Story) -> set[str]:
    """The members whom the recommender serves without it, by the client that it embeds."""
    overrides = Overrides(path_of(story))
    found = {member for member in MEMBERS if not overrides.current(member=member)}
    assert overrides.problem is None
    return found


def test_the_share_held_out_is_not_served_and_the_thread_says_so(make: Callable[..., Story]) -> None:
    story = make()
    assert story.settle("apply", apply)
    assert 145 < len(held_out(story)) < 255  # 5 % of 4,000, ± 4 standard deviations
    assert (story.hotfix.share, story.hotfix.hold_out) == (1.0, HELD_OUT)
    assert "“Fill language in” is deployed, 5 % of members held out" in thread(story)


def thread(story: Story) -> str:
    with story.log.connect() as connection:
        events = read_stream(connection, story.stream)
    return "\n".join(sentence(one.event, {"fill": "Fill language in"}) for one in events)


def test_they_are_the_same_at_every_stage_after_a_renewal_and_when_its_entry_was_lost(
    make: Callable[..., Story], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.respond.resolve.watch.measure", lambda *_: seen(29.0))
    story = make(stages=(0.5, 1.0))
    assert story.settle("apply", apply)
    not_yet = held_out(story)
    ahead(monkeypatch, 6)
    story.settle("watch", watch)
    assert story.settle("widen", widen)
    never = held_out(story)
    assert never < not_yet
    assert 145 < len(never) < 255
    path_of(story).write_text(json.dumps({"version": 1, "overrides": []}))
    story.say(c.RenewHotfix(option="fill", reason="the feed is not fixed yet"))
    (asked,) = (
        obligation.event_id for obligation in due(story.card, clock.now()) if obligation.kind == "renew"
    )
    renewals = {"renew": lambda work: renew(work, story.recommender)}
    assert settle(story.log, renewals, "renew", story.stream, asked)
    assert held_out(story) == never


def test_with_members_held_out_it_is_verified_as_if_all_were_served(
    make: Callable[..., Story], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.respond.resolve.watch.measure", lambda *_: seen(97.0))
    story = make()
    assert story.settle("apply", apply)
    ahead(monkeypatch, 2)
    story.settle("watch", watch)
    assert story.hotfix.stage == "verified"


@pytest.mark.parametrize("kind", EVERYBODY)
def test_a_target_that_would_serve_everybody_is_refused_when_it_comes_to_that(
    kind: str, make: Callable[..., Story], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.respond.resolve.deploy.surroundings", lambda: {"KEY": "s"})
    story = make()
    story.recommender = story.recommender.model_copy(update={"deployers": {"overrides": EVERYBODY[kind]}})
    assert story.settle("apply", apply)
    assert story.hotfix.stage == "failed"
    assert "cannot serve some members only; take `hold_out` from" in (story.hotfix.reason or "")


def test_the_doctor_says_where_those_held_out_cannot_be_compared(recommender: Recommender) -> None:
    def said(one: Recommender) -> list[str]:
        found = examine_hotfixes(one)
        return [advice.says for advice in found if advice.where == "hotfixes.fill_language.hold_out"]

    assert said(recommender) == [
        "nothing says what members choose: what it gains or loses cannot be compared"
    ]
    (table,) = recommender.tables.values()
    exposure = Exposure(shown="impressions", chosen="impressions", request="request")
    unnamed = recommender.model_copy(update={"exposure": exposure})
    assert said(unnamed) == ['"impressions" does not say whose row it is: members cannot be compared']
    named = {"impressions": table.model_copy(update={"member": "member"})}
    assert said(unnamed.model_copy(update={"tables": named})) == []
    nobody = {"fill_language": declared_fill()}
    assert said(recommender.model_copy(update={"hotfixes": nobody})) == []


DECLARED = """
[recommender]
name = "shop"

[tables.views]
path = "views.parquet"
time = "at"

[deployers.sent]
{deployer}

[hotfixes.boost]
kind = "boost_items"
label = "Boost"
causes = ["feature"]
deployer = "sent"
amount = 1.0
hold_out = {share}
"""
FILE = 'kind = "file"\npath = "overrides.json"'
WEBHOOK = 'kind = "webhook"\nurl = "https://shop.example.org/hook"\nsecret_env = "SECRET"'


def declared(deployer: str, share: str, more: str = "") -> DeclaredHotfix:
    text = DECLARED.format(deployer=deployer, share=share) + more
    return load_text(text, Path("recsysops.toml"), {}).hotfixes["boost"]


def test_it_is_declared_where_members_can_be_told_apart_and_an_error_elsewhere() -> None:
    assert declared(FILE, "0.01").hold_out == 0.01
    with pytest.raises(ConfigurationError) as refused:
        declared(WEBHOOK, "0.01")
    assert (
        'hotfixes.boost.hold_out: deployer "sent", a webhook, serves everybody; take it out, or name a file '
        "or redis deployer"
    ) in str(refused.value)
    assert declared(WEBHOOK, "0").hold_out == 0.0


@pytest.mark.parametrize(("share", "more"), [("0.6", ""), ("-0.1", ""), ("0.1", "stages = [0.95, 1.0]")])
def test_a_share_that_is_none_or_that_a_stage_serves_is_an_error(share: str, more: str) -> None:
    with pytest.raises(ConfigurationError):
        declared(FILE, share, more)


def test_a_hold_out_that_was_declared_otherwise_meanwhile_is_looked_at_again(
    make: Callable[..., Story],
) -> None:
    story = make()
    now = {"fill_language": declared_fill(hold_out=0.01)}
    story.recommender = story.recommender.model_copy(update={"hotfixes": now})
    assert story.settle("apply", apply)
    assert story.hotfix.stage == "failed"
    assert "it holds out 1 % of members" in (story.hotfix.reason or "")
