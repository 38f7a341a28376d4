"""Incidents as people will see them, made by the real rules."""

from __future__ import annotations

from datetime import timedelta

from domain.incident import commands as c
from domain.incident.events import Recorded
from domain.incident.menu import digest_of
from domain.incident.state import Incident
from domain.values import (
    Actor,
    Diagnosis,
    Estimate,
    Evidence,
    Finding,
    Improvement,
    LeftOut,
    Option,
    Severity,
)
from tests.domain.incident.given import MORNING, ON_CALL, PIECE, SECOND, TRIED, WORKER, after

FINDING = Finding(
    check="impressions_by_slice",
    table="impressions",
    slice=(("country", "Denmark"),),
    window_start=MORNING - timedelta(minutes=1),
    window_end=MORNING,
    observed=214,
    expected=738,
    low=661,
    high=815,
    unit="impressions",
    p_value=1e-9,
    severity=Severity.SEV2,
    affected_share=0.031,
    title="Films from Denmark are shown 71 % less",
)
DIAGNOSIS = Diagnosis(
    cause="Input, not model: `language` is not set for 212 films since the delivery of 21:05.",
    cause_kind="feature",
    since=MORNING - timedelta(minutes=14),
    feature="language",
    suggested_value="Danish",
    evidence=(
        Evidence(
            kind="feature", statement="Their language is 14 MADs off 40 comparable films.", strength=0.95
        ),
        Evidence(
            kind="attribution", statement="With it filled in, the model scores as before.", strength=0.9
        ),
        Evidence(
            kind="slices",
            statement="Denmark explains 97 % of the gap.",
            strength=0.8,
            table=(("slice", "seen", "expected"), ("Denmark", "214", "738"), ("Sweden", "698", "702")),
        ),
    ),
    picture="0" * 64,
    seconds=4.2,
)


def option(key: str, label: str, repairs: float, costs: float, *, second: bool = False) -> Option:
    """An option with numbers in percent, as the pricing gives them."""
    return Option(
        key=key,
        hotfix=key,
        label=label,
        does="Serves these films with the language that comparable films have",
        repairs=Estimate(
            value=repairs, low=repairs - 3, high=repairs + 2, unit="%", basis="replay of 41,000 requests"
        ),
        costs=Estimate(value=costs, low=costs - 0.1, high=costs + 0.1, unit="% plays", basis="replay"),
        deploy_seconds=120,
        undo="1 click",
        expires_after=timedelta(days=7),
        blast_share=0.24 if second else 0.031,
        needs_second_person=second,
        break_glass=second,
        deployer="overrides",
    )


MENU = (
    option("fill", "Fill in the language", 96, 0.0),
    option("boost", "Boost these films", 61, -0.3),
    option("rollback", "Roll the catalogue back", 97, -1.2, second=True),
)
LESSON = Improvement(
    detect_faster="Yes: an alarm on unset language at delivery would have fired 3 h 40 min earlier.",
    diagnose_faster="No: the evidence was in after 4 s.",
    change="check",
    detail="Alarm when more than 1 % of a delivery has no language.",
    proof="Replayed over 90 days: this incident 3 h 40 min earlier, no false alarm.",
)
OPENED = (c.OpenIncident(number=142, finding=FINDING), WORKER)
DIAGNOSED = (c.RecordDiagnosis(diagnosis=DIAGNOSIS), WORKER)
LEFT_OUT = (
    LeftOut(
        hotfix="feed_failover",
        label="Read the standby feed",
        why="it is for causes of kind feed; this one is of kind feature",
    ),
    LeftOut(
        hotfix="model_back",
        label="Serve the model before",
        why="the model v8 took over at 12:00, after it began",
    ),
)
OFFERED = (c.PrepareMenu(options=MENU, note="", left_out=LEFT_OUT), WORKER)
CHOSEN = c.ChooseHotfix(option="fill", menu=digest_of(MENU))
ASKED = c.ChooseHotfix(option="rollback", menu=digest_of(MENU))
BROKEN = c.BreakGlass(
    option="rollback", menu=digest_of(MENU), reason="Nobody answers, and every hour costs 2,900 plays."
)
APPLIED = (c.RecordHotfixApplied(option="fill", receipt="ok"), WORKER)
WATCHED = (
    c.RecordWatch(
        option="fill",
        observed=520,
        expected=738,
        repaired_share=0.58,
        window_end=MORNING + timedelta(minutes=5),
    ),
    WORKER,
)
VERIFIED = (c.VerifyHotfix(option="fill", observed=706, expected=738, repaired_share=0.94), WORKER)
USELESS = (
    c.RefuteHotfix(
        option="fill",
        reason="240 rows where 738 are expected (690 to 790): 5 % of the gap is closed",
        repaired_share=0.05,
        low=-0.04,
        high=0.14,
    ),
    WORKER,
)
HARM = (
    c.RecordHarm(
        option="fill",
        reason="the gap grew by 40 % [22–58] since its deployment: 10 rows where 738 are expected",
    ),
    WORKER,
)
REVERTED = (c.RecordHotfixReverted(option="fill", receipt="ok"), WORKER)
PROPOSED = (c.ProposeFollowUp(improvement=LESSON), WORKER)

Step = c.Command | tuple[c.Command, Actor]
TICKET: tuple[Step, ...] = (
    (c.RequestTicket(tracker="issues"), WORKER),
    (c.RecordTicketOpened(ticket="shop/serving#7", url="https://github.example/7"), WORKER),
)
TICKET_CLOSED = (c.RecordTicketClosed(), WORKER)
WAY: tuple[Step, ...] = (
    OPENED,
    DIAGNOSED,
    OFFERED,
    (c.Acknowledge(), ON_CALL),
    (CHOSEN, ON_CALL),
    APPLIED,
    WATCHED,
    VERIFIED,
    PROPOSED,
    (c.AcceptFollowUp(), SECOND),
    (c.Close(), ON_CALL),
)
"""From the alarm to the end, the ordinary way."""

STAGES = tuple(one.model_copy(update={"stages": (0.05, 0.5, 1.0)}) for one in MENU)
STAGED: tuple[Step, ...] = (
    *WAY[:2],
    (c.PrepareMenu(options=STAGES), WORKER),
    (c.ChooseHotfix(option="fill", menu=digest_of(STAGES)), ON_CALL),
    APPLIED,
)
STAGE_PASSED = (c.PassStage(option="fill", share=0.05), WORKER)
WIDENED = (c.RecordHotfixWidened(option="fill", share=0.5, receipt="ok"), WORKER)

OF_CHECK = {"check": "by_hour", "diff": "+[checks.by_hour]\n"}
OWNED: tuple[Step, ...] = (
    *WAY[:8],
    TRIED,
    (c.AcceptFollowUp(check="by_hour"), SECOND),
    (c.AssignFollowUp(owner=ON_CALL.id, due_at=MORNING + timedelta(days=14)), WORKER),
)
HARMFUL: tuple[Step, ...] = (
    *OWNED,
    (c.RecordChangeWritten(**OF_CHECK), WORKER),
    (c.RequestTakeBack(check="by_hour", reason="3.0 false alarms a week; 0.0 were promised"), WORKER),
)
"""A check that was written, and alarms more often than was promised."""

STORIES: dict[str, tuple[Step, ...]] = {
    "opened": WAY[:1],
    "evidence coming in": (*WAY[:1], PIECE),
    "diagnosed": WAY[:2],
    "offered": WAY[:3],
    "asked for a second person": (*WAY[:3], ASKED),
    "deployed by break-glass": (*WAY[:3], ASKED, BROKEN),
    "in force by break-glass": (
        *(*WAY[:3], ASKED, BROKEN),
        (c.RecordHotfixApplied(option="rollback", receipt="ok"), WORKER),
    ),
    "approved": WAY[:5],
    "watched": WAY[:7],
    "resolved": WAY[:8],
    "follow-up proposed": WAY[:9],
    "closed": WAY,
    "change in a pull request": (
        *OWNED,
        (c.RecordChangeProposed(**OF_CHECK, url="https://hub.example/shop/pull/1"), WORKER),
    ),
    "pull request closed": (
        *OWNED,
        (c.RecordChangeProposed(**OF_CHECK, url="https://hub.example/shop/pull/1"), WORKER),
        (c.RecordPullRequestClosed(check="by_hour", url="https://hub.example/shop/pull/1"), WORKER),
    ),
    "change taken back": (*HARMFUL, (c.RecordChangeTakenBack(**OF_CHECK), WORKER)),
    "change left to a person": (
        *HARMFUL,
        (c.RecordChangeLeft(**OF_CHECK, reason="was changed by hand"), WORKER),
    ),
    "follow-up shown done": (
        *HARMFUL[:-1],
        (c.RecordFollowUpDone(says="by_hour finds it 1 h 30 min sooner"), WORKER),
    ),
    "with a ticket": (*WAY[:10], *TICKET),
    "its ticket closed by somebody": (*WAY[:10], *TICKET, TICKET_CLOSED),
    "refuted": (*WAY[:6], (c.RefuteHotfix(option="fill", reason="still 60 % too low"), WORKER)),
    "did not work": (*WAY[:6], USELESS),
    "reverted by itself": (*WAY[:6], USELESS, REVERTED),
    "in stages": (*STAGED, STAGE_PASSED, WIDENED),
    "widening": (*STAGED, STAGE_PASSED),
    "did harm": (*WAY[:8], HARM),
    "failed": (*WAY[:5], (c.RecordHotfixFailed(option="fill", reason="the webhook answered 500"), WORKER)),
    "diagnosis failed": (OPENED, (c.RecordDiagnosisFailure(reason="the table is locked"), WORKER)),
    "nothing to offer": (*WAY[:2], (c.PrepareMenu(options=(), note="No hotfix fits a feed."), WORKER)),
    "looked into again": (*WAY[:3], c.LookAgain()),
    "looked into again in vain": (
        *WAY[:3],
        c.LookAgain(),
        (c.RecordDiagnosisFailure(reason="the table is locked"), WORKER),
    ),
    "declared": (
        c.DeclareIncident(number=7, title="Odd rows on the start page", severity=Severity.SEV3),
        c.Silence(until=MORNING + timedelta(hours=4)),
    ),
    "dismissed": (OPENED, c.Dismiss(reason="A holiday in Denmark.")),
}


def after_story(story: str) -> tuple[Incident, list[Recorded]]:
    """The incident of a story, and its events."""
    return after(*STORIES[story])
