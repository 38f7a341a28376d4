"""Guards without which the program does the same, each with the reason. Prefer to take such a guard out."""

from __future__ import annotations

from collections.abc import Mapping

EQUIVALENT: Mapping[str, str] = {
    "domain/incident/decide/hotfix.py _reminded: "
    "until is None or hotfix.reminded_of == until or hotfix.stage not in DEPLOYED → without until is None": (
        "where there is no end nobody was reminded of one, and the next condition holds; it tells the types"
    ),
    "domain/incident/ranking.py _behind: _percent(second.repairs, second.repairs.value or 0.0) > 100.0 → "
    "_percent(second.repairs, second.repairs.value or 0.0) >= 100.0": (
        "whatever repairs exactly all that was lost is never said to repair less or too much"
    ),
    "workers/log/obligations.py remind: time.monotonic() < until → time.monotonic() <= until": (
        "the monotonic clock would have to stand still at the nanosecond in which the beat ends"
    ),
    "workers/deployers/confirming.py Confirming._seen: "
    "time.monotonic() + PAUSE_SECONDS > until → time.monotonic() + PAUSE_SECONDS >= until": (
        "the same, at the nanosecond in which the time to look is up"
    ),
    "workers/deployers/redis.py RedisDeployer._changed: "
    "time.monotonic() < until → time.monotonic() <= until": (
        "the same, at the nanosecond in which the time for a change is up"
    ),
}
"""A case's name → why no test can notice; a test holds it against what is found."""
