"""A package that does not go together with ours, installed for one benchmark into a folder of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

INSTALL_SECONDS, RUN_SECONDS = 900, 1_800


class NotThereError(Exception):
    """It could not be installed, or failed; the message says why."""


@contextmanager
def installed(*packages: str) -> Iterator[str]:
    """
    The path of a Python that has `packages`, gone afterwards.

    Raises:
        NotThereError: no network, or no version that fits.
    """
    with tempfile.TemporaryDirectory(prefix="recsysops-stranger-") as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
        python = str(Path(folder) / "bin/python")
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        yield _ran(command, INSTALL_SECONDS) or python


def answered(python: str, program: str, *given: str) -> Any:
    """What a program of theirs prints last, read as JSON. Raises NotThereError where it fails."""
    return json.loads(_ran([python, "-W", "ignore", "-c", program, *given], RUN_SECONDS, keep=True))


def _ran(command: list[str], seconds: int, *, keep: bool = False) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise NotThereError(f"no end after {seconds} s") from None
    if done.returncode:
        raise NotThereError((done.stderr.strip().splitlines() or ["failed"])[-1][:200])
    return done.stdout.strip().splitlines()[-1] if keep else ""
