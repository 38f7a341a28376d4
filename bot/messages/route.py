"""What to say when a declared channel cannot be written to."""

from __future__ import annotations

from collections.abc import Mapping

from bot.messages.blocks import cut, escape
from domain.incident.state import Incident

WHY_MAX, TITLE_MAX = 300, 160


def unreachable(channel: str, why: str) -> str:
    """For the default channel: whose incidents appear here, and how to have them appear where they belong."""
    return (
        f"⚠️ *Incidents for {escape(channel)} are posted here*: {cut(escape(why), WHY_MAX)}. Fix the channel "
        "(create or unarchive it, /invite the bot), or `[routes]` and `[stakeholders]` in recsysops.toml."
    )


def lost(channel: str, why: str, incident: Incident) -> str:
    """For one person: the incident that can be posted nowhere, and what to do about that."""
    title = f"{incident.severity.value} {cut(escape(incident.called), TITLE_MAX)}"
    return (
        f"⚠️ *#{incident.number} {title}* is in no channel, because {escape(channel)} cannot be posted to: "
        f"{cut(escape(why), WHY_MAX)}. `/recsysops incident {incident.number}` shows it with its buttons, "
        "`/recsysops status` lists all. Fix the channel (create or unarchive it, /invite the bot), or "
        "`[routes]` in recsysops.toml; then they are posted there."
    )


def unposted(routes: Mapping[str, str]) -> list[str]:
    """
    For a list of incidents: each channel that cannot be posted to, and why, as data.

    >>> unposted({"#data": "not_in_channel"})
    ['Nothing can be posted to #data: not_in_channel. `recsysops doctor` says what to do.']
    """
    return [
        f"Nothing can be posted to {channel}: {why[:WHY_MAX]}. `recsysops doctor` says what to do."
        for channel, why in routes.items()
    ]
