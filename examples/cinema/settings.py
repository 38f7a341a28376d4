"""The environment, read once into one frozen object."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class WrongSetting(ValueError):
    """A CINEMA_… variable that cannot be used; says which, and what would be valid."""


@dataclass(frozen=True)
class Settings:
    """Where the cinema lives and how much traffic it has."""

    folder: Path = Path("var/cinema")
    host: str = "127.0.0.1"
    port: int = 8400
    webhook_secret: str = ""
    webhook_secret_former: str = ""
    requests_per_second: float = 12.0
    history_days: float = 3.0
    rollup_days: float = 28.0
    candidate_hours: float = 24.0
    members: int = 5_000
    training_hour: int = 3
    delivery_hour: int = 6
    flush_seconds: float = 5.0
    prelaunch_seconds: float = 30.0
    seed: int = 2014

    @property
    def tables(self) -> Path:
        """The folder that an engine reads."""
        return self.folder / "tables"

    def secrets(self) -> tuple[str, ...]:
        """The webhook's shared secret, and during a rotation the former one."""
        return tuple(secret for secret in (self.secret(), self.webhook_secret_former) if secret)

    def secret(self) -> str:
        """The webhook's shared secret; generated and kept in `webhook.secret` if none is set."""
        if self.webhook_secret:
            return self.webhook_secret
        path = self.folder / "webhook.secret"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32))
        return path.read_text().strip()


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """
    The settings in CINEMA_… variables.

    Raises:
        WrongSetting: a value is not a number, or is out of range.
    """
    env = os.environ if environment is None else environment
    default = Settings()
    return Settings(
        folder=Path(env.get("CINEMA_FOLDER", str(default.folder))),
        host=env.get("CINEMA_HOST", default.host),
        port=int(_number(env, "CINEMA_PORT", default.port, 0, 65_535)),
        webhook_secret=env.get("CINEMA_WEBHOOK_SECRET", ""),
        webhook_secret_former=env.get("CINEMA_WEBHOOK_SECRET_FORMER", ""),
        requests_per_second=_number(env, "CINEMA_RATE", default.requests_per_second, 0.01, 50),
        history_days=_number(env, "CINEMA_HISTORY_DAYS", default.history_days, 0.02, 60),
        rollup_days=_number(env, "CINEMA_ROLLUP_DAYS", default.rollup_days, 0, 400),
        candidate_hours=_number(env, "CINEMA_CANDIDATE_HOURS", default.candidate_hours, 0, 24 * 60),
        training_hour=int(_number(env, "CINEMA_TRAINING_HOUR", default.training_hour, 0, 23)),
        delivery_hour=int(_number(env, "CINEMA_DELIVERY_HOUR", default.delivery_hour, 0, 23)),
        seed=int(_number(env, "CINEMA_SEED", default.seed, 0, 2**31)),
    )


def _number(env: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = env.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        raise WrongSetting(f"{name}={text!r} is not a number; for instance {default}") from None
    if not low <= value <= high:
        raise WrongSetting(f"{name}={text} is out of range: {low} to {high}")
    return value
