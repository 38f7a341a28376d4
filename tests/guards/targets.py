"""Whose guards are taken out, and which tests have to notice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

LIFE = tuple(
    path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "tests/domain/incident").glob("test_*.py"))
)

TARGETS: Mapping[str, tuple[str, ...]] = {
    "domain/incident/decide/__init__.py": LIFE,
    "domain/incident/decide/rule.py": ("tests/workers/respond/resolve/test_conflicts.py", *LIFE),
    "domain/incident/decide/opening.py": LIFE,
    "domain/incident/decide/understanding.py": LIFE,
    "domain/incident/decide/hotfix.py": LIFE,
    "domain/incident/decide/ending.py": LIFE,
    "domain/incident/decide/follow_up.py": LIFE,
    "domain/incident/decide/correction.py": LIFE,
    "domain/incident/decide/ticket.py": LIFE,
    "domain/incident/obligations.py": ("tests/workers/respond/resolve/test_taken_back.py", *LIFE),
    "domain/incident/card.py": LIFE,
    "domain/incident/permitted.py": LIFE,
    "domain/incident/ranking.py": LIFE,
    "bot/slack/permission.py": ("tests/bot/slack/test_permission.py",),
    "bot/slack/listeners.py": ("tests/bot/slack/test_unpermitted.py",),
    "bot/slack/team.py": ("tests/bot/slack/test_team.py",),
    "bot/border/shape.py": ("tests/bot/border/test_signed.py",),
    "bot/pages/links.py": ("tests/bot/test_links.py", "tests/bot/test_pages.py"),
    "bot/pages/visitor.py": ("tests/bot/test_login.py", "tests/bot/test_links.py", "tests/bot/test_pages.py"),
    "bot/pages/login.py": ("tests/bot/test_login.py",),
    "bot/pages/metrics.py": ("tests/bot/border/test_hosts.py",),
    "bot/border/signed.py": ("tests/bot/border/test_signed.py",),
    "bot/actions.py": ("tests/bot/test_actions.py",),
    "bot/messages/incident/value.py": ("tests/bot/test_actions.py",),
    "workers/respond/resolve/watch.py": (
        "tests/workers/respond/resolve/test_watched.py",
        "tests/workers/respond/resolve/test_held_against.py",
        "tests/workers/respond/resolve/test_guards.py",
        "tests/workers/test_stages.py",
        "tests/workers/predict/test_launch_story.py",
        "tests/workers/respond/resolve/test_served_first.py",
    ),
    "workers/respond/resolve/deploy.py": (
        "tests/workers/respond/resolve/test_deploy.py",
        "tests/workers/respond/resolve/test_rights.py",
        "tests/workers/respond/resolve/test_taken_back.py",
        "tests/workers/test_hold_out.py",
    ),
    "workers/deployers/confirming.py": (
        "tests/workers/deployers/test_confirming.py",
        "tests/workers/deployers/test_registry.py",
    ),
    "workers/deployers/redis.py": ("tests/workers/deployers/test_redis_deployer.py",),
    "workers/respond/resolve/rights.py": (
        "tests/workers/respond/resolve/test_rights.py",
        "tests/workers/respond/resolve/test_who_may.py",
    ),
    "workers/store/attempts.py": (
        "tests/workers/store/test_attempts.py",
        "tests/workers/store/test_by_hand.py",
    ),
    "workers/store/connection.py": ("tests/workers/store/test_workspaces.py",),
    "workers/store/retention.py": ("tests/workers/store/test_retention.py",),
    "workers/store/reminders.py": (
        "tests/workers/store/test_attempts.py",
        "tests/workers/store/test_looked_at.py",
        "tests/workers/store/test_sums.py",
        "tests/workers/process/test_beat.py",
        "tests/workers/log/test_obligations.py",
        "tests/workers/respond/resolve/test_taken_back.py",
    ),
    "workers/log/obligations.py": (
        "tests/workers/process/test_beat.py",
        "tests/workers/log/test_obligations.py",
        "tests/workers/respond/resolve/test_deploy.py",
        "tests/workers/respond/resolve/test_taken_back.py",
    ),
    "workers/log/open_obligations.py": (
        "tests/workers/log/test_obligations.py",
        "tests/workers/respond/resolve/test_taken_back.py",
    ),
    "domain/recommender/person.py": (
        "tests/domain/recommender/test_person.py",
        "tests/workers/respond/resolve/test_rights.py",
    ),
    "domain/detection/judge/discovery.py": ("tests/domain/detection/judge/test_discovery.py",),
    "domain/detection/judge/excluded.py": ("tests/domain/detection/judge/test_excluded.py",),
    "domain/detection/judge/state.py": ("tests/domain/detection/judge/test_state.py",),
    "domain/detection/correlate/same_cause.py": ("tests/domain/detection/correlate/test_same_cause.py",),
    "domain/detection/slices/minimal_set.py": ("tests/domain/detection/judge/test_wrong_rows.py",),
    "workers/detect/open_incidents.py": ("tests/workers/detect/test_open_incidents.py",),
    "workers/door/door.py": ("tests/workers/log/test_stumbled.py", "tests/workers/door/test_submit.py"),
    "workers/log/follow.py": (
        "tests/workers/log/test_follow.py",
        "tests/workers/log/test_followers.py",
        "tests/workers/log/test_stumbled.py",
    ),
    "workers/deployers/pull_request.py": (
        "tests/workers/deployers/test_pull_request_deployer.py",
        "tests/workers/deployers/test_registry.py",
    ),
    "workers/deployers/webhook.py": (
        "tests/workers/deployers/test_webhook_timeout.py",
        "tests/workers/deployers/test_webhook_deployer.py",
        "tests/workers/deployers/test_confirming.py",
        "tests/workers/deployers/test_registry.py",
    ),
    "domain/resolution/declared.py": ("tests/domain/resolution/test_declared.py",),
    "domain/resolution/rollback.py": ("tests/domain/resolution/test_rollback.py",),
    "domain/resolution/track_record.py": ("tests/domain/resolution/test_track_record.py",),
}

WITHIN: Mapping[str, tuple[str, ...]] = {
    "domain/detection/judge/discovery.py": ("level", "spend"),
    "domain/detection/judge/excluded.py": ("_excluded",),
    "domain/detection/judge/state.py": ("CheckState.wrong", "_ended"),
    "domain/detection/correlate/same_cause.py": ("same_cause", "_at_one_time"),
    "domain/detection/slices/minimal_set.py": ("narrowest",),
    "workers/detect/open_incidents.py": ("_reported_lately",),
    "bot/slack/listeners.py": (
        "Listeners._open_declaration",
        "Listeners._open_modal",
    ),
    "workers/store/connection.py": (),
    "workers/store/retention.py": ("_judge", "_kept_because", "_move", "hold"),
    "workers/door/door.py": ("Door.stumbled",),
    "workers/log/follow.py": ("catch_up", "stumble"),
}
"""Of files that mostly do something else, the functions that keep something from being done."""

SPELLED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "workers/door/door.py": (
        (
            "handle(found, command, actor=actor, key=key, cause=cause, log=self._engine)",
            "handle(found, command, actor=actor, key=key, log=self._engine)",
        ),
    ),
    "workers/deployers/webhook.py": (
        ("declared.timeout.total_seconds()", "TIMEOUT_SECONDS"),
        (
            "exchange('POST', url, body, headers, seconds=self._timeout_seconds, most_bytes=most_bytes)",
            "exchange('POST', url, body, headers, seconds=10.0, most_bytes=most_bytes)",
        ),
    ),
    "workers/store/retention.py": (("kept_at < %(before)s", "kept_at <= %(before)s"),),
    "workers/store/connection.py": (("role_of(workspace)", "'none'"),),
    "domain/detection/judge/discovery.py": (("alpha - half if place == 0 else alpha", "alpha"),),
    "workers/store/attempts.py": (("\nWHERE attempts.issued = excluded.issued - 1", ""),),
    "workers/store/reminders.py": (
        ("due_at <= %(at)s", "true"),
        ("due_at <= %(at)s", "due_at < %(at)s"),
        ("due_at > %(beyond)s AND ", ""),
        (" AND obligations::jsonb - %(not_ours)s::text[] <> '{}'", ""),
        ("cards.stream = moved.stream AND ", ""),
        (" AND cards.version = moved.version", ""),
        (" ORDER BY due_at", ""),
    ),
}
"""Guards in SQL and constants of a rule, and what is left without them."""
