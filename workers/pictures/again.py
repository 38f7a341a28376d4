"""
The picture of an incident's metric: drawn when its cause is looked into, and again with each thing that moves
it, so that a message and a report show the recovery as well as the loss.

What is expected then is learned without the time since the onset, or a long incident would be its own
yardstick.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from domain.detection.judge.state import ExcludedWindow
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.judged import judged_until
from workers.debts import Work
from workers.pictures.metric import draw_metric
from workers.reading import Reader
from workers.sources.kept_open import kept_open
from workers.store import attachments
from workers.store.events import read_stream

BEFORE, MOST = 20, 360
"""Windows that are drawn before the onset, and in all."""

WORDS: dict[type[e.Logged], str] = {
    e.IncidentOpened: "alarm",
    e.HotfixApplied: "fix deployed",
    e.HotfixWidened: "for more members",
    e.HotfixVerified: "it works",
    e.HotfixRefuted: "no effect",
    e.HotfixReverted: "fix taken back",
    e.HotfixExpired: "fix expired",
    e.IncidentResolved: "resolved",
}
"""What of an incident's life can be seen in its metric, as it is called on the picture."""


@kept_open()
def settle(work: Work, recommender: Recommender) -> Iterator[c.Command]:
    """Draw the metric again, up to now, with the incident's moments on it."""
    incident, finding = work.incident, work.incident.finding
    if finding is None:
        return
    with work.log.connect() as connection:
        moments = moments_of(read_stream(connection, incident.stream))
    series = since_before(recommender, finding, incident.onset_at, work.at)
    if series is None:
        yield c.RecordPicture(picture=None, reason="the check says no number of it that could be drawn")
        return
    drawn = draw(recommender, finding, incident, series, moments)
    yield c.RecordPicture(picture=attachments.keep(work.log, drawn))


def moments_of(recorded: Iterable[e.Recorded]) -> tuple[tuple[datetime, str], ...]:
    """When what can be seen in the metric happened, and its word."""
    return tuple((one.at, WORDS[type(one.event)]) for one in recorded if type(one.event) in WORDS)


def since_before(
    recommender: Recommender, finding: Finding, onset: datetime | None, at: datetime
) -> pd.DataFrame | None:
    """
    Windows from some time before the onset up to `at`, see `judged_until`; of a check that has to be asked
    for each by itself the rows of the last hours. None where nothing of it is a number.

    Raises:
        SourceError: the table cannot be read as declared.
    """
    since = finding.window_start if onset is None else onset
    wrong = ExcludedWindow(slice=finding.slice, since=since, until=at)
    window = max(finding.window_end - finding.window_start, timedelta(seconds=1))
    count = min(MOST, BEFORE + int((at - since) / window) + BEFORE)
    known = judged_until(recommender, finding, at, windows=count, wrong=(wrong,))
    return Reader(recommender, finding, at).series() if known is None else known


def draw(
    recommender: Recommender,
    finding: Finding,
    incident: Incident,
    series: pd.DataFrame,
    moments: Iterable[tuple[datetime, str]],
) -> bytes:
    """The picture; moments that lie before the windows, or long after them, are not on it."""
    width = finding.window_end - finding.window_start
    # A verdict comes of the last window, and so a little after its end.
    first, last = series["window_start"].min(), series["window_start"].max() + 2 * width
    onset = incident.onset_at
    return draw_metric(
        series,
        title=finding.title,
        unit=finding.unit,
        zone=ZoneInfo(recommender.timezone),
        onset=onset if onset is not None and onset >= first else None,
        moments=[(at, word) for at, word in moments if first <= at <= last],
        last=len(series),
    )
