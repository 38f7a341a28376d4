"""PostgreSQL and Valkey from their wheels, for when no server is named. Only this package knows them."""

from __future__ import annotations

from workers.embedded.postgres import LOGIN
from workers.embedded.servers import Servers, fallen, running, started

__all__ = ["LOGIN", "Servers", "fallen", "running", "started"]
