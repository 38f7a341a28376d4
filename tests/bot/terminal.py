"""`recsysops` as somebody types it: in this process, or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot.cli.main import main
from workers.environment.settings import settings


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The standard output, which has to be JSON and nothing else."""
        return json.loads(self.out)


class Terminal:
    """Runs commands in this process, through the entry point and with an environment of its own."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        environment: Mapping[str, str],
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.environment = dict(environment)

    def __call__(self, *words: str | Path, code: int = 0) -> Done:
        """What these words come to; it has to end with this exit code."""
        self._capsys.readouterr()
        with self._monkeypatch.context() as patch:
            for name, value in {"RECSYSOPS_VAR": "/nowhere", "COLUMNS": "200", **self.environment}.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["recsysops", *map(str, words)])
            settings.cache_clear()
            written = structlog.get_config()
            try:
                main()
                ended = 0
            except SystemExit as end:
                ended = int(end.code or 0)
            finally:
                settings.cache_clear()
                structlog.configure(**written)  # a process that writes its log plainly goes on doing so
        printed = self._capsys.readouterr()
        assert ended == code, f"{words} ended with {ended}:\n{printed.out}{printed.err}"
        return Done(ended, printed.out, printed.err)


def recsysops(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with nothing in its environment but what is given."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "RECSYSOPS_SIGNING_KEY") if name in os.environ
    }
    return subprocess.run(
        [sys.executable, "-m", "bot.cli.main", *words],
        env={**kept, "RECSYSOPS_VAR": "/nowhere", **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def holds(text: object, *words: str) -> None:
    """Each of these words stands in the text; a failure names those that do not."""
    said = str(text)
    assert [one for one in words if one not in said] == [], said


def lacks(text: object, *words: str) -> None:
    """None of these words stands in the text; a failure names those that do."""
    said = str(text)
    assert [one for one in words if one in said] == [], said
