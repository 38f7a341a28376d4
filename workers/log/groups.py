"""
Who is in which user group, as Slack last said, and when it did; sealed, as whoever can write into the store
could make anybody a member.

The web process asks; it is kept here so that another process, or the same one after a restart, knows it while
Slack does not answer, and so that a worker can look again whether somebody may what they pressed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from pydantic import Field
from sqlalchemy import Connection

from domain.values import Moment, Value
from workers.environment import clock
from workers.store.memory import recall_sealed, remember_sealed

NAME = "slack.groups"


class KeptGroups(Value):
    """
    Attributes:
        members: handle of a group → ids of its members in Slack (`U0123`).
        handles: id of a group (`S0123`) → its handle.
        said_at: when Slack said so.
    """

    members: dict[str, tuple[str, ...]]
    handles: dict[str, str] = Field(default_factory=dict)
    said_at: Moment

    def of(self, user: str) -> tuple[str, ...]:
        """The handles of a person's groups, in order."""
        return tuple(sorted(handle for handle, users in self.members.items() if user in users))

    @property
    def age_seconds(self) -> float:
        """How long ago that was; endless where it lies ahead, as no clock can be believed then."""
        age = (clock.now() - self.said_at).total_seconds()
        return age if age >= 0 else float("inf")


def keep(
    connection: Connection,
    members: Mapping[str, Collection[str]],
    handles: Mapping[str, str],
    age_seconds: float = 0.0,
) -> None:
    """Keep what Slack said `age_seconds` ago, in the caller's transaction."""
    said = {handle: tuple(sorted(users)) for handle, users in sorted(members.items())}
    said_at = clock.now() - timedelta(seconds=age_seconds)
    kept = KeptGroups(members=said, handles=dict(handles), said_at=said_at)
    remember_sealed(connection, NAME, kept.model_dump(mode="json"))


def kept(connection: Connection) -> KeptGroups | None:
    """What Slack last said; None where it never did, or somebody else wrote what stands there."""
    found = recall_sealed(connection, NAME)
    return None if found is None else KeptGroups.model_validate(found)
