"""What to say when a declared channel cannot be written to."""

from __future__ import annotations

from bot.messages.blocks import cut, escape

WHY_MAX = 300


def unreachable(channel: str, why: str) -> str:
    """For the default channel: whose incidents appear here, and how to have them appear where they belong."""
    return (
        f"⚠️ *Incidents for {escape(channel)} are posted here*: {cut(escape(why), WHY_MAX)}. Fix the channel "
        "(create or unarchive it, /invite the bot), or `[routes]` and `[stakeholders]` in recsysops.toml."
    )
