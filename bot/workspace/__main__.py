"""
`python -m bot.workspace`: the local workspace on its own, until it is interrupted.

Each setting of `WorkspaceSettings` is read from the variable of its name, `WORKSPACE_PORT` for instance.
"""

from __future__ import annotations

import os
import sys

from bot.workspace.server import listen
from bot.workspace.settings import settings_from_environment


def main() -> int:
    try:
        settings = settings_from_environment(os.environ)
        server, bound = listen(settings)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(
            f"{settings.host}:{settings.port} cannot be used: {error.strerror}. Set WORKSPACE_PORT.\n"
        )
        return 1
    host, port = bound.getsockname()[:2]
    sys.stdout.write(f"The local workspace is at http://{host}:{port}\n")
    sys.stdout.flush()
    server.run(sockets=[bound])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
