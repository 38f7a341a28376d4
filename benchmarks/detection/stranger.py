"""
Packages that conflict with ours, in an environment of their own (`peers.txt`).

It is made when first needed under `var/benchmarks/peers`, and kept until `peers.txt` changes. Another
benchmark brings its own `peers.txt`, and has its own environment beside it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

REQUIREMENTS = Path(__file__).with_name("peers.txt")
PLACE = Path(__file__).parents[2] / "var/benchmarks/peers"
MADE = "made-of"  # in the environment: the hash of the requirements it was made from
INSTALL_SECONDS, RUN_SECONDS = 1_800, 1_800


class NotThereError(Exception):
    """The package could not be installed, or failed; the message says why."""


@cache
def peers_python(requirements: Path = REQUIREMENTS) -> str:
    """
    The path of a Python that has all of `peers.txt`.

    Raises:
        NotThereError: no network, or no version that fits.
    """
    own = requirements == REQUIREMENTS
    place = PLACE if own else PLACE.with_name(f"{PLACE.name}-{requirements.parent.name}")
    python, wanted = place / "bin/python", hashlib.sha256(requirements.read_bytes()).hexdigest()
    if python.is_file() and (place / MADE).is_file() and (place / MADE).read_text() == wanted:
        return str(python)
    print(f"installing {requirements.name} into {place} …", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    begun = time.monotonic()
    _ran([sys.executable, "-m", "venv", str(place)], INSTALL_SECONDS)
    install = ["install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    _ran([str(python), "-m", "pip", *install, "-r", str(requirements)], INSTALL_SECONDS)
    (place / MADE).write_text(wanted)
    print(f"installed in {time.monotonic() - begun:.0f} s", flush=True)
    return str(python)


def answered(program: str, *given: str, requirements: Path = REQUIREMENTS) -> Any:
    """
    The last thing a program of theirs prints, read as JSON.

    Raises:
        NotThereError: it could not be installed, or fails.
    """
    python = peers_python(requirements)
    return json.loads(_ran([python, "-W", "ignore", "-c", MEASURED + program, *given], RUN_SECONDS))


MEASURED = """
import json, resource, sys
import pandas as pd

def spent():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

frame = pd.read_parquet(sys.argv[1])
"""
"""What every program of theirs begins with: its processor seconds up to now, and the rows, read."""


def _ran(command: list[str], seconds: int) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise NotThereError(f"no end after {seconds} s") from None
    if done.returncode:
        raise NotThereError((done.stderr.strip().splitlines() or ["failed"])[-1][:200])
    return (done.stdout.strip().splitlines() or [""])[-1]
