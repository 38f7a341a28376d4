"""
Losses that no single window shows: evidence that adds up from an unknown onset on, for many slices at once.

For every onset τ in question, the windows since then are compared with two forecasts, both made one window
ahead: one that follows the rows, and one that would have followed them had they fallen to r of
what they were at τ. The likelihood ratio of the two multiplies from window to window; it is averaged over
r (as nobody knows how large the change is) and summed over τ (nor when it began):

    E(τ) = mean over r of Π_{t ≥ τ} p(y_t | c·m_t) / p(y_t | m_t)        M = Σ_τ E(τ)

m_t is what window t was expected to hold when it was judged; c undoes, in the second forecast, what the
first has learned since τ, so that the loss is counted from the level before it: c = 1 / (1 + g (1/r − 1)),
where g is the part of the level's weight at t that stems from before τ (1 while nothing is learned, as in a
standing finding).

**The bound.** If the first forecast is right, each ratio has mean one whatever came before, so that
E(τ) is a nonnegative martingale that begins at one, and M minus the number of windows is a supermartingale:
M stays below `limit` for at least `limit` windows on average (optional stopping; omitting onsets only
lowers M). One check therefore alarms at most `looks a week / limit` times a week. If the level wanders
more than any of the forecasts allows for, the bound does not hold: how often that causes alarms is measured,
not derived.

How windows scatter is itself only estimated: p is a mixture of negative binomials, each weighted by its
likelihood so far, so that a short history, or one in which all windows are odd, yields little evidence.

Source:
    Shiryaev (1963) and Roberts (1966), with any e-processes in place of likelihood ratios: Shin, Ramdas &
    Rinaldo (2023), "E-detectors: a nonparametric framework for sequential change detection", New England J.
    Stat. Data Sci. 2(2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, logsumexp

from domain.detection.data.counts import Floats
from domain.detection.expect.overdispersion import CLIP, dispersion_of
from domain.detection.expect.steady import Memory, Steady
from domain.detection.judge.discovery import ALPHA

LEAST_LEARNED = 10  # windows needed before an onset to compare it with
WARM_UP = 5  # windows learned before a forecast's errors say how windows scatter
RATIOS = 8  # sizes of a change to average over, each way: one between few of them shows half as well
MOST_LOST, MOST_MORE = (
    0.3,
    3.0,
)  # the largest change, relative to what was there before: more shows in a single window
REACH = 0.5  # of the history, how far back an onset is looked for
SIZES = 1.4 ** np.arange(-2.0, 3.0)  # multiples of the estimated dispersion that are averaged over
POISSON = 1e9  # the size at which a negative binomial counts as a Poisson
SMALL = 1e-9

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Since:
    """
    What is known since an onset, for one slice: `log_evidence` of all onsets together, the `onset` (a
    window) that explains most, and over the windows since then what was `observed`, `expected` at the level
    before it, and its standard deviation `spread`. `over`: whether of late the rows are more likely back than
    still as they were.
    """

    log_evidence: float
    onset: int
    observed: float
    expected: float
    spread: float
    over: bool


@dataclass(frozen=True)
class Alternatives:
    """(n_ratios,) the changes looked for, relative to what was there before, and the weight of each."""

    ratios: Floats

    @classmethod
    def of(cls, direction: str, least_change: float) -> Alternatives:
        """
        From the least change that matters to nearly everything, evenly spaced by what Poisson counts can tell
        apart.

        >>> Alternatives.of("drop", 0.19).ratios.round(2).tolist()
        [0.3, 0.36, 0.42, 0.49, 0.56, 0.64, 0.72, 0.81]
        """
        least = min(max(least_change, 0.05), 1 - 1.5 * MOST_LOST)
        drops = np.linspace(np.sqrt(MOST_LOST), np.sqrt(1 - least), RATIOS) ** 2
        surges = np.linspace(np.sqrt(1 + least), np.sqrt(MOST_MORE), RATIOS) ** 2
        every = {"drop": drops, "surge": surges}.get(direction, np.concatenate([drops, surges]))
        return cls(np.asarray(every))


@dataclass(frozen=True)
class _Past:
    """
    How windows scatter by the forecasts of one memory: (n_sizes, n_slices) candidate `size`s of negative
    binomials, (n_sizes, n_windows + 1, n_slices) the log `likelihood` of each by the windows before.
    """

    size: Floats
    likelihood: Floats


def _past(rows: Floats, mean: Floats, speaks: Mask) -> _Past:
    mean = np.maximum(mean, SMALL)
    z = np.where(speaks[:, None], (rows - mean) / np.sqrt(mean), np.nan)
    usual = np.median(mean[speaks], axis=0) if speaks.any() else np.ones(rows.shape[1])
    dispersion = dispersion_of(z)
    beyond = np.maximum(dispersion * SIZES[:, None] - 1, 0.0) / np.maximum(usual, SMALL)
    size = 1 / np.maximum(beyond, 1 / POISSON)
    # One odd window in weeks says little about how the others scatter.
    limit = CLIP * np.sqrt(dispersion * mean)
    bounded = np.maximum(mean + np.clip(rows - mean, -limit, limit), 0.0)
    each = np.where(speaks[:, None], _log_probability(bounded, mean, size[:, None]), 0.0)
    likelihood = np.concatenate([np.zeros_like(each[:, :1]), np.cumsum(each, axis=1)], axis=1)
    return _Past(size, likelihood)


def _log_probability(y: Floats, mean: Floats, size: Floats) -> Floats:
    """The log probability of `y` under negative binomials."""
    counted = np.where(size < POISSON / 2, gammaln(y + size) - gammaln(size) - y * np.log(size), 0.0)
    return np.asarray(counted - gammaln(y + 1) + y * np.log(mean) - (y + size) * np.log1p(mean / size))


@dataclass(frozen=True)
class Sequence:
    """
    The history that evidence is gathered from; the last window is the one that is judged.

    `learn` (n_windows,) are those that the forecasts learned from; `counted` those that count as evidence:
    not what was found and is over.
    """

    steady: Steady
    learn: Mask
    counted: Mask

    @cached_property
    def onsets(self) -> list[int]:
        """The windows that a change may have begun with, the latest first."""
        last, known = len(self.counted) - 1, self.counted & (self.steady.learned >= LEAST_LEARNED)
        return [last - lag for lag in range(int(REACH * len(known))) if known[last - lag]]

    @cached_property
    def past(self) -> tuple[_Past, ...]:
        """How windows scatter, according to each memory's forecasts."""
        speaks = self.learn & (self.steady.learned >= WARM_UP)
        return tuple(_past(self.steady.rows, memory.mean, speaks) for memory in self.steady.memories)

    @cached_property
    def spoken(self) -> tuple[Floats, ...]:
        """
        By memory, (n_sizes, n_windows + 1, n_slices) the log likelihood of each size by the earlier windows
        that count as evidence, however far off they are.
        """
        found = []
        for memory, past in zip(self.steady.memories, self.past, strict=True):
            each = _log_probability(self.steady.rows, np.maximum(memory.mean, SMALL), past.size[:, None])
            each = np.where(self.counted[:, None], each, 0.0)
            found.append(np.concatenate([np.zeros_like(each[:, :1]), np.cumsum(each, axis=1)], axis=1))
        return tuple(found)

    @cached_property
    def likely(self) -> Floats:
        """(n_memories, n_windows + 1, n_slices) the log likelihood of each memory by the windows before."""
        return np.array([logsumexp(one.likelihood, axis=0) for one in self.past])

    def memory(self, onset: int) -> npt.NDArray[np.intp]:
        """
        (n_slices,) the place of the memory to forecast with from `onset` on: the one that did best before it.
        """
        return np.asarray(self.likely[:, onset].argmax(axis=0))

    def only(self, places: Places) -> Sequence:
        """The same for some of the slices."""
        steady = replace(
            self.steady,
            rows=self.steady.rows[:, places],
            due=self.steady.due[:, places],
            memories=tuple(one.only(places) for one in self.steady.memories),
        )
        return replace(self, steady=steady)


def log_evidence(sequence: Sequence, alternatives: Alternatives) -> tuple[Floats, Places]:
    """
    (n_slices,) the logarithm of M, and the onset (a window) that contributes most to it. −∞ and the last
    window if the history is too short for any.
    """
    count, onsets = sequence.steady.rows.shape[1], sequence.onsets
    if not onsets or not count:
        return np.full(count, -np.inf), np.full(count, len(sequence.counted) - 1)
    each = np.array([_since(sequence, onset, alternatives) for onset in onsets])
    best = np.array(onsets)[each.argmax(axis=0)]
    return np.asarray(logsumexp(each, axis=0)), best.astype(np.intp)


def _since(sequence: Sequence, onset: int, alternatives: Alternatives) -> Floats:
    """(n_slices,) the logarithm of E(onset)."""
    windows, best = onset + np.flatnonzero(sequence.counted[onset:]), sequence.memory(onset)
    evidence = np.zeros(len(best))
    for place in np.unique(best).tolist():
        some = np.flatnonzero(best == place)
        memory, past = sequence.steady.memories[place].only(some), sequence.past[place]
        y, mean = sequence.steady.rows[windows][:, some], np.maximum(memory.mean[windows], SMALL)
        size = past.size[:, None, some]
        spoken = sequence.spoken[place][:, :, some]
        weight = past.likelihood[:, onset, some] + spoken[:, -1] - spoken[:, onset]
        weight = (weight - logsumexp(weight, axis=0))[:, None]
        factor = _undone(sequence, memory, onset, windows, alternatives.ratios)
        changed = _log_ratio(y, mean, factor, size[:, None]).sum(axis=2)
        evidence[some] = logsumexp(weight + changed, axis=(0, 1))
    return np.asarray(evidence - np.log(len(alternatives.ratios)))


def _undone(sequence: Sequence, memory: Memory, onset: int, windows: Places, ratios: Floats) -> Floats:
    """(n_ratios, n_windows, n_slices) the c of each change, which undoes what was learned of it."""
    passed = (sequence.steady.learned[windows] - sequence.steady.learned[onset])[:, None]
    factor = np.ones((len(ratios), len(windows), memory.mean.shape[1]))
    for level, power in memory.levels:
        before = level.keep**passed * level.weight[onset] / level.weight[windows]
        factor *= (1 + before * (1 / ratios[:, None, None] - 1)) ** -power[windows]
    return factor


def _log_ratio(y: Floats, mean: Floats, factor: Floats, size: Floats) -> Floats:
    """Log likelihood ratio of negative binomials with mean factor·mean over those with mean."""
    return np.asarray(y * np.log(factor) - (y + size) * np.log1p((factor - 1) * mean / (mean + size)))


def since(sequence: Sequence, place: int, onset: int, evidence: float) -> Since:
    """What is known of the slice at `place` since `onset`."""
    one = sequence.only(np.array([place]))
    windows, best = onset + np.flatnonzero(one.counted[onset:]), int(one.memory(onset)[0])
    memory, past, due = one.steady.memories[best], one.past[best], one.steady.due[:, 0]
    size = float(past.size[int(past.likelihood[:, onset, 0].argmax()), 0])
    y, level = one.steady.rows[windows, 0], memory.mean[onset, 0] / max(due[onset], SMALL)
    quick = memory.levels[0][0]
    grown = np.minimum(windows - onset, quick.age[onset, 0]) * memory.growth[onset, 0]
    due, weight = level * np.exp(grown) * due[windows], quick.weight[onset, 0]
    observed, expected = float(y.sum()), float(due.sum())
    dispersion = 1 + float(due.mean()) / size
    uncertain = dispersion * expected**2 / max(level * weight, SMALL)
    spread = float(np.sqrt((due + due**2 / size).sum() + uncertain))
    return Since(evidence, onset, observed, expected, spread, _is_over(y, due, size))


def _is_over(y: Floats, due: Floats, size: float) -> bool:
    """
    Whether there is a moment since the onset after which the rows are 1/`ALPHA` times likelier to be as they
    should be than anywhere between as far off as they were up to then and half of that.
    """
    held, meant = np.cumsum(y), np.cumsum(due)
    for back in range(1, len(y)):
        ratio = max(float(held[back - 1] / max(meant[back - 1], SMALL)), MOST_LOST**2)
        off = np.linspace(ratio, (1 + ratio) / 2, RATIOS)[:, None]
        still = _log_ratio(y[back:], np.maximum(due[back:], SMALL), off, np.array(size)).sum(axis=1)
        if logsumexp(still) - np.log(RATIOS) <= np.log(ALPHA):
            return True
    return False
