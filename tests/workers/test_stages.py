"""A hotfix in stages, from the approval to the last member, through the file that a recommender reads."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from recsysops_client import Overrides, RedisOverrides
from redis import Redis
from sqlalchemy import Engine

from domain.answer import Advice
from domain.incident import commands as c
from domain.recommender.deployer import Deployer
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Actor
from tests.workers.conftest import declared_fill, make_option
from tests.workers.respond.resolve.test_deploy import Story, ahead, seen
from workers.deployers.file import FileOptions
from workers.deployers.mlflow import MlflowOptions
from workers.deployers.pull_request import PullRequestOptions
from workers.deployers.redis import RedisOptions
from workers.deployers.webhook import WebhookOptions
from workers.doctor.hotfixes import examine_hotfixes
from workers.log.handle import Answer
from workers.log.obligations import MOST_TRIES, Work
from workers.respond.resolve.deploy import apply, expire, revert
from workers.respond.resolve.watch import watch
from workers.respond.resolve.widen import widen

STAGES = (0.05, 0.5, 1.0)
MEMBERS = [f"m{n}" for n in range(2000)]


@pytest.fixture
def recommender(tmp_path: Path) -> Recommender:
    table = Table(name="impressions", path="none.parquet", time="at", window=timedelta(minutes=1))
    return Recommender(
        name="cinema",
        tables={"impressions": table},
        hotfixes={"fill_language": declared_fill(stages=STAGES)},
        deployers={
            "overrides": FileOptions(name="overrides", kind="file", path=str(tmp_path / "overrides.json"))
        },
    )


@pytest.fixture
def story(log: Engine, recommender: Recommender, opened: Callable[..., Answer], on_call: Actor) -> Story:
    return Story(log, recommender, opened().stream, on_call, option=make_option(stages=STAGES))


def path_of(story: Story) -> Path:
    return Path(cast(FileOptions, story.recommender.deployers["overrides"]).path)


def served(story: Story) -> set[str]:
    """The members whom the recommender serves with it, by the client that it embeds."""
    overrides = Overrides(path_of(story))
    found = {member for member in MEMBERS if overrides.current(member=member)}
    assert overrides.problem is None
    return found


def watched(story: Story, monkeypatch: pytest.MonkeyPatch, minutes: float, observed: float = 29.0) -> str:
    """A look so many minutes from now; the stage that it leads to."""
    monkeypatch.setattr("workers.respond.resolve.watch.measure", lambda *_: seen(observed))
    ahead(monkeypatch, minutes)
    story.settle("watch", watch)
    return story.hotfix.stage


def test_each_stage_holds_the_members_of_the_last_and_the_repair_is_judged_at_the_end(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert story.settle("apply", apply)
    few = served(story)
    assert 60 < len(few) < 140  # 5 % of 2,000, ± 4 standard deviations
    assert watched(story, monkeypatch, 2, observed=97) == "applied"  # some members verify nothing
    assert watched(story, monkeypatch, 6) == "widening"  # not back, and no harm
    assert story.settle("widen", widen)
    half = served(story)
    assert few < half
    assert 900 < len(half) < 1100
    assert watched(story, monkeypatch, 8) == "applied"
    assert watched(story, monkeypatch, 12) == "widening"
    assert story.settle("widen", widen)
    assert served(story) == set(MEMBERS)
    assert len(story.overrides) == 1
    assert watched(story, monkeypatch, 14, observed=97) == "verified"


@pytest.mark.parametrize("after", ["revert", "apply"])
def test_a_worker_killed_between_stages_goes_on_and_nobody_is_served_twice(
    story: Story, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    assert story.settle("apply", apply)
    assert watched(story, monkeypatch, 6) == "widening"
    from workers.deployers.file import FileDeployer

    def dies(self: FileDeployer, *given: object) -> str:
        real(self, *given)
        raise SystemExit("killed")

    real: Callable[..., str] = getattr(FileDeployer, after)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(FileDeployer, after, dies)
        story.settle("widen", widen)
    assert (story.hotfix.stage, story.hotfix.share) == ("widening", 0.05)
    assert story.settle("widen", widen)
    assert (story.hotfix.stage, story.hotfix.share, len(story.overrides)) == ("applied", 0.5, 1)


@pytest.mark.parametrize(
    ("kind", "room", "stage"), [("revert", revert, "reverted"), ("expire", expire, "expired")]
)
def test_what_any_stage_put_in_force_is_taken_back(
    story: Story,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    room: Callable[[Work, Recommender], Sequence[c.Command]],
    stage: str,
) -> None:
    assert story.settle("apply", apply)
    assert watched(story, monkeypatch, 6) == "widening"
    assert story.settle("widen", widen)
    assert served(story)
    if kind == "revert":
        story.say(c.RevertHotfix(option="fill"))
    else:
        ahead(monkeypatch, 60 * 24 + 30)
    assert story.settle(kind, room)
    assert (story.hotfix.stage, served(story), story.overrides) == (stage, set(), [])


def test_a_stage_that_cannot_be_put_in_force_takes_back_what_the_few_have(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert story.settle("apply", apply)
    assert watched(story, monkeypatch, 6) == "widening"
    path = path_of(story)
    whole = path.read_text()
    path.write_text("not JSON")
    assert story.settle("widen", widen)
    assert (story.hotfix.stage, story.hotfix.because) == ("reverting", "stage_failed")
    path.write_text(whole)
    assert story.settle("revert", revert)
    assert story.overrides == []


def test_where_workers_die_over_a_stage_each_time_it_is_taken_back(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(work: Work, recommender: Recommender) -> Sequence[c.Command]:
        widen(work, recommender)
        raise SystemExit("killed")

    assert story.settle("apply", apply)
    assert watched(story, monkeypatch, 6) == "widening"
    for _ in range(MOST_TRIES):
        with pytest.raises(SystemExit):
            story.settle("widen", killed)
    assert story.settle("widen", widen)
    assert (story.hotfix.stage, story.hotfix.because) == ("reverting", "stage_failed")
    assert story.settle("revert", revert)
    assert story.overrides == []


EVERYBODY: Mapping[str, Deployer] = {
    "webhook": WebhookOptions(name="overrides", kind="webhook", url="http://127.0.0.1:9/x", secret_env="KEY"),
    "mlflow": MlflowOptions(
        name="overrides", kind="mlflow", url="http://127.0.0.1:9", model="ranker", alias="champion"
    ),
    "pull_request": PullRequestOptions(
        name="overrides",
        kind="pull_request",
        url="http://127.0.0.1:9",
        repository="shop/serving",
        token_env="KEY",
    ),
}


@pytest.mark.parametrize("kind", EVERYBODY)
def test_a_target_that_would_serve_everybody_gets_no_stage_and_the_doctor_says_so_before(
    kind: str,
    log: Engine,
    recommender: Recommender,
    opened: Callable[..., Answer],
    on_call: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everybody = recommender.model_copy(update={"deployers": {"overrides": EVERYBODY[kind]}})
    monkeypatch.setattr("workers.respond.resolve.deploy.surroundings", lambda: {"KEY": "s"})
    story = Story(log, everybody, opened().stream, on_call, option=make_option(stages=STAGES))
    assert story.settle("apply", apply)
    assert story.hotfix.stage == "failed"
    assert "cannot serve some members only" in (story.hotfix.reason or "")
    (said,) = stages_examined(everybody)
    assert (said.level, said.says) == (
        "error",
        f'deployer "overrides", a {kind}, cannot serve some members only',
    )
    assert said.fix == "take stages away, or name a file or redis deployer"


def test_what_can_serve_some_members_is_no_matter_for_the_doctor(recommender: Recommender) -> None:
    cache = RedisOptions(name="overrides", kind="redis", url_env="CACHE_URL")
    assert not stages_examined(recommender)
    assert not stages_examined(recommender.model_copy(update={"deployers": {"overrides": cache}}))


def stages_examined(recommender: Recommender) -> list[Advice]:
    return [one for one in examine_hotfixes(recommender) if one.where == "hotfixes.fill_language.stages"]


def test_redis_serves_each_stage_to_its_members_and_is_taken_back(
    log: Engine,
    recommender: Recommender,
    opened: Callable[..., Answer],
    on_call: Actor,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = f"test:overrides:{uuid.uuid4().hex}"
    cache = RedisOptions(name="overrides", kind="redis", url_env="CACHE_URL", key=key)
    monkeypatch.setattr("workers.respond.resolve.deploy.surroundings", lambda: {"CACHE_URL": redis_url})
    cached = recommender.model_copy(update={"deployers": {"overrides": cache}})
    story = Story(log, cached, opened().stream, on_call, option=make_option(stages=STAGES))
    with Redis.from_url(redis_url) as client:
        overrides = RedisOverrides(client, key, fail="closed", every_seconds=0.0)

        def members() -> set[str]:
            return {member for member in MEMBERS if overrides.current(member=member)}

        assert story.settle("apply", apply)
        few = members()
        assert 60 < len(few) < 140  # as with a file
        assert watched(story, monkeypatch, 6) == "widening"
        assert story.settle("widen", widen)
        half = members()
        assert few < half
        assert 900 < len(half) < 1100
        assert watched(story, monkeypatch, 12) == "widening"
        assert story.settle("widen", widen)
        assert (members(), len(overrides.current())) == (set(MEMBERS), 1)
        story.say(c.RevertHotfix(option="fill"))
        assert story.settle("revert", revert)
        assert (overrides.current(), overrides.problem) == ((), None)
        client.delete(key)


def test_the_harm_of_a_few_members_is_enough(
    log: Engine,
    recommender: Recommender,
    opened: Callable[..., Answer],
    on_call: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = Story(log, recommender, opened(observed=70).stream, on_call, option=make_option(stages=STAGES))
    assert story.settle("apply", apply)
    assert watched(story, monkeypatch, 2, observed=10) == "applied"
    assert watched(story, monkeypatch, 3.1, observed=10) == "reverting"
    assert story.hotfix.because == "harm"
