"""What the report says about a follow-up since then: what is recorded about it, and what is not known."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.messages.report import compose, html, markdown
from domain.incident import commands as c
from domain.replayed import AgreedCheck, AlarmsSince, ChangeSince, Comparable, Replayed, Went
from tests.bot.stories import HARMFUL, OWNED, STORIES, Step
from tests.domain.incident.given import LESSON, MORNING, WORKER, after

LATER = MORNING + timedelta(days=20)
WRITTEN = HARMFUL[:-1]
PROPOSED = STORIES["change in a pull request"]
HANDED = (
    *OWNED,
    (c.RecordChangeHandedOver(check="by_hour", diff="+[checks.by_hour]\n", reason="as declared"), WORKER),
)
THEN = Went(raised_at=MORNING, after_seconds=2820, check="impressions")
NOW = Went(raised_at=MORNING - timedelta(minutes=35), after_seconds=720, check="by_hour")
AGREED = AgreedCheck(check="by_hour", sooner=timedelta(minutes=35))
REPLAYED = Replayed(
    number=142,
    title="",
    then=THEN,
    now=NOW,
    judged=Comparable(raised=True, named=True, offered=True),
    verdict="better",
    agreed=AGREED,
)
ALARMS = AlarmsSince(
    since=MORNING + timedelta(days=6), shadow=False, alarms=4, confirmed=2, false=1, undecided=1
)
KNOWN = ChangeSince(declared=True, alarms=ALARMS, replayed=REPLAYED, replayed_at=LATER)


def sentences(known: ChangeSince | None, steps: tuple[Step, ...] = WRITTEN) -> tuple[str, ...]:
    incident, log = after(*steps)
    return compose(incident, log, since=known).since


def replayed(**changed: object) -> ChangeSince:
    return KNOWN.model_copy(update={"replayed": REPLAYED.model_copy(update=changed)})


def test_in_place_it_says_since_when_what_is_found_sooner_and_what_else_it_raised() -> None:
    declared, found, raised = sentences(KNOWN)
    assert declared.startswith("by_hour is declared since 2026-03-01 ")
    assert found == (
        "Raised: 47 min, impressions; now: 12 min, by_hour, says the replay of 2026-03-21 02:40 UTC"
    )
    assert raised == (
        "Since 2026-03-07 02:40 UTC, out of shadow mode, by_hour raised 4 incidents: 2 confirmed, 1 false, "
        "1 not decided yet"
    )


def test_the_report_has_it_with_the_lines_that_came_in() -> None:
    incident, log = after(*WRITTEN)
    report = compose(incident, log, since=KNOWN)
    for text in (markdown(report), html(report)):
        assert "+[checks.by_hour]" in text
        assert "by_hour raised 4 incidents: 2 confirmed, 1 false" in text
    assert "```diff\n+[checks.by_hour]\n```" in markdown(report)


def test_a_block_of_code_ends_where_its_lines_do_whatever_they_hold() -> None:
    steps = (*OWNED, (c.RecordChangeWritten(check="by_hour", diff="+```\n+<script>\n"), WORKER))
    incident, log = after(*steps)
    assert "````diff\n+```\n+<script>\n````" in markdown(compose(incident, log))


def test_in_shadow_mode_it_says_what_it_would_find_and_that_it_tells_nobody() -> None:
    shadow = AGREED.model_copy(update={"shadow": True})
    known = replayed(agreed=shadow, now=THEN).model_copy(
        update={"alarms": ALARMS.model_copy(update={"shadow": True, "alarms": 2, "false": 0, "undecided": 0})}
    )
    _declared, found, own, raised = sentences(known)
    assert "now: 47 min, impressions" in found
    assert own == "by_hour finds it 35 min sooner, in shadow mode"
    assert "in shadow mode, where it pages nobody, by_hour raised 2 alarms: 2 confirmed, 0 false" in raised


@pytest.mark.parametrize(
    ("known", "says"),
    [
        (ChangeSince(declared=True), "No replay of this incident was made yet: how it would be found now"),
        (ChangeSince(declared=True), "by_hour was not looked at yet: what else it raises is not known"),
        (ChangeSince(declared=False), "what it is worth: the check by_hour is not declared"),
        (ChangeSince(), "what it is worth: the declaration cannot be read"),
        (
            replayed(agreed=None, now=THEN),
            "by_hour was not in that replay: what it finds",
        ),
        (
            replayed(
                agreed=AGREED.model_copy(update={"judged": False, "says": "its rows are gone"}), now=THEN
            ),
            "by_hour is not judged (its rows are gone)",
        ),
        (
            replayed(agreed=AGREED.model_copy(update={"sooner": None, "on_kept": False}), now=THEN),
            "by_hour does not find it, asked of the table as it is now",
        ),
        (
            replayed(judged=Comparable(False, False, False), notes=("nothing was kept",)),
            "now: not judged (nothing was kept), says the replay of 2026-03-21 02:40 UTC",
        ),
        (replayed(now=Went()), "now: no, says the replay"),
        (replayed(then=Went()), "Raised: no; now: 12 min, by_hour"),
        (
            replayed(then=THEN.model_copy(update={"after_seconds": None})),
            "Raised: onset not known, impressions; now: 12 min, by_hour",
        ),
        (
            replayed(false_alarm=True, now=Went()),
            "Raised, although it was no incident: 47 min",
        ),
        (
            KNOWN.model_copy(update={"alarms": ALARMS.model_copy(update={"alarms": 0})}),
            "out of shadow mode, by_hour raised no incident",
        ),
    ],
)
def test_what_is_not_known_is_said(known: ChangeSince, says: str) -> None:
    assert says in "\n".join(sentences(known))


def test_when_people_put_it_in_is_not_recorded_and_not_made_up() -> None:
    assert "when it was merged is not recorded" in sentences(KNOWN, PROPOSED)[0]
    assert "when it was put in is not recorded" in sentences(KNOWN, HANDED)[0]


def test_words_without_a_check_say_it_once_they_are_done() -> None:
    words = (*OWNED[:-3], c.AnswerFollowUp(improvement=LESSON))
    assert sentences(KNOWN, words) == ()
    done = (*words, (c.RecordFollowUpDone(says="the supplier logs it"), WORKER))
    first, found = sentences(KNOWN, done)
    assert first.startswith("Done since 2026-03-01 ")
    assert found.startswith("Raised: 47 min, impressions")


def test_of_what_was_taken_back_dropped_or_never_agreed_on_there_is_nothing_to_say() -> None:
    assert sentences(KNOWN, STORIES["change taken back"]) == ()
    assert sentences(KNOWN, (*WRITTEN, c.DropFollowUp(reason="the table goes"))) == ()
    assert sentences(None, STORIES["follow-up proposed"]) == ()
    assert sentences(None) == ()
