"""The doctor on bundles: a misspelled column would be kept, with all the personal data in it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from domain.answer import Advice
from domain.recommender.bundle import Bundle
from domain.recommender.recommender import Recommender
from tests.workers.shop import DECLARED, write_shop
from workers.declaration.declare import load
from workers.doctor.bundle import examine_bundle
from workers.sources.engines.source import open_source


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    return write_shop(tmp_path_factory.mktemp("shop"))


def advice(shop: Recommender, *tables: str, **bundle: object) -> list[Advice]:
    declared = shop.model_copy(update={"bundle": Bundle.model_validate(bundle)})
    with ExitStack() as stack:
        opened = {name: stack.enter_context(open_source(shop, name)) for name in tables or shop.tables}
        return list(examine_bundle(declared, opened))


def test_what_is_declared_rightly_is_left_alone(shop: Recommender) -> None:
    assert advice(shop, leave_out=("member", "device")) == []


def test_a_column_that_no_table_has_is_an_error_with_the_nearest_right_one(shop: Recommender) -> None:
    (said,) = advice(shop, leave_out=("membre",))
    assert (said.level, said.where) == ("error", "bundle.leave_out")
    assert "membre" in said.says
    assert "member" in said.fix
    assert advice(shop, "shown", leave_out=("membre",)) == []  # it may be in a table that could not be read


def test_the_items_key_and_what_the_model_takes_are_said(shop: Recommender) -> None:
    assert [one.level for one in advice(shop, leave_out=("item", "price"))] == ["error", "note"]


def test_a_folder_of_bundles_is_relative_to_the_declaration(shop: Recommender) -> None:
    file = Path(shop.folder) / "recsysops.toml"
    file.write_text(DECLARED + '[bundle]\npath = "kept"\nlimit_mb = 8\nleave_out = ["member"]\n')
    declared = load(file, {}).bundle
    assert declared == Bundle(path=str(Path(shop.folder) / "kept"), limit_mb=8, leave_out=("member",))
