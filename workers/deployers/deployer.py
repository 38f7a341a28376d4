"""What every deployer can do."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from domain.values import Option


class Deployer(Protocol):
    """
    Carries a hotfix to where it acts. Asking twice with the same key does it once.

    Raises (both methods): DeployError when it was refused; DeployUncertain when nobody knows.
    """

    @property
    def in_stages(self) -> bool:
        """
        Whether it can serve an option to a `share` (0–1) of members, drawn with a `salt`: both are among the
        option's parameters then. Members of a smaller share are among those of a larger one.
        """
        ...

    def apply(self, key: str, option: Option, expires_at: datetime | None) -> str:
        """
        Put the option in force; returns the receipt, a sentence for people.

        Asked again under the same key with a later end, it stays in force until then.
        """
        ...

    def revert(self, key: str, option: Option) -> str:
        """Undo what was applied under the same key; returns the receipt."""
        ...
