"""Checks of a team's own: found, read, judged, measured again, and what becomes of broken ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.errors import ConfigurationError, Unmeasurable
from domain.values import slice_of
from tests.workers.strangers import COUNTS, EXPRESSION, HISTOGRAMS, WRONG, Install, installing
from workers.checks.run import FAULT, run_checks
from workers.conformance import END, found, measured, sound
from workers.conformance.table import NAME, declared
from workers.declaration.declare import load
from workers.doctor import doctor

FAULTS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "too_few": (COUNTS, {}, lambda last: last[: len(last) // 3]),
    "too_long": (
        WRONG,
        {"column": "minutes", "dimensions": ["country"]},
        lambda last: last.assign(minutes=last["minutes"].where(last["country"] != "France", 200.0)),
    ),
    "moved": (HISTOGRAMS, {}, lambda last: last.assign(rating=last["rating"] + 2)),
    "too_keen": (EXPRESSION, {"most": 6.0}, lambda last: last.assign(member_id=last["member_id"].str[:2])),
}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    with installing(tmp_path, monkeypatch) as install:
        yield install


@pytest.mark.parametrize("kind", FAULTS)
def test_a_check_of_ones_own_finds_its_fault_and_sees_it_fixed(
    install: Install, tmp_path: Path, kind: str
) -> None:
    source, keys, spoil = FAULTS[kind]
    install(kind, source)
    assert found({"kind": kind, **keys}, tmp_path / "sound", lambda last: last) == ()
    findings = found({"kind": kind, **keys}, tmp_path / "spoilt", spoil)
    assert findings
    assert findings[0].slice == (slice_of(country="France") if kind == "too_long" else ())
    if kind == "moved":
        with pytest.raises(Unmeasurable, match="cannot be measured again"):
            measured({"kind": kind, **keys}, findings[0], tmp_path / "again", spoil)
        return
    then, now = measured({"kind": kind, **keys}, findings[0], tmp_path / "again", spoil)
    assert (then.within, now.within) == (False, True)


def test_options_are_read_and_what_is_wrong_with_them_is_reported_with_its_line(
    install: Install, tmp_path: Path
) -> None:
    install("too_long", WRONG)
    good = declared({"kind": "too_long", "column": "minutes"}, sound(1), tmp_path)
    assert good.checks[NAME].options == {"column": "minutes", "most": 90.0}
    text = (tmp_path / "recsysops.toml").read_text()
    for wrong, words in {
        'colum = "minutes"': 'unknown key; did you mean "column"?',
        'column = "minutes"\nmost = "many"': "Input should be a valid number",
        'column = "minutes"\nranges = {a = [0, 1]}': "ranges is for kind domain",
        "": "on_trial.column: missing",
    }.items():
        (tmp_path / "recsysops.toml").write_text(text.replace('column = "minutes"', wrong))
        with pytest.raises(ConfigurationError) as raised:
            load(tmp_path, {})
        assert words in str(raised.value)
        assert f"{tmp_path / 'recsysops.toml'}:" in str(raised.value)


def test_a_kind_that_is_not_installed_is_reported_with_the_nearest_and_how_to_get_one(
    install: Install, tmp_path: Path
) -> None:
    install("too_long", WRONG)
    with pytest.raises(ConfigurationError) as raised:
        declared({"kind": "to_long", "column": "minutes"}, sound(1), tmp_path)
    assert 'did you mean "too_long"?' in str(raised.value)
    assert "pip install -e FOLDER" in str(raised.value)
    assert "recsysops check new to_long" in str(raised.value)


BROKEN = {
    "cannot_import": ("import nowhere_at_all\n", "(module nowhere_at_all) (cannot_import.py:1)"),
    "leaves": ("raise SystemExit(3)\n", "SystemExit (leaves.py:1)"),
    "is_none": ("CHECK = 7\n", "is int, not a Kind"),
    "other_name": (COUNTS, 'says kind = "too_few"'),
    "as_ours": (COUNTS.replace("too_few", "volume"), 'says kind = "volume"; write both alike'),
    "own_window": (
        COUNTS.replace("too_few", "own_window").replace("least_a_day:", "window:"),
        '"window" is a key of every check',
    ),
    "raises": (COUNTS.replace("too_few", "raises").replace("total[-1]", "total[-99]"), "(raises.py:11)"),
    "raises_deep": (
        COUNTS.replace("too_few", "raises_deep").replace("seen.data.total[-1]", "np.ones(2).reshape(3)")
        + "import numpy as np\n",
        "(raises_deep.py:11)",
    ),
    "not_finite": (
        COUNTS.replace("too_few", "not_finite").replace("Judgement(rows", "Judgement(float('nan')"),
        "observed of a judgement is nan",
    ),
    "gives_numbers": (COUNTS.replace("too_few", "gives_numbers").replace("[Judgement(", "[*("), "gave float"),
    "no_windows": (
        EXPRESSION.replace("too_keen", "no_windows")
        .replace("group_by(WINDOW, *dimensions).", "")
        .replace("most: float", "most: float = 9"),
        "a table with the column '__window'",
    ),
    "no_column": (
        WRONG.replace("too_long", "no_column").replace("column: str", 'column: str = "minuts"'),
        'has no column "minuts"; did you mean "minutes"?',
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_check_is_its_own_finding_and_a_line_of_the_doctor_and_the_others_go_on(
    install: Install, tmp_path: Path, kind: str
) -> None:
    source, words = BROKEN[kind]
    install(kind, source)
    recommender = declared({"kind": kind}, sound(), tmp_path, other=True)
    result = run_checks(recommender, END)
    (finding,) = result.findings
    assert (finding.check, finding.subject) == (NAME, FAULT)
    assert words in result.notes[NAME]
    assert set(result.state.checks) == {NAME, "other"}
    if kind not in ("raises", "raises_deep", "not_finite", "gives_numbers", "no_windows"):
        lines = [one for one in doctor.check(tmp_path, environment={}, at=END) if one.level == "error"]
        assert any(words.partition(";")[0] in one.says for one in lines if one.where == f"checks.{NAME}")
