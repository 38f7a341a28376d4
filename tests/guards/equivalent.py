"""Guards without which the program does the same, each with the reason. Prefer to take such a guard out."""

from __future__ import annotations

from collections.abc import Mapping

EQUIVALENT: Mapping[str, str] = {
    "bot/slack/listeners.py Listeners._open_modal: if press.modal → always": (
        "whoever asks for a form has looked whether the button opens one; it narrows the types"
    ),
    "domain/incident/decide/hotfix.py _reminded: "
    "until is None or hotfix.reminded_of == until or hotfix.stage not in DEPLOYED → without until is None": (
        "where there is no end nobody was reminded of one, and the next condition holds; it narrows the types"
    ),
    "domain/incident/decide/follow_up.py _remind: "
    "followed is None or followed.due_at is None or followed.owner is None or (not is_open(incident)) → "
    "without followed.due_at is None": (
        "what has no day has no owner either, as one event names both; it narrows the types"
    ),
    "domain/incident/decide/follow_up.py _remind: "
    "followed is None or followed.due_at is None or followed.owner is None or (not is_open(incident)) → "
    "without followed.owner is None": (
        "what has no owner has no day either, as one event names both; it narrows the types"
    ),
    "domain/incident/obligations.py follow_up_due: "
    "followed is None or followed.due_at is None or followed.assigned_by is None → "
    "without followed.due_at is None": (
        "what has no day was not assigned, and the next condition holds; it narrows the types"
    ),
    "domain/incident/obligations.py follow_up_due: "
    "followed is None or followed.due_at is None or followed.assigned_by is None → "
    "without followed.assigned_by is None": (
        "what was not assigned has no day, and the condition before holds; it narrows the types"
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
    "workers/deployers/pull_request.py PullRequestDeployer._merged: "
    "repository.left_seconds < PAUSE_SECONDS → repository.left_seconds <= PAUSE_SECONDS": (
        "the same, at the nanosecond in which as much is left as the next pause"
    ),
    "workers/detect/open_incidents.py _reported_lately: "
    "incident is None or last is None or incident.cleared_at is not None → without incident is None": (
        "where there is no incident there is no finding, and the next condition holds; it narrows the types"
    ),
    "workers/detect/open_incidents.py _reported_lately: "
    "incident is None or last is None or incident.cleared_at is not None → without last is None": (
        "an incident that is found by a finding's fingerprint has a finding; it narrows the types"
    ),
    "domain/resolution/track_record.py _of_rehearsals: one.promised is None or one.repaired is None or "
    "one.verdict not in JUDGED → without one.promised is None": (
        "nothing is missed where nothing was promised, and the next condition holds; it narrows the types"
    ),
    "workers/log/obligations.py main: follow(log, FOLLOWER, hand_over(carrier.send), stop) → (taken out)": (
        "it is what its process does, which tests/workers/process starts and no fork of this one comes by"
    ),
    "workers/respond/resolve/watch.py _without: then.finding if then else None → then.finding": (
        "no incident begins with a deployment, so that there are events before each; it narrows the types"
    ),
    "workers/respond/resolve/watch.py _without: ended is None or finding.window_start < ended → "
    "without ended is None": (
        "nothing else is deployed as long as a hotfix acts, so the one before has ended; it narrows the types"
    ),
    "workers/respond/resolve/watch.py _as_look: "
    "one.low is None or one.high is None or one.window_start is None → without one.low is None": (
        "one end of an interval is never known alone; it narrows the types"
    ),
    "workers/respond/resolve/watch.py _as_look: "
    "one.low is None or one.high is None or one.window_start is None → without one.high is None": (
        "the same: one end of an interval is never known alone"
    ),
    "workers/respond/resolve/watch.py _as_look: "
    "one.low is None or one.high is None or one.window_start is None → without one.window_start is None": (
        "whatever knew an interval knew where its window began; it narrows the types"
    ),
    "workers/deployers/redis.py RedisDeployer._changed: "
    "time.monotonic() < until → time.monotonic() <= until": (
        "the same, at the nanosecond in which the time for a change is up"
    ),
}
"""A case's name → why no test can notice; a test holds it against what is found."""
