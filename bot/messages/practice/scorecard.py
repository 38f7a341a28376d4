"""How well the practice works and whether it is improving, as lines, as blocks and as a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from bot.messages import words
from bot.messages.blocks import Block, context, escape, header, image, section
from bot.messages.link import Link, linked, nowhere
from bot.messages.report import ENVIRONMENT, utc
from domain.incident.numbers import signed
from domain.scored import Counted, Kept, Proportion, Scorecard, Spread, TimeTaken

COSTS = ("Costs of", "Held", "Of", "Share [90 %]", "Lost more", "Gained more")
PROMISES = ("Promises of", "Held", "Of", "Share [90 %]", "Repaired less", "Repaired more")
NO_PROMISES = "No promise of a hotfix was measured yet."
LEGS: Mapping[str, str] = {
    "detect": "finding it",
    "acknowledge": "waiting for somebody to take it",
    "diagnose": "understanding it",
    "resolve": "ending it, once it was understood",
}
LEAST_HALVED = 4
"""With fewer times than this there is no middle half."""

TOO_FEW, NO_DIFFERENCE = "too few to tell", "no detectable difference"
NONE_YET = (
    "None was made yet: the clock does within ten minutes of its start.",
    "`recsysops scorecard` does at once.",
)


def lately(card: Scorecard) -> str:
    """The name of the more recent of the two periods."""
    return "in all" if card.since is None else f"last {words.lasting(card.at - card.since)}"


def headline(card: Scorecard) -> str:
    """How many incidents, and whether it is improving: only as far as the intervals support."""
    span = "so far" if card.since is None else f"in the {lately(card)}"
    many = f"{card.incidents} incident{'' if card.incidents == 1 else 's'} {span}"
    if card.since is None:
        return many
    if not card.earlier or not card.incidents:
        return f"{many}, {card.earlier} before: nothing to compare"
    better, worse = moved(card)
    if not better and not worse:
        return f"{many}; neither better nor worse than before, as far as these can tell"
    changes = [f"{what}: {', '.join(of)}" for what, of in (("better", better), ("worse", worse)) if of]
    return f"{many}; {'; '.join(changes)}"


def moved(card: Scorecard) -> tuple[list[str], list[str]]:
    """What is better than before and what is worse: by intervals of 99 %, since a dozen are compared."""
    better, worse = list[str](), list[str]()
    for taken in _newest(card):
        if taken.sure and taken.factor is not None:
            (better if (taken.factor.value or 0) < 1 else worse).append(f"time {_called(taken)}")
    for one in card.proportions:
        if one.sure and one.more is not None:
            rises = (one.more.value or 0) > 0
            (better if rises == (one.better == "more") else worse).append(f"share {one.name}")
    return better, worse


def _newest(card: Scorecard) -> list[TimeTaken]:
    return [card.time(step) for step in dict.fromkeys(one.step for one in card.times)]


def components(card: Scorecard) -> tuple[tuple[str, str], ...]:
    """A line for each of the four components, and one for what is learned."""
    predicted = next(one for one in card.proportions if one.name == "predicted")
    follow = card.follow_ups
    overdue = f", {follow.overdue} overdue" if follow.overdue else ""
    learned = f"{follow.done} of {follow.agreed} agreed changes are in place and shown to work{overdue}"
    learned = learned if follow.agreed else "no change was agreed on yet"
    return (
        ("Detection", f"median {median(card.time('detect').lately)}; {factor(card.time('detect'))}"),
        ("Prediction", f"{share(predicted.lately)} predicted before it began; {more(predicted)}"),
        ("Diagnosis", f"median {median(card.time('diagnose').lately)}; {factor(card.time('diagnose'))}"),
        ("Resolution", f"median {median(card.time('mitigate').lately)}; {factor(card.time('mitigate'))}"),
        ("Learning", learned),
    )


def helps_most(card: Scorecard) -> str:
    """Where most of the time goes, and in which incidents; empty if none has ended."""
    if not card.lost:
        return ""
    most = card.lost[0]
    part = words.percent(most.took / most.of)
    longest = ", ".join(f"#{number} ({words.lasting(took)})" for number, took in most.incidents)
    goes = f"{part} of the {words.lasting(most.of)} between onset and end went into {LEGS[most.step]}"
    return f"{goes}, longest in {longest}"


def median(spread: Spread) -> str:
    """
    The median with its interval and the count.

    >>> minute = timedelta(minutes=1)
    >>> median(Spread(count=9, median=4 * minute, low=2 * minute, high=9 * minute))
    '4 min [2 min–9 min] of 9'
    >>> median(Spread(count=0))
    '–'
    """
    if spread.median is None:
        return "–"
    middle, low, high = words.lasting(spread.median), _span(spread.low), _span(spread.high)
    if spread.low is None:
        return f"{middle} of {spread.count}"
    if low == high:
        return f"{middle}, nearly all alike, of {spread.count}"
    return f"{middle} [{low}–{high}] of {spread.count}"


def _span(span: timedelta | None) -> str:
    return "–" if span is None else words.lasting(span)


def factor(taken: TimeTaken) -> str:
    """How many times as long as before, and what that means."""
    found = taken.factor
    if found is None or found.value is None or found.low is None or found.high is None:
        return TOO_FEW
    if found.low == found.high:
        return NO_DIFFERENCE if found.value == 1 else f"{found.value:.2g} ×, nearly all alike"
    perhaps = "" if taken.sure else "perhaps "
    said = "faster" if found.high < 1 else "slower" if found.low > 1 else ""
    said = f"{perhaps}{said}" if said else NO_DIFFERENCE
    return f"{found.value:.2g} × [{found.low:.2g}–{found.high:.2g}], {said}"


def share(of: Counted) -> str:
    """The share with its interval and the counts."""
    return "–" if of.share is None else f"{words.estimate(of.share)}, {of.held} of {of.of}"


def more(one: Proportion) -> str:
    """By how many percentage points more often than before, and what that means."""
    found = one.more
    if found is None or found.value is None or found.low is None or found.high is None:
        return TOO_FEW
    perhaps = "" if one.sure else "perhaps "
    said = "more often" if found.low > 0 else "less often" if found.high < 0 else ""
    said = f"{perhaps}{said}" if said else NO_DIFFERENCE
    value, low, high = (_points(number) for number in (found.value, found.low, found.high))
    return f"{value} points [{low} to {high}], {said}"


def _points(share: float) -> str:
    """
    >>> _points(0.16), _points(-0.18), _points(-0.001)
    ('+16', '−18', '0')
    """
    whole = round(100 * share)
    return signed(f"{whole:+d}") if whole else "0"


def time_columns(card: Scorecard) -> tuple[str, ...]:
    """The header of `time_rows`."""
    return ("Time", "By", f"Median, {lately(card)}", "Half lie in", "Before", "Change")


def time_rows(card: Scorecard) -> Iterator[tuple[str, ...]]:
    """One row per step and definition."""
    for one in card.times:
        half = "–"
        few = one.lately.count < LEAST_HALVED
        if not few and one.lately.quarter is not None and one.lately.three_quarters is not None:
            half = f"{words.lasting(one.lately.quarter)}–{words.lasting(one.lately.three_quarters)}"
        said = "–" if card.since is None else factor(one)
        yield _called(one), f"v{one.version}", median(one.lately), half, median(one.before), said


def _called(one: TimeTaken) -> str:
    return "people spend" if one.step == "attend" else f"to {one.step}"


def share_columns(card: Scorecard) -> tuple[str, ...]:
    """The header of `share_rows`."""
    return ("Incidents", f"Share, {lately(card)}", "Before", "Change")


def share_rows(card: Scorecard) -> Iterator[tuple[str, ...]]:
    """One row for each thing that is counted."""
    for one in card.proportions:
        said = "–" if card.since is None else more(one)
        yield one.says, share(one.lately), share(one.before), said


def kept_row(one: Kept) -> tuple[str, ...]:
    """A row about how the promises of one kind of hotfix turned out."""
    counts = (one.short, one.promises - one.held - one.short)
    return (one.kind, str(one.held), str(one.promises), words.estimate(one.share), *map(str, counts))


def definitions(card: Scorecard) -> Iterator[str]:
    """The start and end of each measured time."""
    for one in card.times:
        yield f"Time {_called(one)}, v{one.version}: {one.says}."


def beside(card: Scorecard) -> str:
    """Figures that are neither times nor shares."""
    return (
        f"Deployed by break-glass, without the second person that it takes: {card.glass_broken}. Follow-ups: "
        f"{card.follow_ups.agreed} agreed on, {card.follow_ups.done} done, {card.follow_ups.open} open, "
        f"{card.follow_ups.overdue} overdue."
    )


def blocks(card: Scorecard, link: Link = nowhere, file: str | None = None) -> list[Block]:
    """For Slack; `file` is the picture's id there."""
    lines = [f"*{name}*  {escape(said)}" for name, said in components(card)]
    drawn = [header(headline(card)), section("\n".join(lines))]
    if file is not None:
        drawn.append(image(file, "For each time the medians by week, with the middle half of the incidents"))
    if most := helps_most(card):
        drawn.append(section(f"*What would help most*  {escape(most)}."))
    return [*drawn, context(linked("All of it, with every definition", link("/scorecard")))]


def html(card: Scorecard, picture: str | None = None, link: Link = nowhere) -> str:
    """The page; `picture` is the address of the picture of times by week."""
    return ENVIRONMENT.get_template("scorecard.html.j2").render(
        card=card,
        headline=headline(card),
        components=components(card),
        helps=helps_most(card),
        beside=beside(card),
        times=(time_columns(card), list(time_rows(card))),
        shares=(share_columns(card), list(share_rows(card))),
        promises=(PROMISES, [kept_row(one) for one in card.promises]),
        costs=(COSTS, [kept_row(one) for one in card.costs]),
        no_promises=NO_PROMISES,
        definitions=list(definitions(card)),
        picture=picture,
        utc=utc,
        link=link,
    )
