from __future__ import annotations

import os
from pathlib import Path

import pytest

from workers.declaration.current import recommender

WHOLE = """
[recommender]
name = "shop"

[tables.views]
path = "views/*.parquet"
time = "viewed_at"

[permissions]
respond = ["slack:U1"]
"""


def written(file: Path, text: str, replaced: bool) -> None:
    """As an editor does, in one tick of the file system's clock, so that no time tells it from the last."""
    if replaced:
        other = file.with_suffix(".new")
        other.write_text(text, encoding="utf-8")
        other.rename(file)
    else:
        file.write_text(text, encoding="utf-8")
    os.utime(file, ns=(10**18, 10**18))


@pytest.mark.parametrize("replaced", [False, True])
def test_a_declaration_that_was_read_half_written_is_read_again(tmp_path: Path, replaced: bool) -> None:
    file = tmp_path / "recsysops.toml"
    written(file, WHOLE.partition("[permissions]")[0], replaced)
    assert recommender(file).permissions.respond == ()
    written(file, WHOLE, replaced)
    assert recommender(file).permissions.respond == ("slack:U1",)


def test_permissions_that_were_narrowed_count_at_once(tmp_path: Path) -> None:
    file = tmp_path / "recsysops.toml"
    written(file, WHOLE, replaced=True)
    assert recommender(file).permissions.respond == ("slack:U1",)
    written(file, WHOLE.replace("U1", "U2"), replaced=True)
    assert recommender(file).permissions.respond == ("slack:U2",)
