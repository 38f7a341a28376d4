"""
Keeps what the check that raised an incident read at the looks around its onset: walked again when the
incident is diagnosed, kept in its bundle, and played back at once, so that only what plays back alike stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog
from pydantic import Field, ValidationError

from domain.detection.correlate.same_cause import BLIND
from domain.detection.judge.excluded import excluded_for
from domain.detection.judge.state import CheckState, ExcludedWindow, Verdict
from domain.diagnosis.bundle.leave_out import columns_left_out
from domain.errors import BundleError, sanitized
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.keys.duration import name_duration
from domain.recommender.recommender import Recommender
from domain.values import Finding, Moment, Value
from workers.checks.backtest_check import backtest_check, ends_of, is_shared
from workers.checks.plan import Plan, plan
from workers.checks.tape import Tape, taped
from workers.declaration.check_kinds import found
from workers.detect.earlier import Former, before_it_was_found
from workers.detect.past import LONGEST, known_since
from workers.environment import redaction
from workers.log.obligations import Work
from workers.replay.answers import pack_frames, personal, read_answers, spell_answers, unpack_frames
from workers.sources.engines.files import kept_open

ABOUT, ARRAYS = "looks.json", "looks.zip"
FORMAT = 1
BEFORE = 8  # looks before the first window that was found wrong
MOST_LOOKS, MOST_ASKED = 200, 32  # in all; and if each look asks its own question
LIMIT_BYTES = 20_000_000
SOON = timedelta(seconds=1)
PART = 4  # a bundle's limit divided by this is what its looks may take
_log = structlog.get_logger(__name__)


class Looks(Value):
    """
    The looks that were kept: those of `check`, `declared` as it was, whose windows end in (start, end].

    Nothing was learned from the times `wrong`. `found_at` is when a look finds it, on the window that ends at
    `found_end`, walked from the check's `memory` of that time (an empty one if null); both are null if no
    look does. `skipped` are the ends that the original looks, one `every` so often, skipped because they came
    too late. `why_not` says in words why nothing was kept, if so.
    """

    format: int = FORMAT
    check: str = ""
    declared: dict[str, str] = Field(default_factory=dict)
    table: str = ""
    start: Moment | None = None
    end: Moment | None = None
    wrong: tuple[ExcludedWindow, ...] = ()
    memory: CheckState | None = None
    every: timedelta | None = None
    skipped: tuple[Moment, ...] = ()
    found_at: Moment | None = None
    found_end: Moment | None = None
    why_not: str | None = None
    answers: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class Frozen:
    """What was kept of the looks, and the tape they are played from."""

    looks: Looks
    tape: Tape


class LookResult(NamedTuple):
    """A look: when it is taken, what it finds and clears, and whether it had enough to judge by."""

    at: datetime
    findings: tuple[Finding, ...]
    cleared: tuple[str, ...]
    judged: bool


@kept_open()
def freeze(work: Work, recommender: Recommender, since: datetime | None) -> dict[str, bytes]:
    """
    The files of a bundle that hold the looks, from some before `since` on; or the reason why there are none.

    It never raises.
    """
    try:
        looks, arrays = _frozen(work, recommender, since)
    except BundleError as error:
        looks, arrays = Looks(why_not=str(error)), None
    except Exception as error:  # noqa: BLE001 - failing to keep the looks must not spoil the diagnosis
        _log.exception("looks_not_kept", incident=work.incident.number)
        looks, arrays = Looks(why_not=sanitized(error)), None
    files = {ABOUT: _spelled(looks)}
    return files if arrays is None else {**files, ARRAYS: arrays}


def _spelled(looks: Looks) -> bytes:
    text = json.dumps(looks.model_dump(mode="json", by_alias=True), sort_keys=True, ensure_ascii=False)
    return redaction.data(text).encode("utf-8", "backslashreplace")


def _frozen(work: Work, recommender: Recommender, since: datetime | None) -> tuple[Looks, bytes]:
    first = _found_by_a_check(work.incident)
    planned = plan(recommender, _check_of(first, recommender))
    members = {name: table.member for name, table in recommender.tables.items()}
    hidden = columns_left_out(recommender.bundle.leave_out, members)
    former = _former(work, first, hidden)
    looks = _span(recommender, planned, first, since, work.at, former).model_copy(
        update={"wrong": _wrong(work, recommender, planned.check, hidden)}
    )
    tape = Tape()
    with taped(tape):
        results = list(results_of_looks(recommender, planned, looks))
    answers, frames = spell_answers(tape.answers)
    if kept := personal(answers, frames, hidden):
        raise BundleError(f"{', '.join(kept)} is personal data by declaration, and what was read holds it")
    arrays = pack_frames(frames)
    looks = looks.model_copy(update={"answers": answers, **_found(first, results)})
    _within(recommender, len(arrays) + len(_spelled(looks)))
    again = opened({ABOUT: _spelled(looks), ARRAYS: arrays})
    with taped(again.tape):
        if list(results_of_looks(recommender, planned, again.looks)) != results:
            raise BundleError("played back, the looks do not come to the same")
    return looks, arrays


def _found_by_a_check(incident: Incident) -> Finding:
    first = incident.first_finding
    if first is None:
        raise BundleError("no check raised it")
    if first.kind == "predicted":
        raise BundleError("it was forecast, from a launch calendar of which no look is kept")
    if first.unit == BLIND:
        raise BundleError("its check could not look, so there is nothing that it read")
    return first


def _check_of(first: Finding, recommender: Recommender) -> Check:
    check = recommender.checks.get(first.check)
    if check is None or found(check.kind) is None:
        raise BundleError(f"[checks.{first.check}] is not declared any more, or its kind cannot be had")
    return check


def _within(recommender: Recommender, size: int) -> None:
    limit = min(LIMIT_BYTES, recommender.bundle.limit_mb * 1_000_000 // PART)
    if size > limit:
        raise BundleError(
            f"what the check read is {size / 1e6:.1f} MB, and {limit / 1e6:.1f} MB are kept of it: fewer "
            "dimensions or a shorter history make it smaller"
        )


def _former(work: Work, first: Finding, hidden: tuple[str, ...]) -> Former | None:
    """What the check remembered some looks before it found it; None if that holds personal data."""
    former = before_it_was_found(work.log, first)
    if former is None:
        return None
    memory = former.memory
    slices = [*(one.slice for one in memory.seen.values()), *(one.slice for one in memory.excluded)]
    named = {name for slice_ in slices for name, _ in slice_} | set(memory.accepted or ())
    return None if named & set(hidden) else former


def _span(
    recommender: Recommender,
    planned: Plan,
    first: Finding,
    since: datetime | None,
    at: datetime,
    former: Former | None,
) -> Looks:
    """
    The looks to keep: those after `former`, or some from before it began; and all since then whose windows
    were complete.
    """
    after = first.window_end + BEFORE * planned.every
    end = max(first.window_end, min(after, planned.due_end(at)))
    began = min(since or first.window_start, first.window_start) - BEFORE * planned.every
    known = former.memory.last_window_end if former is not None else None
    start = max(known or began, end - MOST_LOOKS * planned.every)
    ends = ends_of(recommender, planned, start, end)
    if not ends:
        raise BundleError("no window of its check is complete")
    skipped = _skipped(former, ends, first)
    if not is_shared(recommender, planned, ends):
        ends = [one for one in ends if one not in skipped][-MOST_ASKED:]
    check = planned.check
    return Looks(
        check=check.name,
        declared=declared_as(check),
        table=planned.table.name,
        start=ends[0] - SOON,
        end=ends[-1],
        memory=former.memory if former is not None else None,
        every=planned.every,
        skipped=skipped,
    )


def _skipped(former: Former | None, ends: Iterable[datetime], first: Finding) -> tuple[datetime, ...]:
    """The window ends, until it was found, at which no look was taken; none if that is not known."""
    if former is None:
        return ()
    return tuple(end for end in ends if end <= first.window_end and end not in former.ends)


def declared_as(check: Check) -> dict[str, str]:
    """
    The check's declaration, key by key, in words.

    >>> declared_as(Check(name="late", kind="volume", history="8d"))["history"]
    '1w1d'
    """
    return {key: _in_words(getattr(check, key)) for key in Check.model_fields}


def _in_words(value: Any) -> str:
    if value is None:
        return "not said"
    return name_duration(value) if isinstance(value, timedelta) else str(value)


def _wrong(
    work: Work, recommender: Recommender, check: Check, hidden: tuple[str, ...]
) -> tuple[ExcludedWindow, ...]:
    """The times known, from other incidents, to have been wrong when this one was opened."""
    opened_at = work.incident.opened_at
    reach = plan(recommender, check).history + LONGEST
    known = [
        one
        for one in known_since(work.log, opened_at - reach)
        if one.stream != work.incident.stream and one.opened_at < opened_at
    ]
    kinds = {name: found(one.kind) for name, one in recommender.checks.items()}
    rows = {name: kind.rows if kind else None for name, kind in kinds.items()}
    every = excluded_for(check, known, rows, opened_at)
    return tuple(one for one in every if not any(name in hidden for name, _ in one.slice))


def results_of_looks(recommender: Recommender, planned: Plan, looks: Looks) -> Iterator[LookResult]:
    """
    Yield the results of a check's looks over the span that was kept, one after the other.

    Raises:
        BundleError: one of them cannot be taken.
    """
    if looks.start is None or looks.end is None:
        return
    ends = ends_of(recommender, planned, looks.start, looks.end)
    memory = _remembered(planned.check, looks)
    own = planned.check.name == looks.check and planned.every == looks.every
    skipped = looks.skipped if own else ()
    for at, came_to in backtest_check(recommender, planned, ends, memory, looks.wrong, skipped):
        if not isinstance(came_to, Verdict):
            raise BundleError(came_to.says)
        yield LookResult(at, came_to.findings, came_to.cleared, came_to.judged)


def _remembered(check: Check, looks: Looks) -> CheckState | None:
    """What a check begins with: the original one with its memory; another only skips the same wrong times."""
    memory = looks.memory
    if memory is None or (check.name == looks.check and check.kind == looks.declared.get("kind")):
        return memory
    return CheckState(excluded=memory.excluded)


def _found(first: Finding, results: Iterable[LookResult]) -> dict[str, datetime]:
    for look in results:
        mine = [one for one in look.findings if one.fingerprint == first.fingerprint]
        if mine:
            return {"found_at": look.at, "found_end": mine[0].window_end}
    return {}


def opened(files: dict[str, bytes]) -> Frozen:
    """
    The looks that a bundle's files hold.

    Raises:
        BundleError: none were kept, and why; or this release cannot read them.
    """
    if ABOUT not in files:
        raise BundleError("its bundle is of an older release, which kept nothing of what its check read")
    try:
        looks = Looks.model_validate_json(files[ABOUT])
    except ValidationError as error:
        raise BundleError(f"{ABOUT} is none that this release can read: {sanitized(error)}") from error
    if looks.format != FORMAT:
        raise BundleError(f"{ABOUT} is of format {looks.format}, and this release reads {FORMAT}")
    if looks.why_not is not None:
        raise BundleError(f"what its check read was not kept: {looks.why_not}")
    answers = read_answers(looks.answers, unpack_frames(files[ARRAYS]))
    return Frozen(looks, Tape(answers, plays=True))
