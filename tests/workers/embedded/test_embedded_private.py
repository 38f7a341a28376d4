"""What the embedded servers keep from the machine's other accounts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import make_url

from domain.errors import ConfigurationError
from tests.workers.another_account import NOBODY, as_nobody, open_to_others
from tests.workers.embedded.test_embedded import postmaster, read, write
from workers import embedded

REFUSED = ("PermissionError", "OperationalError", "not tried")


def socket_folder(servers: embedded.Servers) -> Path:
    return Path(str(conninfo_to_dict(servers.owner_url)["host"]))


def without_password(url: str) -> str:
    return url.replace(f":{make_url(url).password}@", "@")


def broker(servers: embedded.Servers) -> psutil.Process:
    return psutil.Process(redis.Redis.from_url(servers.redis_url).info("server")["process_id"])


def assert_private(folder: Path, servers: embedded.Servers) -> None:
    assert open_to_others(folder / "postgres") == []
    assert open_to_others(folder / "valkey") == []
    sockets = socket_folder(servers)
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    for secret in ("servers.json", "postgres.passwords"):
        assert stat.S_IMODE((folder / secret).stat().st_mode) == 0o600
        assert as_nobody((folder / secret).read_text) in REFUSED
    for inside in (folder / "postgres", folder / "valkey", sockets):
        assert as_nobody(partial(os.listdir, inside)) in REFUSED
    for url in (servers.owner_url, servers.database_url, without_password(servers.owner_url)):
        assert as_nobody(partial(psycopg.connect, url, connect_timeout=2)) in REFUSED
    for url in (servers.owner_url, servers.database_url):
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(without_password(url))


@pytest.fixture
def long_folder() -> Iterator[Path]:
    """A path that no socket's name may be as long as."""
    top = Path(tempfile.mkdtemp(prefix="recsysops-"))
    yield top / ("a folder, with commas and 'quotes' " * 3) / ("b" * 60)
    shutil.rmtree(top)


def test_no_other_account_reads_the_folder_or_gets_a_connection(servers_folder: Path) -> None:
    with embedded.started(servers_folder) as servers:
        write(servers)
        assert_private(servers_folder, servers)


def test_a_path_too_long_for_a_socket_opens_nothing_and_leaves_nothing_behind(long_folder: Path) -> None:
    with embedded.started(long_folder) as servers:
        write(servers)
        sockets = socket_folder(servers)
        assert sockets != long_folder / "postgres"
        assert_private(long_folder, servers)
        with embedded.started(long_folder) as joined:
            assert joined == servers
    assert not sockets.exists()


def test_a_server_killed_under_a_long_path_comes_back_and_its_socket_is_cleared_away(
    long_folder: Path,
) -> None:
    with embedded.started(long_folder) as servers:
        write(servers)
        redis.Redis.from_url(servers.redis_url).waitaof(1, 0, 3000)
        former = socket_folder(servers)
        postmaster(long_folder).send_signal(signal.SIGKILL)
    with embedded.started(long_folder) as again:
        assert read(again) == ("still here", "still here")
        assert socket_folder(again) == former
    assert not former.exists()


def test_a_server_killed_under_a_long_path_comes_back_where_those_that_run_look_for_it(
    long_folder: Path,
) -> None:
    with embedded.started(long_folder) as servers:
        assert embedded.fallen(long_folder) == ()
        postmaster(long_folder).kill()
        psutil.wait_procs([postmaster(long_folder)], timeout=10)
        assert embedded.fallen(long_folder) == ("PostgreSQL",)
        with embedded.started(long_folder) as again:
            assert again == servers


def test_a_folder_closed_to_others_stays_closed_and_its_servers_start(servers_folder: Path) -> None:
    closed = servers_folder / "home"
    closed.mkdir(mode=0o700)
    with embedded.started(closed / "var") as servers:
        write(servers)
        assert closed.stat().st_mode & 0o007 == 0
        assert servers_folder.stat().st_mode & 0o007 == 0
        assert as_nobody(lambda: os.chdir(closed)) in REFUSED


def test_what_is_made_here_is_private_and_what_was_open_to_writers_no_longer_is(servers_folder: Path) -> None:
    (servers_folder / "shared").mkdir()
    (servers_folder / "shared").chmod(0o777)
    for name in ("shared", "fresh"):
        with embedded.started(servers_folder / name):
            pass
    assert (servers_folder / "shared").stat().st_mode & 0o022 == 0
    assert (servers_folder / "fresh").stat().st_mode & 0o007 == 0


def test_a_folder_of_another_account_that_everybody_may_write_to_is_refused(servers_folder: Path) -> None:
    if os.geteuid() == 0:
        theirs = servers_folder / "theirs"
        theirs.mkdir()
        os.chown(theirs, NOBODY, NOBODY)
        theirs.chmod(0o777)
    else:
        theirs = Path("/tmp")
        assert theirs.stat().st_uid != os.geteuid()
    with pytest.raises(ConfigurationError, match="everybody may write to it"), embedded.started(theirs):
        pass


def test_no_password_is_an_argument_of_a_process_or_part_of_a_server_s_environment(
    servers_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-not-a-server-s-business")
    with embedded.started(servers_folder) as servers:
        secrets = [make_url(url).password or "" for url in (servers.owner_url, servers.database_url)]
        secrets += [str(make_url(servers.redis_url).password), "xoxb-not-a-server-s-business"]
        assert all(len(secret) > 20 for secret in secrets)
        known = [postmaster(servers_folder), broker(servers)]
        for process in [*known, *known[0].children(recursive=True)]:
            visible = "\0".join([*process.cmdline(), *process.environ().values()])
            assert not [secret for secret in secrets if secret in visible]
        log = (servers_folder / "postgres" / "log").read_text()
        assert not [secret for secret in secrets if secret in log]
        assert not [secret for secret in secrets if secret in repr(servers)]


def test_every_line_of_the_rules_asks_for_a_password_and_nothing_listens_on_an_address(
    servers_folder: Path,
) -> None:
    with embedded.started(servers_folder) as servers, psycopg.connect(servers.owner_url) as owner:
        methods = owner.execute("SELECT DISTINCT auth_method, error FROM pg_hba_file_rules").fetchall()
        assert methods == [("scram-sha-256", None)]
        assert owner.execute("SHOW listen_addresses").fetchone() == ("",)
        stored = owner.execute("SELECT rolname, left(rolpassword, 14) FROM pg_authid WHERE rolcanlogin")
        assert {kind for _, kind in stored.fetchall()} == {"SCRAM-SHA-256$"}


def test_the_program_s_login_owns_nothing_and_makes_nobody(servers_folder: Path) -> None:
    with embedded.started(servers_folder) as servers, psycopg.connect(servers.owner_url) as owner:
        owner.execute(f"ALTER ROLE {embedded.LOGIN} SUPERUSER CREATEROLE")
        owner.commit()
    with embedded.started(servers_folder) as servers, psycopg.connect(servers.database_url) as program:
        may = program.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert may == (False,) * 5
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            program.execute("CREATE ROLE somebody SUPERUSER")


def test_a_start_killed_between_its_steps_is_done_again(servers_folder: Path) -> None:
    (servers_folder / "postgres.new").mkdir()
    (servers_folder / "postgres.new" / "PG_VERSION").write_text("18\n")
    (servers_folder / "postgres").mkdir()
    with embedded.started(servers_folder) as servers:
        write(servers)
    (servers_folder / "postgres.passwords").unlink()
    with embedded.started(servers_folder) as again:
        assert read(again) == ("still here", "still here")


def test_passwords_that_the_server_does_not_take_are_said_so_at_once(servers_folder: Path) -> None:
    with embedded.started(servers_folder):
        pass
    file = servers_folder / "postgres.passwords"
    file.write_text(json.dumps({"owner": "another", "program": "another"}))
    with (
        pytest.raises(ConfigurationError, match=r"remove that file, and start again"),
        embedded.started(servers_folder),
    ):
        pass
    file.unlink()
    with embedded.started(servers_folder):
        pass
