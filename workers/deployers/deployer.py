"""What every deployer can do."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from domain.values import Option


class Deployer(Protocol):
    """
    Carries a hotfix to where it takes effect. Asking twice with the same key does it once.

    Raises (all methods): DeployError if it was refused; DeployUncertain if the outcome is unknown.
    """

    def apply(self, key: str, option: Option, expires_at: datetime | None) -> str:
        """
        Put the option in force; returns the receipt, a sentence for people.

        Asked again under the same key with a later end, it stays in force until then if its kind `renews`.
        """
        ...

    def revert(self, key: str, option: Option) -> str:
        """Undo what was applied under the same key; returns the receipt."""
        ...

    def serving(self) -> frozenset[str] | None:
        """
        The keys that the target says are in force there now; None if it cannot be asked.

        Always asks the target itself and never relies on what was sent to it.
        """
        ...
