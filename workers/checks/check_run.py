"""Runs one check: reads what its kind needs, and judges it; the same live and over the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from domain.detection.data.check_run import CheckRun
from domain.detection.data.window import Grid
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.title import said_of
from domain.detection.kind import Kind
from domain.errors import RecsysopsError, TooFewRows
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Finding
from workers.checks.plan import Plan
from workers.checks.read import example, read
from workers.declaration.check_kinds import blamed, find, read_options

_log = structlog.get_logger(__name__)


def check_run_of(recommender: Recommender, planned: Plan, grid: Grid) -> CheckRun:
    """
    The run of a planned check whose judged window is the last of `grid`.

    Raises:
        OwnCheckError: its kind cannot be imported, or cannot read its options.
    """
    check = planned.check
    return CheckRun(
        recommender=recommender,
        check=check,
        options=read_options(find(check.kind), check),
        table=planned.table,
        dimensions=planned.dimensions,
        grid=grid,
        window=planned.window,
        every=planned.every,
        history=planned.history,
    )


def run_check(recommender: Recommender, planned: Plan, end: datetime, memory: CheckState) -> Verdict:
    """
    Run one check on the window that ends at `end`.

    Raises:
        SourceError: the table cannot be read as declared. OwnCheckError: its kind cannot load, or raises.
    """
    now = check_run_of(recommender, planned, planned.grid(end))
    kind = find(planned.check.kind)
    with blamed(kind.name, kind=kind):
        needed = kind.reads(now, memory)
    if needed is not None:
        now = replace(now, grid=planned.grid(end, needed * planned.window))
    try:
        data = read_needed(kind, now, memory)
    except TooFewRows as few:
        return Verdict(state=memory, judged=False, note=str(few) or "too few rows")
    return judge(kind, now, data, memory)


def read_needed(kind: Kind[Any, Any], run: CheckRun, memory: CheckState) -> Any:
    """
    Read what the kind needs for a look.

    Raises:
        SourceError: a table cannot be read as declared. OwnCheckError: what it asks is no valid question.
    """
    with blamed(kind.name, kind=kind):
        return read(run, kind.needs, tuple(kind.columns(run.options)), memory)


def judge(kind: Kind[Any, Any], run: CheckRun, data: Any, memory: CheckState) -> Verdict:
    """
    The kind's verdict on what was read; if it found something, after any follow-up questions that it asks.

    Raises:
        SourceError: a follow-up cannot be read. OwnCheckError: the kind raises.
    """
    with blamed(kind.name, kind=kind):
        verdict = _with_examples(kind, run, kind.judging.verdict(run, data, memory))
        if kind.then is not None and verdict.findings:
            verdict = kind.then.revise(run, verdict, read(run, kind.then.needs, (), memory))
    return _in_its_words(run.table, verdict)


def _in_its_words(table: Table, verdict: Verdict) -> Verdict:
    """The verdict, with the table's rows called by the name that its declaration gives them."""
    if table.unit is None:
        return verdict
    findings = tuple(said_of(table.unit, finding) for finding in verdict.findings)
    return verdict.model_copy(update={"findings": findings})


def _with_examples(kind: Kind[Any, Any], run: CheckRun, verdict: Verdict) -> Verdict:
    """The verdict, with an example row for each promise that it reports as broken."""
    findings = tuple(_with_example(kind, run, finding) for finding in verdict.findings)
    return verdict.model_copy(update={"findings": findings})


def _with_example(kind: Kind[Any, Any], run: CheckRun, finding: Finding) -> Finding:
    try:
        said = example(run, kind.needs, finding)
    except RecsysopsError as error:  # the promise is broken all the same
        _log.info("no_example", finding=finding.title, error=str(error))
        return finding
    title = f"{finding.title}; for instance {said}" if said else finding.title
    return finding.model_copy(update={"title": title[:300]})
