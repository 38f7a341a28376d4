"""Which model's log is read for a finding, where a recommender has several models."""

from __future__ import annotations

import pytest

from domain.recommender.model import Model
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from workers.models.logged import log_of

UPSTREAM = {
    "profiles": (),
    "reads": ("profiles",),
    "fetched": ("profiles",),  # candidates of the first stage of the front page
    "ranked": ("fetched", "reads"),  # and of the second
    "found": (),  # those of the search
    "teasers": ("ranked",),
    "clicks": ("teasers",),
    "hits": ("found",),
    "lessons": ("clicks",),
    "weather": (),
}


def model(name: str, table: str, learned_from: tuple[str, ...] = ()) -> Model:
    return Model(
        name=name,
        path=f"{name}.skops",
        features=("x",),
        candidates=table,
        request="request",
        item="article",
        score="score",
        learned_from=learned_from,
    )


NEWSPAPER = Recommender(
    name="newspaper",
    tables={name: Table(name=name, path=f"{name}.csv", upstream=up) for name, up in UPSTREAM.items()},
    models={
        "fetcher": model("fetcher", "fetched"),
        "ranker": model("ranker", "ranked"),
        "search": model("search", "found", ("lessons",)),
    },
)


@pytest.mark.parametrize(
    ("table", "of"),
    [
        pytest.param("found", "search", id="its own candidates"),
        pytest.param("fetched", "fetcher", id="its own candidates, though others are made from them"),
        pytest.param("hits", "search", id="made from its candidates"),
        pytest.param("clicks", "ranker", id="of two stages the last one chose what is shown"),
        pytest.param("reads", "ranker", id="it feeds that stage alone"),
        pytest.param("profiles", "fetcher", id="it feeds both stages, the first one first"),
        pytest.param("lessons", "search", id="it is learned from, though made from others"),
        pytest.param("teasers", "ranker", id="made from its candidates, which others learn from later"),
        pytest.param("weather", "fetcher", id="nothing connects it with a model: the first declared"),
    ],
)
def test_the_log_is_that_of_the_model_that_the_table_is_about(table: str, of: str) -> None:
    log = log_of(NEWSPAPER, table)
    assert log is not None
    assert log.declared.name == of


def test_no_other_model_s_log_is_read_for_candidates_whose_own_model_does_not_say_what_is_in_them() -> None:
    silent = NEWSPAPER.models["search"].model_copy(update={"score": None})
    models = {**NEWSPAPER.models, "search": silent}
    assert log_of(NEWSPAPER.model_copy(update={"models": models}), "found") is None


def test_without_any_log_there_is_none() -> None:
    assert log_of(NEWSPAPER.model_copy(update={"models": {}}), "clicks") is None
