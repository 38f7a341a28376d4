"""What a Spark url says, and the message if a Spark cannot start."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from domain.errors import SourceError
from workers.sources.engines.engine import open_url
from workers.sources.engines.spark import read_url, require_java


@pytest.mark.parametrize(
    ("url", "master", "settings"),
    [
        ("spark://local[2]", "local[2]", {}),
        ("spark://local[*]?a.b=c&d=e%20f", "local[*]", {"a.b": "c", "d": "e f"}),
        ("spark://yarn", "yarn", {}),
        ("spark://host:7077?x=1", "spark://host:7077", {"x": "1"}),
        ("spark://?x=1", "", {"x": "1"}),
        ("pyspark://local[1]", "local[1]", {}),
    ],
)
def test_a_url_names_the_master_and_its_settings(url: str, master: str, settings: dict[str, str]) -> None:
    assert read_url(url) == (master, settings)


def java(folder: Path, says: str) -> str:
    """A home of a Java that says so of itself."""
    program = folder / "bin/java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    program.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize("says", ['openjdk version "17.0.21" 2026-10-20', 'java version "21" 2023-09-19 LTS'])
def test_a_java_that_spark_runs_on_is_fine(tmp_path: Path, says: str) -> None:
    require_java(java(tmp_path, says))


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ('openjdk version "1.8.0_392"', "is Java 8"),
        ('openjdk version "11.0.2" 2019-01-15', "is Java 11"),
        ('openjdk version "25" 2025-09-16', "is Java 25"),
        ("what?", "does not say which it is"),
    ],
)
def test_another_java_is_named_with_what_to_do(tmp_path: Path, says: str, words: str) -> None:
    with pytest.raises(
        SourceError, match=f"Spark needs Java 17 or 21, and .*bin/java {words}; set JAVA_HOME"
    ):
        require_java(java(tmp_path, says))


def test_no_java_at_all_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match=r"and JAVA_HOME, .*, has none; install one"):
        require_java(str(tmp_path / "nowhere"))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(SourceError, match="and the PATH has none; install one"):
        require_java(None)


def test_without_pyspark_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(SourceError, match=r'table "views": pyspark is not installed; .*recsysops\[spark\]'):
        open_url("views", "spark://local[2]")


def test_a_url_that_nothing_installed_reads_says_so() -> None:
    with pytest.raises(SourceError, match=r'table "views": what reads such a url is not installed'):
        open_url("views", "bigquery://project/data")
