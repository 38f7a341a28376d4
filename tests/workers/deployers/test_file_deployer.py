"""The overrides file, read back by the client that serves from it."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from recsysops_client.overrides import Overrides

from domain.errors import DeployError
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
        thread.join(10)
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
