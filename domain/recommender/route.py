"""Who is told, and who may press."""

from __future__ import annotations

from typing import Literal, get_args

from domain.values import Value


class Stakeholder(Value):
    """A channel that hears of incidents in `tables` (all of them when none is named)."""

    name: str
    channel: str
    tables: tuple[str, ...] = ()


class Routes(Value):
    """Where an incident is announced: by severity, else `default`."""

    default: str = "#recsysops"
    SEV1: str | None = None
    SEV2: str | None = None
    SEV3: str | None = None
    SEV4: str | None = None


Need = Literal["respond", "deploy", "approve", "break_glass"]
"""What a press takes."""

NEEDS: tuple[Need, ...] = get_args(Need)


class Permissions(Value):
    """
    Who may respond, choose and deploy a hotfix, and approve one for somebody else; and which of those who may
    deploy may do without the second person that a hotfix needs, saying why (`break_glass`): user groups in
    Slack by handle, people by member id, or by their name under [people]. Nobody, where nobody is named.
    """

    respond: tuple[str, ...] = ()
    deploy: tuple[str, ...] = ()
    approve: tuple[str, ...] = ()
    break_glass: tuple[str, ...] = ()
