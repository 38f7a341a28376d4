"""PostgreSQL and Valkey from their wheels, where no server is named. The one place that knows them."""

from __future__ import annotations

from workers.embedded.postgres import LOGIN
from workers.embedded.servers import Servers, fallen, running, started

__all__ = ["LOGIN", "Servers", "fallen", "running", "started"]
