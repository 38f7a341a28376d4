"""Every block of TOML in the documentation is read as a declaration is."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from domain.errors import ConfigurationError
from tests.docs.pages import Block, blocks
from workers.declaration.declare import load

BASE = tomllib.loads(Path(__file__).with_name("base.toml").read_text(encoding="utf-8"))
NOT_INSTALLED = "late_views"
"""The kind that “Your own check” writes; `tests/bot/test_cli_own_check.py` follows that page."""
BLOCKS = [block for block in blocks("toml") if NOT_INSTALLED not in block.text]
ENVIRONMENT = {"HOOK_SECRET": "s", "WITNESS_SECRET": "s"}


def merged(base: Any, part: Any) -> Any:
    """The base with what the part says, table by table."""
    if not (isinstance(base, dict) and isinstance(part, dict)):
        return part
    return {**base, **{name: merged(base.get(name), value) for name, value in part.items()}}


def spelled(value: Any) -> str:
    """A value as TOML, on one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(name)} = {spelled(one)}' for name, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(spelled, value))}]"
    if isinstance(value, str | bool | int | float):
        return json.dumps(value, ensure_ascii=False)
    return str(value.isoformat())


def declared(folder: Path, written: str) -> Path:
    """A declaration that has what is written, and what it refers to."""
    file = folder / "recsysops.toml"
    whole = merged(BASE, tomllib.loads(written))
    file.write_text("\n".join(f"{name} = {spelled(one)}" for name, one in whole.items()), encoding="utf-8")
    return file


@pytest.mark.parametrize("block", BLOCKS, ids=[block.where for block in BLOCKS])
def test_a_block_is_a_declaration_or_fits_into_one(block: Block, tmp_path: Path) -> None:
    load(declared(tmp_path, block.text), ENVIRONMENT)


def test_a_block_with_an_unknown_key_does_not_pass(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="measured: unknown key; did you mean"):
        load(
            declared(tmp_path, '[checks.x]\nkind = "volume"\ntable = "plays"\nmeasured = "minutes"'),
            ENVIRONMENT,
        )


def test_there_are_blocks_and_only_those_of_one_page_are_left_to_another_test() -> None:
    left = {block.page for block in blocks("toml") if NOT_INSTALLED in block.text}
    assert len(BLOCKS) > 50
    assert left == {"docs/how-to/own-check.md"}
