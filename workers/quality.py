"""A look at what rows hold: source → arrays → judgement, for each kind of data check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.detection import allowed, disagreements, duplicates, gaps, joins, misses, missing, numeric
from domain.detection.checks import DATA, DRIFT, LATENCY, PORTIONS, ROWS, SCHEMA
from domain.detection.measure import Measurement
from domain.detection.measure_data import measure_moved, measure_rows
from domain.detection.measure_portion import measure_latency, measure_portion
from domain.detection.schema import Columns, restored
from domain.detection.spoiled import Past
from domain.detection.state import CheckState, Spoiled, Verdict
from domain.detection.tally import Tally
from domain.detection.window import Grid
from domain.detection.wrong import Words
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.models.registry import should_serve
from workers.sources.flags import Flag
from workers.sources.histogram import histogram_rows
from workers.sources.kinds import types_now
from workers.sources.latency import latency_rows
from workers.sources.numbers import PastNumbers, flag_numeric, past_numbers
from workers.sources.scored import score_columns
from workers.sources.served import SERVED
from workers.sources.source import open_source
from workers.sources.tally import tally_rows, wrong_windows

KINDS = DATA
SLICED = (*ROWS, *PORTIONS, *LATENCY, *DRIFT)
MOST_MEASURED = 240  # windows of the past that a finding is measured against again
WORDS: Mapping[str, Words] = {
    "missing": missing.WORDS,
    "domain": allowed.WORDS,
    "duplicates": duplicates.WORDS,
    "references": gaps.WORDS,
    "misses": misses.WORDS,
    "numeric": numeric.WORDS,
    "joins": joins.WORDS,
    "disagreements": disagreements.WORDS,
}
FLAGGED: Mapping[str, Flag] = {**SERVED, "numeric": flag_numeric}
LEARNED = ("numeric",)
"""Kinds that learn in the engine, for all windows at once where nothing in their past was wrong."""
AT_ONCE = ("missing", "references", "misses", "joins", "disagreements", "sampling", "stages", *LEARNED)
"""Kinds whose windows share one question. All but `LEARNED` count the same whatever else is asked for."""


@dataclass(frozen=True)
class Look:
    """One look: the check with its table named, the dimensions it is sliced by, and the windows."""

    recommender: Recommender
    check: Check
    dimensions: tuple[str, ...]
    grid: Grid
    looks_per_week: float
    history: timedelta


def look_at_rows(look: Look, memory: CheckState) -> Verdict:
    """
    What a data check says of the last window of the look's grid.

    Raises:
        SourceError: the table cannot be read as declared.
    """
    check, grid = look.check, look.grid
    if check.kind in SCHEMA:
        with open_source(look.recommender, str(check.table)) as source:
            types = types_now(source)
        columns = Columns(types, grid.edge(grid.count - 1), grid.end, grid.end - look.history)
        return SCHEMA[check.kind](check, columns, memory)
    if check.kind in DRIFT:
        if check.kind == "scores":
            check = check.model_copy(update={"columns": score_columns(look.recommender, check)})
        histograms = histogram_rows(look.recommender, check, grid, look.dimensions)
        return DRIFT[check.kind](check, histograms, memory, look.looks_per_week)
    if check.kind in LATENCY:
        held = latency_rows(look.recommender, check, grid, look.dimensions)
        return LATENCY[check.kind](check, held, memory, look.looks_per_week)
    asked = should_serve(look.recommender, check, grid.edge(grid.count - 1))
    if asked is None:
        return Verdict(state=memory, judged=False, note="another version has just been released")
    tally = tally_rows(look.recommender, asked, grid, look.dimensions, memory, FLAGGED.get(check.kind))
    return judge_tally(asked, tally, memory, look.looks_per_week)


def tally_at_once(look: Look) -> Tally | PastNumbers:
    """
    The rows of all windows of the grid, to be judged one after the other; of the kinds in `AT_ONCE`.

    Raises:
        SourceError: the table cannot be read as declared; or the looks have too little in common.
    """
    if look.check.kind in LEARNED:
        history = max(1, int(look.history / look.grid.width))
        return past_numbers(look.recommender, look.check, look.grid, look.dimensions, history)
    flag = FLAGGED.get(look.check.kind)
    return tally_rows(look.recommender, look.check, look.grid, look.dimensions, CheckState(), flag)


def learns_less(look: Look, memory: CheckState) -> bool:
    """Whether a look learns in the engine, and not from all of the windows before it."""
    return look.check.kind in LEARNED and any(
        last >= 0 and first < look.grid.count - 1 for first, last in wrong_windows(look.grid, memory)
    )


def judge_tally(
    check: Check, tally: Tally, memory: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """What a check of rows says of the last window of `tally`."""
    return {**ROWS, **PORTIONS}[check.kind](check, tally, memory, looks_per_week)


def reach(history: timedelta, width: timedelta, since: timedelta) -> timedelta:
    """How far back to read to measure again, in windows of `width`, what was found so long ago."""
    return min(history, MOST_MEASURED * width) + max(since, timedelta(0))


def measure_at_rows(look: Look, finding: Finding, past: Past, start: datetime) -> Measurement:
    """
    The metric of `finding` in the last window of the look's grid, against the windows before.

    Raises:
        SourceError: the table cannot be read as declared. TooFewRows: there is nothing to measure.
    """
    check = look.check
    if check.kind in SCHEMA:
        return _columns_measured(look, finding)
    bad = Spoiled(slice=finding.slice, since=min(past.before, start), until=start)
    memory = CheckState(spoiled=(*past.wrong, bad))
    dimensions = tuple(name for name, _value in finding.slice)
    if check.kind in DRIFT:
        only = check.model_copy(update={"columns": (finding.subject,)})
        return measure_moved(
            check, finding, histogram_rows(look.recommender, only, look.grid, dimensions), memory
        )
    if check.kind in LATENCY:
        return measure_latency(
            check, finding, latency_rows(look.recommender, check, look.grid, dimensions), memory
        )
    asked = should_serve(look.recommender, check, start)
    if asked is None:
        raise TooFewRows("another version has just been released; it is too early to measure")
    flag = FLAGGED.get(check.kind)
    tally = tally_rows(look.recommender, asked, look.grid, dimensions, memory, flag)
    if check.kind in PORTIONS:
        return measure_portion(asked, finding, tally, memory)
    return measure_rows(check, finding, tally, WORDS[check.kind], memory)


def _columns_measured(look: Look, finding: Finding) -> Measurement:
    """Whether the finding's column is again as it was: there, gone, or of its type."""
    with open_source(look.recommender, str(look.check.table)) as source:
        back = restored(finding, types_now(source))
    return Measurement(observed=0.0 if back else 1.0, expected=0.0, low=0.0, high=0.0, p_value=float(back))
