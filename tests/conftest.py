"""
One PostgreSQL and one Valkey for the whole run, from their wheels; a database of its own for each test.

Where TEST_DATABASE_URL and TEST_REDIS_URL name servers, those are used instead.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import tomllib
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path

import hypothesis
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import Engine, make_url

from workers import embedded
from workers.embedded import Servers
from workers.store.connection import driver_address, engine
from workers.store.migrate import migrate

TEMPLATE = "recsysops_template"

# An example may take long on a busy machine: that says nothing of the law it is an example of.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


def pytest_configure() -> None:
    """Kinds are found by their entry points: this Python has to know all that are declared."""
    declared = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    for group, points in declared["project"]["entry-points"].items():
        lacking = set(points) - entry_points(group=group).names
        if lacking:
            says = f"{group} that this Python does not know yet: {lacking}; run make .venv/.test"
            raise pytest.UsageError(says)


PROCESSES = (
    "tests/crash/",
    "tests/bot/slack/test_digest.py",
    "tests/bot/test_border.py",
    "tests/bot/test_healing.py",
    "tests/bot/test_lost_answer.py",
    "tests/bot/test_supervise.py",
    "tests/bot/test_up_stays.py",
    "tests/workers/bundle/",
    "tests/workers/deployers/",
    "tests/workers/embedded/",
    "tests/workers/environment/test_clock_set.py",
    "tests/workers/process/test_processes.py",
    "tests/workers/store/test_release.py",
    "tests/workers/store/test_tampering",
    "tests/workers/trackers/",
)
"""Where servers and processes of their own are started, spoken to, killed and waited for."""

WALKS = (
    "tests/bot/cli/",
    "tests/engines/",
    "tests/examples/",
    "tests/workers/burn_in/",
    "tests/workers/checks/",
    "tests/workers/doctor/",
    "tests/workers/items/",
    "tests/workers/logging_coverage/",
    "tests/workers/predict/",
    "tests/workers/rehearse/",
    "tests/workers/replay/",
    "tests/workers/respond/test_taken_back.py",
    "tests/workers/respond/test_trial.py",
    "tests/workers/scaffold/",
    "tests/workers/test_matrix.py",
)
"""Where weeks of tables are walked through, in each engine, or each check is held against each situation."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    What takes minutes is marked as long: `make test-long` runs it, and `make test` the rest.

    What waits is begun first, by one of pytest-xdist's workers, while the others keep both cores busy: the
    longest tests are among it, and at the end they would be waited for alone.
    """
    items.sort(key=lambda item: not item.nodeid.startswith(PROCESSES))
    for item in items:
        if item.nodeid.startswith((*PROCESSES, *WALKS)):
            item.add_marker("long")


SIGNING_KEY = Path(tempfile.gettempdir(), f"recsysops-tests-{os.getuid()}.pem")
"""The same in every process that a test starts, and in every run: a server that is kept knows it."""

# A question to a table is thousands of small objects that live on: to look for cycles at every seven hundred
# of them took an eighth of the tests' processor time.
gc.set_threshold(100_000, 20, 100)


def _make_signing_key() -> None:
    key = Ed25519PrivateKey.from_private_bytes(sha256(b"the key of the tests").digest())
    fresh = SIGNING_KEY.with_name(f"{SIGNING_KEY.name}.{uuid.uuid4().hex}")
    fresh.touch(mode=0o600)
    fresh.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    fresh.replace(SIGNING_KEY)


if "RECSYSOPS_SIGNING_KEY" not in os.environ:
    _make_signing_key()
    os.environ["RECSYSOPS_SIGNING_KEY"] = str(SIGNING_KEY)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The two servers; all of pytest-xdist's workers join the same ones."""
    database, broker = os.environ.get("TEST_DATABASE_URL"), os.environ.get("TEST_REDIS_URL")
    with ExitStack() as stack:
        if database is None or broker is None:
            # Not in pytest's own folder: the next pytest of the same user closes that to others, and when
            # root runs the tests PostgreSQL is another user.
            run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
            folder = Path(tempfile.gettempdir(), f"recsysops-tests-{run}")
            stack.callback(_remove_unused, folder)
            started = stack.enter_context(embedded.started(folder))
            hurry(started.owner_url)
            database, broker = database or started.owner_url, broker or started.redis_url
        yield Servers(database, broker, database)


@pytest.fixture(scope="session")
def template(servers: Servers) -> str:
    """The name of a migrated database that each test copies: faster than migrating again."""
    with psycopg.connect(driver_address(servers.database_url), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(5270999)")
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone()
        if found is None:
            connection.execute(f"CREATE DATABASE {TEMPLATE}_new")
            migrate(_named(servers.database_url, f"{TEMPLATE}_new"))
            connection.execute(f"ALTER DATABASE {TEMPLATE}_new RENAME TO {TEMPLATE}")
    return TEMPLATE


@pytest.fixture
def database_url(servers: Servers, template: str) -> Iterator[str]:
    """The address of an empty, migrated database that only this test sees."""
    with fresh_database(servers, template) as url:
        yield url


@contextmanager
def fresh_database(servers: Servers, template: str) -> Iterator[str]:
    """The address of an empty, migrated database, which is gone with the block."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(driver_address(servers.database_url), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        url = _named(servers.database_url, name)
        yield url
        engine(url).dispose()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def log(database_url: str) -> Engine:
    """The store of this test."""
    return engine(database_url)


@pytest.fixture
def owner(database_url: str) -> Iterator[psycopg.Connection]:
    """Whoever owns the tables, as migrations do; the program itself works under a role that may do less."""
    with psycopg.connect(driver_address(database_url), autocommit=True) as connection:
        yield connection


@pytest.fixture
def full(owner: psycopg.Connection) -> psycopg.Connection:
    """The owner's connection to a store that has no room for another picture."""
    owner.execute(
        """CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'no space left on the device' USING ERRCODE = 'disk_full', HINT = 'Buy a larger one.';
        END $$;
        CREATE TRIGGER no_room BEFORE INSERT ON attachments EXECUTE FUNCTION no_room()"""
    )
    return owner


@pytest.fixture
def redis_url(servers: Servers) -> str:
    """The address of the Valkey all tests share: use keys and queues of your own."""
    return servers.redis_url


@pytest.fixture
def root() -> Path:
    """The folder of the project."""
    return Path(__file__).parent.parent


@pytest.fixture
def servers_folder() -> Iterator[Path]:
    """A folder to start servers of one's own in."""
    folder = Path(tempfile.mkdtemp(prefix="recsysops-"))
    yield folder
    shutil.rmtree(folder)


def hurry(url: str) -> None:
    # Tests kill clients, never the machine: nothing has to reach the disk.
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")


def _remove_unused(folder: Path) -> None:
    # Whoever leaves last finds the servers stopped, and nobody needs the folder any more.
    if embedded.running(folder) is None:
        shutil.rmtree(folder, ignore_errors=True)


def _named(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)
