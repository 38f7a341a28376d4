"""
What shows that a follow-up is done or did harm: the replay of incidents under today's declaration, and the
record of the check that was agreed on.

A check in shadow mode pages nobody, so it finds nothing sooner: the follow-up is done once it may page
people.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.improvement.record import Record
from domain.improvement.trial import rate
from domain.incident.numbers import lasting
from domain.incident.state import Incident
from domain.replayed import AgreedCheck, Replayed, in_words
from domain.values import Estimate

LEAST_FALSE = 2  # false alarms before they count against the promise
PROMOTE = "remove `shadow = true` from [checks.{check}] to let it"


def done(incident: Incident, replayed: Replayed) -> str | None:
    """
    How the replay of its incident shows a follow-up done; None where it does not.

    A check: it raises the incident earlier, or any check does where none was agreed on. A log: the cause is
    named that was not before. A hotfix: one is offered that was not before. A false alarm: it is no longer
    raised.
    """
    answer = incident.follow_up
    if answer is None:
        return None
    then, now, judged = replayed.then, replayed.now, replayed.judged
    if replayed.false_alarm:
        return "; ".join(replayed.reasons) if replayed.verdict == "better" else None
    if answer.change == "log":
        named = judged.named and then.named is None and now.named is not None
        return f"its cause is named now: {now.named}" if named else None
    if answer.change == "hotfix":
        new = sorted({*now.offered} - {*then.offered}) if judged.offered else []
        return f"{', '.join(new)} is offered now" if new else None
    if incident.change is not None:
        agreed = replayed.agreed
        loud = agreed is not None and agreed.judged and not agreed.shadow
        return _sooner(agreed.check, agreed.sooner) if agreed and loud else None
    if not judged.raised or then.raised_at is None or now.raised_at is None or now.check is None:
        return None
    return _sooner(now.check, then.raised_at - now.raised_at)


def _sooner(check: str, by: timedelta | None) -> str | None:
    if by is None or by <= timedelta(0):
        return None
    return f"in a replay of this incident {check} finds it {in_words(by)} sooner"


def lacking(incident: Incident, replayed: Replayed | None, record: Record | None) -> str:
    """What is missing to show the follow-up done, in words, for whoever is reminded."""
    agreed, check = replayed.agreed if replayed else None, incident.change
    came = incident.change_came
    if came is not None and came.closed:
        return f"its pull request was closed without being merged: {came.url}"
    if check is not None and record is None:
        return f"the check {check.name} is not declared"
    if agreed is not None and agreed.shadow:
        found = f"would find it {in_words(agreed.sooner)} sooner, and" if agreed.sooner else "is there, and"
        verdict = record.verdict if record else ""
        ready = record is not None and record.earned
        way = f"; {PROMOTE.format(check=agreed.check)}" if ready else f" ({verdict})" if verdict else ""
        return f"{agreed.check} {found} is in shadow mode, where it pages nobody{way}"
    if agreed is not None and agreed.says:
        return agreed.says
    if replayed is None:
        return "no replay of this incident was made yet"
    if replayed.verdict == "not judged":
        return "; ".join(replayed.notes) or "the replay of this incident could not be judged"
    return "the replay of this incident shows no difference yet"


def too_many_alarms(promised: Estimate, record: Record, at: datetime) -> str | None:
    """
    How a check's record contradicts the promised rate of alarms, in words; None where they agree.

    Args:
        promised: alarms per week, from the replay before it was agreed on.

    It exceeds the promise where even the lower end of the record's interval is above the promise's upper end.
    A single alarm does not: however soon it comes, it may be the only one.
    """
    if record.since is None or promised.high is None or record.false < LEAST_FALSE:
        return None
    found = rate(record.false, at - record.since)
    if found.value is None or found.low is None or found.low <= promised.high:
        return None
    return (
        f"{record.false} false alarms in {lasting(at - record.since)}, {found.value:.1f} a week "
        f"[{found.low:.1f}–{found.high:.1f}]; promised were {promised.value:.1f} "
        f"[{promised.low:.1f}–{promised.high:.1f}]"
    )


def not_found(agreed: AgreedCheck | None) -> str | None:
    """
    Says that a check does not find its own incident, or finds it later, on what was kept of it; else None.

    On the table as it is now this would prove nothing: what was missing may have been delivered since.
    """
    if agreed is None or not agreed.judged or not agreed.on_kept:
        return None
    if agreed.sooner is None:
        return f"{agreed.check} does not find this incident"
    if agreed.sooner < timedelta(0):
        return f"{agreed.check} finds this incident {in_words(-agreed.sooner)} later than it was found"
    return None


def made_worse(with_it: Iterable[Replayed], without: Iterable[Replayed]) -> str | None:
    """
    The incidents that go worse with a check than without it, in words; None where there are none.

    Args:
        with_it, without: the same incidents, replayed under today's declaration with and without the check.
    """
    rank = {"worse": -1, "same": 0, "better": 1}
    alone = {one.number: one for one in without}
    said = []
    for one in with_it:
        other = alone.get(one.number)
        if other is None or one.verdict not in rank or other.verdict not in rank:
            continue
        if rank[one.verdict] < rank[other.verdict]:
            what = "which was no incident, is raised by it" if one.false_alarm else "; ".join(one.reasons)
            said.append(f"#{one.number}, {what}" if one.false_alarm else f"#{one.number}: {what}")
    return "; ".join(said) or None
