"""Bring a database to the newest shape. Several processes may ask at once; one does it."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

import migrations
from workers.store.connection import spell


def migrate(url: str) -> None:
    """Run all migrations that this database has not had yet."""
    command.upgrade(configuration(url), "head")


def configuration(url: str) -> Config:
    """Alembic's settings, made here so that there is no second file to keep in step."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("sqlalchemy.url", spell(url).replace("%", "%%"))
    return config
