"""
The process that runs models: `python -m workers.models.child DESCRIPTOR`.

It loads the libraries that reading a model takes, once, and then forks a process for each model that it is
asked for, within limits of memory and processor time. If such a process hangs, eats memory or crashes, no
other is affected. This process itself never loads a model and runs on one thread, as a forking process must.
"""

from __future__ import annotations

import importlib
import os
import resource
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from domain.diagnosis.items.attribution import contributions
from domain.errors import SourceError, listeners, sanitized
from workers.models.exchange import Ended, packed, receive, send, unpacked
from workers.models.files import load_model, prepare
from workers.models.loaded import LoadedModel

WAKE_SECONDS = 5.0
ENDED_OF_ITSELF = 0


def main() -> None:
    """Answer the worker at the other end until it is gone."""
    line = socket.socket(fileno=int(sys.argv[1]))
    parent, living, ended = os.getppid(), set[int](), dict[int, int]()
    try:
        send(line, {"ready": True})
        while os.getppid() == parent:
            ready, _, _ = select.select([line], [], [], WAKE_SECONDS)
            _reap(living, ended)
            if ready:
                _answer(line, living, ended)
    except (Ended, OSError):
        return  # nobody is asking any more
    finally:
        for pid in living:
            _kill(pid)


def _answer(line: socket.socket, living: set[int], ended: dict[int, int]) -> None:
    asked, _ = receive(line)
    if asked["do"] == "end":
        pid = int(asked["pid"])
        if pid in living:
            _kill(pid)
            _reap(living, ended, pid)
        send(line, {"signal": ended.pop(pid, ENDED_OF_ITSELF)})
        return
    for name in asked["needs"]:
        importlib.import_module(name)
    prepare(Path(asked["path"]))
    # The descriptor comes apart from the header: a stream delivers it with the next byte.
    _, descriptors, _, _ = socket.recv_fds(line, 1, 1)
    pid = os.fork()
    if pid == 0:
        _serve(line, descriptors[0], asked)
    os.setpgid(pid, pid)
    os.close(descriptors[0])
    living.add(pid)
    send(line, {"pid": pid})


def _reap(living: set[int], ended: dict[int, int], wait_for: int | None = None) -> None:
    for pid in list(living):
        found, status = os.waitpid(pid, 0 if pid == wait_for else os.WNOHANG)
        if found:
            _kill(pid)  # what it forked: while any of them lives, the number is nobody else's
            living.discard(pid)
            ended[pid] = os.WTERMSIG(status) if os.WIFSIGNALED(status) else ENDED_OF_ITSELF


def _kill(pid: int) -> None:
    """End it and what it forked."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _serve(above: socket.socket, descriptor: int, asked: dict[str, Any]) -> None:
    """The whole life of a fork: never returns."""
    status = 1
    try:
        os.setpgid(0, 0)  # here and in the parent, whichever comes first
        above.close()
        _limit(int(asked["memory"]), int(asked["processor_seconds"]))
        listeners.clear()
        with socket.socket(fileno=descriptor) as line:
            _model(line, Path(asked["path"]))
        status = 0
    except (Ended, OSError):
        status = 0
    finally:
        os._exit(status)


def _limit(memory: int, processor_seconds: int) -> None:
    """Limit memory to this many bytes more than now, and processor time; no file may be written."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + processor_seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (until, until))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # elsewhere the kernel does not enforce it
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _model(line: socket.socket, path: Path) -> None:
    try:
        model = load_model(path)
    except (SourceError, MemoryError) as error:
        send(line, _wrong(error))
        return
    facts = {"kind": model.kind, "note": model.note, "takes": model.takes, "needs": list(model.needs)}
    send(line, facts)
    while True:
        asked, body = receive(line)
        try:
            frame = _done(model, asked, unpacked(body))
            send(line, {}, packed(frame))
        except Exception as error:  # noqa: BLE001 (whatever a model raises is reported, and the next is asked)
            send(line, _wrong(error))


def _done(model: LoadedModel, asked: dict[str, Any], frame: pd.DataFrame) -> pd.DataFrame:
    if missing := [name for name in asked["features"] if name not in frame]:
        raise SourceError(f"it was given no {', '.join(missing)}")
    features = frame[asked["features"]]
    match asked["do"]:
        case "score":
            return pd.DataFrame({"score": model.score(features)})
        case "readings":
            requests = frame["__request"].to_numpy(np.intp) if "__request" in frame else None
            return pd.DataFrame(dict(model.readings(features, requests, asked["only"])))
        case "contributions":
            background = frame["__background"].to_numpy(bool)
            found = contributions(model, features[~background], features[background])
            return pd.DataFrame(found, columns=asked["features"])
    raise SourceError(f"nothing is known of {asked['do']!r}")


def _wrong(error: BaseException) -> dict[str, Any]:
    """The answer; what a library said goes to the log of who asked, as this process may write nothing."""
    said: list[BaseException] = []
    listeners[:] = [said.append]
    words = "it wanted more memory than it may have" if isinstance(error, MemoryError) else sanitized(error)
    return {
        "wrong": words,
        "says": [f"{type(one).__name__}: {one}" for one in (error.__cause__, *said) if one],
    }


if __name__ == "__main__":
    main()
