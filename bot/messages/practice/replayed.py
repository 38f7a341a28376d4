"""A replay of incidents in words: one row per incident, then and now."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from bot.messages.link import Link, nowhere
from bot.messages.report import ENVIRONMENT, utc
from bot.messages.since import NO, NOT_JUDGED, finds, raised
from domain.replayed import ReplayAnswer, Replayed, Verdict, Went

COLUMNS = ("Incident", "Raised after", "Predicted", "Named", "Offered", "")
SIGNS: Mapping[Verdict, str] = {
    "worse": "✗ worse",
    "same": "· the same",
    "better": "✓ better",
    "not judged": "? not judged",
}
MEGABYTE = 1_000_000
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


def _yes(holds: bool) -> str:
    return "yes" if holds else NO


def _offered(went: Went) -> str:
    return ", ".join(went.offered) or NO


def _both(then: str, now: str) -> str:
    return then if then == now else f"{then} → {now}"


def why(one: Replayed) -> tuple[str, ...]:
    """What is worse or better, and what could not be judged; one line each."""
    false_alarm = ("people said that it was no incident",) if one.false_alarm else ()
    its = one.agreed
    followed = (f"the check of its follow-up, {its.check}, {finds(its)}",) if its else ()
    return tuple(f"#{one.number}: {line}" for line in (*one.reasons, *false_alarm, *one.notes, *followed))


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
