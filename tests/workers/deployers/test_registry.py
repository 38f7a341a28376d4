"""Kinds of deployer: ours, a stranger's, unknown ones, and what the guide says of each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import ConfigurationError, DeployError
from domain.recommender.deployer import UnreadDeployer
from tests.workers.conftest import make_option
from workers.declaration.declare import load
from workers.deployers.confirming import open_deployer
from workers.deployers.kind import DEPLOYERS
from workers.doctor.hotfixes import examine_deployer, examine_hotfixes

DECLARED = """
[recommender]
name = "shop"
[tables.views]
path = "views.parquet"
time = "at"
[hotfixes.fill]
kind = "fill_feature"
label = "Fill it in"
causes = ["feature"]
feature = "language"
deployer = "there"
[deployers.there]
"""

STRANGER = """
from typing import Literal

from domain.recommender.deployer import Deployer
from workers.deployers.kind import Kind


class Options(Deployer):
    kind: Literal["carrier_pigeon"]
    loft: str


class Pigeon:
    def __init__(self, loft):
        self.held = set()

    def apply(self, key, option, expires_at):
        self.held.add(key)
        return "flown"

    def revert(self, key, option):
        self.held.discard(key)
        return "flown back"

    def serving(self):
        return frozenset(self.held)


KIND = Kind(
    "carrier_pigeon",
    Options,
    lambda declared, environment: Pigeon(declared.loft),
    lambda declared, environment: iter(()),
    lambda kind: kind != "fill_feature",
    needs="a loft",
    confirms="the loft",
    reverts="another pigeon",
)
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    sys.modules.pop("carrier_pigeon", None)


def install(site: Path, source: str, distribution: str = "pigeon") -> None:
    """As pip would: a module, and metadata that names its entry point."""
    (site / "carrier_pigeon.py").write_text(source)
    metadata = site / f"{distribution}-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(f"[{DEPLOYERS.group}]\ncarrier_pigeon = carrier_pigeon:KIND\n")


def declare(folder: Path, lines: str) -> Path:
    file = folder / "recsysops.toml"
    file.write_text(DECLARED + lines)
    return file


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('kind = "fiel"\npath = "o.json"', "kind: 'fiel' is not known; did you mean \"file\"?"),
        ('kind = "webhok"', 'did you mean "webhook"?'),
        ('kind = "carrier_pigeon"', "choose from"),
        ('kind = "file"', "path: missing"),
        ('kind = "file"\npath = "o.json"\nurl = "x"', "url: unknown key"),
        ('kind = "webhook"\nurl = "https://h/x"\nsecret = "x"', 'did you mean "secret_env"?'),
        ('kind = "redis"\nurl = "redis://x"', 'did you mean "url_env"?'),
    ],
)
def test_an_unknown_kind_and_an_unknown_key_are_reported_with_the_nearest_name(
    tmp_path: Path, lines: str, says: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(declare(tmp_path, lines), {})
    assert says in str(caught.value)
    assert "recsysops.toml:" in str(caught.value)


def test_a_strangers_kind_is_read_opened_and_confirmed_like_ours(site: Path, tmp_path: Path) -> None:
    install(site, STRANGER)
    recommender = load(declare(tmp_path, 'kind = "carrier_pigeon"\nloft = "roof"'), {})
    declared = recommender.deployers["there"]
    opened = open_deployer(declared, {})
    with pytest.raises(DeployError, match="is a fill_feature, which there, a carrier_pigeon, does not carry"):
        opened.apply("event-1", make_option(deployer="there"), None)
    assert opened.serving() == frozenset()
    carried = make_option(deployer="there", parameters={"kind": "webhook"})
    assert opened.apply("event-1", carried, None) == "flown"
    assert opened.serving() == frozenset({"event-1"})
    assert list(examine_deployer(declared, {})) == []
    (line,) = [one for one in examine_hotfixes(recommender) if one.level == "error"]
    assert "does not carry" in line.says


def test_whoever_does_not_deploy_does_not_import_a_strangers_kind(site: Path, tmp_path: Path) -> None:
    install(site, "raise SystemExit('imported')")
    file = declare(tmp_path, 'kind = "carrier_pigeon"\nloft = "roof"')
    assert isinstance(load(file, {}, own=False).deployers["there"], UnreadDeployer)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            "raise LookupError('no wings')",
            "cannot be imported from carrier_pigeon:KIND: LookupError",
        ),
        ("KIND = 3", "is int, not a Kind"),
        (
            STRANGER.replace('"carrier_pigeon",\n    Options', '"pigeon",\n    Options'),
            'says kind = "pigeon"; write both alike',
        ),
    ],
    ids=["raises", "no kind", "another name"],
)
def test_what_is_wrong_with_a_strangers_kind_is_reported_at_its_line(
    site: Path, tmp_path: Path, source: str, says: str
) -> None:
    install(site, source)
    with pytest.raises(ConfigurationError) as caught:
        load(declare(tmp_path, 'kind = "carrier_pigeon"\nloft = "roof"'), {})
    assert says in str(caught.value)


OVERRIDES = {"file", "redis", "pull_request"}


@pytest.mark.parametrize(
    ("hotfix", "carriers"),
    [
        ("fill_feature", {*OVERRIDES, "webhook"}),
        ("boost_items", {*OVERRIDES, "webhook"}),
        ("model_rollback", {"webhook", "mlflow", "flag"}),
        ("webhook", {"webhook", "mlflow", "flag"}),
        ("traffic_split", {"webhook"}),
        ("score_offset", {"webhook"}),
        ("block_items", {*OVERRIDES, "webhook"}),
        ("popularity_fallback", {"webhook", "flag"}),
        ("retrain_without", {"webhook"}),
        ("a team's own", {"webhook", "mlflow", "flag"}),
    ],
)
def test_a_hotfix_goes_only_where_it_can_be_done(hotfix: str, carriers: set[str]) -> None:
    assert {name for name, kind in DEPLOYERS.ours().items() if kind.carries(hotfix)} == carriers
