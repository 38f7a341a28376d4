"""Nothing counts as done before the target itself confirms it."""

from __future__ import annotations

import time
from datetime import datetime

from domain.errors import DeployError, DeployUncertain
from domain.recommender.deployer import Deployer as Declared
from domain.values import Option
from workers.deployers.deployer import Deployer
from workers.deployers.kind import DEPLOYERS, Environment, Kind

PAUSE_SECONDS = 0.5
UNCONFIRMED = "what is in force there was not read back"


class Confirming:
    """
    A deployer whose apply and revert end by checking what is in force; a target that cannot be asked is
    believed, and the receipt says so.

    Args:
        kind: what the deployer's kind can do.
        seconds: how long to keep asking while the target does not show the change; it is asked at least once.
    """

    def __init__(self, deployer: Deployer, kind: Kind, seconds: float) -> None:
        self._deployer = deployer
        self._kind = kind
        self._seconds = seconds

    @property
    def in_stages(self) -> bool:
        """Whether it can serve only some of the members."""
        return self._kind.in_stages

    def apply(self, key: str, option: Option, expires_at: datetime | None) -> str:
        """
        Put the option in force, and confirm it at the target.

        Raises:
            DeployError: its target cannot carry such a hotfix, whatever the declaration says.
        """
        kind = str(option.parameters.get("kind"))
        if not self._kind.carries(kind):
            raise DeployError(
                f"{option.hotfix} is a {kind}, which {option.deployer}, a {self._kind.name}, does not carry; "
                "declare another deployer for it"
            )
        return self._seen(key, True, self._deployer.apply(key, option, expires_at))

    def renew(self, key: str, option: Option, expires_at: datetime) -> str:
        """
        Extend what is in force there until a later end, and confirm it at the target.

        Raises:
            DeployError: its target cannot move the end that it was given.
        """
        if not self._kind.renews:
            raise DeployError(
                f"{option.deployer}, a {self._kind.name}, keeps the end that it was given; once it is over, "
                "the hotfix can be chosen again"
            )
        return self.apply(key, option, expires_at)

    def revert(self, key: str, option: Option) -> str:
        """Revert the option, and confirm that it is gone."""
        return self._seen(key, False, self._deployer.revert(key, option))

    def serving(self) -> frozenset[str] | None:
        """The keys in force."""
        return self._deployer.serving()

    def _seen(self, key: str, wanted: bool, receipt: str) -> str:
        until = time.monotonic() + self._seconds
        while True:
            try:
                keys = self._deployer.serving()
            except DeployError as error:
                trouble = f"what is in force cannot be read: {error}"
            else:
                if keys is None:
                    return f"{receipt} ({UNCONFIRMED})"
                if (key in keys) == wanted:
                    return receipt
                trouble = f"{key} is {'not' if wanted else 'still'} among the {len(keys)} in force"
            if time.monotonic() + PAUSE_SECONDS > until:
                raise DeployUncertain(f"said to be done ({receipt}), but {trouble}")
            time.sleep(PAUSE_SECONDS)


def open_deployer(declared: Declared, environment: Environment) -> Confirming:
    """
    A client for a declared deployer, which confirms every change by reading it back from the target.

    Raises:
        ConfigurationError: what it needs is missing.
    """
    kind = DEPLOYERS.find(declared.kind)
    return Confirming(kind.open(declared, environment), kind, declared.timeout.total_seconds())
