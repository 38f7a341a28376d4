"""What the benchmark of hotfixes does to its shop and its targets is what its rows say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from recsysops_client import Override

from benchmarks.resolution.harm import HARMS, Harm
from benchmarks.resolution.receiver import SECRET, Fault, Receiver, listening
from benchmarks.resolution.shop import OPENED, STEP, Served, Shop
from domain.errors import DeployError
from tests.workers.conftest import make_option
from workers.deployers.webhook import WebhookDeployer
from workers.environment import clock

OPTION = make_option(hotfix="rollback", parameters={"kind": "webhook"})
WEBHOOK = Served("event-1")


def test_there_are_twenty_kinds_of_harm() -> None:
    assert len({harm.name for harm in HARMS}) == 20


@pytest.mark.parametrize("harm", [one for one in HARMS if one.hotfix in ("rollback", "fill", "in_stages")])
def test_each_kind_changes_what_is_shown_sold_or_logged(harm: Harm, tmp_path: Path) -> None:
    def rows(effect: Harm) -> dict[str, int]:
        shop = Shop(tmp_path / str(effect is harm), at=OPENED)
        shop.struck_at, shop.effect = OPENED, effect.effect
        share = 0.5 if harm.hotfix == "in_stages" else 1.0
        until = OPENED + timedelta(days=1)
        some = Override("event-1", "boost_items", ("i3",), until, amount=0.8, share=share, salt="s")
        served = Served("event-1", some) if harm.hotfix == "in_stages" else WEBHOOK
        shop.serving = lambda _at, member: [served] if some.serves(member) or served is WEBHOOK else []
        shop.began["event-1"] = OPENED - harm.after
        for _ in range(8):
            shop.pass_time(STEP)
        return {table: count(shop, table) for table in ("requests", "impressions", "plays")}

    fine, harmed = rows(replace(harm, effect=lambda _scene: None)), rows(harm)
    assert fine != harmed or harm.name.endswith("three times as long")


def count(shop: Shop, table: str) -> int:
    return sum(path.stat().st_size for path in (shop.folder / "tables" / table).glob("*.parquet"))


def test_what_is_served_with_a_hotfix_while_it_does_harm_is_counted(tmp_path: Path) -> None:
    shop = Shop(tmp_path, at=OPENED)
    shop.serving = lambda _at, _member: [WEBHOOK]
    shop.harmful_from = lambda at, _share: at >= OPENED + STEP
    shop.pass_time(STEP)
    assert shop.touched == 0
    shop.pass_time(STEP)
    assert shop.touched > 100
    assert shop.harm_at == OPENED + STEP


@pytest.mark.parametrize(
    ("fault", "acted", "served"),
    [
        ("none", 1, True),
        ("lies", 0, False),
        ("half an answer", 1, True),
        ("500 before", 0, False),
        ("500 after", 1, True),
        ("twice", 1, True),
        ("down", 0, False),
        ("does it and goes down", 1, True),
    ],
)
def test_a_target_misbehaves_as_it_is_told(fault: Fault, acted: int, served: bool, tmp_path: Path) -> None:
    with listening(Receiver(tmp_path / "journal")) as target:
        target.misbehave(fault, "apply", 1)
        deployer = WebhookDeployer(target.url, SECRET, clock=clock.now, timeout_seconds=20.0)
        try:
            deployer.apply("event-1", OPTION, None)
            answered = True
        except DeployError:
            answered = False
        assert (target.acted["event-1", "apply"], bool(target.serving)) == (acted, served)
        assert answered is (fault in ("none", "lies", "twice"))
