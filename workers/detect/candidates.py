"""
The open incidents that a finding may belong to, found by PostgreSQL: no card is read that the rules of
`domain.detection.correlate` certainly reject. They are applied to those that it finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from domain.detection.correlate.joining import LONGEST_OVER, REPEAT_AFTER
from domain.detection.correlate.same_cause import BLIND, lacks
from domain.detection.judge.state import CLEAR_AFTER
from domain.incident.state import Incident
from domain.recommender.lineage import Lineage
from domain.values import ROWS, Finding
from workers.store.related import UNCLOSED, each, spelled

_ABOUT = """
FROM cards, LATERAL (
    SELECT found_by -> 'joined' AS joined, found_by -> 'finding' AS finding) AS found, LATERAL (
    SELECT finding ->> 'kind' AS kind, finding ->> 'table' AS tabled, finding ->> 'unit' AS unit,
        finding ->> 'subject' AS subject, finding -> 'slice' AS slice, (finding -> 'lacks')::bool AS lacks,
        (finding -> 'began')::float8 AS began, (finding -> 'from')::float8 AS since,
        (finding -> 'until')::float8 AS until) AS one
"""
_AT_ONE_TIME = "began < %(until)s AND until + %(looks)s * (until - since) + %(pause)s > %(since)s"
_NESTED = "(slice <@ %(slice)s::jsonb OR slice @> %(slice)s::jsonb)"
_CONTRADICTS = """
EXISTS (SELECT FROM jsonb_array_elements(slice) AS mine, jsonb_array_elements(%(slice)s::jsonb) AS theirs
    WHERE mine ->> 0 = theirs ->> 0 AND mine ->> 1 <> theirs ->> 1)
"""
_COUNTED = "subject IS NULL AND %(subject)s::text IS NULL"

_LINKED = f"""
SELECT stream {_ABOUT}
WHERE status = ANY (%(statuses)s) AND opened_at >= %(opened)s AND (
    fingerprint = %(fingerprint)s OR joined ? %(fingerprint)s
    OR %(kind)s = 'detected' AND kind = 'detected' AND (unit = '{BLIND}') = %(blind)s AND {_AT_ONE_TIME} AND (
        tabled = %(table)s AND (%(blind)s OR slice = %(slice)s::jsonb AND slice <> '[]'
            OR subject = %(subject)s AND {_NESTED}
            OR {_COUNTED} AND lacks = %(lacks)s AND {_NESTED} AND (slice = '[]') = (%(slice)s::jsonb = '[]'))
        OR tabled = ANY (%(taught)s)
        OR tabled = ANY (%(related)s) AND ({_NESTED}
            OR {_COUNTED} AND lacks AND NOT %(lacks)s AND {_CONTRADICTS})
        OR tabled <> %(table)s AND {_COUNTED} AND unit = %(unit)s AND lacks = %(lacks)s
            AND slice = %(slice)s::jsonb
            AND (slice <> '[]' OR %(kin)s::text[] IS NULL OR tabled = ANY (%(kin)s))))
ORDER BY number
"""
"""By the rules of `same_cause`, and what has joined."""

_NEAR = f"""
SELECT stream {_ABOUT}
WHERE status = ANY (%(statuses)s) AND kind = 'detected' AND slice <> '[]' AND (
    tabled = %(table)s AND unit = %(unit)s AND subject IS NULL AND lacks = %(lacks)s
        AND until >= %(since)s - %(week)s
    OR tabled = ANY (%(above)s) AND %(unit)s = '{ROWS}' AND %(lacks)s AND {_AT_ONE_TIME}
        AND (subject IS NOT NULL OR unit = '{ROWS}' AND lacks) AND NOT {_NESTED} AND NOT {_CONTRADICTS})
ORDER BY number DESC
"""
"""By the rules of `crossing`, and of findings that may share items."""


def linked_to(
    log: Engine,
    finding: Finding,
    made_from: Lineage,
    statuses: Sequence[str] = UNCLOSED,
    since: datetime | None = None,
) -> Iterator[Incident]:
    """Those that may report a finding's cause, oldest first; `since`: only those opened then or later."""
    asked = {"fingerprint": finding.fingerprint, "opened": since or "-infinity"}
    return each(log, _LINKED, statuses, **asked, **_asked(finding), **_tables(finding, made_from))


def near(log: Engine, finding: Finding, made_from: Lineage) -> Iterator[Incident]:
    """Those of which only a measurement tells whether they have a finding's cause, newest first."""
    if finding.subject or not finding.slice or finding.kind != "detected":
        return iter(())
    asked = {"above": list(made_from.above(finding.table)), "week": LONGEST_OVER.total_seconds()}
    return each(log, _NEAR, UNCLOSED, **asked, **_asked(finding))


def _asked(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "table": finding.table,
        "unit": finding.unit,
        "blind": finding.unit == BLIND,
        "subject": finding.subject,
        "slice": spelled(finding.slice),
        "lacks": lacks(finding),
        "since": finding.window_start.timestamp(),
        "until": finding.window_end.timestamp(),
        "looks": CLEAR_AFTER,
        "pause": REPEAT_AFTER.total_seconds(),
    }


def _tables(finding: Finding, made_from: Lineage) -> dict[str, Any]:
    """Tables by their relation to the finding's; `kin` share an origin; None if no table says."""
    table, known = finding.table, made_from.made_from
    above, learners = made_from.above(table), made_from.learned_from
    return {
        "taught": [*made_from.taught(table), *(one for one in learners if table in learners[one])],
        "related": [*above, *(one for one in known if table in known[one])],
        "kin": [one for one in known if above & known[one]] if any(known.values()) else None,
    }
