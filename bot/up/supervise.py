"""
Keeps the processes of `recsysops up` running: one that ends is started again, and the others go on.

Each leads a process group of its own, so that Ctrl-C in the terminal reaches only this process, and whatever
a process started ends with it. Their output goes into one log, line by line, with their names.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

from bot.up import reaper
from domain.errors import ConfigurationError, sanitized

CONFIGURATION = 2
"""The exit code of a process of ours with a wrong configuration: starting it again would not help."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
STEADY_SECONDS = 60.0
"""A process that has run this long is restarted at once: it did not fail to start."""

MANY_DEATHS, SHORT_SECONDS = 5, 60.0
STOP_SECONDS = 10.0
SERVERS_SECONDS = 1.0
LAST_LINES = 12
CHUNK_BYTES = 1 << 16

Say = Callable[[str], None]
Revive = Callable[[], tuple[Sequence[str], Mapping[str, str]]]
"""Restarts the servers that have ended; returns their names, and the addresses of all."""


@dataclass(frozen=True)
class Programs:
    """`commands`: name → what `sh` runs; `first`: such a pair, run to completion before all others."""

    commands: Mapping[str, str]
    environment: Mapping[str, str]
    first: tuple[str, str] | None = None


class Supervisor:
    """
    Keeps processes running. Has to be made where its loop runs.

    Args:
        log: takes their output. say: the terminal.
        begun: called when the first command is over.
        note: called with the running processes (name → pid) whenever these change.
        after: the command that clears up if this process is killed.
        revive: called every second; None if the servers are not ours.
    """

    def __init__(
        self,
        programs: Programs,
        log: TextIO,
        say: Say,
        *,
        begun: Callable[[], None] = lambda: None,
        note: Callable[[Mapping[str, int]], None] = lambda _: None,
        after: Sequence[str] = (),
        revive: Revive | None = None,
    ) -> None:
        self._commands, self._first = programs.commands, programs.first
        self._environment = dict(programs.environment)
        self._begun = begun
        self._log, self._terminal = log, say
        self._note, self._after, self._revive = note, after, revive
        self._running: dict[str, Process] = {}
        self._last_words: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=LAST_LINES))
        self._width = max(map(len, (*self._commands, *(self._first or ())[:1])))
        self._reaper: Process | None = None
        self._pipe = -1
        self._wrong: str | None = None
        self._loop = asyncio.get_running_loop()
        self._stop, self._at_once = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """
        Run until `ask_to_stop`; then all processes are ended.

        Raises:
            ConfigurationError: a process ended at its first start because it is wrongly configured, or the
                    first command failed.
        """
        await self._start_reaper()
        life = asyncio.create_task(self._keep_all())
        beside = [asyncio.create_task(self._keep_reaper())]
        if self._revive:
            beside.append(asyncio.create_task(self._keep_servers(self._revive)))
        try:
            await self._stop.wait()
            await self._end(life)
        finally:
            for task in (life, *beside):
                task.cancel()
            await asyncio.gather(life, *beside, return_exceptions=True)
            await self._end_reaper()
        if self._wrong:
            raise ConfigurationError(self._wrong)

    def ask_to_stop(self) -> None:
        """Stop, from any thread or signal; asked a second time, it waits for no process."""
        self._loop.call_soon_threadsafe(self._asked_to_stop)

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            self._at_once.set()
        self._stop.set()

    def say(self, text: str) -> None:
        """Write to the terminal and to the log."""
        with suppress(OSError):  # the terminal was closed
            self._terminal(text)
        self._write("up", text)

    async def _keep_all(self) -> None:
        if self._first:
            name, command = self._first
            code = await self._live(name, command)
            if code and not self._stop.is_set():
                self._give_up(f"{name} failed ({_how(code)}).\n{self._words_of(name)}")
        if not self._stop.is_set():
            self._begun()
            await asyncio.gather(*(self._keep(name, command) for name, command in self._commands.items()))

    def _give_up(self, reason: str) -> None:
        self._wrong = reason
        self._stop.set()

    async def _keep(self, name: str, command: str) -> None:
        loop = asyncio.get_running_loop()
        deaths: deque[float] = deque(maxlen=MANY_DEATHS)
        pause, first = FIRST_PAUSE_SECONDS, True
        while not self._stop.is_set():
            began = loop.time()
            try:
                code = await self._live(name, command)
            except OSError as error:  # no process can be started just now
                self._last_words[name].append(sanitized(error))
                code = os.EX_OSERR
            if self._stop.is_set():
                return
            ended = loop.time()
            if code == CONFIGURATION and first:
                self._give_up(f"{name} cannot run as it is configured.\n{self._words_of(name)}")
                return
            first = False
            deaths.append(ended)
            pause = FIRST_PAUSE_SECONDS if ended - began > STEADY_SECONDS else pause
            if code == CONFIGURATION:
                pause = LONGEST_PAUSE_SECONDS
            self._report_death(name, code, pause, deaths)
            await self._rest(pause)
            pause = min(LONGEST_PAUSE_SECONDS, 2 * pause)

    def _report_death(self, name: str, code: int, pause: float, deaths: Sequence[float]) -> None:
        again = "it is started again" if pause < 1 else f"it is started again in {pause:.0f} s"
        if code == CONFIGURATION:
            self.say(f"{name} cannot run as it is configured; it is tried again in {pause:.0f} s.")
            self.say(self._words_of(name))
            return
        self.say(f"{name} ended ({_how(code)}); {again}.")
        if len(deaths) == MANY_DEATHS and deaths[-1] - deaths[0] < SHORT_SECONDS + MANY_DEATHS * pause:
            self.say(
                f"{name} DOES NOT STAY UP: it ended {MANY_DEATHS} times within "
                f"{deaths[-1] - deaths[0]:.0f} s. It goes on being started, the others go on. "
                f"It said last:\n{self._words_of(name)}"
            )

    def _words_of(self, name: str) -> str:
        return "\n".join(self._last_words[name]) or f"It said nothing; the log is {self._log.name}."

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    async def _live(self, name: str, command: str) -> int:
        """Run a process once and end its group; its exit code, or minus the signal's number."""
        # Not asyncio's pipe: no process would count as ended until the last holder of that pipe closes it.
        said, saying = os.pipe()
        try:
            process = await self._start(command, saying)
        except BaseException:
            os.close(said)
            raise
        finally:
            os.close(saying)
        self._running[name] = process
        self._tell_reaper(f"+{process.pid}")  # again, in case the reaper was replaced while it started
        if self._stop.is_set():  # it was starting when all others were asked to end
            reaper.end_group(process.pid, signal.SIGTERM)
        self._changed()
        reading = asyncio.create_task(self._read(name, said))
        try:
            code = await process.wait()
        finally:
            reaper.end_group(process.pid)  # what it started and left behind
            self._tell_reaper(f"-{process.pid}")
            self._running.pop(name, None)
        self._changed()
        await reading
        return code

    async def _start(self, command: str, saying: int) -> Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", reaper.__file__, "run", str(self._pipe), str(os.getpid()), command),
            stdin=DEVNULL,
            stdout=saying,
            stderr=STDOUT,
            env=self._environment,
            pass_fds=(self._pipe,),
            start_new_session=True,
        )

    async def _read(self, name: str, said: int) -> None:
        reader = asyncio.StreamReader()
        pipe, _ = await self._loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(said, "rb", 0)
        )
        rest = b""
        while chunk := await reader.read(CHUNK_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._said(name, line)
            if len(rest) > CHUNK_BYTES:  # not a line of ours; its end is not waited for
                self._said(name, rest)
                rest = b""
        if rest:
            self._said(name, rest)
        pipe.close()

    def _said(self, name: str, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        self._last_words[name].append(text)
        self._write(name, text)

    def _write(self, name: str, text: str) -> None:
        with suppress(OSError):  # a full disk ends no process
            for line in text.splitlines():
                self._log.write(f"{datetime.now().astimezone():%H:%M:%S} {name:<{self._width}} | {line}\n")
            self._log.flush()

    def _changed(self) -> None:
        with suppress(OSError):
            self._note({name: process.pid for name, process in self._running.items()})

    async def _keep_servers(self, revive: Revive) -> None:
        while not self._stop.is_set():
            await self._rest(SERVERS_SECONDS)
            try:
                names, addresses = await asyncio.to_thread(revive)
            except ConfigurationError as error:
                self.say(str(error))
                continue
            for name in names:
                self.say(f"{name} had ended; it was started again.")
            moved = {name for name, url in addresses.items() if self._environment.get(name) != url}
            if moved and not self._stop.is_set():
                self.say(f"{' and '.join(sorted(moved))} changed; all processes are started anew.")
                self._environment |= addresses
                for process in list(self._running.values()):
                    reaper.end_group(process.pid, signal.SIGTERM)

    async def _end(self, life: asyncio.Task[None]) -> None:
        """Ask all processes to end, and kill those that do not."""
        for process in self._running.values():
            reaper.end_group(process.pid, signal.SIGTERM)
        at_once = asyncio.create_task(self._at_once.wait())
        await asyncio.wait([life, at_once], timeout=STOP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        at_once.cancel()
        for process in self._running.values():
            reaper.end_group(process.pid)
        await life

    async def _start_reaper(self) -> None:
        reading, self._pipe = os.pipe()
        for process in self._running.values():  # before it starts: this process may be killed at any moment
            self._tell_reaper(f"+{process.pid}")
        self._reaper = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", reaper.__file__, "watch", *self._after),
            stdin=reading,
            stdout=self._log.fileno(),
            stderr=STDOUT,
            start_new_session=True,
        )
        os.close(reading)

    async def _keep_reaper(self) -> None:
        while self._reaper is not None:
            await self._reaper.wait()
            os.close(self._pipe)
            await self._start_reaper()

    def _tell_reaper(self, line: str) -> None:
        with suppress(OSError):  # the reaper was killed; the next one is told what is running then
            os.write(self._pipe, f"{line}\n".encode())

    async def _end_reaper(self) -> None:
        self._tell_reaper(reaper.OVER)
        os.close(self._pipe)
        if self._reaper is not None:
            await self._reaper.wait()


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
