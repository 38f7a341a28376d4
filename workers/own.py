"""
Checks of a team's own: found by entry point, read, judged, and measured again.

Only what a declaration names is imported. What cannot be imported, or raises, is that check's finding; the
others go on.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from domain.detection.judgement import judge_own, measure_own, seen_of
from domain.detection.measure import Measurement
from domain.detection.own import OwnCheck
from domain.detection.spoiled import Past
from domain.detection.state import CheckState, Spoiled, Verdict
from domain.errors import OwnCheckError, RecsysopsError, Unmeasurable
from domain.recommender.check import OWN_GROUP, Check
from domain.values import Finding
from workers.quality import Look
from workers.sources.own import read_own


@cache
def find(kind: str) -> OwnCheck[Any, Any]:
    """
    The installed check of this kind, imported once; what could not be is tried again.

    Raises:
        OwnCheckError: there is none, or two; it cannot be imported; or what is there is no `OwnCheck`.
    """
    points = sorted({(one.name, one.value): one for one in entry_points(group=OWN_GROUP, name=kind)}.items())
    if not points:
        raise OwnCheckError(f'kind "{kind}" is not installed here; install its package into this Python')
    if len(points) > 1:
        named = " and ".join(value for (_name, value), _point in points)
        raise OwnCheckError(f'kind "{kind}" is installed twice: {named}; take one away')
    return _imported(points[0][1])


def forget() -> None:
    """Import kinds anew when they are next asked for, as after an installation."""
    find.cache_clear()


def _imported(point: EntryPoint) -> OwnCheck[Any, Any]:
    with _its_own(point.name, f"cannot be imported from {point.value}"):
        found = point.load()
    if not isinstance(found, OwnCheck):
        raise OwnCheckError(
            f'kind "{point.name}": {point.value} is {type(found).__name__}, not an OwnCheck; name the value '
            "in its entry point"
        )
    if found.kind != point.name:
        raise OwnCheckError(
            f'kind "{point.name}": {point.value} says kind = "{found.kind}"; write both alike'
        )
    return found


def look_own(look: Look, memory: CheckState) -> Verdict:
    """
    What a check of a team's own says of the last window of the look's grid.

    Raises:
        SourceError: the table cannot be read as declared. OwnCheckError: the check cannot be imported, is
            declared wrongly, or raises.
    """
    own, options, data = _read(look)
    with _its_own(look.check.kind, "raises", own):
        seen = seen_of(own, look.check, look.grid, data, memory)
        return judge_own(own, options, seen, memory, look.looks_per_week)


def measure_again(look: Look, finding: Finding, past: Past, start: datetime) -> Measurement:
    """
    The metric of `finding` in the last window of the look's grid, against the windows before.

    Raises:
        SourceError: the table cannot be read as declared. TooFewRows: there is nothing to measure.
        OwnCheckError: as `look_own`. Unmeasurable: the kind does not say how.
    """
    if not find(look.check.kind).measurable:
        raise Unmeasurable(f'kind "{look.check.kind}" cannot be measured again; judge it yourself')
    own, options, data = _read(look)
    bad = Spoiled(slice=finding.slice, since=min(past.before, start), until=start)
    memory = CheckState(spoiled=(*past.wrong, bad))
    with _its_own(look.check.kind, "raises", own):
        return measure_own(own, options, seen_of(own, look.check, look.grid, data, memory), finding)


def read_options(own: OwnCheck[Any, Any], check: Check) -> Any:
    """
    The check's own keys as its kind reads them.

    Raises:
        OwnCheckError: one is missing, unknown or of another type: the kind has changed since it was declared.
    """
    try:
        return own.read(check.options or {})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise OwnCheckError(f'check "{check.name}": {key}: {first["msg"]}') from error


def _read(look: Look) -> tuple[OwnCheck[Any, Any], Any, Any]:
    check, own = look.check, find(look.check.kind)
    options = read_options(own, check)
    with _its_own(check.kind, "raises", own):
        data = read_own(look.recommender, own, options, check, look.grid, look.dimensions)
    return own, options, data


@contextmanager
def _its_own(kind: str, does: str, own: OwnCheck[Any, Any] | None = None) -> Iterator[None]:
    """
    Whatever a stranger's code raises as one error that names its kind, what it said, and the line: of the
    file that its judge stands in, where that was gone through.
    """
    try:
        yield
    except RecsysopsError:
        raise
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        code = getattr(own.judge, "__code__", None) if own else None  # a callable object has none
        its = [one for one in frames if code is not None and one.filename == code.co_filename]
        frame = (its or frames)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        says = str(error).strip().partition("\n")[0]
        told = f"{type(error).__name__}: {says}" if says else type(error).__name__
        raise OwnCheckError(f'kind "{kind}" {does}: {told} ({where})') from error
