"""What a follow-up's change has been worth since it took effect, in sentences for the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from domain.incident import events as e
from domain.incident.state import Incident
from domain.replayed import AgreedCheck, AlarmsSince, ChangeSince, Went, in_words

CAME = (e.ChangeWritten, e.ChangeProposed, e.ChangeHandedOver)
NO, NOT_JUDGED = "no", "not judged"
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
        if incident.followed is not None and incident.followed.done_at is not None:
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
    if known.replayed is not None and known.replayed.now.check != name:
        yield _by_itself(name, known.replayed.agreed)
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
    now = raised(one.now) if one.judged.raised else f"{NOT_JUDGED}{_because(one.notes)}"
    what = "Raised, although it was no incident" if one.false_alarm else "Raised"
    return f"{what}: {raised(one.then)}; now: {now}, says the replay of {_utc(known.replayed_at)} UTC"


def raised(went: Went) -> str:
    """
    How long after the onset it was found, and by which check.

    >>> raised(Went(check="volume", after_seconds=1680.0)), raised(Went()), raised(Went(predicted=True))
    ('28 min, volume', 'no', 'predicted')
    """
    if went.check is None:
        return "predicted" if went.predicted else NO
    if went.after_seconds is None:
        return f"onset not known, {went.check}"
    return f"{in_words(timedelta(seconds=went.after_seconds))}, {went.check}"


def _by_itself(name: str, agreed: AgreedCheck | None) -> str:
    """The result of the follow-up's own check, if that is not the one that raises it now."""
    if agreed is None or agreed.check != name:
        return f"{name} was not in that replay: what it finds of this incident is not known"
    return f"{name} {finds(agreed)}"


def finds(check: AgreedCheck) -> str:
    """
    What the check that a follow-up agreed on finds of the incident.

    >>> finds(AgreedCheck(check="hourly", sooner=timedelta(minutes=20), shadow=True))
    'finds it 20 min sooner, in shadow mode'
    >>> finds(AgreedCheck(check="hourly", judged=False, says="history too short"))
    'is not judged (history too short)'
    """
    by = check.sooner
    if not check.judged:
        found = "is not judged"
    elif by is None:
        found = "does not find it"
    elif by == timedelta(0):
        found = "finds it no sooner"
    else:
        found = f"finds it {in_words(abs(by))} {'sooner' if by > timedelta(0) else 'later'}"
    where = "" if check.on_kept else ", asked of the table as it is now"
    shadow = ", in shadow mode" if check.shadow else ""
    return f"{found}{where}{shadow}{_because((check.says,))}"


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
