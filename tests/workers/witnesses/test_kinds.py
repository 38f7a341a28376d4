"""What every kind of witness does alike, and what each does differently."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import os
import subprocess
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import orjson
import pytest

from domain.errors import Tampered, WitnessError
from domain.recommender.witness import Witness
from tests.workers.witnesses.conftest import Made, Service, reply
from workers.store.log.checkpoint import spell
from workers.witnesses.kind import Keeper, Surroundings
from workers.witnesses.registry import KINDS, open_witness

Opening = Callable[[], Keeper]


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def opening(request: pytest.FixtureRequest, tmp_path: Path, around: Surroundings) -> Opening:
    """Opens a witness of the kind that a test is parametrised with, anew each time."""
    fields: dict[str, object] = {"name": "vault", "kind": request.param}
    match request.param:
        case "folder":
            fields |= {"path": str(tmp_path / "vault")}
        case "git":
            fields |= {"path": str(tmp_path / "vault.git")}
        case "webhook":
            service: Service = request.getfixturevalue("service")
            fields |= {"url": service.url, "read_url": f"{service.url}/all", "secret_env": "WITNESS_SECRET"}
    witness = KINDS[request.param].options.model_validate(fields)

    def open_anew() -> Keeper:
        keeper = open_witness(witness, around)
        assert keeper is not None
        return keeper

    return open_anew


every_kind = pytest.mark.parametrize("opening", ["folder", "git", "webhook"], indirect=True)


@every_kind
def test_a_checkpoint_that_was_handed_over_is_read_back(opening: Opening, made: Made) -> None:
    assert opening().held("main") == []
    opening().hand(made(1))
    opening().hand(made(7))
    assert [one.checkpoint for one in opening().held("main") or ()] == [made(1), made(7)]


@every_kind
def test_the_same_position_handed_over_again_is_held_once(opening: Opening, made: Made) -> None:
    for _ in range(3):
        opening().hand(made(7))
    assert [one.checkpoint.position for one in opening().held("main") or ()] == [7]


@every_kind
def test_workspaces_are_kept_apart(opening: Opening, made: Made) -> None:
    opening().hand(made(7))
    opening().hand(made(2, workspace="kids"))
    opening().hand(made(8))
    assert [one.checkpoint.position for one in opening().held("main") or ()] == [7, 8]
    assert [one.checkpoint.position for one in opening().held("kids") or ()] == [2]


@every_kind
def test_another_hash_of_a_position_that_is_held_is_refused(opening: Opening, made: Made) -> None:
    opening().hand(made(7))
    with pytest.raises(WitnessError, match="another hash of position 7"):
        opening().hand(made(7, b"other"))
    assert [one.checkpoint for one in opening().held("main") or ()] == [made(7)]


@every_kind
def test_a_position_before_the_one_that_is_held_is_refused(opening: Opening, made: Made) -> None:
    opening().hand(made(7))
    with pytest.raises(WitnessError, match=r"holds position 7 .* ends at position 5: its end was cut off"):
        opening().hand(made(5, b"other"))


def folder(path: Path, around: Surroundings) -> Keeper:
    fields = {"name": "vault", "kind": "folder", "path": str(path)}
    keeper = open_witness(KINDS["folder"].options.model_validate(fields), around)
    assert keeper is not None
    return keeper


def test_a_line_that_a_kill_tore_is_left_and_written_whole_behind_it(
    tmp_path: Path, around: Surroundings, made: Made
) -> None:
    file = tmp_path / "main.jsonl"
    for torn in (1, 40, len(spell(made(7))) - 1):
        file.write_bytes(spell(made(1)) + spell(made(7))[:torn])
        before = file.read_bytes()
        folder(tmp_path, around).hand(made(7))
        assert file.read_bytes().startswith(before)
        held = folder(tmp_path, around).held("main") or ()
        assert {one.checkpoint.position for one in held} == {1, 7}
        folder(tmp_path, around).hand(made(7))
        assert file.read_bytes().count(b'"position":7,') <= 2


def test_a_folder_that_can_only_be_added_to_is_enough(
    tmp_path: Path, around: Surroundings, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(tmp_path, around).hand(made(1))

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    for name in ("truncate", "ftruncate", "rename", "replace", "unlink"):
        monkeypatch.setattr(os, name, refused)
    folder(tmp_path, around).hand(made(7))
    assert len(folder(tmp_path, around).held("main") or ()) == 2


def test_what_is_no_file_is_no_witness(tmp_path: Path, around: Surroundings, made: Made) -> None:
    os.mkfifo(tmp_path / "main.jsonl")
    (tmp_path / "kids.jsonl").symlink_to(tmp_path / "elsewhere")
    for workspace in ("main", "kids"):
        with pytest.raises(WitnessError):
            folder(tmp_path, around).hand(made(1, workspace=workspace))
        with pytest.raises(WitnessError):
            folder(tmp_path, around).held(workspace)
    with pytest.raises(WitnessError, match="cannot be written"):
        folder(tmp_path / "not" / "there", around).hand(made(1))


def test_a_checkpoint_that_somebody_edited_in_the_folder_is_named(
    tmp_path: Path, around: Surroundings, made: Made
) -> None:
    folder(tmp_path, around).hand(made(1))
    file = tmp_path / "main.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"position":1', b'"position":2'))
    with pytest.raises(Tampered, match=r"main\.jsonl, line 1: the checkpoint is not what was signed"):
        folder(tmp_path, around).held("main")


def git_witness(around: Surroundings, **fields: object) -> Keeper:
    given = {"name": "vault", "kind": "git", **fields}
    keeper = open_witness(KINDS["git"].options.model_validate(given), around)
    assert keeper is not None
    return keeper


def test_a_commit_a_checkpoint_and_a_working_tree_is_not_touched(
    tmp_path: Path, around: Surroundings, made: Made
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path / "work")], check=True)
    (tmp_path / "work" / "draft").write_text("mine")
    for position in (1, 7, 7):
        git_witness(around, path=str(tmp_path / "work")).hand(made(position))
    said = git(tmp_path / "work", "log", "--format=%s", "recsysops-checkpoints").splitlines()
    assert said == ["main at position 7", "main at position 1"]
    assert git(tmp_path / "work", "status", "--short") == "?? draft"


def test_what_has_a_remote_is_pushed_and_read_from_it(
    tmp_path: Path, around: Surroundings, made: Made
) -> None:
    url = str(tmp_path / "remote.git")
    subprocess.run(["git", "init", "-q", "--bare", url], check=True)
    git_witness(around, url=url).hand(made(1))
    # Killed between the commit and its push: it is made up for, and not committed again.
    git_witness(around, path=str(around.var / "witness" / "vault.git")).hand(made(7))
    assert git(Path(url), "rev-list", "--count", "recsysops-checkpoints") == "1"
    git_witness(around, url=url).hand(made(7))
    assert git(Path(url), "rev-list", "--count", "recsysops-checkpoints") == "2"
    # Another machine begins with what is there.
    elsewhere = Surroundings({}, tmp_path / "elsewhere")
    assert [one.checkpoint for one in git_witness(elsewhere, url=url).held("main") or ()] == [
        made(1),
        made(7),
    ]
    git_witness(elsewhere, url=url).hand(made(8))
    git_witness(around, url=url).hand(made(9))
    assert git(Path(url), "rev-list", "--count", "recsysops-checkpoints") == "4"


def test_a_remote_that_was_rewritten_is_named_and_not_overwritten(
    tmp_path: Path, around: Surroundings, made: Made
) -> None:
    url = str(tmp_path / "remote.git")
    subprocess.run(["git", "init", "-q", "--bare", url], check=True)
    git_witness(around, url=url).hand(made(1))
    git_witness(around, url=url).hand(made(7))
    git(Path(url), "update-ref", "-d", "refs/heads/recsysops-checkpoints")
    git_witness(Surroundings({}, tmp_path / "elsewhere"), url=url).hand(made(8, b"other"))
    with pytest.raises(WitnessError, match="was written anew"):
        git_witness(around, url=url).hand(made(9))
    with pytest.raises(WitnessError, match="was written anew"):
        git_witness(around, url=url).held("main")


def test_git_neither_waits_nor_asks_nor_runs_what_an_address_says(
    tmp_path: Path, around: Surroundings, made: Made
) -> None:
    mark = tmp_path / "mark"
    with pytest.raises(WitnessError, match="not allowed"):
        git_witness(around, url=f"ext::sh -c touch% {mark}").hand(made(1))
    assert not mark.exists()
    inside = tmp_path / "repository" / "empty"
    inside.mkdir(parents=True)
    (inside / "file").touch()
    subprocess.run(["git", "init", "-q", str(tmp_path / "repository")], check=True)
    with pytest.raises(WitnessError):
        git_witness(around, path=str(inside)).hand(made(1))
    assert git(tmp_path / "repository", "for-each-ref") == ""


def test_a_git_that_hangs_is_ended(
    tmp_path: Path, around: Surroundings, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = tmp_path / "bin" / "git"
    hanging.parent.mkdir()
    hanging.write_text("#!/bin/sh\nsleep 600\n")
    hanging.chmod(0o755)
    monkeypatch.setenv("PATH", f"{hanging.parent}{os.pathsep}{os.environ['PATH']}")
    began = time.monotonic()
    with pytest.raises(WitnessError, match="took longer than its timeout"):
        git_witness(around, path=str(tmp_path / "r.git"), timeout="1s").hand(made(1))
    assert time.monotonic() - began < 60


def webhook(service: Service, around: Surroundings, **fields: object) -> Keeper:
    given = {"name": "vault", "kind": "webhook", "url": service.url, "secret_env": "WITNESS_SECRET", **fields}
    keeper = open_witness(KINDS["webhook"].options.model_validate(given), around)
    assert keeper is not None
    return keeper


def test_calls_are_signed_like_those_of_a_deployer(
    service: Service, around: Surroundings, made: Made
) -> None:
    webhook(service, around).hand(made(7))
    ((method, _, headers, body),) = service.asked
    message = b"v1:" + headers["X-RecSysOps-Timestamp"].encode() + b":" + body
    wanted = hmac.new(b"a shared secret", message, hashlib.sha256).hexdigest()
    assert (method, headers["X-RecSysOps-Signature"]) == ("POST", f"v1={wanted}")
    assert orjson.loads(body)["id"] == "checkpoint:main:7"
    assert webhook(service, around).held("main") is None


def drip(request: BaseHTTPRequestHandler, _: bytes) -> None:
    request.send_response(200)
    request.end_headers()
    for _beat in range(600):
        request.wfile.write(b" ")
        request.wfile.flush()
        time.sleep(0.1)


def flood(request: BaseHTTPRequestHandler, _: bytes) -> None:
    reply(request, 200, b" " * 1_000_000)


def bomb(request: BaseHTTPRequestHandler, _: bytes) -> None:
    reply(request, 200, gzip.compress(b" " * 50_000_000), Content_Encoding="gzip")


def refuse(request: BaseHTTPRequestHandler, _: bytes) -> None:
    reply(request, 503, b"later")


def lead_away(request: BaseHTTPRequestHandler, _: bytes) -> None:
    reply(request, 307, b"", Location="http://127.0.0.1:1/")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (drip, "no whole answer within 1 s"),
        (flood, "more than 65,536 bytes"),
        (bomb, "answered packed"),
        (refuse, "answered 503: later"),
        (lead_away, "answered 307"),
    ],
)
def test_a_service_that_drips_floods_or_refuses_has_not_taken_it(
    service: Service,
    around: Surroundings,
    made: Made,
    answer: Callable[[BaseHTTPRequestHandler, bytes], None],
    says: str,
) -> None:
    service.answer = answer
    timeout = "1s" if answer is drip else "60s"  # what answers at once may take its time on a busy machine
    with pytest.raises(WitnessError, match=says):
        webhook(service, around, timeout=timeout).hand(made(7))


def test_a_service_that_is_not_there_is_said_without_its_address(
    service: Service, around: Surroundings, made: Made
) -> None:
    with pytest.raises(WitnessError) as caught:
        webhook(service, around, url="http://me:hunter2@127.0.0.1:1/token").hand(made(7))
    assert str(caught.value) == "127.0.0.1 could not be reached"
    with pytest.raises(WitnessError, match="the variable WITNESS_SECRET is not set"):
        webhook(service, Surroundings({}, around.var)).hand(made(7))


def test_every_kind_says_what_its_options_are() -> None:
    assert set(KINDS) == {"folder", "webhook", "slack", "git"}
    for name, kind in KINDS.items():
        assert kind.name == name
        assert issubclass(kind.options, Witness)
        assert kind.options.__doc__
