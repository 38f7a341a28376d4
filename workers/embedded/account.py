"""
The account that PostgreSQL runs as. It refuses to run as root, so under root it gets an account of its own.

That account has to reach its data and the program. An access control list lets it, and only it, pass
through each folder on the way that is closed to it; no folder is opened to everybody for this.
"""

from __future__ import annotations

import errno
import os
import pwd
import struct
import subprocess
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TypedDict

from domain.errors import ConfigurationError, sanitized

NAME = "embedded_postgres"
ACCESS_LIST = "system.posix_acl_access"
VERSION = struct.Struct("<I")
ENTRY = struct.Struct("<HHI")
"""An access list entry as the kernel stores it: what it is for, what it allows, whom it names."""
OWNER, USER, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
NOBODY_NAMED = 0xFFFFFFFF
PASS = 0o1


class Identity(TypedDict, total=False):
    """Arguments of `subprocess` that start a program as another account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """An account that root starts a program as."""

    uid: int
    gid: int

    @property
    def identity(self) -> Identity:
        """For `subprocess`: this account and its group, with none of root's."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def account_of(data: Path) -> Account | None:
    """
    The account that PostgreSQL runs as on this data: its owner, or one of its own if that would be root.
    None means this process's own account.

    Raises:
        ConfigurationError: the account is missing and cannot be made.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        entry = _made()
    return Account(entry.pw_uid, entry.pw_gid)


def _made() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
    try:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a fixed command
        return pwd.getpwnam(NAME)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        raise ConfigurationError(
            f"PostgreSQL refuses to run as root, and the account {NAME} could not be made for it "
            f"({' '.join(command)}: {sanitized(error)}). Run as an account of your own, or name a server in "
            "DATABASE_URL."
        ) from error


def let_through(account: Account, path: Path) -> None:
    """
    Let the account pass through the folders above `path`.

    Raises:
        ConfigurationError: a folder is closed to it and does not support access lists.
    """
    if _passes(account, path.parent):
        return
    for folder in reversed(path.parents):
        if not _passes(account, folder):
            _admit(account, folder)


def _passes(account: Account, folder: Path) -> bool:
    tried = subprocess.run(  # noqa: S603 - the shell only enters the folder
        ["/bin/sh", "-c", 'cd -- "$0"', str(folder)],
        check=False,
        cwd="/",
        stderr=subprocess.DEVNULL,
        **account.identity,
    )
    return tried.returncode == 0


def _admit(account: Account, folder: Path) -> None:
    try:
        os.setxattr(folder, ACCESS_LIST, _with_entry(_access_list(folder), account.uid))
    except (OSError, AttributeError) as error:
        raise ConfigurationError(
            f"PostgreSQL refuses to run as root, and the account {pwd.getpwuid(account.uid).pw_name} that it "
            f"runs as cannot pass through {folder} ({sanitized(error)}). Run as an account of your own, put "
            f"the data elsewhere with RECSYSOPS_VAR, or allow it: chmod o+x {folder}"
        ) from error


def _access_list(folder: Path) -> list[tuple[int, int, int]]:
    try:
        raw = os.getxattr(folder, ACCESS_LIST)
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
        mode = folder.stat().st_mode
        parts = ((OWNER, 6), (GROUP, 3), (OTHER, 0))
        return [(kind, mode >> bits & 0o7, NOBODY_NAMED) for kind, bits in parts]
    return [tuple(ENTRY.unpack_from(raw, at)) for at in range(VERSION.size, len(raw), ENTRY.size)]


def _with_entry(entries: list[tuple[int, int, int]], uid: int) -> bytes:
    """The list with an entry that lets one more account pass, in the kernel's order; the rest unchanged."""
    mask = next((allowed for kind, allowed, _ in entries if kind == MASK), 0o7)
    kept = [
        (kind, allowed if kind in (OWNER, OTHER) else allowed & mask, named)
        for kind, allowed, named in entries
        if kind != MASK and (kind, named) != (USER, uid)
    ]
    former = next((allowed & mask for kind, allowed, named in entries if (kind, named) == (USER, uid)), 0)
    kept.append((USER, former | PASS, uid))
    covered = [allowed for kind, allowed, _ in kept if kind not in (OWNER, OTHER)]
    kept.append((MASK, reduce(or_, covered), NOBODY_NAMED))
    ordered = sorted(kept, key=lambda entry: (entry[0], entry[2]))
    return VERSION.pack(2) + b"".join(ENTRY.pack(*entry) for entry in ordered)
