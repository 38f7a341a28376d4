"""One item looked at, in tables of a made-up shop: is it shown as expected, since when not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from sqlalchemy import Engine

from domain.answer import ItemAnswer
from domain.errors import Refused, SourceError
from domain.recommender.recommender import Recommender
from tests.workers.shop import END, FAILED, FAULT_AT, HELD_DOWN, START, write_shop
from workers.environment import clock
from workers.environment.broker import LOOKS
from workers.items import ask
from workers.items.ask import fetch, item_answer, settle_item
from workers.process import jobs
from workers.store import attachments

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    return write_shop(tmp_path_factory.mktemp("shop"))


ANSWERS: dict[tuple[int, str], tuple[ItemAnswer, bytes]] = {}
"""Of this module's shops, each item looked at once."""


def looked_at(shop: Recommender, item: str) -> tuple[ItemAnswer, bytes]:
    key = (hash(shop.model_dump_json()), item)
    if key not in ANSWERS:
        ANSWERS[key] = item_answer(shop, item, END)
    return ANSWERS[key]


def answer(shop: Recommender, item: str) -> ItemAnswer:
    return looked_at(shop, item)[0]


def test_an_item_that_is_held_down_is_shown_less_since_then(shop: Recommender) -> None:
    found = answer(shop, HELD_DOWN)
    assert found.verdict == "less"
    assert found.since is not None
    assert abs(found.since - FAULT_AT) <= timedelta(minutes=20)
    assert found.bias is not None and found.bias.high is not None and found.bias.high < -0.6
    assert found.before is not None and found.before.low is not None and found.before.low < 0.4
    assert found.headline.startswith(f"Thing {HELD_DOWN} is shown")
    assert "less than its engagement warrants since" in found.headline
    assert found.unbiased
    assert len(found.compared) == 20
    assert HELD_DOWN not in {one.item for one in found.compared}


def test_what_happened_last_is_reported_though_more_had_changed_before(tmp_path: Path) -> None:
    """An item that everybody was shown while it was new, long before it was held down."""
    shop = write_shop(tmp_path)
    shown = pd.read_parquet(tmp_path / "shown.parquet")
    early = (shown["item"] == HELD_DOWN) & (shown["at"] < START + timedelta(hours=12)) & ~shown["explored"]
    everybody = shown[early].assign(request=lambda rows: rows["request"] + 1_000_000)
    pd.concat([shown, *[everybody] * 12]).to_parquet(tmp_path / "shown.parquet", index=False)
    found = item_answer(shop, HELD_DOWN, END)[0]
    assert found.since is not None
    assert abs(found.since - FAULT_AT) <= timedelta(minutes=20)
    assert found.before is not None and found.before.value is not None
    assert found.before.value < 1.0  # since it was no longer new


@pytest.fixture(scope="module")
def off_the_shelf(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    """A shop in which one item is a candidate of every tenth request only, since production holds it down."""
    folder = tmp_path_factory.mktemp("off_the_shelf")
    shop = write_shop(folder)
    shown = pd.read_parquet(folder / "shown.parquet")
    by_chance = (shown["item"] == HELD_DOWN) & shown["explored"] & (shown["at"] >= FAULT_AT)
    shown[~by_chance | (shown["request"] % 10 == 0)].to_parquet(folder / "shown.parquet", index=False)
    return shop


def test_an_item_that_is_eligible_less_often_is_reported_as_such_and_judged_by_that(
    off_the_shelf: Recommender, shop: Recommender
) -> None:
    found, held_down = answer(off_the_shelf, HELD_DOWN), answer(shop, HELD_DOWN)
    assert found.verdict == "less"
    assert found.since is not None
    assert abs(found.since - FAULT_AT) <= timedelta(minutes=20)
    assert found.in_question is not None and found.in_question.value is not None
    assert found.in_question.low is not None and found.in_question.high is not None
    assert found.in_question.low < -0.9 < found.in_question.high
    assert found.headline.startswith(f"Thing {HELD_DOWN} is eligible")
    assert found.bias is not None and found.bias.value is not None
    assert held_down.bias is not None and held_down.bias.value is not None
    assert found.bias.value > held_down.bias.value + 0.3
    assert held_down.in_question is None, "chance shows it as often as before"


def test_what_has_just_launched_came_into_question_as_often_since_its_launch(
    tmp_path: Path, shop: Recommender
) -> None:
    """Nobody could be shown it before that, which is no change of how often it is eligible."""
    folder, item = tmp_path, "n4"
    held_down = write_shop(folder)
    shown = pd.read_parquet(folder / "shown.parquet")
    picked = (shown["item"] == item) & ~shown["explored"] & (shown["at"] >= FAULT_AT)
    shown[~picked | (shown["request"] % 5 == 0)].to_parquet(folder / "shown.parquet", index=False)
    found, before = item_answer(held_down, item, END)[0], answer(shop, item)
    assert found.since is not None
    assert abs(found.since - FAULT_AT) <= timedelta(minutes=20)
    assert found.in_question is None
    assert found.bias is not None and found.bias.value is not None
    assert before.bias is not None and before.bias.value is not None
    assert (1 + found.bias.value) / (1 + before.bias.value) == pytest.approx(0.2, abs=0.1)


def test_a_launch_is_held_against_other_launches_where_it_is_due_more_than_all_of_them_are_shown(
    shop: Recommender,
) -> None:
    found = answer(shop, "n4")
    assert found.usual_of == "launches"
    assert answer(shop, "i12").usual_of == "items"


def test_no_other_item_is_said_to_have_changed(shop: Recommender) -> None:
    found = [answer(shop, f"i{number:02d}") for number in (1, 12, 25)]
    assert [one.verdict for one in found] == ["fair"] * 3
    assert [one.since for one in found] == [None] * 3


def test_a_launch_that_nobody_is_shown_is_detected_against_the_others(shop: Recommender) -> None:
    found = answer(shop, FAILED)
    assert found.verdict == "less"
    assert found.launch is not None
    assert found.launch.age_hours == 5
    assert found.launch.ratio.high is not None and found.launch.ratio.high < -0.4
    assert {one.item for one in found.launch.compared} == {"n1", "n2", "n3", "n4"}


def with_a_batch(folder: Path, among: tuple[str, ...]) -> Recommender:
    """A shop in which these items came together with the one whose launch failed, and fail as it does."""
    shop = write_shop(folder)
    items, shown = pd.read_parquet(folder / "items.parquet"), pd.read_parquet(folder / "shown.parquet")
    batch = items["item"].isin([FAILED, *among])
    launched_at = items.loc[items["item"] == FAILED, "launch_at"].iloc[0]
    items.loc[batch, "launch_at"] = launched_at
    items.to_parquet(folder / "items.parquet", index=False)
    unseen = shown["item"].isin(among) & (~shown["explored"] | (shown["at"] < launched_at))
    shown[~unseen].to_parquet(folder / "shown.parquet", index=False)
    return shop


def test_a_batch_that_nobody_is_shown_is_not_held_against_itself(tmp_path: Path) -> None:
    batch = tuple(f"i{number:02d}" for number in range(1, 9))
    shop = with_a_batch(tmp_path, batch)
    for item in (FAILED, batch[0]):
        found = item_answer(shop, item, END)[0]
        assert found.verdict == "less"
        assert found.launch is not None
        assert {one.item for one in found.launch.compared} == {"n1", "n2", "n3", "n4"}


def test_where_nothing_launched_at_another_time_that_is_said(tmp_path: Path) -> None:
    """Two others are too few to say what is usual of a launch."""
    shop = with_a_batch(tmp_path, ("n1", "n2", "i01"))
    found = item_answer(shop, FAILED, END)[0]
    assert found.launch is not None and len(found.launch.compared) == 5
    assert any("came together with it" in note for note in found.notes)
    assert found.usual_of == "launches", "all launches are shown less than their expected exposure among all"


def test_a_launch_like_the_others_is_fair(shop: Recommender) -> None:
    found = answer(shop, "n4")
    assert found.verdict == "fair"
    assert "starts like" in found.headline


def test_an_item_is_found_by_its_title_and_a_wrong_one_is_put_right(shop: Recommender) -> None:
    assert answer(shop, "thing I03").item == "i03"
    with pytest.raises(Refused, match=r"no item Thingg i03.* Did you mean thing i03"):
        answer(shop, "Thingg i03")


def test_what_is_not_launched_yet_is_said_to_be_so(shop: Recommender) -> None:
    found = item_answer(shop, FAILED, END - timedelta(hours=9))[0]
    assert found.verdict == "unknown"
    assert "not launched yet" in found.headline


def test_the_picture_is_a_png_of_1400_pixels_and_a_launch_has_two_panels(shop: Recommender) -> None:
    sizes = []
    for item in (HELD_DOWN, FAILED):
        picture = looked_at(shop, item)[1]
        assert picture.startswith(PNG)
        sizes.append(tuple(int.from_bytes(picture[at : at + 4]) for at in (16, 20)))
    assert [width for width, _height in sizes] == [1400, 1400]
    assert sizes[1][1] > 1.5 * sizes[0][1]


def test_without_traffic_by_chance_its_own_engagement_counts_and_that_is_said(shop: Recommender) -> None:
    assert shop.exposure is not None
    biased = shop.model_copy(update={"exposure": shop.exposure.model_copy(update={"explored": None})})
    found = answer(biased, HELD_DOWN)
    assert not found.unbiased
    assert found.verdict == "less"
    assert any("No traffic is filled at random" in line for line in found.basis)


def test_without_a_declaration_it_says_what_to_declare(shop: Recommender) -> None:
    with pytest.raises(SourceError, match=r"declare \[exposure\]: shown, chosen, request"):
        answer(shop.model_copy(update={"exposure": None}), HELD_DOWN)


def test_a_wrong_column_is_named_with_the_nearest_right_one(shop: Recommender) -> None:
    assert shop.exposure is not None
    wrong = shop.exposure.model_copy(update={"explored": "explorde"})
    with pytest.raises(SourceError, match='no column "explorde"; did you mean "explored"'):
        answer(shop.model_copy(update={"exposure": wrong}), HELD_DOWN)


def test_the_answer_is_fetched_once_with_its_picture(
    shop: Recommender, log: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: END)
    assert fetch(log, "q1") is None
    settle_item(log, shop, HELD_DOWN, "q1")
    found = fetch(log, "q1")
    assert isinstance(found, ItemAnswer)
    assert found.picture is not None
    kept = attachments.find(log, found.picture)
    assert kept is not None and kept[0].startswith(PNG)
    assert fetch(log, "q1") is None


def test_a_question_that_cannot_be_answered_is_answered_with_why(shop: Recommender, log: Engine) -> None:
    settle_item(log, shop, "xyzzy", "q2")
    assert fetch(log, "q2") == "There is no item xyzzy."


def test_an_answer_that_nobody_fetches_is_forgotten(
    shop: Recommender, log: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: END)
    ask.put(log, "old", {"refused": "no"})
    monkeypatch.setattr(clock, "now", lambda: END + timedelta(hours=2))
    ask.put(log, "new", {"refused": "no"})
    assert fetch(log, "old") is None
    assert fetch(log, "new") == "no"


def test_tables_in_two_places_are_said_to_be_so(shop: Recommender, tmp_path: Path) -> None:
    duckdb.connect(f"{tmp_path}/x.db").execute(
        "CREATE TABLE chosen AS SELECT 1 AS request, 'i01' AS item, TIMESTAMPTZ '2026-03-02 00:00+00' AS at"
    )
    place = {"path": None, "url": f"duckdb://{tmp_path}/x.db", "table": "chosen"}
    elsewhere = {**shop.tables, "chosen": shop.tables["chosen"].model_copy(update=place)}
    with pytest.raises(SourceError, match="are in two places"):
        answer(shop.model_copy(update={"tables": elsewhere}), HELD_DOWN)


def test_the_job_looks_in_the_queue_of_looks_and_a_fix_never_waits_behind_it(
    shop: Recommender, log: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert jobs.item.name in LOOKS
    monkeypatch.setattr(clock, "now", lambda: END)
    monkeypatch.setattr(jobs, "own", lambda: log)
    monkeypatch.setattr(jobs, "recommender", lambda: shop)
    jobs.item("i03", "q3")
    found = fetch(log, "q3")
    assert isinstance(found, ItemAnswer)
    assert found.item == "i03"
