"""
Draws an incident's metric again whenever something shows in it, so that its message and its report show the
recovery as well as the loss.

The expectation is learned without the time since the onset, or a long incident would become its own baseline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from math import ceil
from zoneinfo import ZoneInfo

import pandas as pd

from domain.detection.judge.state import ExcludedWindow
from domain.incident import commands as c
from domain.incident import events as e
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.judged import judged_until
from workers.checks.plan import window_of
from workers.log.obligations import Work
from workers.pictures.metric import draw_finding
from workers.respond.diagnose.reading import Reader
from workers.sources.engines.files import kept_open
from workers.store import attachments
from workers.store.log.events import read_stream

BEFORE, LEAST, MOST = 20, 40, 360
"""Windows drawn before the onset; and in all, at least and at most."""

WORDS: dict[type[e.Logged], str] = {
    e.IncidentOpened: "alarm",
    e.HotfixApplied: "fix deployed",
    e.HotfixWidened: "fix for more members",
    e.HotfixVerified: "fix works",
    e.HotfixRefuted: "fix has no effect",
    e.HotfixReverted: "fix reverted",
    e.HotfixExpired: "fix expired",
    e.IncidentResolved: "resolved",
}
"""The events of an incident that show in its metric, as the picture calls them."""

Moment = tuple[datetime, str]


@kept_open()
def settle(work: Work, recommender: Recommender) -> Iterator[c.Command]:
    """Draw the metric up to now, with the incident's moments marked."""
    incident, finding = work.incident, work.incident.finding
    series = None if finding is None else series_of(recommender, finding, incident.onset_at, work.at)
    if finding is None or series is None:
        yield c.RecordPicture(picture=None, reason="its check gives no number that could be drawn")
        return
    with work.log.connect() as connection:
        moments = moments_of(read_stream(connection, incident.stream))
    drawn = draw_finding(
        finding,
        series,
        ZoneInfo(recommender.timezone),
        onset=incident.onset_at,
        moments=within(series, moments),
        last=len(series),
    )
    yield c.RecordPicture(picture=attachments.keep(work.log, drawn))


def moments_of(recorded: Iterable[e.Recorded]) -> tuple[Moment, ...]:
    """When events that show in the metric happened, and what they are called."""
    return tuple((one.at, WORDS[type(one.event)]) for one in recorded if type(one.event) in WORDS)


def within(series: pd.DataFrame, moments: Iterable[Moment]) -> list[Moment]:
    """
    The moments from the first window on, up to a window after the last: a verdict comes shortly after the
    window it is about.
    """
    first, last = series["window_start"].iloc[0], series["window_start"].iloc[-1]
    width = last - series["window_start"].iloc[-2] if len(series) > 1 else pd.Timedelta(0)
    return [(at, word) for at, word in moments if first <= at <= last + 2 * width]


def series_of(
    recommender: Recommender, finding: Finding, onset: datetime | None, at: datetime
) -> pd.DataFrame | None:
    """
    Windows from before the onset up to `at`, as the check itself sees them (`judged_until`); the rows of the
    last hours if it would have to be asked for each window by itself. None if neither gives a number.

    Raises:
        SourceError: the table cannot be read as declared.
    """
    since = finding.window_start if onset is None else onset
    wrong = ExcludedWindow(slice=finding.slice, since=since, until=at)
    count = BEFORE + ceil((at - since) / window_of(recommender, finding))
    windows = min(MOST, max(LEAST, count))
    known = judged_until(recommender, finding, at, windows=windows, wrong=(wrong,))
    return Reader(recommender, finding, at).series() if known is None else known
