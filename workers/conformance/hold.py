"""Runs a check in a situation and compares its findings with what is allowed there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from domain.detection.judge.again.measure import Measurement
from domain.values import Finding
from workers.checks.measure import measure
from workers.checks.run import FAULT, RunResult, State, run_checks
from workers.conformance.situation import SITUATIONS, Says, Situation
from workers.conformance.table import DAY, DAYS, END, HOUR, NAME, Change, declared, last_day, sound
from workers.sources.engines.files import kept_open


@kept_open()
def hold(
    check: Mapping[str, Any],
    situation: str,
    folder: Path,
    made: Change | None = None,
    says: Says | None = None,
) -> None:
    """
    Look at the table in this situation, window after window, and compare the findings with what is allowed.

    Args:
        check: the keys under [checks.NAME]: its kind, and what the kind requires.
        situation: one of `SITUATIONS`.
        folder: an empty folder for the table's file.
        made: adds to the sound table the columns that the kind needs.
        says: what it may report if the situation is the very fault that the check looks for.

    Raises:
        AssertionError: the check does something that is not allowed.
    """
    of = replace(SITUATIONS[situation], says=says or SITUATIONS[situation].says)
    frame, broken = of.change(_made(made, sound())), of.says == "fault"
    recommender = declared(check, frame, folder, of.window, of.history, other=broken)
    if broken:
        (folder / "views.parquet").write_text("cut off in the middle of being written", encoding="utf-8")
    state = State()
    for at in of.looks:
        result = run_checks(recommender, at, state)
        where = f"{situation}, looked at on {at:%Y-%m-%d %H:%M} UTC"
        if of.twice and at == of.looks[-1]:
            again = run_checks(recommender, at, state).model_copy(update={"seconds": result.seconds})
            _must(again == result, f"{where}: a second look gives something else")
        _allowed(of, where, result)
        state = State.model_validate_json(result.state.model_dump_json())


def found(
    check: Mapping[str, Any], folder: Path, spoil: Change, made: Change | None = None
) -> tuple[Finding, ...]:
    """The findings of the last day, when `spoil` was applied to that day's rows only."""
    recommender = declared(check, _spoilt(_made(made, sound()), spoil), folder)
    return tuple(one for one in run_checks(recommender, END).findings if one.check == NAME)


@kept_open()
def measured(
    check: Mapping[str, Any], finding: Finding, folder: Path, spoil: Change, made: Change | None = None
) -> tuple[Measurement, Measurement]:
    """The metric of a `finding` of the last day: measured on that day, and on the next, repaired one."""
    frame = _spoilt(_made(made, sound(DAYS + 1, END + DAY)), spoil)
    recommender = declared(check, frame, folder)
    then = measure(recommender, finding, END - DAY + HOUR, END)
    return then, measure(recommender, finding, END, END + DAY)


def _made(made: Change | None, frame: pd.DataFrame) -> pd.DataFrame:
    return made(frame) if made else frame


def _spoilt(frame: pd.DataFrame, spoil: Change) -> pd.DataFrame:
    last = last_day(frame)
    return pd.concat([frame[~last], spoil(frame[last].copy())], ignore_index=True)


def _allowed(of: Situation, where: str, result: RunResult) -> None:
    own = [finding for finding in result.findings if finding.check == NAME]
    faults = [finding.title for finding in own if finding.subject == FAULT]
    reported = [finding.title for finding in own if finding.subject != FAULT]
    if of.says == "fault":
        _must(bool(faults), f"{where}: a table that cannot be read has to be said")
        _must("other" in result.state.checks, f"{where}: the other checks have to go on")
        return
    _must(not faults, f"{where}: it could not look: {' '.join(faults)}")
    if of.says == "quiet":
        _must(not reported, f"{where}: there was nothing to report, and it reported: {' '.join(reported)}")


def _must(holds: bool, says: str) -> None:
    if not holds:
        raise AssertionError(says)
