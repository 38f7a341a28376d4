"""Feature flags set in flagd's definitions, and evaluated by a flag server that reads them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.errors import ConfigurationError, DeployError, DeployUncertain
from tests.workers.conftest import make_option
from tests.workers.deployers.flag_server import running
from workers.deployers.confirming import Confirming, open_deployer
from workers.deployers.flag import KIND, FlagOptions

LATER = datetime(2026, 3, 8, 12, tzinfo=UTC)
OPTION = make_option(deployer="flags", parameters={"kind": "webhook"})
TARGETING = {"if": [{"==": [{"var": "country"}, "DK"]}, "v9", None]}
DEFINITIONS = {
    "$schema": "https://flagd.dev/schema/v0/flags.json",
    "metadata": {"team": "ranking"},
    "flags": {
        "ranker": {
            "state": "ENABLED",
            "variants": {"v7": "ranker-7", "v8": "ranker-8", "v9": "ranker-9"},
            "defaultVariant": "v8",
            "targeting": TARGETING,
            "metadata": {"owner": "ranking"},
        },
        "page": {"state": "DISABLED", "variants": {"on": "on", "off": "off"}, "defaultVariant": "off"},
    },
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flags") / "flags.json"
    path.write_text(json.dumps(DEFINITIONS))
    return path


@pytest.fixture(scope="module")
def url(path: Path) -> Iterator[str]:
    with running(path) as address:
        yield address


@pytest.fixture(autouse=True)
def _fresh(path: Path) -> None:
    path.write_text(json.dumps(DEFINITIONS))
    path.with_name(f"{path.name}.recsysops").unlink(missing_ok=True)


def declared(path: Path, url: str, **keys: Any) -> FlagOptions:
    given = {
        "name": "flags",
        "kind": "flag",
        "path": str(path),
        "url": url,
        "flag": "ranker",
        "variant": "v7",
    }
    return FlagOptions.model_validate({**given, "timeout": "5s", **keys})


def deployer(path: Path, url: str, **keys: Any) -> Confirming:
    return open_deployer(declared(path, url, **keys), {})


def flags(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())["flags"]
    return found


def served(url: str, country: str = "SE", flag: str = "ranker") -> object:
    """What a member's request is served."""
    asked = {"context": {"targetingKey": "member-1", "country": country}}
    answer = httpx.post(f"{url}/ofrep/v1/evaluate/flags/{flag}", json=asked, trust_env=False, timeout=60)
    return answer.json()["value"]


def test_the_variant_is_served_to_everybody_and_what_was_before_is_put_back(path: Path, url: str) -> None:
    one = deployer(path, url)
    assert (served(url), served(url, "DK"), one.serving()) == ("ranker-8", "ranker-9", frozenset())
    receipt = one.apply("event:1", OPTION, LATER)
    assert receipt == "“ranker” serves “v7”, no longer “v8” by its targeting"
    assert (served(url), served(url, "DK")) == ("ranker-7", "ranker-7")
    assert one.serving() == frozenset({"event:1"})
    assert one.revert("event:1", OPTION) == "“ranker” serves “v8” by its targeting again"
    assert (served(url), served(url, "DK"), one.serving()) == ("ranker-8", "ranker-9", frozenset())
    assert json.loads(path.read_text()) == DEFINITIONS


def test_a_flag_that_is_off_is_turned_on_and_off_again(path: Path, url: str) -> None:
    one = deployer(path, url, flag="page", variant="off")
    assert one.apply("event:1", OPTION, LATER) == "“page” serves “off”, no longer “off” (disabled)"
    assert served(url, flag="page") == "off"
    one.revert("event:1", OPTION)
    assert flags(path) == DEFINITIONS["flags"]


def test_twice_is_once_and_a_late_apply_is_refused(path: Path, url: str) -> None:
    one = deployer(path, url)
    one.apply("event:1", OPTION, LATER)
    written = path.read_text()
    assert one.apply("event:1", OPTION, LATER) == "“ranker” serves “v7” already, by event:1"
    assert path.read_text() == written
    for _ in range(2):
        one.revert("event:1", OPTION)
    with pytest.raises(DeployError, match="event:1 was taken back; a new approval is needed"):
        one.apply("event:1", OPTION, LATER)
    assert one.revert("event:2", OPTION) == "event:2 never set “ranker”"
    with pytest.raises(DeployError, match="event:2 was taken back"):
        one.apply("event:2", OPTION, LATER)
    assert json.loads(path.read_text()) == DEFINITIONS


def test_another_hotfix_waits_for_the_first_and_what_is_served_already_is_not_set(
    path: Path, url: str
) -> None:
    one = deployer(path, url)
    one.apply("event:1", OPTION, LATER)
    with pytest.raises(DeployError, match="by the hotfix event:1; revert that one first"):
        one.apply("event:2", OPTION, LATER)
    one.revert("event:1", OPTION)
    document = json.loads(path.read_text())
    document["flags"]["ranker"] |= {"defaultVariant": "v7", "targeting": {}}
    path.write_text(json.dumps(document))
    with pytest.raises(DeployError, match="and by no hotfix; there is nothing to set"):
        one.apply("event:3", OPTION, LATER)


def test_what_somebody_set_since_is_left_as_it_is(path: Path, url: str) -> None:
    one = deployer(path, url)
    one.apply("event:1", OPTION, LATER)
    document = json.loads(path.read_text())
    document["flags"]["ranker"]["defaultVariant"] = "v9"
    document["flags"]["other"] = document["flags"]["page"]
    path.write_text(json.dumps(document))
    assert one.revert("event:1", OPTION) == "“ranker” serves “v9”, set by others since; left so"
    assert served(url) == "ranker-9"
    assert set(flags(path)) == {"ranker", "page", "other"}
    assert flags(path)["ranker"]["metadata"] == {"owner": "ranking"}


def test_a_variant_that_others_took_over_is_left_though_it_is_the_same(path: Path, url: str) -> None:
    one = deployer(path, url)
    one.apply("event:1", OPTION, LATER)
    document = json.loads(path.read_text())
    document["flags"]["ranker"]["metadata"] = {"owner": "ranking"}
    path.write_text(json.dumps(document))
    assert one.revert("event:1", OPTION) == "“ranker” serves “v7”, and not by event:1; left so"
    assert served(url) == "ranker-7"


def test_the_server_is_believed_and_not_the_file(path: Path, url: str, tmp_path: Path) -> None:
    other = tmp_path / "flags.json"
    other.write_text(json.dumps(DEFINITIONS))
    deployer(path, url).apply("event:1", OPTION, LATER)
    assert deployer(other, url).serving() == frozenset({"event:1"})


def test_a_death_between_note_and_flag_is_gone_on_from_and_others_are_not_overruled(
    path: Path, url: str
) -> None:
    one = deployer(path, url)
    one.apply("event:1", OPTION, LATER)
    path.write_text(json.dumps(DEFINITIONS))  # as if only the note had been written
    assert one.apply("event:1", OPTION, LATER).endswith("no longer “v8” by its targeting")
    document = json.loads(json.dumps(DEFINITIONS))
    document["flags"]["ranker"]["defaultVariant"] = "v9"
    path.write_text(json.dumps(document))
    with pytest.raises(DeployError, match="set by others meanwhile"):
        one.apply("event:1", OPTION, LATER)


def test_the_variant_may_be_the_version_that_a_hotfix_goes_back_to(path: Path, url: str) -> None:
    one = deployer(path, url, variant=None)
    back = make_option(deployer="flags", parameters={"kind": "model_rollback", "version": "v7"})
    one.apply("event:1", back, LATER)
    assert served(url) == "ranker-7"
    one.revert("event:1", back)
    with pytest.raises(DeployError, match="does not say which variant"):
        one.apply("event:2", OPTION, LATER)
    gone = make_option(deployer="flags", parameters={"kind": "model_rollback", "version": "v6"})
    with pytest.raises(DeployError, match="has no variant 'v6'; choose from v7, v8, v9"):
        one.apply("event:3", gone, LATER)
    with pytest.raises(DeployError, match="does not carry"):
        one.apply("event:4", make_option(deployer="flags"), LATER)


def test_a_server_that_reads_other_definitions_does_not_count_as_serving_it(
    path: Path, url: str, tmp_path: Path
) -> None:
    other = tmp_path / "flags.json"
    other.write_text(json.dumps(DEFINITIONS))
    with pytest.raises(DeployUncertain, match="but event:1 is not among the 0 in force"):
        deployer(other, url, timeout="1s").apply("event:1", OPTION, LATER)
    assert flags(other)["ranker"]["defaultVariant"] == "v7"


def test_a_server_that_tells_no_metadata_is_believed_by_its_variant(path: Path) -> None:
    with running(path, METADATA="none") as address:
        one = deployer(path, address)
        assert one.serving() == frozenset()
        one.apply("event:1", OPTION, LATER)
        assert one.serving() == frozenset({"event:1"})
        one.revert("event:1", OPTION)
        assert one.serving() == frozenset()


def test_a_server_that_is_late_or_away_leaves_it_uncertain(path: Path, unused_tcp_port: int) -> None:
    with running(path, LATE_SECONDS="3") as address:
        with pytest.raises(DeployUncertain, match=r"what is in force cannot be read: .* within 1 s"):
            deployer(path, address, timeout="1s").apply("event:1", OPTION, LATER)
        assert "already, by event:1" in deployer(path, address, timeout="20s").apply("event:1", OPTION, LATER)
    with pytest.raises(DeployUncertain, match=r"could not be reached; is it running\?"):
        deployer(path, f"http://127.0.0.1:{unused_tcp_port}", timeout="1s").revert("event:1", OPTION)
    assert json.loads(path.read_text()) == DEFINITIONS


def test_a_server_asks_for_a_secret_that_nobody_is_shown(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with running(path, AUTHORIZATION="Bearer a-secret-of-the-tests-3") as address:
        keyed = declared(path, address, authorization_env="FLAGS_AUTHORIZATION", timeout="1s")
        right = open_deployer(keyed, {"FLAGS_AUTHORIZATION": "Bearer a-secret-of-the-tests-3"})
        right.apply("event:1", OPTION, LATER)
        assert right.serving() == frozenset({"event:1"})
        wrong = open_deployer(keyed, {"FLAGS_AUTHORIZATION": "Bearer a-wrong-one-77"})
        with pytest.raises(
            DeployUncertain, match=r"\(401\); correct what FLAGS_AUTHORIZATION holds"
        ) as raised:
            wrong.revert("event:1", OPTION)
        with pytest.raises(DeployUncertain, match="name what it asks for: authorization_env"):
            deployer(path, address).serving()
    assert "tests-3" not in path.read_text() + caplog.text
    assert "a-wrong-one-77" not in str(raised.value) + caplog.text
    with pytest.raises(ConfigurationError, match="the variable FLAGS_AUTHORIZATION is not set"):
        open_deployer(keyed, {})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "there is no file"),
        ("{", "is not JSON"),
        ("[]", "is no object of flags"),
        ('{"flags": []}', 'expected an object under "flags"'),
        ('{"flags": {"rankr": {}}}', "has no flag 'ranker'; did you mean \"rankr\"?"),
    ],
)
def test_definitions_that_are_none_are_said_and_left(
    path: Path, url: str, tmp_path: Path, text: str | None, says: str
) -> None:
    other = tmp_path / "flags.json"
    if text is not None:
        other.write_text(text)
    with pytest.raises(DeployError) as raised:
        deployer(other, url).apply("event:1", OPTION, LATER)
    assert says in str(raised.value)
    assert (other.read_text() if other.exists() else None) == text


def test_the_doctor_says_what_is_wrong_and_changes_nothing(path: Path, url: str, tmp_path: Path) -> None:
    def said(**keys: Any) -> list[tuple[str, str]]:
        return [
            (one.where, one.says) for one in KIND.examine(declared(**{"path": path, "url": url, **keys}), {})
        ]

    assert said() == []
    assert said(variant="v6") == [("deployers.flags.variant", "“ranker” has no variant “v6”")]
    (flag, evaluated) = said(flag="rankr")
    assert flag == ("deployers.flags.flag", f"{path} has no flag “rankr”")
    assert "does not evaluate “rankr” (404: FLAG_NOT_FOUND" in evaluated[1]
    missing = tmp_path / "none.json"
    assert said(path=missing) == [("deployers.flags.path", f"there is no file {missing}")]
    assert said(authorization_env="FLAGS")[0][1].startswith("the variable FLAGS is not set")
    assert json.loads(path.read_text()) == DEFINITIONS


def test_it_is_asked_by_https_alone(path: Path) -> None:
    with pytest.raises(ValueError, match="it needs https"):
        declared(path, "http://flags.example")
