"""One look at a deployed hotfix: which window it sees, what counts for it, and when its time is over."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from domain.detection.judge.again.measure import Measurement
from domain.errors import ConfigurationError, NoRows, SourceError, TooFewRows, Unmeasurable
from domain.incident import commands as c
from domain.incident.menu import digest_of
from domain.incident.obligations import Obligation
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Actor, Diagnosis, Finding, Option, Severity
from tests.workers.conftest import NOON, make_finding, make_option
from workers.log.handle import Answer, handle
from workers.log.obligations import Work
from workers.respond.resolve.watch import guard, watch, window_to_look_at
from workers.store import cards

MINUTE = timedelta(minutes=1)
WATCHED = 5 * MINUTE
"""How long the hotfix of these tests is watched; its metric's window is a minute."""


@pytest.fixture
def recommender() -> Recommender:
    table = Table(name="impressions", path="none.parquet", time="at", window=MINUTE)
    return Recommender(name="cinema", tables={"impressions": table})


def measured(observed: float, expected: float = 100.0, low: float = 80.0, high: float = 120.0) -> Measurement:
    return Measurement(observed=observed, expected=expected, low=low, high=high, p_value=0.5)


FOUND = make_finding(observed=50.0)
ON_CALL = Actor(kind="person", id="terminal:on-call")
GOOD, BAD = measured(97), measured(40)


class Watched:
    """An incident whose hotfix was applied at noon."""

    def __init__(
        self,
        log: Engine,
        recommender: Recommender,
        monkeypatch: pytest.MonkeyPatch,
        finding: Finding | None,
        option: Option | None = None,
    ) -> None:
        self._log, self._recommender, self._patch = log, recommender, monkeypatch
        self._option = option or make_option(watch=WATCHED)
        command: c.Command = (
            c.OpenIncident(number=0, finding=finding)
            if finding
            else c.DeclareIncident(number=0, title="Something is off", severity=Severity.SEV3)
        )
        self._stream = ""
        self._stream = self.say(command, -10).stream
        self.say(c.RecordDiagnosis(diagnosis=Diagnosis(cause=None)), -9)
        self.deploy(0)

    def say(self, command: c.Command, minutes: float) -> Answer:
        at, key = NOON + minutes * MINUTE, uuid.uuid4().hex
        return handle(self._stream or None, command, actor=ON_CALL, key=key, at=at, log=self._log)

    def deploy(self, minutes: float) -> None:
        offered = (self._option,)
        self.say(c.PrepareMenu(options=offered), minutes - 2)
        self.say(c.ChooseHotfix(option="fill", menu=digest_of(offered)), minutes - 1)
        self.say(c.RecordHotfixApplied(option="fill", receipt="done"), minutes)

    def revert(self, minutes: float) -> None:
        self.say(c.RevertHotfix(option="fill"), minutes)
        self.say(c.RecordHotfixReverted(option="fill", receipt="undone"), minutes)

    def widen(self, share: float, following: float, minutes: float) -> None:
        self.say(c.PassStage(option="fill", share=share), minutes)
        self.say(c.RecordHotfixWidened(option="fill", share=following, receipt="done"), minutes)

    def repeated(self, finding: Finding, minutes: float) -> None:
        """The check finds it once more."""
        command, at = c.OpenIncident(number=0, finding=finding), NOON + minutes * MINUTE
        handle(None, command, actor=ON_CALL, key=f"again {minutes}", at=at, log=self._log)

    def saw(self, repaired_share: float, window_end: float, written: float | None = None) -> None:
        """An earlier look, written down when its window ended."""
        look = c.RecordWatch(
            option="fill",
            observed=0,
            expected=100,
            repaired_share=repaired_share,
            window_end=NOON + window_end * MINUTE,
        )
        self.say(look, window_end if written is None else written)

    @property
    def incident(self) -> Incident:
        with self._log.connect() as connection:
            found = cards.find(connection, self._stream)
        assert found is not None
        return found

    def look(self, minutes: float, seen: Measurement | Exception, incident: Incident | None = None) -> str:
        """The name of the command that `said` gives, or `nothing`."""
        said = self.said(minutes, seen, incident)
        return type(said).__name__ if said else "nothing"

    def said(
        self,
        minutes: float,
        seen: Measurement | Exception,
        incident: Incident | None = None,
        room: Callable[[Work, Recommender], Sequence[c.Command]] = watch,
    ) -> c.Command | None:
        """The command that a look so many minutes after the deployment gives, if any."""
        return next(iter(self.answered(minutes, seen, incident, room)), None)

    def answered(
        self,
        minutes: float,
        seen: Measurement | Exception,
        incident: Incident | None = None,
        room: Callable[[Work, Recommender], Sequence[c.Command]] = watch,
    ) -> Sequence[c.Command]:
        """All that a look so many minutes after the deployment says."""

        def answer(*_: object) -> Measurement:
            if isinstance(seen, Exception):
                raise seen
            return seen

        self._patch.setattr("workers.respond.resolve.watch.measure", answer)
        incident = incident or self.incident
        event = incident.hotfix.event_id if incident.hotfix else "none"
        obligation = Obligation(kind="watch", event_id=event, since=NOON)
        work = Work(self._log, incident, obligation, NOON + minutes * MINUTE)
        return room(work, self._recommender)

    def guarded(self, minutes: float, seen: Measurement | Exception) -> str:
        """The name of what a look after the verdict says, which is written down."""
        said = self.said(minutes, seen, room=guard)
        if said is not None:
            self.say(said, minutes)
        return type(said).__name__ if said else "nothing"


Begin = Callable[..., Watched]


@pytest.fixture
def begin(log: Engine, recommender: Recommender, monkeypatch: pytest.MonkeyPatch) -> Begin:
    def watched(finding: Finding | None = FOUND, option: Option | None = None) -> Watched:
        return Watched(log, recommender, monkeypatch, finding, option)

    return watched


@pytest.mark.parametrize("missing", ["hotfix", "applied_at", "watch_until"])
def test_what_was_never_deployed_is_not_watched(begin: Begin, missing: str) -> None:
    watched = begin()
    incident = watched.incident
    assert incident.hotfix is not None
    less = {"hotfix": None if missing == "hotfix" else incident.hotfix.model_copy(update={missing: None})}
    with pytest.raises(ConfigurationError, match="no deployed hotfix to watch"):
        watched.look(2, GOOD, incident.model_copy(update=less))


def test_a_fix_of_what_no_check_raised_is_left_to_people(begin: Begin) -> None:
    assert begin(None).look(2, GOOD) == "HotfixRefuted"


def test_a_window_never_reaches_back_before_the_deployment_however_long_it_is() -> None:
    table = Table(name="impressions", path="none.parquet", time="at", window=MINUTE, settle=3 * MINUTE)
    settling = Recommender(name="cinema", tables={"impressions": table})
    hourly = make_finding().model_copy(update={"window_start": NOON - 60 * MINUTE, "window_end": NOON})
    for minutes in (4, 30, 62):
        start, end = window_to_look_at(settling, hourly, NOON, NOON + minutes * MINUTE)
        assert (start, end) == (NOON, NOON + (minutes - 3) * MINUTE)
    late = NOON + 90 * MINUTE
    assert window_to_look_at(settling, hourly, NOON, late) == (late - 63 * MINUTE, late - 3 * MINUTE)


def test_a_look_waits_for_one_whole_window_after_the_deployment(begin: Begin) -> None:
    watched = begin()
    assert [watched.look(minutes, GOOD) for minutes in (0.5, 0.99, 1)] == [
        "nothing",
        "nothing",
        "HotfixVerified",
    ]


def test_a_window_longer_than_the_time_to_watch_is_not_waited_for(begin: Begin) -> None:
    hourly = make_finding(observed=50.0).model_copy(update={"window_start": NOON - 60 * MINUTE})
    watched = begin(hourly)
    assert [watched.look(minutes, GOOD) for minutes in (4.9, 5)] == ["nothing", "HotfixVerified"]


def test_a_metric_outside_its_band_proves_no_hotfix_however_much_of_the_gap_is_closed(begin: Begin) -> None:
    watched = begin()
    assert watched.look(2, measured(79.0)) == "HotfixWatched"
    assert watched.look(2, measured(80.0)) == "HotfixVerified"


def test_half_of_the_gap_closed_is_enough_and_less_is_not(begin: Begin) -> None:
    watched = begin()
    assert watched.look(2, measured(75.0, low=70.0, high=110.0)) == "HotfixVerified"
    assert watched.look(2, measured(74.0, low=70.0, high=110.0)) == "HotfixWatched"


def test_where_nothing_was_expected_the_band_alone_decides(begin: Begin) -> None:
    watched = begin(make_finding(observed=50.0).model_copy(update={"expected": 0.0}))
    assert watched.look(2, measured(1.0, expected=0.0, low=0.0, high=3.0)) == "HotfixVerified"


UNSURE = measured(97.0, low=0.0, high=260.0)
"""Back, but chance moves the metric by more than the gap that was closed."""


@pytest.mark.parametrize(
    ("share", "window_end", "verdict"),
    [
        (0.95, 2.0, "HotfixVerified"),  # it ended when this one began
        (0.5, 2.0, "HotfixVerified"),
        (0.49, 2.0, "HotfixWatched"),  # it showed no repair itself
        (0.95, 2.1, "HotfixWatched"),  # it has rows in common with this one
    ],
)
def test_what_chance_could_explain_is_proved_by_an_earlier_window_without_a_row_in_common(
    begin: Begin, share: float, window_end: float, verdict: str
) -> None:
    watched = begin()
    assert watched.look(3, UNSURE) == "HotfixWatched"
    watched.saw(share, window_end)
    assert watched.look(3, UNSURE) == verdict


def test_the_band_may_just_touch_what_chance_explains_and_proves_nothing_then(begin: Begin) -> None:
    # Half the gap closed, give or take half the gap.
    assert begin().look(2, measured(75.0, low=50.0, high=100.0)) == "HotfixWatched"


def test_looks_at_an_earlier_deployment_of_the_same_hotfix_prove_nothing(begin: Begin) -> None:
    watched = begin()
    watched.saw(0.95, 2)
    watched.revert(4)
    watched.say(c.LookAgain(), 5)
    watched.say(c.RecordDiagnosis(diagnosis=Diagnosis(cause=None)), 6)
    watched.deploy(10)
    assert watched.look(13, UNSURE) == "HotfixWatched"


def test_a_clock_that_was_set_back_after_the_deployment_takes_no_look_away(begin: Begin) -> None:
    watched = begin()
    watched.saw(0.95, 2, written=-60)
    assert watched.look(3, UNSURE) == "HotfixVerified"


def test_the_last_look_does_not_wait_for_its_quarter_minute(begin: Begin) -> None:
    watched = begin()
    watched.saw(0.1, 4.85)
    assert [watched.look(minutes, BAD) for minutes in (4.86, 4.99)] == ["nothing", "nothing"]
    assert watched.look(5, BAD) == "HotfixRefuted"


def test_the_next_look_is_a_quarter_minute_after_the_last(begin: Begin) -> None:
    watched = begin()
    watched.saw(0.1, 2)
    assert [watched.look(minutes, BAD) for minutes in (2.24, 2.25)] == ["nothing", "HotfixWatched"]


def test_what_is_not_back_when_the_time_is_over_is_refuted_and_not_a_moment_before(begin: Begin) -> None:
    watched = begin()
    assert [watched.look(minutes, BAD) for minutes in (4.99, 5, 6)] == [
        "HotfixWatched",
        "HotfixRefuted",
        "HotfixRefuted",
    ]
    assert watched.look(6, GOOD) == "HotfixVerified"


def test_what_cannot_be_measured_to_the_end_is_refuted_at_the_end(begin: Begin) -> None:
    watched, away = begin(), SourceError("the warehouse is away")
    assert [watched.look(minutes, away) for minutes in (2, 4.99, 5)] == [
        "nothing",
        "nothing",
        "HotfixRefuted",
    ]


def test_what_can_never_be_measured_again_is_left_to_people_at_once(begin: Begin) -> None:
    never = Unmeasurable('kind "moved" cannot be measured again; judge it yourself')
    assert begin().look(2, never) == "HotfixRefuted"


def test_more_than_all_of_the_gap_is_chance_in_the_band_and_reported_as_it_is_beyond_it(begin: Begin) -> None:
    watched = begin()
    verified, beyond = watched.said(2, measured(110.0)), watched.said(2, measured(150.0))
    assert isinstance(verified, c.VerifyHotfix)
    assert verified.repaired_share == 1.0
    assert isinstance(beyond, c.RecordWatch)
    assert beyond.repaired_share == pytest.approx(2.0)


@pytest.mark.parametrize(("observed", "share"), [(97.0, 0.94), (110.0, 1.0)])
def test_more_than_all_of_the_gap_is_chance_where_a_look_proves_nothing_too(
    begin: Begin, observed: float, share: float
) -> None:
    unsure = begin().said(2, measured(observed, low=0.0, high=260.0))
    assert isinstance(unsure, c.RecordWatch)
    assert unsure.repaired_share == pytest.approx(share)


@pytest.mark.parametrize(
    ("observed", "share", "words"),
    [
        (150.0, 2.0, "200 % of the gap is closed"),
        (60.0, 0.2, "20 % of the gap is closed"),
        (50.0, 0.0, " 0 % of the gap is closed"),
        (40.0, -0.2, "the gap grew by 20 %"),
    ],
)
def test_a_refutation_says_how_much_of_the_gap_is_closed_or_by_how_much_it_grew(
    begin: Begin, observed: float, share: float, words: str
) -> None:
    refuted = begin().said(5, measured(observed))
    assert isinstance(refuted, c.RefuteHotfix)
    assert refuted.repaired_share == pytest.approx(share)
    assert refuted.reason.endswith(words)


WORSE = measured(10.0, low=90.0, high=110.0)
"""The gap of 50 % grew to 90 %, and the band is a tenth wide."""

FAR_WORSE = measured(0.0, low=98.0, high=102.0)
SHARP = FOUND.model_copy(update={"low": 90.0, "high": 110.0})


def remember(watched: Watched, minutes: float, seen: Measurement) -> str:
    """The look, and what it says written down."""
    said = watched.said(minutes, seen)
    assert said is not None
    watched.say(said, minutes)
    return type(said).__name__


def test_harm_is_reverted_at_the_second_look_and_the_reason_is_in_numbers(begin: Begin) -> None:
    watched = begin(SHARP)
    worse = measured(25.0, low=90.0, high=110.0)
    assert remember(watched, 1, worse) == "HotfixWatched"
    assert watched.look(1.9, worse) == "HotfixWatched"  # it has rows in common with the first
    harm = watched.said(2, worse)
    assert isinstance(harm, c.RecordHarm)
    assert harm.reason == (
        "the gap grew by 50 % [30–70] since its deployment: 25 rows where 100 are expected, then 50 where "
        "100 were; two looks in a row agree, chance alone does so in less than one deployment in a hundred"
    )
    watched.say(harm, 2)
    hotfix = watched.incident.hotfix
    assert hotfix is not None
    assert (hotfix.stage, hotfix.because, hotfix.reason) == ("reverting", "harm", harm.reason)
    (outcome,) = watched.incident.outcomes
    estimate = (outcome.repaired_share, outcome.low, outcome.high)
    assert estimate == pytest.approx((-0.5, -0.7, -0.3), abs=0.005)


def test_harm_far_beyond_chance_is_reverted_at_the_first_look(begin: Begin) -> None:
    said = begin(SHARP.model_copy(update={"low": 98.0, "high": 102.0})).said(1, FAR_WORSE)
    assert isinstance(said, c.RecordHarm)
    assert "one look was enough" in said.reason


def test_worse_is_meant_against_the_deployment_however_the_finding_grew_since(begin: Begin) -> None:
    watched = begin(SHARP)
    grown = SHARP.model_copy(update={"observed": 25.0, "window_end": NOON + MINUTE})
    watched.say(c.OpenIncident(number=0, finding=grown), 1)
    assert watched.incident.finding == grown
    worse = measured(25.0, low=90.0, high=110.0)
    assert remember(watched, 1, worse) == "HotfixWatched"
    assert watched.look(2, worse) == "RecordHarm"


def test_what_was_verified_is_looked_at_until_it_ends_and_reverted_where_it_does_harm(begin: Begin) -> None:
    watched = begin(SHARP)
    assert remember(watched, 2, GOOD) == "HotfixVerified"
    assert watched.incident.status == "resolved"
    assert [watched.guarded(minutes, GOOD) for minutes in (3, 10)] == ["HotfixWatched", "HotfixWatched"]
    hotfix = watched.incident.hotfix
    assert hotfix is not None
    assert hotfix.seen is not None
    assert (hotfix.stage, hotfix.seen.at) == ("verified", NOON + 10 * MINUTE)
    assert [watched.guarded(minutes, WORSE) for minutes in (20, 21)] == ["HotfixWatched", "RecordHarm"]
    incident = watched.incident
    assert incident.hotfix is not None
    assert (incident.hotfix.stage, incident.hotfix.because) == ("reverting", "harm")
    assert incident.status == "open"  # what the hotfix had ended is not ended without it
    assert [one.because for one in incident.spent] == ["harm"]


def test_what_a_hotfix_before_spoiled_is_not_what_the_next_one_is_held_against(begin: Begin) -> None:
    watched = begin()
    spoiled = FOUND.model_copy(update={"observed": 10.0, "window_start": NOON, "window_end": NOON + MINUTE})
    watched.repeated(spoiled, 1)
    watched.revert(2)
    watched.deploy(6)
    look = watched.said(7, measured(60.0))
    assert isinstance(look, c.RecordWatch)
    assert look.repaired_share == pytest.approx(0.2)  # of the 50 that were lacking, and not of 90

    watched.revert(8)
    after = {"observed": 20.0, "window_start": NOON + 9 * MINUTE, "window_end": NOON + 10 * MINUTE}
    watched.repeated(FOUND.model_copy(update=after), 10)
    watched.deploy(14)
    look = watched.said(15, measured(60.0))
    assert isinstance(look, c.RecordWatch)
    assert look.repaired_share == pytest.approx(0.5)  # that is as it was without any


NOTHING_CAME = NoRows("no rows at all in this window")


def test_two_windows_in_which_no_row_comes_at_all_are_harm(begin: Begin) -> None:
    watched = begin()
    assert [watched.look(minutes, NOTHING_CAME) for minutes in (1, 1.9)] == ["nothing", "nothing"]
    harm = watched.said(2, NOTHING_CAME)
    assert isinstance(harm, c.RecordHarm)
    assert 'no row at all has come to table "impressions" for 2 min' in harm.reason
    assert watched.look(2, TooFewRows("another trouble")) == "nothing"


def test_rows_that_only_now_fail_to_come_are_waited_for(begin: Begin) -> None:
    watched = begin()
    watched.saw(0.1, window_end=1.5)
    assert watched.look(2.2, NOTHING_CAME) == "nothing"


@pytest.mark.parametrize(("expected", "said"), [(9.9, "nothing"), (10.0, "RecordHarm")])
def test_rows_that_were_never_many_are_waited_for(begin: Begin, expected: float, said: str) -> None:
    rare = begin(FOUND.model_copy(update={"expected": expected, "observed": 1.0}))
    assert rare.look(2.2, NOTHING_CAME) == said


def test_a_guard_that_cannot_measure_reverts_nothing(begin: Begin) -> None:
    watched = begin(SHARP)
    remember(watched, 2, GOOD)
    assert watched.answered(5, SourceError("the warehouse is away"), room=guard) == ()


def test_rows_that_come_no_more_after_the_verdict_are_harm_as_well(begin: Begin) -> None:
    watched = begin(SHARP)
    remember(watched, 2, GOOD)
    assert watched.guarded(3, GOOD) == "HotfixWatched"
    assert [watched.guarded(minutes, NOTHING_CAME) for minutes in (4.9, 5)] == ["nothing", "RecordHarm"]
