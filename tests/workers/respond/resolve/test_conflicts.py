"""A hotfix that acts on what another incident's hotfix acts on is refused, pressed and approved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident.menu import digest_of
from domain.values import Diagnosis, Option
from tests.workers.conftest import make_option
from tests.workers.respond.resolve.test_rights import ADA, ALONE, APPROVE, ASK, BEN, DECLARED, Shop
from workers.door import Door
from workers.environment.settings import Settings
from workers.log.handle import Answer, handle
from workers.respond.resolve.conflicts import noted

ELSEWHERE = make_option(
    parameters={"kind": "fill_feature", "items": ["8"], "feature": "language", "value": "Danish"}
)


@pytest.fixture
def shops(database_url: str, tmp_path: Path, opened: Callable[..., Answer]) -> tuple[Shop, Shop]:
    """Two incidents of one recommender, each with the same two hotfixes for the same item."""
    file = tmp_path / "recsysops.toml"
    file.write_text(DECLARED)
    door = Door(Settings(database_url=database_url, config=file))
    first, second = (Shop(door, file, opened(genre, genre).stream) for genre in ("Drama", "Comedy"))
    return first, second


def offer(shop: Shop, option: Option) -> c.ChooseHotfix:
    worker = shop.worker
    shop.press(worker, c.LookAgain())
    shop.press(worker, c.RecordDiagnosis(diagnosis=Diagnosis(cause="unset", cause_kind="feature")))
    shop.press(worker, c.PrepareMenu(options=(option,)))
    return c.ChooseHotfix(option=option.key, menu=digest_of((option,)))


def test_what_acts_on_the_same_item_in_another_incident_is_refused_by_name(shops: tuple[Shop, Shop]) -> None:
    first, second = shops
    first.press(ADA, ALONE)
    with pytest.raises(Refused, match=r"“Fill language in” of #1 is being deployed, and both set `language`"):
        second.press(ADA, ALONE)
    assert first.settle()
    with pytest.raises(Refused, match=r"of #1 is in force and being watched, and both .*; revert that one"):
        second.press(BEN, ASK)
    first.press(ADA, c.RevertHotfix(option="fill"))
    with pytest.raises(Refused, match="of #1 is being reverted"):
        second.press(ADA, ALONE)


def test_what_is_being_widened_is_in_the_way(shops: tuple[Shop, Shop]) -> None:
    first, second = shops
    first.press(ADA, offer(first, make_option(stages=(0.05, 1.0))))
    first.press(first.worker, c.RecordHotfixApplied(option="fill", receipt="ok"))
    first.press(first.worker, c.PassStage(option="fill", share=0.05))
    with pytest.raises(Refused, match="of #1 is being deployed to more members"):
        second.press(ADA, ALONE)


def test_what_was_reverted_is_in_nobody_s_way(shops: tuple[Shop, Shop]) -> None:
    first, second = shops
    first.press(ADA, ALONE)
    first.press(first.worker, c.RecordHotfixFailed(option="fill", reason="nobody there"))
    second.press(ADA, ALONE)
    assert second.settle()
    assert second.hotfix.stage == "applied"


def test_what_acts_on_other_items_is_deployed_beside_it(shops: tuple[Shop, Shop]) -> None:
    first, second = shops
    first.press(ADA, ALONE)
    assert first.settle()
    second.press(ADA, offer(second, ELSEWHERE))
    assert second.settle()
    assert len(second.deployed) == 2


def test_what_was_asked_for_before_the_other_came_is_not_approved_any_more(shops: tuple[Shop, Shop]) -> None:
    first, second = shops
    second.press(ADA, ASK)
    first.press(ADA, ALONE)
    with pytest.raises(Refused, match="of #1 is being deployed"):
        second.press(BEN, APPROVE)
    assert second.hotfix.stage == "chosen"


def test_of_two_that_were_approved_at_once_the_first_is_deployed_and_the_second_is_not(
    shops: tuple[Shop, Shop], log: Engine
) -> None:
    first, second = shops
    for shop in shops:  # each past the look at the other, as two presses at one moment are
        handle(shop.stream, ALONE, actor=ADA, key=f"at once {shop.stream}", log=log)
    second.not_deployed("of #1 is being deployed, and both set `language` of the same item")
    assert first.settle()
    assert first.hotfix.stage == "applied"


def test_the_menu_says_which_of_its_hotfixes_another_incident_is_in_the_way_of(
    shops: tuple[Shop, Shop], log: Engine
) -> None:
    first, second = shops
    first.press(ADA, ALONE)
    incident = second.door.incident(second.stream)
    assert incident is not None
    (says,) = noted(log, incident, (make_option(), ELSEWHERE))
    assert says.startswith("“Fill language in” cannot be deployed now: “Fill language in” of #1 is being")
