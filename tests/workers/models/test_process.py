"""A model in its own process: the same scores, and whatever it does there is a line here."""

import functools
import os
import signal
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    PolynomialFeatures,
    StandardScaler,
)

import domain
from domain.diagnosis.items.attribution import attribute_gap
from domain.errors import SourceError
from tests.domain.diagnosis.rerun.kitchen import FEATURES, Kitchen, visits
from workers.embedded.process import INHERITED
from workers.models import process
from workers.models.child import WAKE_SECONDS
from workers.models.process import MEGABYTE, ONE_THREAD, PASSED_ON, Limits, ModelProcess, open_model


def saved(model: Any, folder: Path) -> Path:
    skops.io.dump(model, folder / "m.skops")
    return folder / "m.skops"


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A model that makes four million features of two hundred."""
    inputs = np.random.default_rng(0).normal(size=(3, 200))
    model = make_pipeline(PolynomialFeatures(3), Ridge())
    model.named_steps["polynomialfeatures"].fit(inputs)
    model.named_steps["ridge"].fit(np.zeros((2, 1)), [0.0, 1.0])
    return saved(model, tmp_path)


@pytest.fixture
def kitchen(tmp_path: Path) -> Iterator[tuple[Kitchen, ModelProcess]]:
    here = Kitchen(1)
    with open_model(saved(here.estimator, tmp_path)) as there:
        yield here, there


def test_texts_and_unset_values_are_scored_there_to_the_bit(kitchen: tuple[Kitchen, ModelProcess]) -> None:
    here, there = kitchen
    rows = visits(here, 30, 2)
    asked = rows[list(FEATURES)]
    assert (there.kind, there.takes) == ("number", 4)
    np.testing.assert_array_equal(there.score(asked), here.score(asked))
    apart = there.readings(asked, pd.factorize(rows["visit"])[0])
    np.testing.assert_array_equal(
        apart["score in 64 bits"], here.readings(asked, pd.factorize(rows["visit"])[0])["64 bits"]
    )


def test_what_pulls_a_score_is_asked_there_also_of_texts(kitchen: tuple[Kitchen, ModelProcess]) -> None:
    here, there = kitchen
    rows = visits(here, 30, 2)
    thai = rows["cuisine"] == "thai"
    pulls = dict(attribute_gap(there, rows[thai], rows[~thai], FEATURES))
    assert max(pulls, key=lambda name: pulls[name]) == "cuisine"


def test_a_float_of_32_bits_is_computed_as_the_service_did(tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    inputs = chance.normal(size=(400, 5)).astype(np.float32)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(inputs, chance.random(400) < 0.3)
    with open_model(saved(model, tmp_path)) as there:
        found = there.readings(pd.DataFrame(inputs, columns=list("abcde")))
    np.testing.assert_array_equal(found["score in 32 bits"], model.decision_function(inputs))
    np.testing.assert_array_equal(found["chance in 32 bits"], model.predict_proba(inputs)[:, 1])


def test_only_the_arithmetic_that_is_asked_for_is_computed(kitchen: tuple[Kitchen, ModelProcess]) -> None:
    here, there = kitchen
    rows = visits(here, 30, 2)
    numbers = pd.factorize(rows["visit"])[0]
    found = there.readings(rows[list(FEATURES)], numbers, ["score in 32 bits"])
    assert list(found) == ["score in 32 bits"]
    every = there.readings(rows[list(FEATURES)], numbers)
    np.testing.assert_array_equal(found["score in 32 bits"], every["score in 32 bits"])


def test_a_model_that_wants_more_memory_than_it_may_have_is_reported(wide: Path) -> None:
    with open_model(wide, Limits(memory=300 * MEGABYTE)) as there:
        rows = pd.DataFrame(np.ones((500, 200)), columns=[f"f{n}" for n in range(200)])
        with pytest.raises(SourceError, match=r"m\.skops: .*more memory than it may have \(300 MB\)"):
            there.score(rows)


def test_a_model_that_does_not_come_back_is_stopped(wide: Path) -> None:
    with open_model(wide) as there:
        there.limits = Limits(seconds=0.05)
        rows = pd.DataFrame(np.ones((40, 200)), columns=[f"f{n}" for n in range(200)])
        with pytest.raises(SourceError, match=r"took more than 0\.05 s, and the model was stopped"):
            there.score(rows)
        assert not psutil.pid_exists(there.pid)


def test_a_model_whose_process_is_killed_is_reported_and_the_next_one_runs(
    kitchen: tuple[Kitchen, ModelProcess],
) -> None:
    here, there = kitchen
    os.kill(there.pid, signal.SIGSEGV)
    asked = visits(here, 3, 2)[list(FEATURES)]
    with pytest.raises(SourceError, match="ended without an answer"):
        there.score(asked)
    with open_model(there.path) as again:
        assert len(again.score(asked)) == len(asked)


def test_nothing_of_a_file_that_would_run_something_runs(tmp_path: Path) -> None:
    harm = FunctionTransformer(functools.partial(os.mkdir, str(tmp_path / "harm")))
    with pytest.raises(SourceError, match=r"not trusted and was not opened: functools\.partial"):
        open_model(saved(harm, tmp_path))
    assert not (tmp_path / "harm").exists()


def test_a_feature_that_the_log_lacks_is_named(kitchen: tuple[Kitchen, ModelProcess]) -> None:
    here, there = kitchen
    with pytest.raises(SourceError, match="calories"):
        there.score(visits(here, 2, 2)[["cuisine", "steps", "rating_before"]])


def test_the_process_is_told_none_of_our_secrets(kitchen: tuple[Kitchen, ModelProcess]) -> None:
    names = {name for name in psutil.Process(kitchen[1].pid).environ() if not name.startswith("LC_")}
    assert names <= {*INHERITED, *ONE_THREAD, *PASSED_ON}


def test_a_small_file_that_unpacks_into_more_than_memory_is_reported_and_the_next_model_runs(
    tmp_path: Path, kitchen: tuple[Kitchen, ModelProcess]
) -> None:
    here, there = kitchen
    bomb = tmp_path / "bomb.skops"
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed,
        packed.open("schema.json", "w", force_zip64=True) as member,
    ):
        for _ in range(1_024):
            member.write(b" " * MEGABYTE)
    assert bomb.stat().st_size < 4 * MEGABYTE
    with pytest.raises(SourceError, match=r"bomb\.skops: it wanted more memory than it may have \(300 MB\)"):
        open_model(bomb, Limits(memory=300 * MEGABYTE))
    asked = visits(here, 3, 2)[list(FEATURES)]
    assert len(there.score(asked)) == len(asked)


BADLY = """
import os, time
import __main__ as child
properly = child._done

def forking(model, asked, frame):
    if asked["do"] == "readings":
        while True:
            try:
                os.write(1, b"look at me " * 100_000)
            except OSError as error:
                raise RuntimeError from error
    if os.fork() == 0:
        time.sleep(600)
    if asked["do"] == "contributions":
        time.sleep(600)
    return properly(model, asked, frame)

child._done = forking
"""


@pytest.fixture
def badly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelProcess]:
    """A model whose library forks at each question, and never stops writing if asked for readings."""
    (tmp_path / "badly.py").write_text(BADLY)
    path = (str(tmp_path), str(Path(domain.__file__).parents[1]))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    monkeypatch.setattr(process, "_started", [])
    with ModelProcess(saved(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]), tmp_path), needs=["badly"]) as model:
        yield model
    forker = process._forker()
    forker.line.close()  # as if this process were gone: it ends, and all that models forked
    forker.process.wait(30)


ROW = pd.DataFrame({"a": [1.0]})


def gone(one: psutil.Process) -> bool:
    """Whether it ends before long; a machine without an init may leave its number behind."""
    until = time.monotonic() + WAKE_SECONDS + 30
    while time.monotonic() < until:
        if not one.is_running() or one.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def forked(model: ModelProcess) -> list[psutil.Process]:
    return list(psutil.Process(model.pid).children())


def test_what_a_model_forks_ends_with_it_however_it_ends(badly: ModelProcess) -> None:
    badly.score(ROW)
    badly.score(ROW)
    (first, second), forker = forked(badly), process._forker()
    with open_model(badly.path) as other:
        other.score(ROW)
        badly.limits = Limits(seconds=0.5)
        with pytest.raises(SourceError, match="and the model was stopped"):
            badly.contributions(ROW, ROW)
        assert gone(first) and gone(second)
        (third,) = forked(other)
        os.kill(other.pid, signal.SIGSEGV)
        with pytest.raises(SourceError, match=r"ended without an answer|was killed"):
            other.score(ROW)
    with open_model(badly.path) as last:
        last.score(ROW)
        (fourth,) = forked(last)
    assert gone(third) and gone(fourth)
    assert forker.lives


def test_a_model_that_never_stops_writing_writes_nothing(badly: ModelProcess) -> None:
    with pytest.raises(SourceError, match="RuntimeError"):
        badly.readings(ROW)
    assert os.fstat(process._forker().said.fileno()).st_size == 0
    assert len(badly.score(ROW)) == 1
