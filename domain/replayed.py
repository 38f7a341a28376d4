"""An incident as it went, beside how it would go under today's practice: worse, the same, or better."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal, NamedTuple

from domain.values import Moment, Value

Verdict = Literal["worse", "same", "better", "not judged"]


class Went(Value):
    """
    How an incident goes: `raised_at` and by which `check`, null where nothing raises it; `after_seconds`
    counts from the onset, null where that is not known; whether it was `predicted`; what is `named` as its
    cause (kind and object), null where it is not established; and the hotfixes that are `offered`.
    """

    raised_at: Moment | None = None
    after_seconds: float | None = None
    check: str | None = None
    predicted: bool = False
    named: str | None = None
    offered: tuple[str, ...] = ()


class Comparable(NamedTuple):
    """Which parts are known now: those about which nothing can be said are left out of the comparison."""

    raised: bool
    named: bool
    offered: bool


class AgreedCheck(Value):
    """
    How the check that an incident's follow-up agreed on does now: how much `sooner` it finds the incident,
    negative where later, null where not at all. `shadow`: it pages nobody. `on_kept`: judged on the looks
    that were kept, not on the table as it is now. `says` is what is lacking, in words.
    """

    check: str
    sooner: timedelta | None = None
    shadow: bool = False
    judged: bool = True
    on_kept: bool = True
    says: str = ""


class Replayed(Value):
    """
    One incident then (from the log) and now. `reasons` say what is worse or better, `notes` what could not be
    judged, and why. `false_alarm`: people said that it was no incident. `bytes` is how much was kept of its
    checks' looks, and `identical` whether the check of that time, replayed on them, raises it as the log
    says. `agreed` is how its follow-up's check does, where one is declared.
    """

    number: int
    title: str
    false_alarm: bool = False
    then: Went
    now: Went
    judged: Comparable
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    bytes: int | None = None
    identical: bool | None = None
    agreed: AgreedCheck | None = None
    seconds: float = 0.0


class ReplayAnswer(Value):
    """All incidents that were replayed, as of `at`."""

    at: Moment
    incidents: tuple[Replayed, ...]
    seconds: float = 0.0

    @property
    def worse(self) -> tuple[Replayed, ...]:
        """The regressions."""
        return tuple(one for one in self.incidents if one.verdict == "worse")

    def count(self, verdict: Verdict) -> int:
        """How many incidents have this verdict."""
        return sum(one.verdict == verdict for one in self.incidents)


class AlarmsSince(Value):
    """
    What a check has raised since its record began: alarms in `shadow` mode, else incidents that it opened;
    how many of them were `confirmed` or `false`, and how many are still `undecided`.
    """

    since: Moment
    shadow: bool
    alarms: int
    confirmed: int
    false: int
    undecided: int


class ChangeSince(Value):
    """
    What is known of a follow-up's change since it was agreed on: whether its check is `declared` now (null
    where there is none, or the declaration cannot be read), what that check raised, and what the newest
    replay, as of `replayed_at`, says about the incident. Whatever is unknown is null.
    """

    declared: bool | None = None
    alarms: AlarmsSince | None = None
    replayed: Replayed | None = None
    replayed_at: Moment | None = None


class Point(NamedTuple):
    """One thing that has changed: +1 better, −1 worse."""

    step: int
    says: str


def compare(
    then: Went, now: Went, judged: Comparable, *, false_alarm: bool = False
) -> tuple[Verdict, tuple[str, ...]]:
    """
    The verdict with its reasons. Anything worse decides, whatever else is better; an incident is never the
    same if it is not known what would raise it.

    For a false alarm the only question is whether it is still raised.

    >>> then = Went(check="volume", named="feed plays"); compare(then, Went(), Comparable(True, True, True))
    ('worse', ('no check raises it (then: volume)', 'its cause is no longer named (then: feed plays)'))
    >>> compare(then, Went(), Comparable(True, True, True), false_alarm=True)
    ('better', ('a false alarm that is not raised any more',))
    """
    if not any(judged):
        return "not judged", ()
    if false_alarm:
        quiet = judged.raised and now.check is None and then.check is not None
        if not judged.raised:
            return "not judged", ()
        return ("better", ("a false alarm that is not raised any more",)) if quiet else ("same", ())
    points = [
        *(_raised(then, now) if judged.raised else ()),
        *(_named(then, now) if judged.named else ()),
        *(_offered(then, now) if judged.offered else ()),
    ]
    worst = min((point.step for point in points), default=0)
    best = max((point.step for point in points), default=0)
    unchanged: Verdict = "same" if judged.raised else "not judged"
    verdict: Verdict = "worse" if worst < 0 else "better" if best > 0 else unchanged
    return verdict, tuple(point.says for point in sorted(points, key=lambda one: one.step))


def _raised(then: Went, now: Went) -> Iterable[Point]:
    if then.predicted and not now.predicted:
        yield Point(-1, "it was predicted, and would not be")
        return
    if now.check is None:
        if then.check is not None and not now.predicted:
            yield Point(-1, f"no check raises it (then: {then.check})")
        return
    if then.raised_at is None or now.raised_at is None:
        return
    late = now.raised_at - then.raised_at
    by = "" if now.check == then.check else f", by {now.check} (then: {then.check})"
    if late > timedelta(0):
        yield Point(-1, f"it is raised {in_words(late)} later{by}")
    elif late < timedelta(0):
        yield Point(1, f"it is raised {in_words(-late)} earlier{by}")


def _named(then: Went, now: Went) -> Iterable[Point]:
    if then.named == now.named:
        return
    if now.named is None:
        yield Point(-1, f"its cause is no longer named (then: {then.named})")
    elif then.named is None:
        yield Point(1, f"its cause is named: {now.named}")
    else:
        yield Point(-1, f"another cause is named: {now.named} (then: {then.named})")


def _offered(then: Went, now: Went) -> Iterable[Point]:
    for gone in sorted({*then.offered} - {*now.offered}):
        yield Point(-1, f"the hotfix {gone} is no longer offered")
    for new in sorted({*now.offered} - {*then.offered}):
        yield Point(1, f"the hotfix {new} is offered")


def in_words(length: timedelta) -> str:
    """
    A length of time in words.

    >>> [in_words(one * timedelta(minutes=1)) for one in (45, 200, 0.5)]
    ['45 min', '3 h 20 min', '30 s']
    """
    seconds = int(length.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    if hours < 1:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
