"""
Spark, through Ibis: one session for the process, which starts once and answers every table declared with it.

Starting one takes some ten seconds and needs Java; the next look reuses it, so closing a table does not end
it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import ibis

from domain.errors import SourceError, sanitized

T = TypeVar("T")
SCHEMES = ("spark://", "pyspark://")
OLDEST_JAVA, NEWEST_JAVA = 17, 21  # what Spark 4.0 runs on
NEEDED = f"Spark needs Java {OLDEST_JAVA} or {NEWEST_JAVA}"
JAVA_SECONDS, CANCEL_SECONDS = 20.0, 0.2
QUIET = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
_starting = threading.Lock()


def open_spark(url: str) -> Any:
    """
    Open Spark by `spark://MASTER?setting=value&…`: MASTER is `local[2]`, `host:7077`, `yarn`, or empty if
    Spark's own settings name it.

    Raises:
        SourceError: pyspark or a suitable Java is missing, or this process already reads from another Spark.
    """
    master, settings = read_url(url)
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra that most installations lack
    except ImportError as error:
        raise SourceError(
            f'pyspark is not installed; install it with: pip install "recsysops[spark]" ({sanitized(error)})'
        ) from None
    with _starting:
        require_java(os.environ.get("JAVA_HOME"))
        builder = SparkSession.builder.config(map={**QUIET, **settings})
        session = (builder.master(master) if master else builder).getOrCreate()
    if master and (other := session.sparkContext.master) != master:
        raise SourceError(
            f"this process reads from the Spark at {other} already, and can have one; give all its tables "
            f"the same url, not one at {master}"
        )
    return ibis.pyspark.connect(session)


def read_url(url: str) -> tuple[str, dict[str, str]]:
    """
    The master, as Spark spells it, and the settings.

    >>> read_url("spark://local[2]?spark.sql.shuffle.partitions=4")
    ('local[2]', {'spark.sql.shuffle.partitions': '4'})
    >>> read_url("spark://host:7077")
    ('spark://host:7077', {})
    """
    address, _mark, query = url.partition("://")[2].partition("?")
    master = address.rstrip("/")
    return f"spark://{master}" if ":" in master else master, dict(parse_qsl(query))


@cache
def require_java(home: str | None) -> None:
    """
    Raises SourceError if Spark would find no Java that it can run on; `home` is what JAVA_HOME says.
    """
    program = str(Path(home, "bin/java")) if home else shutil.which("java")
    where = f"JAVA_HOME, {home}," if home else "the PATH"
    if program is None or not Path(program).is_file():
        raise SourceError(f"{NEEDED}, and {where} has none; install one, or set JAVA_HOME to it")
    said = subprocess.run(  # noqa: S603 - the user's own Java
        [program, "-version"], capture_output=True, text=True, timeout=JAVA_SECONDS, check=False
    ).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    if found is None or not OLDEST_JAVA <= int(found[1]) <= NEWEST_JAVA:
        says = f"is Java {found[1]}" if found else "does not say which it is"
        raise SourceError(f"{NEEDED}, and {program} {says}; set JAVA_HOME to one that fits")


def cancellable(connection: Any, ask: Callable[[], T]) -> tuple[Callable[[], T], Callable[[], None]]:
    """`ask` with its jobs in a group of their own, and a function that ends only these."""
    context, group = connection._session.sparkContext, uuid.uuid4().hex
    given_up, over = threading.Event(), threading.Event()

    def asked() -> T:
        if given_up.is_set():
            raise SourceError("the question was given up")
        over.clear()
        context.setJobGroup(group, "recsysops", interruptOnCancel=True)
        try:
            return ask()
        finally:
            over.set()

    def end() -> None:
        given_up.set()
        threading.Thread(target=_cancel, args=(context, group, over), daemon=True).start()

    return asked, end


def _cancel(context: Any, group: str, over: threading.Event) -> None:
    """Cancel until the question is over: one that is given up while being planned has no job yet."""
    from py4j.protocol import Py4JError  # noqa: PLC0415 - only where Spark is installed

    with suppress(Py4JError):  # Spark has gone, and the jobs with it
        while not over.wait(CANCEL_SECONDS):
            context.cancelJobGroup(group)
