"""What another account on this machine can do. Only root can become one; anybody else reads the modes."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

NOBODY = 65_534


def as_nobody(act: Callable[[], object]) -> str:
    """
    What `act` comes to when the account “nobody” does it: "done", or the name of the error. As who is not
    root, "not tried".
    """
    if os.geteuid() != 0:
        return "not tried"
    answer, question = os.pipe()
    child = os.fork()
    if child == 0:
        word = "died"
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            act()
            word = "done"
        except BaseException as error:  # noqa: BLE001 - the child says it and ends
            word = type(error).__name__
        finally:
            os.write(question, word.encode())
            os._exit(0)
    os.close(question)
    os.waitpid(child, 0)
    with os.fdopen(answer) as said:
        return said.read()


def open_to_others(folder: Path) -> list[str]:
    """What in this folder, itself included, its mode opens to anybody but its owner."""
    return [
        f"{path} {stat.filemode(path.lstat().st_mode)}"
        for path in (folder, *folder.rglob("*"))
        if path.lstat().st_mode & 0o077
    ]
