"""
What a kind of check may ask of the engine: a closed set. Only the small answer leaves the engine.

Each is a value; its reader is listed in one table, `workers.checks.read`. A kind that asks for something new
adds its value here and its reader there; any other kind needs neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pandas as pd

from domain.detection.data.arrivals import Feeds
from domain.detection.data.columns import Columns
from domain.detection.data.counts import Counts
from domain.detection.data.feature_skew import ServedFeatures
from domain.detection.data.histogram import Histograms
from domain.detection.data.metric import Metric
from domain.detection.data.outcomes import Outcomes
from domain.detection.data.ratio_cells import RatioCells
from domain.detection.data.served import Served
from domain.detection.data.tally import Tally
from domain.detection.data.trainings import Ages, Runs
from domain.detection.exposure.against_engagement import Engagement

D = TypeVar("D")


class Needs(Generic[D]):
    """What is read for a look: one of the classes below."""


@dataclass(frozen=True)
class RowCounts(Needs[Counts]):
    """Rows (or the sum of the column `measure`) by window and slice."""


@dataclass(frozen=True)
class CountsOrRatio(Needs[Counts | RatioCells]):
    """The same; and if the check asks for a mean or a ratio, both its sides by window and cell."""


@dataclass(frozen=True)
class Arrivals(Needs[Feeds]):
    """When the table had rows, whole and by slice, at a resolution of a sixth of a window."""


@dataclass(frozen=True)
class AggregateByWindow(Needs[Metric]):
    """A sum, mean, quantile or ratio of columns by window, whole and by slice."""


@dataclass(frozen=True)
class RankingQuality(Needs[Metric]):
    """AUC, log loss, NDCG, hit rate or MRR of logged rankings by window, whole and by slice."""


@dataclass(frozen=True)
class WrongRows(Needs[Tally]):
    """
    Rows by window and slice, and how many of them have something wrong.

    `wrong` turns the table's rows (an Ibis table) and the options into what may be wrong: name → boolean
    column expression. The names become `Tally.columns`.
    """

    wrong: Callable[[Any, Any], Mapping[str, Any]]


@dataclass(frozen=True)
class MissingValues(Needs[Tally]):
    """Rows without a value: null, not a number, or an empty text."""


@dataclass(frozen=True)
class OutsideDomain(Needs[Tally]):
    """Rows with values outside a declared or learned range, or not among the known ones."""


@dataclass(frozen=True)
class RepeatedKeys(Needs[Tally]):
    """Rows that share their key with another row of the window."""


@dataclass(frozen=True)
class DanglingReferences(Needs[Tally]):
    """Rows that refer to something another table does not have."""


@dataclass(frozen=True)
class LowRankedChoices(Needs[Tally]):
    """Choices, and how many of them the model had ranked low."""


@dataclass(frozen=True)
class UnusualNumbers(Needs[Tally]):
    """Rows with numbers that are NaN, infinite, far out, or all alike."""


@dataclass(frozen=True)
class UnmatchedRows(Needs[Tally]):
    """Rows without a counterpart in the table beside."""


@dataclass(frozen=True)
class KeptRows(Needs[Tally]):
    """Rows, counting each key once, and those that the table beside has as well."""


@dataclass(frozen=True)
class DifferingRows(Needs[Tally]):
    """Rows with a counterpart, and those with another value there."""


@dataclass(frozen=True)
class RecomputedScores(Needs[Tally]):
    """Logged rows of versions whose files are at hand, and those whose score its file does not compute."""


@dataclass(frozen=True)
class ExposureByRank(Needs[Tally]):
    """Candidates by slice, weighted by the exposure that their rank usually gets, and those shown."""


@dataclass(frozen=True)
class RowsByItem(Needs[Tally]):
    """Rows by slice and item, the most frequent items of each; all of them are flagged, as `shown`."""


@dataclass(frozen=True)
class StageFlow(Needs[Tally]):
    """Rows, and those that got through each stage and all before it."""


@dataclass(frozen=True)
class ServedVersions(Needs[Served]):
    """Rows that count once, those that each version served, and which version should serve."""


@dataclass(frozen=True)
class ColumnHistograms(Needs[Histograms]):
    """Columns cut into bins by window and slice; `columns` names them."""

    columns: Callable[[Any], tuple[str, ...]]


@dataclass(frozen=True)
class ScoreHistograms(Needs[Histograms]):
    """The same for the columns that hold a model's scores."""


@dataclass(frozen=True)
class AnswerTimes(Needs[Histograms]):
    """The time that answers took, in buckets that widen with it, by window and slice."""


@dataclass(frozen=True)
class ColumnTypes(Needs[Columns]):
    """The table's columns and what they hold as it is currently written."""


@dataclass(frozen=True)
class ScoredChoices(Needs[Outcomes]):
    """Scores as probabilities and what was chosen of them, by window, slice and score."""


@dataclass(frozen=True)
class FeatureSkew(Needs[ServedFeatures]):
    """Features as fed to a model, and as it learned them."""


@dataclass(frozen=True)
class TrainingRuns(Needs[Runs]):
    """What the training runs in the look's history report about themselves."""


@dataclass(frozen=True)
class ServingAges(Needs[Ages]):
    """What served in the look's history, and the time each dates from."""


@dataclass(frozen=True)
class EngagementBefore(Needs[Engagement]):
    """What was shown and chosen of each item, in the judged window and in the time before."""


@dataclass(frozen=True)
class OwnExpression(Needs[pd.DataFrame]):
    """
    Anything that Ibis can ask. `ask` is given the table's rows, which have the window in the column `WINDOW`
    and the dimensions as texts, the options, and the names of the dimensions; it returns a table expression
    with the column `WINDOW`, a row for each window and whatever else it distinguishes. It is run in the
    engine.
    """

    ask: Callable[[Any, Any, tuple[str, ...]], Any]
