"""A team's model in a process of its own, asked from here: whatever it does there affects no other."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from domain.errors import SourceError, sanitized
from workers.embedded.process import bare_environment
from workers.environment.exchange import answered
from workers.models.exchange import Ended, packed, receive, send, unpacked
from workers.models.files import stamp_of

MEGABYTE = 1 << 20
START_SECONDS = 90.0  # the libraries that reading a model takes are loaded once, slowly on a busy machine
PROCESSOR = 5.0  # seconds of processor time for all questions together, per second that one may take
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""A process that forks must have no other thread; it also makes sums add up in one order."""
ARITHMETIC = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_CBWR", "NPY_DISABLE_CPU_FEATURES")
"""Which instructions compute sums: others change the last bit of a 32-bit float."""

PASSED_ON = ("PYTHONPATH", "HOME", "MPLCONFIGDIR", *ARITHMETIC)


@dataclass(frozen=True)
class Limits:
    """What one model may take: seconds per answer, and bytes of memory beyond what its libraries take."""

    seconds: float = 60.0
    memory: int = 2_048 * MEGABYTE


class _Forker:
    """The one process that forks the models' processes; started when first needed."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        mine, theirs = socket.socketpair()
        with theirs:
            command = (sys.executable, "-P", "-m", "workers.models.child", str(theirs.fileno()))
            kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
            self.process = subprocess.Popen(  # noqa: S603 (this interpreter, and a module of ours)
                command,
                env={**bare_environment(), **kept, **dict.fromkeys(ONE_THREAD, "1")},
                stdin=subprocess.DEVNULL,
                stdout=self.said,
                stderr=self.said,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self.line, self.lock, self.ready = mine, threading.Lock(), False
        weakref.finalize(self, mine.close)

    @property
    def lives(self) -> bool:
        """Whether it can still be asked; a fork of this process must not share its line."""
        return self.owner == os.getpid() and self.process.poll() is None

    def ask(self, asked: Mapping[str, Any], descriptor: int | None = None) -> dict[str, Any]:
        """Ask the forker. Raises SourceError if it does not answer."""
        with self.lock:
            try:
                if not self.ready:
                    receive(self.line, time.monotonic() + START_SECONDS)
                    self.ready = True
                self.line.settimeout(START_SECONDS)
                send(self.line, dict(asked))
                if descriptor is not None:
                    socket.send_fds(self.line, [b"+"], [descriptor])
                return receive(self.line, time.monotonic() + START_SECONDS)[0]
            except (Ended, OSError) as error:  # (a TimeoutError is an OSError)
                self.process.kill()
                raise SourceError(f"the process for models did not answer{self._last_words()}") from error

    def _last_words(self) -> str:
        self.said.seek(0)
        lines = self.said.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""


_started: list[_Forker] = []
_starting = threading.Lock()


def warm_up() -> None:
    """Begin to load what reading a model takes, unless already begun; returns at once."""
    _forker()


def _forker() -> _Forker:
    with _starting:
        if not _started or not _started[-1].lives:
            _started[:] = [_Forker()]
        return _started[-1]


class ModelProcess:
    """
    One model, alone in a process within limits. Release it with `close`, or use it as a context manager.

    `kind` and `note` are those of `LoadedModel`; `takes` is how many features it takes, if it knows; `stamp`
    is that of its file just before it was loaded.
    """

    def __init__(self, path: Path, limits: Limits | None = None, *, needs: Sequence[str] = ()) -> None:
        """
        Load the model at `path`.

        Args:
            needs: modules that its questions require, loaded beforehand unless they already are.

        Raises:
            SourceError: it cannot be loaded, is not trusted, or takes more time or memory than allowed.
        """
        self.path, self.limits = path, limits or Limits()
        self.stamp = stamp_of(path)
        self._forker = _forker()
        self._line, theirs = socket.socketpair()
        self._closing = weakref.finalize(self, self._line.close)
        with theirs:
            asked = {
                "do": "open",
                "path": str(path),
                "memory": self.limits.memory,
                "processor_seconds": int(PROCESSOR * self.limits.seconds) + 1,
                "needs": list(needs),
            }
            self.pid = int(self._forker.ask(asked, theirs.fileno())["pid"])
        answer, _ = self._answer("loading it")
        self.kind, self.note = str(answer["kind"]), str(answer["note"])
        self.takes: int | None = answer["takes"]
        self._needs = tuple(answer["needs"])

    def __enter__(self) -> Self:
        """The model, whose process ends with the block."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """End its process."""
        self.close()

    def close(self) -> None:
        """End its process; calling it again is harmless."""
        self._closing()

    def score(self, features: pd.DataFrame) -> npt.NDArray[np.float64]:
        """(rows,) in the model's own unit. Raises SourceError; so do all questions."""
        return self._asked("score", features)["score"].to_numpy(np.float64)

    def readings(
        self,
        features: pd.DataFrame,
        requests: npt.NDArray[np.intp] | None = None,
        only: Collection[str] | None = None,
    ) -> Mapping[str, npt.NDArray[Any]]:
        """As `LoadedModel.readings`."""
        more = {} if requests is None else {"__request": requests}
        found = self._asked("readings", features, more, only)
        return {str(name): found[name].to_numpy() for name in found}

    def contributions(self, rows: pd.DataFrame, background: pd.DataFrame) -> npt.NDArray[np.float64]:
        """As `domain.diagnosis.items.attribution.contributions`, in a process that has what this requires."""
        both, mark = _beside(rows, background)
        if not self._needs:
            return self._asked("contributions", both, mark).to_numpy(np.float64)
        with ModelProcess(self.path, self.limits, needs=self._needs) as other:
            return other._asked("contributions", both, mark).to_numpy(np.float64)

    def _asked(
        self,
        do: str,
        features: pd.DataFrame,
        more: Mapping[str, npt.NDArray[Any]] | None = None,
        only: Collection[str] | None = None,
    ) -> pd.DataFrame:
        named = None if only is None else sorted(only)
        asked = {"do": do, "features": [str(name) for name in features], "only": named}
        try:
            body = packed(features.assign(**(more or {})))
            self._line.settimeout(self.limits.seconds)
            send(self._line, asked, body)
        except pa.ArrowException as error:
            raise SourceError(
                f"{self.path}: a feature holds values of several kinds ({sanitized(error)})"
            ) from error
        except OSError as error:
            raise SourceError(f"{self.path}: {self._why()}") from error
        return unpacked(self._answer("an answer")[1])

    def _answer(self, what: str) -> tuple[dict[str, Any], bytes]:
        try:
            answer, body = receive(self._line, time.monotonic() + self.limits.seconds)
        except TimeoutError as error:
            self._end()
            raise SourceError(
                f"{self.path}: {what} took more than {self.limits.seconds:g} s, and the model was stopped"
            ) from error
        except (Ended, OSError) as error:
            raise SourceError(f"{self.path}: {self._why()}") from error
        if "wrong" in answer:
            wrong = str(answer["wrong"])
            answered(f"the model in {self.path}", "; ".join(answer["says"]).encode())
            if wrong.startswith(str(self.path)):
                raise SourceError(wrong)
            note = f"; {self.note}" if getattr(self, "note", "") else ""
            raise SourceError(f"{self.path}: {self._of_memory(wrong)}{note}")
        return answer, body

    def _of_memory(self, wrong: str) -> str:
        return f"{wrong} ({self._memory})" if wrong.startswith("it wanted more memory") else wrong

    @property
    def _memory(self) -> str:
        return f"{self.limits.memory / MEGABYTE:,.0f} MB"

    def _end(self) -> int:
        """Make sure that its process is gone; returns the signal that ended it."""
        self._closing()
        return int(self._forker.ask({"do": "end", "pid": self.pid})["signal"])

    def _why(self) -> str:
        """Why its process ended unasked, in words."""
        ended = self._end()
        if ended in (signal.SIGXCPU, signal.SIGKILL):
            return "the model took more time of the processor than it may, or was killed"
        name = f" ({signal.Signals(ended).name})" if ended else ""
        return f"the model's process ended without an answer{name}; it may take {self._memory} of memory"


def _beside(
    rows: pd.DataFrame, background: pd.DataFrame
) -> tuple[pd.DataFrame, Mapping[str, npt.NDArray[Any]]]:
    """Both as one frame, and a column that says which rows are the background's."""
    both = pd.concat([rows, background], ignore_index=True)
    return both, {"__background": np.arange(len(both)) >= len(rows)}


def open_model(path: Path, limits: Limits | None = None) -> ModelProcess:
    """The model at `path` in a process of its own. Raises SourceError; see `ModelProcess`."""
    return ModelProcess(path, limits)
