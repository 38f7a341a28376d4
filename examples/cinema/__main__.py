"""`python -m examples.cinema serve | backfill | fault NAME on|off | status`."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import urllib.error
import urllib.request
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .settings import Settings, WrongSetting, read_settings

CONSOLE = Console(stderr=True)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns 0 when it succeeded."""
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="back-fill what is missing, then serve and produce traffic")
    commands.add_parser("backfill", help="back-fill what is missing, and end")
    commands.add_parser("status", help="what the running cinema says of itself, as JSON")
    fault = commands.add_parser("fault", help="switch a fault of the running cinema")
    fault.add_argument("name")
    fault.add_argument("state", choices=("on", "off"))
    asked = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        settings = read_settings()
        if asked.command == "serve":
            return _serve(settings)
        if asked.command == "backfill":
            _open(settings).requests.close()
            return 0
        body = {"on": asked.state == "on"} if asked.command == "fault" else None
        answer = _ask(settings, f"/faults/{asked.name}" if body else "/status", body)
    except (WrongSetting, FileNotFoundError, ConnectionError) as error:
        CONSOLE.print(str(error), style="red", markup=False)
        return 1
    Console().print_json(json.dumps(answer))
    return 0


def _open(settings: Settings) -> Any:
    from .live import Live  # noqa: PLC0415 (science takes seconds to import; `status` does not need it)

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=CONSOLE) as bar:
        task = bar.add_task("history", total=100)
        return Live(
            settings, lambda what, share: bar.update(task, description=what, completed=round(100 * share))
        )


def _serve(settings: Settings) -> int:
    import uvicorn  # noqa: PLC0415

    from .app import build_app  # noqa: PLC0415
    from .hotfixes import Hotfixes  # noqa: PLC0415

    live = _open(settings)
    app = build_app(live, Hotfixes(live))
    CONSOLE.print(f"cinema at http://{settings.host}:{settings.port}", markup=False)
    uvicorn.run(app, host=settings.host, port=settings.port, log_level="warning")
    return 0


def _ask(settings: Settings, path: str, body: dict[str, Any] | None) -> Any:
    address = f"http://{settings.host}:{settings.port}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 (our own address, http)
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise ConnectionError(json.load(error)["detail"]) from None
    except OSError as error:
        raise ConnectionError(f"no cinema answers at {address} ({error}); start it: … serve") from None


if __name__ == "__main__":
    sys.exit(main())
