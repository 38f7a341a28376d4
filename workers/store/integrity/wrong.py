"""Everything that does not fit, one sentence each; all of it is reported, not only the first."""

from __future__ import annotations

from domain.errors import Tampered

MOST_NAMED = 50


class Wrong:
    """Collects what was found wrong; the first `MOST_NAMED` are named, any others counted."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._more = 0

    def say(self, what: str) -> None:
        """Add one more thing that does not fit."""
        if len(self._found) < MOST_NAMED:
            self._found.append(what)
        else:
            self._more += 1

    def require_nothing(self) -> None:
        """
        Raises:
            Tampered: names everything that was found.
        """
        if self._found:
            more = [f"… and {self._more} more."] if self._more else []
            raise Tampered("\n".join([*self._found, *more]))
