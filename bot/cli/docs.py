"""`recsysops docs`: this documentation, built and served on this machine only."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

import bot
from bot.cli.terminal import say
from domain.errors import ConfigurationError, Refused, sanitized

LOOPBACK = "127.0.0.1"
PORT = 8100
NEEDED = ("mkdocs", "material")
PLACES = ("mkdocs.yml", "recsysops_docs/mkdocs.yml")
"""Next to the packages: in the repository, and where a wheel installs it."""


app = typer.Typer()


@app.command()
def docs(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one.")] = PORT,
    build: Annotated[
        Path | None,
        typer.Option(help="Write the pages into this folder, and serve nothing.", file_okay=False),
    ] = None,
) -> None:
    """Build the documentation and serve it on this machine. Ctrl-C stops it."""
    settings = described()
    if build is not None:
        made(settings, build)
        say(f"The documentation is in {build}; open {build / 'index.html'}.")
        return
    with TemporaryDirectory(prefix="recsysops-docs-") as folder:
        made(settings, Path(folder))
        _serve(Path(folder), port)


def described(beside: Path | None = None) -> Path:
    """
    The file that configures the documentation.

    Args:
        beside: the folder with the packages; this package's own, if not given.

    Raises:
        ConfigurationError: there is no such file here, or the tool that builds it is not installed.
    """
    folder = beside or Path(str(bot.__file__)).parents[1]
    found = next((file for place in PLACES if (file := folder / place).is_file()), None)
    if found is None:
        raise ConfigurationError(
            "the documentation is not installed here; it is the folder docs/ of the repository"
        )
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ConfigurationError(
            f"{' and '.join(missing)} not installed; run `pip install 'recsysops[docs]'`, or read the "
            f"Markdown in "
            f"{found.parent / 'docs'}"
        )
    return found


def made(settings: Path, into: Path) -> None:
    """
    Build every page and check the links.

    Raises:
        Refused: the documentation has an error.
    """
    # Not --quiet: --strict counts only the warnings that are logged.
    words = ("build", "--strict", "--config-file", settings, "--site-dir", into.absolute())
    built = subprocess.run(  # noqa: S603 - this interpreter, and our own arguments
        [sys.executable, "-m", "mkdocs", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    if built.returncode:
        raise Refused(f"the documentation could not be built: {built.stderr.strip() or built.stdout.strip()}")


class _Quiet(SimpleHTTPRequestHandler):
    """Logs no requests."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _serve(folder: Path, port: int) -> None:
    try:
        server = ThreadingHTTPServer((LOOPBACK, port), partial(_Quiet, directory=str(folder)))
    except OSError as error:
        says = f"port {port} of {LOOPBACK} cannot be used ({sanitized(error)}); choose another with --port"
        raise Refused(says) from error
    with server:
        say(f"The documentation is at http://{LOOPBACK}:{server.server_port}/ (Ctrl-C stops it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("Stopped.")
