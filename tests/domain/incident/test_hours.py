"""One person deploys alone during some hours only; outside them a second one has to approve."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide import decide
from domain.incident.decide.hotfix import own_request
from domain.incident.menu import digest_of, priced_anew, second_person
from domain.values import Hours
from tests.domain.incident.given import DIAGNOSED, ON_CALL, OPEN, SECOND, WORKER, after, append, option

OFFICE = Hours(start=time(9), end=time(18), days=(0, 1, 2, 3, 4), zone="Asia/Kathmandu")  # UTC+5:45
NIGHT = Hours(start=time(22), end=time(6), days=(4,), zone="UTC")
BY_DAY = option().model_copy(update={"alone": OFFICE})
MENU = digest_of((BY_DAY,))
CHOOSE = c.ChooseHotfix(option="fill", menu=MENU)
APPROVE = c.ApproveHotfix(option="fill", menu=MENU)
OFFERED = (OPEN, DIAGNOSED, (c.PrepareMenu(options=(BY_DAY,)), WORKER))
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def there(day: int, hour: int, minute: int = 0) -> datetime:
    """A time in Kathmandu, so many days after Monday, the 2nd of March."""
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute) - timedelta(hours=5, minutes=45)


@pytest.mark.parametrize(
    ("at", "events"),
    [
        (there(0, 9), ["hotfix.chosen", "hotfix.approved"]),
        (there(4, 17, 59), ["hotfix.chosen", "hotfix.approved"]),
        (there(0, 8, 59), ["hotfix.chosen"]),
        (there(0, 18), ["hotfix.chosen"]),
        (there(5, 12), ["hotfix.chosen"]),
        (there(2, 3), ["hotfix.chosen"]),
    ],
)
def test_within_the_hours_one_person_deploys_and_outside_of_them_a_second_one_is_asked(
    at: datetime, events: list[str]
) -> None:
    incident, _ = after(*OFFERED)
    assert [event.wire_name for event in decide(incident, CHOOSE, ON_CALL, at)] == events


def test_what_was_asked_for_at_night_is_approved_by_another_one_also_by_day() -> None:
    incident, log = after(*OFFERED)
    waiting, _ = append(incident, log, decide(incident, CHOOSE, ON_CALL, there(0, 3)), ON_CALL, there(0, 3))
    assert waiting is not None
    with pytest.raises(Refused) as refused:
        decide(waiting, APPROVE, ON_CALL, there(0, 10))
    assert str(refused.value) == (
        "You asked for this yourself; a second person has to approve it, as it was asked for outside Mon–Fri "
        "09:00–18:00 (Asia/Kathmandu)."
    )
    (event,) = decide(waiting, APPROVE, SECOND, there(0, 10))
    assert event.wire_name == "hotfix.approved"


def test_what_an_earlier_release_let_wait_without_hours_is_not_approved_by_who_asked_for_it() -> None:
    plain = option()
    menu = digest_of((plain,))
    incident, log = after(OPEN, DIAGNOSED, (c.PrepareMenu(options=(plain,)), WORKER))
    chosen = e.HotfixChosen(option="fill", menu=menu)
    waiting, _ = append(incident, log, (chosen,), ON_CALL, there(0, 3))
    assert waiting is not None
    with pytest.raises(Refused, match=r"a second person has to approve it\.$"):
        decide(waiting, c.ApproveHotfix(option="fill", menu=menu), ON_CALL, there(0, 10))


def test_one_s_own_request_of_an_option_that_is_gone_is_refused_without_a_reason() -> None:
    assert own_request(None) == "You asked for this yourself; a second person has to approve it."


def test_what_touches_much_takes_two_at_any_hour_and_says_that() -> None:
    wide = option("rollback", second_person=True).model_copy(update={"alone": OFFICE})
    choose = c.ChooseHotfix(option="rollback", menu=digest_of((wide,)))
    incident, log = after(OPEN, DIAGNOSED, (c.PrepareMenu(options=(wide,)), WORKER))
    noon = there(0, 12)
    waiting, _ = append(incident, log, decide(incident, choose, ON_CALL, noon), ON_CALL, noon)
    assert waiting is not None and waiting.hotfix is not None and waiting.hotfix.stage == "chosen"
    approve = c.ApproveHotfix(option="rollback", menu=digest_of((wide,)))
    with pytest.raises(Refused, match="a second person has to approve it, as it touches so much traffic"):
        decide(waiting, approve, ON_CALL, noon)
    assert second_person(wide) == "needs a second person"


@pytest.mark.parametrize(
    ("at", "within"),
    [
        (datetime(2026, 3, 6, 22, tzinfo=UTC), True),  # a Friday
        (datetime(2026, 3, 6, 21, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 7, 5, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 7, 6, tzinfo=UTC), False),
        (datetime(2026, 3, 6, 5, tzinfo=UTC), False),
        (datetime(2026, 3, 7, 23, tzinfo=UTC), False),
    ],
)
def test_hours_over_midnight_are_of_the_day_on_which_they_began(at: datetime, within: bool) -> None:
    assert NIGHT.hold(at) is within


def test_hours_go_by_the_clock_of_their_zone_also_when_it_changes() -> None:
    lisbon = Hours(start=time(9), end=time(18), days=tuple(range(7)), zone="Europe/Lisbon")
    assert not lisbon.hold(datetime(2026, 3, 28, 8, 30, tzinfo=UTC))  # winter: 08:30 there
    assert lisbon.hold(datetime(2026, 3, 29, 8, 30, tzinfo=UTC))  # summer: 09:30 there


@given(st.datetimes(timezones=st.just(UTC)), st.times(), st.times(), st.sets(st.integers(0, 6), min_size=1))
def test_of_two_that_complement_each_other_one_holds(
    at: datetime, start: time, end: time, days: set[int]
) -> None:
    if start == end:
        return
    every = tuple(range(7))
    one = Hours(start=start, end=end, days=every, zone="UTC")
    other = Hours(start=end, end=start, days=every, zone="UTC")
    assert one.hold(at) != other.hold(at)
    some = one.model_copy(update={"days": tuple(days)})
    assert one.hold(at) or not some.hold(at)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ((0, 1, 2, 3, 4, 5, 6), "Mon–Sun"),
        ((5, 6), "Sat, Sun"),
        ((2, 1, 0), "Mon–Wed"),
        ((6,), "Sun"),
        ((2, 0), "Mon, Wed"),
        ((1, 2, 4), "Tue, Wed, Fri"),
    ],
)
def test_days_are_written_as_people_say_them(days: tuple[int, ...], words: str) -> None:
    assert OFFICE.model_copy(update={"days": days}).words == f"{words} 09:00–18:00 (Asia/Kathmandu)"


def test_the_hours_stand_on_the_menu_and_whoever_read_another_one_is_told() -> None:
    assert second_person(BY_DAY) == "needs a second person outside Mon–Fri 09:00–18:00 (Asia/Kathmandu)"
    assert second_person(option()) == ""
    changes = priced_anew((option(),), (BY_DAY,), "fill")
    assert "outside Mon–Fri 09:00–18:00 (Asia/Kathmandu) (before: needs no second person)" in changes
    assert digest_of((option(),)) != MENU
