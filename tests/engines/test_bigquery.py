"""Every question can be asked of BigQuery: in its words, without what only other engines know."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines import world
from tests.engines.answers import answers, differences
from tests.engines.compiled import Compiled
from tests.engines.places import in_files
from workers.sources import source

ESTIMATED = ("drift", "tail")
"""Checks of quantiles, which BigQuery estimates, and of groups of texts, whose digest it spells otherwise."""


def test_every_question_compiles_and_no_other_way_of_counting_finds_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write(tmp_path)
    bigquery = Compiled(tmp_path)
    monkeypatch.setattr(source, "open_url", lambda _name, _url, _seconds: bigquery)
    there = world.declared(lambda name: {"url": "bigquery://project/data", "table": name})
    here, there_found = (
        answers(one, world.LOOKS[1:2]) for one in (world.declared(in_files(tmp_path)), there)
    )
    assert len(bigquery.asked) > 50
    found = [(f["check"], f["slice"], f["subject"]) for f in here["looks"][0]["findings"]]
    assert found == [(f["check"], f["slice"], f["subject"]) for f in there_found["looks"][0]["findings"]]
    assert {check for check, _slice, _subject in found} == set(world.CHECKS) - {"slices"}
    for answer in (here, there_found):
        findings = answer["looks"][0]["findings"]
        answer["looks"][0]["findings"] = [one for one in findings if one["check"] not in ESTIMATED]
        answer["measured"] = [
            again
            for one, again in zip(findings, answer["measured"], strict=True)
            if one["check"] not in ESTIMATED
        ]
        for name in ESTIMATED:
            answer["looks"][0]["state"]["checks"].pop(name)
    assert list(differences(here, there_found)) == []
