"""Metrics of a ranking as the engine computes them, against scikit-learn's; and judged as a series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from domain.detection.data.outcomes import EDGES
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from tests.workers.rankings import END, HOUR, write_rankings
from workers.checks.measure import measure
from workers.checks.plan import plan
from workers.checks.run import run_checks
from workers.sources.logged.scored import metric_rows, outcome_rows

KINDS = ("auc", "log_loss", "ndcg", "hit_rate", "mrr")
CHECKS = "".join(
    f'\n[checks.{name}]\nkind = "metric"\ntable = "candidates"\nmetric = "{name}"\n' for name in KINDS
)
CHECKS += '\n[checks.calibration]\nkind = "calibration"\ntable = "candidates"\n'


def ties(frame: pd.DataFrame, last: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
    """Scores of two digits, so that many are alike; some are not set."""
    score = frame["score"].round(2).mask(chance.random(len(frame)) < 0.01, np.nan)
    return frame.assign(score=score)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    return write_rankings(tmp_path_factory.mktemp("shop"), CHECKS, ties, hours=4)


@pytest.fixture(scope="module")
def truth(shop: Recommender) -> pd.DataFrame:
    """The candidates with what was chosen and their place in the request, worked out apart."""
    frame = pd.read_parquet(f"{shop.folder}/candidates/all.parquet")
    chosen = pd.read_parquet(f"{shop.folder}/chosen.parquet").assign(chosen=1)
    frame = frame.merge(chosen[["request", "item", "chosen"]], on=["request", "item"], how="left")
    frame["chosen"] = frame["chosen"].fillna(0)
    ordered = frame.sort_values(["score", "item"], ascending=[False, True], na_position="last")
    frame["rank"] = ordered.groupby("request").cumcount() + 1
    return frame


def value(shop: Recommender, name: str, device: str | None = None, **more: object) -> float:
    """The metric of the last hour."""
    declared = shop.checks[name].model_dump(exclude_unset=True)
    planned = plan(shop, Check.model_validate({**declared, **more}))
    metric = metric_rows(shop, planned.check, planned.grid(END), ("device",))
    place = metric.slices.index((("device", device),) if device else ())
    return float(metric.held[-1, place])


@pytest.mark.parametrize("device", [None, "tv", "web"])
def test_auc_and_log_loss_are_those_of_scikit_learn(
    shop: Recommender, truth: pd.DataFrame, device: str | None
) -> None:
    now = truth[(truth["at"] >= END - HOUR) & truth["shown"] & truth["score"].notna()]
    now = now if device is None else now[now["device"] == device]
    assert value(shop, "auc", device) == pytest.approx(roc_auc_score(now["chosen"], now["score"]))
    loss = log_loss(now["chosen"], now["score"].clip(1e-15, 1 - 1e-15))
    assert value(shop, "log_loss", device) == pytest.approx(loss)


@pytest.mark.parametrize("top", [1, 3, 8])
def test_metrics_of_places_are_means_over_requests_with_a_choice(
    shop: Recommender, truth: pd.DataFrame, top: int
) -> None:
    ndcg, hits, reciprocal = [], [], []
    picked = truth[(truth["at"] >= END - HOUR) & (truth["chosen"] == 1)]
    for _request, rows in picked.groupby("request"):
        ranks = rows["rank"].to_numpy()
        gain = (1 / np.log2(ranks[ranks <= top] + 1)).sum()
        ndcg.append(gain / (1 / np.log2(np.arange(1, min(len(ranks), top) + 1) + 1)).sum())
        hits.append(float(ranks.min() <= top))
        reciprocal.append(1 / ranks.min() if ranks.min() <= top else 0.0)
    for name, each in (("ndcg", ndcg), ("hit_rate", hits), ("mrr", reciprocal)):
        assert value(shop, name, top=top) == pytest.approx(np.mean(each)), name


def test_scores_and_choices_are_added_up_by_slice_and_score(shop: Recommender, truth: pd.DataFrame) -> None:
    planned = plan(shop, shop.checks["calibration"])
    found = outcome_rows(shop, planned.check, planned.grid(END), planned.dimensions)
    assert found.score == "score"
    seen = truth[(truth["at"] >= END - HOUR) & truth["shown"] & truth["score"].notna()]
    for where in ((), (("device", "tv"),), (("device", "web"), ("genre", "drama"))):
        rows = seen
        for name, text in where:
            rows = rows[rows[name] == text]
        place = found.cells.index(where)
        bins = np.clip(np.searchsorted(EDGES, rows["score"], side="left") - 1, 0, len(EDGES) - 2)
        for held, weight in ((found.rows, None), (found.scored, "score"), (found.chosen, "chosen")):
            weights = rows[weight] if weight else None
            assert held[-1, place] == pytest.approx(np.bincount(bins, weights, minlength=len(EDGES) - 1))


def test_a_metric_that_falls_is_found_in_its_slice_and_measured_to_be_back(tmp_path: Path) -> None:
    def turned(frame: pd.DataFrame, last: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
        """For two hours the scores of the web are turned round."""
        hit = (frame["at"] >= END - 3 * HOUR) & (frame["at"] < END - HOUR) & (frame["device"] == "web")
        return frame.assign(score=frame["score"].where(~hit, -frame["score"]))

    checks = CHECKS.replace('metric = "auc"', 'metric = "auc"\ndimensions = ["device"]')
    shop = write_rankings(tmp_path, checks, turned, hours=120, requests_an_hour=250)
    named = {name: shop.checks[name] for name in ("auc",)}
    shop = shop.model_copy(update={"checks": named})
    assert run_checks(shop, END - 3 * HOUR).findings == ()
    (found,) = run_checks(shop, END - 2 * HOUR).findings
    assert found.slice == (("device", "web"),)
    assert found.title.startswith("candidates where device = web: AUC 14 % lower than usual for 4h")
    assert "lower than usual" in found.title
    assert found.unit == "AUC"
    assert not measure(shop, found, END - 2 * HOUR, END - HOUR).within
    assert measure(shop, found, END - HOUR, END).within


def test_what_is_worse_is_known_of_each_metric(shop: Recommender) -> None:
    assert {plan(shop, shop.checks[name]).check.options["top"] for name in ("ndcg", "hit_rate", "mrr")} == {4}
    assert plan(shop, shop.checks["auc"]).check.options.get("top") is None
