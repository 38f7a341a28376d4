"""
`python -m bot.workspace`: the local workspace on its own, until it is interrupted.

    WORKSPACE_HOST               where to listen (127.0.0.1)
    WORKSPACE_PORT               (8075; 0 takes a free one)
    WORKSPACE_BOT_TOKEN          the token the app sends (xoxb-local)
    WORKSPACE_APP_TOKEN          the token that opens Socket Mode (xapp-local)
    WORKSPACE_SIGNING_SECRET     signs what is delivered over HTTP (local-signing-secret)
    WORKSPACE_REQUEST_URL        the app's address; empty: Socket Mode
    WORKSPACE_DATA_FOLDER        where messages survive a restart; empty: they do not
    WORKSPACE_ON_FIRST_VIEW_URL  POSTed once, when a browser first opens the page
    WORKSPACE_SCOPES             of the bot token, with commas between them
    WORKSPACE_EVENTS             event types the app has subscribed to, with commas between them
    WORKSPACE_FILE_SECONDS       how long an uploaded file is not ready to be shown (0.3)
    WORKSPACE_POST_SECONDS       the least time between two messages in a channel (0; Slack's is about 1)
    WORKSPACE_ACK_SECONDS        how long the app may take to answer (3)
    WORKSPACE_RETRY_SECONDS      pauses before an event is delivered again (0,60,300)
    WORKSPACE_ALLOWED_HOSTS      further host names under which a browser may open it
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
