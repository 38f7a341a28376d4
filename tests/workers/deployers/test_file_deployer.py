"""The overrides file, read back by the client that serves from it."""

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from recsysops_client.overrides import Overrides

from domain.errors import DeployError
from tests.workers.another_account import NOBODY
from tests.workers.conftest import make_option
from workers.deployers.file import FileDeployer

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = AT + timedelta(days=7)
OPTION = make_option(
    parameters={"kind": "fill_feature", "items": ["a", "b"], "feature": "language", "value": "French"}
)


def test_what_is_applied_is_what_the_client_serves_and_a_revert_takes_it_out(tmp_path: Path) -> None:
    path = tmp_path / "overrides.json"
    reader, writer = Overrides(path), FileDeployer(path)
    writer.apply("event-1", OPTION, LATER)
    (override,) = reader.current(AT)
    assert (override.id, override.kind, override.items) == ("event-1", "fill_feature", ("a", "b"))
    assert (override.feature, override.value, override.expires_at) == ("language", "French", LATER)
    assert "no longer holds event-1" in writer.revert("event-1", OPTION)
    assert reader.current(AT) == ()
    assert reader.problem is None


def test_a_fill_with_several_values_is_served_with_each_and_taken_back_as_one(tmp_path: Path) -> None:
    path = tmp_path / "overrides.json"
    values = {"French": ["a"], "English": ["b"]}
    option = OPTION.model_copy(update={"parameters": {**OPTION.parameters, "values": values}})
    assert "for 2 items" in FileDeployer(path).apply("event-1", option, LATER)
    reader = Overrides(path)
    assert {override.value: list(override.items) for override in reader.current(AT)} == values
    FileDeployer(path).revert("event-1", option)
    assert reader.current(AT) == ()


def test_blocked_items_are_written_as_the_client_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "overrides.json"
    option = make_option(parameters={"kind": "block_items", "hook": "block", "items": ["a", "b"]})
    assert "block_items for 2 items" in FileDeployer(path).apply("event-1", option, LATER)
    reader = Overrides(path)
    assert [(one.kind, one.items) for one in reader.current(AT)] == [("block_items", ("a", "b"))]
    FileDeployer(path).revert("event-1", option)
    assert (reader.current(AT), reader.problem) == ((), None)


def test_twice_is_once_and_strangers_entries_stay(tmp_path: Path) -> None:
    path = tmp_path / "overrides.json"
    stranger = {"id": "theirs", "kind": "something_else", "x": 1}
    path.write_text(json.dumps({"version": 1, "owner": "a team", "overrides": [stranger]}))
    writer = FileDeployer(path)
    writer.apply("event-1", OPTION, LATER)
    assert "already" in writer.apply("event-1", OPTION, LATER)
    document = json.loads(path.read_text())
    assert document["owner"] == "a team"
    assert [entry["id"] for entry in document["overrides"]] == ["theirs", "event-1"]
    writer.revert("event-1", OPTION)
    assert "does not hold" in writer.revert("event-1", OPTION)
    assert json.loads(path.read_text())["overrides"] == [stranger]


@pytest.mark.parametrize(
    "text", ["{half", "[]", '{"version": 2, "overrides": []}', '{"version": 1, "overrides": 3}']
)
def test_a_file_that_is_not_understood_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "overrides.json"
    path.write_text(text)
    with pytest.raises(DeployError, match=r"overrides\.json"):
        FileDeployer(path).apply("event-1", OPTION, LATER)
    assert path.read_text() == text


def test_many_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "overrides.json"
    threads = [
        threading.Thread(target=FileDeployer(path).apply, args=(f"event-{n}", OPTION, LATER))
        for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {override.id for override in Overrides(path).current(AT)} == {f"event-{n}" for n in range(12)}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["overrides.json", "overrides.json.lock"]


def test_what_an_override_cannot_say_is_refused_in_words(tmp_path: Path) -> None:
    writer = FileDeployer(tmp_path / "overrides.json")
    with pytest.raises(DeployError, match="declare another deployer"):
        writer.apply("e", OPTION.model_copy(update={"parameters": {"kind": "rollback"}}), LATER)
    with pytest.raises(DeployError, match="needs an end"):
        writer.apply("e", OPTION, None)
    (tmp_path / "plain").write_text("")
    with pytest.raises(DeployError, match="could not be written"):
        FileDeployer(tmp_path / "plain" / "overrides.json").apply("e", OPTION, LATER)


def test_a_link_stays_a_link_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    real, link = tmp_path / "releases" / "one.json", tmp_path / "overrides.json"
    real.parent.mkdir()
    real.write_text('{"version": 1, "overrides": []}')
    link.symlink_to("releases/one.json")
    reader = Overrides(link)
    FileDeployer(link).apply("event-1", OPTION, LATER)
    assert link.is_symlink()
    assert json.loads(real.read_text())["overrides"][0]["id"] == "event-1"
    assert [override.id for override in reader.current(AT)] == ["event-1"]
    FileDeployer(link).revert("event-1", OPTION)
    assert (link.is_symlink(), reader.current(AT)) == (True, ())
    assert sorted(path.name for path in real.parent.iterdir()) == ["one.json"]


def test_a_link_to_what_is_not_there_yet_is_written_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "overrides.json").symlink_to("fresh.json")
    FileDeployer(tmp_path / "overrides.json").apply("event-1", OPTION, LATER)
    assert (tmp_path / "fresh.json").exists()
    assert (tmp_path / "overrides.json").is_symlink()


def test_a_link_out_of_the_folder_or_to_itself_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    secret = tmp_path / "secret.json"
    secret.write_text('{"version": 1, "overrides": []}')
    outside, loop = tmp_path / "served" / "overrides.json", tmp_path / "served" / "loop.json"
    outside.symlink_to(secret)
    loop.symlink_to(loop)
    with pytest.raises(DeployError, match=f"is a link to {secret}, outside"):
        FileDeployer(outside).apply("event-1", OPTION, LATER)
    with pytest.raises(DeployError, match="loop"):
        FileDeployer(loop).apply("event-1", OPTION, LATER)
    assert json.loads(secret.read_text())["overrides"] == []


def test_a_folder_that_is_a_link_is_the_folder_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "var").symlink_to(tmp_path / "disk")
    FileDeployer(tmp_path / "var" / "overrides.json").apply("event-1", OPTION, LATER)
    assert (tmp_path / "disk" / "overrides.json").exists()


def test_a_pipe_or_a_folder_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    for name in ("pipe.json", "folder.json"):
        with pytest.raises(DeployError, match=r"no regular file|EISDIR"):
            FileDeployer(tmp_path / name).apply("event-1", OPTION, LATER)
    (tmp_path / "linked.json.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeployError, match="could not be written"):
        FileDeployer(tmp_path / "linked.json").apply("event-1", OPTION, LATER)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_file_keeps_its_permissions_and_its_owner(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "overrides.json"
    path.write_text('{"version": 1, "overrides": []}')
    path.chmod(mode)
    owner = NOBODY if os.geteuid() == 0 else os.geteuid()
    os.chown(path, owner, -1)
    FileDeployer(path).apply("event-1", OPTION, LATER)
    assert (path.stat().st_mode & 0o777, path.stat().st_uid) == (mode, owner)


def test_what_a_writer_that_was_killed_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".overrides.json.abcdefgh").write_text("{")
    (tmp_path / ".overrides.json.bak").write_text("theirs")
    FileDeployer(tmp_path / "overrides.json").apply("event-1", OPTION, LATER)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".overrides.json.bak",
        "overrides.json",
        "overrides.json.lock",
    ]


FULL = """
import resource, sys
from pathlib import Path
from tests.workers.deployers.test_file_deployer import LATER, OPTION
from workers.deployers.file import FileDeployer
path = Path(sys.argv[1])
FileDeployer(path).apply("event-1", OPTION, LATER)
before = path.read_bytes()
resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, resource.RLIM_INFINITY))
try:
    FileDeployer(path).apply("event-2", OPTION, LATER)
except Exception as error:
    print(type(error).__name__, error)
assert path.read_bytes() == before
"""


def test_on_a_full_disk_the_file_is_as_it_was_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "overrides.json")],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root}:{root / 'client'}"},
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert "could not be written" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["overrides.json", "overrides.json.lock"]
