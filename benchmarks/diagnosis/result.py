"""Turns cases into rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks.diagnosis.case import Case
from benchmarks.table import Row, Rows, percentile

MOST_FALSE, MOST_CALLED, LEAST_CULPRIT = 0.02, 0.1, 0.95
FIRST_SECONDS, CAUSE_SECONDS = 10.0, 60.0


def main_rows(world: str, cases: Sequence[Case], table: Rows, least: float) -> Iterator[Row]:
    """How often the cause was named rightly, wrongly, not at all; the culprit was on top; and how soon."""
    count = len(cases)
    verdicts = Counter(case.verdict for case in cases)
    kinds = len({case.name for case in cases})
    work = f"{world}: {kinds} kinds of fault, {count} strikes"
    said = ", ".join(f"{verdict} {number}" for verdict, number in sorted(verdicts.items()))
    yield table.above(
        f"{work}: right kind, place and object on top", verdicts["right"] / count, "", least, said
    )
    wrong = _names(case for case in cases if case.verdict == "wrong")
    yield table.below(f"{work}: a false cause named", verdicts["wrong"] / count, "", MOST_FALSE, wrong)
    never = _names(case for case in cases if case.verdict == "never found")
    yield table.without_goal(f"{work}: never found", verdicts["never found"] / count, "", never)
    found = [case for case in cases if case.found]
    if not found:
        return
    victims = _names(case for case in found if not case.culprit_on_top)
    share = sum(case.culprit_on_top for case in found) / len(found)
    yield table.above(
        f"{world}: {len(found)} found: culprit above victims", share, "", LEAST_CULPRIT, victims
    )
    yield from _speed(world, found, table)


def _speed(world: str, found: Sequence[Case], table: Rows) -> Iterator[Row]:
    first = [(case.evidence_seconds, case) for case in found if case.evidence_seconds is not None]
    cause = [(case.diagnosis_seconds, case) for case in found if case.diagnosis_seconds is not None]
    for what, timed, most in (("first evidence", first, FIRST_SECONDS), ("cause", cause, CAUSE_SECONDS)):
        if not timed:
            continue
        times = [seconds for seconds, _ in timed]
        said = f"median {percentile(times, 0.5):.1f} s, {len(times)} diagnoses"
        late = _names(case for seconds, case in timed if seconds > most)
        said += f"; later than {most:.0f} s: {late}" if late else ""
        work = f"{world}: alarm → {what}, 95th percentile"
        yield table.below(work, percentile(times, 0.95), "s", most, said)


def innocent_rows(world: str, cases: Sequence[Case], table: Rows) -> Iterator[Row]:
    """How often something innocent was called a fault, and how often it raised anything."""
    count, kinds = len(cases), len({case.name for case in cases})
    called = [case for case in cases if case.verdict == "wrong"]
    work = f"{world}: {kinds} innocent events, {count} strikes"
    yield table.below(f"{work}: called a fault", len(called) / count, "", MOST_CALLED, _names(called))
    raised = [case for case in cases if case.found]
    yield table.without_goal(f"{work}: raised an incident", len(raised) / count, "", _names(raised))


def kind_rows(world: str, cases: Sequence[Case], table: Rows) -> Iterator[Row]:
    """A row for each kind: in how many of its draws it was named rightly, and one draw in words."""
    for name in dict.fromkeys(case.name for case in cases):
        own = [case for case in cases if case.name == name]
        right = sum(case.verdict == "right" for case in own)
        worst = next((case for case in own if case.verdict != "right"), own[0])
        yield table.without_goal(f"{world}: {name}", right, f"of {len(own)}", worst.words())


def _names(cases: Iterator[Case] | Sequence[Case]) -> str:
    counted = Counter(case.name for case in cases)
    return ", ".join(f"{name} × {number}" if number > 1 else name for name, number in counted.items())
