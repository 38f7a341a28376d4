"""What a follow-up's change has been worth since it took effect, in sentences for the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from domain.incident import events as e
from domain.incident.state import Incident
from domain.replayed import AgreedCheck, AlarmsSince, ChangeSince, Replayed, in_words

CAME = (e.ChangeWritten, e.ChangeProposed, e.ChangeHandedOver)
NO_REPLAY = "No replay of this incident was made yet: how it would be found now is not known"


def since(incident: Incident, recorded: Sequence[e.Recorded], known: ChangeSince | None) -> tuple[str, ...]:
    """
    One sentence each, without markup; none if nothing was agreed on, or it is no longer to be done.

    Args:
        known: what the workers know about it; None if nobody asked them.
    """
    followed = incident.followed
    if known is None or followed is None or followed.dropped is not None:
        return ()
    if followed.gone is not None and followed.gone.taken_back:
        return ()
    return tuple(_sentences(incident, recorded, known))


def _sentences(incident: Incident, recorded: Sequence[e.Recorded], known: ChangeSince) -> Iterator[str]:
    if incident.change is None:
        if incident.followed is None or incident.followed.done_at is None:
            return
        yield f"Done since {_utc(incident.followed.done_at)} UTC"
        yield _found(known)
        return
    name = incident.change.name
    if not known.declared:
        unread = "the declaration cannot be read"
        why = unread if known.declared is None else f"the check {name} is not declared"
        yield f"Nothing is known of what it is worth: {why}"
        return
    yield _in_place(name, incident, recorded)
    yield _found(known)
    if known.replayed is not None:
        yield from _agreed(name, known.replayed)
    yield _raised(name, known.alarms)


def _in_place(name: str, incident: Incident, recorded: Sequence[e.Recorded]) -> str:
    came = next((one for one in reversed(recorded) if isinstance(one.event, CAME)), None)
    if came is None:
        when = "" if incident.change_came is None else "; since when is in the archive"
    elif isinstance(came.event, e.ChangeWritten):
        return f"{name} is declared since {_utc(came.at)} UTC"
    elif isinstance(came.event, e.ChangeProposed):
        when = f"; proposed {_utc(came.at)} UTC, when it was merged is not recorded"
    else:
        when = f"; handed over {_utc(came.at)} UTC, when it was put in is not recorded"
    return f"{name} is declared now{when}"


def _found(known: ChangeSince) -> str:
    """How the incident was found, and how it would be found now, according to the newest replay."""
    one = known.replayed
    if one is None or known.replayed_at is None:
        return NO_REPLAY
    asked = f"the replay of {_utc(known.replayed_at)} UTC"
    then = _then(one)
    if not one.judged.raised:
        return f"{then}; how it would be found now, {asked} could not judge{_because(one.notes)}"
    now = one.now
    if one.false_alarm:
        quiet = now.check is None and not now.predicted
        said = "not raised any more" if quiet else "still raised"
        return f"It was no incident; now it is {said}, says {asked}"
    if now.check is None and not now.predicted:
        return f"{then}; now no check raises it, says {asked}"
    by = f", by {now.check}" if now.check else ""
    return f"{then}; now {_after(now.after_seconds, one)}{by}, says {asked}"


def _then(one: Replayed) -> str:
    then = one.then
    if then.check is None and not then.predicted:
        return "No check raised it"
    by = f", by {then.check}" if then.check else ""
    if then.after_seconds is None:
        return f"It was raised{by.removeprefix(',')}; its onset is not known"
    return f"It was raised {in_words(timedelta(seconds=then.after_seconds))} after its onset{by}"


def _after(seconds: float | None, one: Replayed) -> str:
    if seconds is not None:
        return f"after {in_words(timedelta(seconds=seconds))}"
    if one.then.raised_at is None or one.now.raised_at is None:
        return "it is raised"
    by = one.then.raised_at - one.now.raised_at
    if not by:
        return "at the same time"
    return f"{in_words(abs(by))} {'sooner' if by > timedelta(0) else 'later'}"


def _agreed(name: str, one: Replayed) -> Iterator[str]:
    """The result of the follow-up's own check, if that is not the one that raises it now."""
    agreed = one.agreed
    if agreed is None or agreed.check != name:
        yield f"{name} was not in that replay: what it finds of this incident is not known"
    elif not agreed.judged:
        yield f"What {name} finds of this incident could not be judged{_because((agreed.says,))}"
    elif agreed.shadow or one.now.check != name:
        yield _by_itself(agreed, one)


def _by_itself(agreed: AgreedCheck, one: Replayed) -> str:
    where = "" if agreed.on_kept else ", asked of the table as it is now"
    shadow = "; in shadow mode it pages nobody" if agreed.shadow else ""
    if agreed.sooner is None:
        return f"{agreed.check} does not find this incident{where}{_because((agreed.says,))}{shadow}"
    then = one.then.after_seconds
    after = ""
    if then is not None:
        after = (
            f", {in_words(timedelta(seconds=max(then - agreed.sooner.total_seconds(), 0.0)))} after its onset"
        )
    if not agreed.sooner:
        return f"{agreed.check} would raise it at the same time{where}{shadow}"
    by = f"{in_words(abs(agreed.sooner))} {'sooner' if agreed.sooner > timedelta(0) else 'later'}"
    return f"{agreed.check} would raise it {by}{after}{where}{shadow}"


def _raised(name: str, alarms: AlarmsSince | None) -> str:
    if alarms is None:
        return f"{name} was not looked at yet: what else it raises is not known"
    mode = "in shadow mode, where it pages nobody" if alarms.shadow else "out of shadow mode"
    head = f"Since {_utc(alarms.since)} UTC, {mode}, {name} raised"
    what = "alarm" if alarms.shadow else "incident"
    if not alarms.alarms:
        return f"{head} no {what}"
    said = f"{alarms.confirmed} confirmed, {alarms.false} false"
    undecided = f", {alarms.undecided} not decided yet" if alarms.undecided else ""
    return f"{head} {alarms.alarms} {what}{'' if alarms.alarms == 1 else 's'}: {said}{undecided}"


def _because(notes: Sequence[str]) -> str:
    known = "; ".join(one for one in notes if one)
    return f" ({known})" if known else ""


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"
