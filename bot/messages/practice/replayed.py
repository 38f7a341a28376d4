"""A replay of incidents in words: one row per incident, then and now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from statistics import median

from bot.messages.link import Link, nowhere
from bot.messages.report import ENVIRONMENT, utc
from domain.replayed import AgreedCheck, ReplayAnswer, Replayed, Verdict, Went, in_words

COLUMNS = ("Incident", "Raised after", "Predicted", "Named", "Offered", "")
SIGNS: Mapping[Verdict, str] = {
    "worse": "✗ worse",
    "same": "· the same",
    "better": "✓ better",
    "not judged": "? not judged",
}
MEGABYTE = 1_000_000
NO, NOT_JUDGED = "no", "not judged"
NONE_YET = "Nothing was replayed yet: `recsysops replay --all` does, and the clock does by itself."


def row(one: Replayed) -> tuple[str, ...]:
    """
    One incident: the result then, and the result now where it differs.
    """
    judged = one.judged
    return (
        f"#{one.number}",
        _both(raised(one.then), raised(one.now) if judged.raised else NOT_JUDGED),
        _both(_yes(one.then.predicted), _yes(one.now.predicted) if judged.raised else NOT_JUDGED),
        _both(one.then.named or NO, (one.now.named or NO) if judged.named else NOT_JUDGED),
        _both(_offered(one.then), _offered(one.now) if judged.offered else NOT_JUDGED),
        SIGNS[one.verdict],
    )


def raised(went: Went) -> str:
    """
    How long after the onset it was found, and by which check.

    >>> raised(Went(check="volume", after_seconds=1680.0)), raised(Went())
    ('28 min, volume', 'no')
    """
    if went.check is None:
        return NO
    if went.after_seconds is None:
        return f"onset not known, {went.check}"
    return f"{in_words(timedelta(seconds=went.after_seconds))}, {went.check}"


def _yes(holds: bool) -> str:
    return "yes" if holds else NO


def _offered(went: Went) -> str:
    return ", ".join(went.offered) or NO


def _both(then: str, now: str) -> str:
    return then if then == now else f"{then} → {now}"


def why(one: Replayed) -> tuple[str, ...]:
    """What is worse or better, and what could not be judged; one line each."""
    false_alarm = ("people said that it was no incident",) if one.false_alarm else ()
    followed = (agreed(one.agreed),) if one.agreed else ()
    return tuple(f"#{one.number}: {line}" for line in (*one.reasons, *false_alarm, *one.notes, *followed))


def agreed(check: AgreedCheck) -> str:
    """
    The result of the check from its follow-up.

    >>> agreed(AgreedCheck(check="hourly", sooner=timedelta(minutes=20), shadow=True))
    'the check of its follow-up, hourly, finds it 20 min sooner, in shadow mode'
    >>> agreed(AgreedCheck(check="hourly", judged=False, says="history too short"))
    'the check of its follow-up, hourly, is not judged (history too short)'
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
    shadow = ", in shadow mode" if check.shadow else ""
    says = f" ({check.says})" if check.says else ""
    return f"the check of its follow-up, {check.check}, {found}{shadow}{says}"


def total(answer: ReplayAnswer) -> str:
    """The result over all incidents, in one line."""
    counted = ", ".join(f"{answer.count(verdict)} {verdict}" for verdict in SIGNS)
    sizes = [one.bytes / MEGABYTE for one in answer.incidents if one.bytes is not None]
    held = f", {median(sizes):.1f} MB kept of each (median)" if sizes else ""
    many = f"{len(answer.incidents)} incident{'' if len(answer.incidents) == 1 else 's'}"
    return f"{many} in {answer.seconds:.1f} s{held}: {counted}"


def html(answer: ReplayAnswer | None, link: Link = nowhere) -> str:
    """The page of the newest replay; `link` gives the addresses its reader may follow."""
    return ENVIRONMENT.get_template("replay.html.j2").render(
        answer=answer,
        columns=COLUMNS,
        row=row,
        why=why,
        total=total,
        none_yet=NONE_YET,
        utc=utc,
        link=link,
    )
