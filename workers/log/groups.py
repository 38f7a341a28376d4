"""
Who is in which user group, as Slack last reported, and when; sealed, because otherwise anybody who can write
to the store could make anybody a member.

The web process asks Slack; the result is kept here so that other processes, or the same one after a restart,
know it while Slack does not answer, and a worker can check again whether somebody may do what they pressed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from pydantic import Field
from sqlalchemy import Connection

from domain.values import Moment, Value
from workers.environment import clock
from workers.store.memory import recall, remember

NAME = "slack.groups"


class KeptGroups(Value):
    """
    Attributes:
        members: group handle → ids of its members in Slack (`U0123`).
        handles: group id (`S0123`) → its handle.
        said_at: when Slack reported this.
    """

    members: dict[str, tuple[str, ...]]
    handles: dict[str, str] = Field(default_factory=dict)
    said_at: Moment

    def of(self, user: str) -> tuple[str, ...]:
        """The handles of a person's groups, sorted."""
        return tuple(sorted(handle for handle, users in self.members.items() if user in users))

    @property
    def age_seconds(self) -> float:
        """Its age; infinite if it lies in the future, as no clock can be trusted then."""
        age = (clock.now() - self.said_at).total_seconds()
        return age if age >= 0 else float("inf")


def keep(
    connection: Connection,
    members: Mapping[str, Collection[str]],
    handles: Mapping[str, str],
    age_seconds: float = 0.0,
) -> None:
    """Store what Slack reported `age_seconds` ago, in the caller's transaction."""
    said = {handle: tuple(sorted(users)) for handle, users in sorted(members.items())}
    said_at = clock.now() - timedelta(seconds=age_seconds)
    kept = KeptGroups(members=said, handles=dict(handles), said_at=said_at)
    remember(connection, NAME, kept.model_dump(mode="json"))


def kept(connection: Connection) -> KeptGroups | None:
    """What Slack last reported; None if it never did, or if somebody else wrote the stored value."""
    found = recall(connection, NAME)
    return None if found is None else KeptGroups.model_validate(found)
