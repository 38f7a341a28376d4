"""The silence since a table's last row, against the silences it usually keeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from domain.detection.state import SHORT_SECONDS as LONG
from domain.detection.state import CheckState, Verdict, confirm
from domain.recommender.check import Check
from domain.recommender.duration import name_duration
from domain.values import Finding, Severity

LEAST_GAPS = 7  # silences before anything is expected of them
HABIT = 3  # twice may have been an outage; what happened three times is a habit
OVER_USUAL = 1.25  # silence against the usual longest before it matters
FALSE_ALARMS_PER_WEEK = 0.05
WEEK_SECONDS = 604_800.0
SEV2_TIMES, SEV1_TIMES = 2.0, 4.0  # the usual longest silence


@dataclass(frozen=True)
class Silences:
    """
    Bins of time that hold rows: `bins` are starts (n,) in unix seconds, sorted; `width` seconds each; `at`
    when the silence is measured (unix seconds). The settle time has already been taken off.
    """

    bins: npt.NDArray[np.int64]
    width: float
    at: float


@dataclass(frozen=True)
class Usual:
    """
    The usual longest silence and the limit above which it is too long, seconds.

    Beyond `longest` silences fall off as an exponential of `scale` seconds, from the share `tail` there.
    """

    longest: float
    limit: float
    scale: float
    tail: float

    def p_value(self, silence: float) -> float:
        """The share of silences that are at least this long."""
        return float(min(1.0, self.tail * np.exp(-max(0.0, silence - self.longest) / self.scale)))


def usual_silence(gaps: npt.NDArray[np.float64], width: float, within: float | None) -> Usual | None:
    """
    What silences (n,) in seconds are usual. One or two long ones were outages and do not make the limit
    longer.

    Returns:
        None with fewer than seven silences and no promise `within`.
    """
    if within is not None:
        return Usual(within, within, max(within / 10, width), 1 / (len(gaps) + 1))
    if len(gaps) < LEAST_GAPS:
        return None
    rank = min(HABIT, 1 + len(gaps) // 10)
    longest = float(np.sort(gaps)[-rank])
    usual = gaps[gaps <= longest]
    scale = max(float(np.std(usual)), width)
    tail = rank / (len(gaps) + 1)
    allowed = FALSE_ALARMS_PER_WEEK * float(np.mean(usual)) / WEEK_SECONDS
    rare = longest + scale * max(0.0, float(np.log(tail / allowed)))
    return Usual(longest, max(OVER_USUAL * longest, longest + width, rare), scale, tail)


def judge_freshness(check: Check, silences: Silences, state: CheckState) -> Verdict:
    """Whether the silence up to `at` is longer than the promise `within`, or than it ever usually is."""
    bins = silences.bins[silences.bins < silences.at]
    if not len(bins):
        return Verdict(state=state, judged=False, note="no row yet")
    within = check.within.total_seconds() if check.within else None
    usual = usual_silence(_sound(bins, silences, state), silences.width, within)
    if usual is None:
        return Verdict(state=state, judged=False, note="not enough history yet")
    silence = silences.at - float(bins[-1]) - silences.width
    findings = [_finding(check, silences, usual, silence)] if silence > usual.limit else []
    return confirm(state, findings, LONG, datetime.fromtimestamp(silences.at, UTC))


def _sound(bins: npt.NDArray[np.int64], silences: Silences, state: CheckState) -> npt.NDArray[np.float64]:
    """(n,) silences in seconds, without those in a time when the whole table is known to have been wrong."""
    gaps = np.diff(bins).astype(float)
    good = np.ones(len(gaps), dtype=bool)
    for wrong in state.wrong(datetime.fromtimestamp(silences.at, UTC)):
        if not wrong.slice:
            since, until = wrong.since.timestamp(), wrong.until.timestamp()
            good &= ~((bins[1:] > since) & (bins[:-1] + silences.width < until) & (gaps > silences.width))
    return gaps[good] if int(good.sum()) >= LEAST_GAPS else gaps


def _finding(check: Check, silences: Silences, usual: Usual, silence: float) -> Finding:
    at = datetime.fromtimestamp(silences.at, UTC)
    last = datetime.fromtimestamp(silences.at - silence, UTC)
    times = silence / max(usual.longest, 1.0)
    worst = Severity.SEV1 if times >= SEV1_TIMES else Severity.SEV2
    told = name_duration(at - last)
    return Finding(
        check=check.name,
        table=check.table or "",
        window_start=last,
        window_end=at,
        observed=round(silence, 1),
        expected=round(usual.longest, 1),
        low=0.0,
        high=round(usual.limit, 1),
        unit="seconds",
        p_value=usual.p_value(silence),
        severity=check.severity or (worst if times >= SEV2_TIMES else Severity.SEV3),
        affected_share=1.0,
        title=f"{check.table}: nothing new for {told}, usually at most {_words(usual.longest)}",
    )


def _words(seconds: float) -> str:
    return name_duration(timedelta(seconds=round(seconds)))
