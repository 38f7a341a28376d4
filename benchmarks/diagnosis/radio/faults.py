"""What goes wrong with the radio: thirteen faults, and two events of the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import pandas as pd

from benchmarks.diagnosis.case import Strike
from benchmarks.diagnosis.judge import Truth
from benchmarks.diagnosis.radio.station import (
    INPUTS,
    LABELS,
    MARKETS,
    NETWORKS,
    STYLES,
    Bools,
    Floats,
    Hold,
    Radio,
)
from domain.values import slice_of

T = TypeVar("T")
Drawn = tuple[Truth, str, Hold]
Draw = Callable[[np.random.Generator, Radio], Drawn]


class RadioWorld(Radio):
    """The radio with what can go wrong in it."""

    def strike(self, name: str, seed: int) -> Strike:
        """Make something go wrong, or change the world."""
        rng = np.random.default_rng([seed, list(KINDS).index(name)])
        truth, size, self.hold = KINDS[name].draw(rng, self)
        if self.hold.tracks is not None:
            self.load(self.at)
        if self.hold.model is not None and KINDS[name].registered:
            self.serve(*self.hold.model)
        return Strike(truth, size, self.at)


@dataclass(frozen=True)
class Kind:
    """One kind of fault or event; `registered`: the registry also knows of another model."""

    draw: Draw
    registered: bool = True


def _one(rng: np.random.Generator, values: tuple[T, ...]) -> T:
    return values[int(rng.integers(len(values)))]


def _unset(rng: np.random.Generator, radio: Radio) -> Drawn:
    label = _one(rng, LABELS)

    def tracks(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(renown=frame["renown"].mask(frame["label"] == label))

    return Truth("feature", ("renown",), (slice_of(label=label),)), "all of them", Hold(tracks=tracks)


def _unit(rng: np.random.Generator, radio: Radio) -> Drawn:
    style = _one(rng, STYLES)

    def tracks(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(bpm=frame["bpm"].where(frame["style"] != style, frame["bpm"] / 60))

    objects = ("bpm", "tempo_gap")
    return Truth("feature", objects, (slice_of(style=style),)), "in hertz", Hold(tracks=tracks)


def _blank(rng: np.random.Generator, radio: Radio) -> Drawn:
    network, name = _one(rng, NETWORKS), _one(rng, INPUTS[:1] + INPUTS[2:])

    def fed(pairs: pd.DataFrame, inputs: Floats) -> Floats:
        inputs[(pairs["network"] == network).to_numpy(), INPUTS.index(name)] = np.nan
        return inputs

    return Truth("feature", (name,), (slice_of(network=network),)), "all of them", Hold(fed=fed)


def _lost(rng: np.random.Generator, radio: Radio) -> Drawn:
    market, share = _one(rng, MARKETS), float(rng.uniform(0.5, 0.9))

    def strike(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[~((rows["market"] == market) & (rng.random(len(rows)) < share))]

    # The radio has no second copy of its hearts, so lost ones look like ones never logged.
    truth = Truth("feed", ("hearts",), (slice_of(market=market),), ("logging",))
    return truth, f"{share:.0%} of the rows", Hold(rows={"hearts": strike})


def _doubled(rng: np.random.Generator, radio: Radio) -> Drawn:
    market = _one(rng, MARKETS)

    def strike(rows: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([rows, rows[rows["market"] == market]])

    truth = Truth("duplicate", ("hearts",), (slice_of(market=market),))
    return truth, "each row twice", Hold(rows={"hearts": strike})


def _early(rng: np.random.Generator, radio: Radio) -> Drawn:
    def strike(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(hearted_at=rows["hearted_at"] - timedelta(hours=1))

    return Truth("time_shift", ("hearts", "hearted_at")), "an hour", Hold(rows={"hearts": strike})


def _renamed(rng: np.random.Generator, radio: Radio) -> Drawn:
    old = _one(rng, MARKETS)
    new = old.upper()

    def strike(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(market=rows["market"].replace(old, new))

    places = (slice_of(market=old), slice_of(market=new))
    truth = Truth("renaming", ("market", "hearts", old, new), places)
    return truth, f"{old} is {new}", Hold(rows={"hearts": strike})


def _unlisted(rng: np.random.Generator, radio: Radio) -> Drawn:
    network = _one(rng, NETWORKS)

    def strike(rows: pd.DataFrame) -> pd.DataFrame:
        dropped = rows["turn"].str[-1].isin(list("01234567"))
        return rows[~((rows["network"] == network) & dropped)]

    truth = Truth("logging", ("shortlists",), (slice_of(network=network),))
    return truth, "80% of the turns", Hold(rows={"shortlists": strike})


def _unlogged(rng: np.random.Generator, radio: Radio) -> Drawn:
    where = {"network": _one(rng, NETWORKS[:2]), "market": _one(rng, MARKETS)}

    def strike(rows: pd.DataFrame) -> pd.DataFrame:
        there = (rows["network"] == where["network"]) & (rows["market"] == where["market"])
        return rows[~there]

    truth = Truth("logging", ("spins", "hearts"), (slice_of(**where),))
    return truth, "all rows", Hold(rows={"spins": strike, "hearts": strike})


def _bias(rng: np.random.Generator, radio: Radio) -> Drawn:
    style, by = _one(rng, STYLES), float(rng.uniform(1.0, 2.0))
    truth = Truth("serving", ("dj", "score"), (slice_of(style=style),))
    return truth, f"−{by:.1f}", Hold(score=lambda pairs: np.where(pairs["style"] == style, -by, 0.0))


def _blocked(rng: np.random.Generator, radio: Radio) -> Drawn:
    best = radio.tracks.sort_values("renown", ascending=False)["track"].head(10)
    track, market = _one(rng, tuple(best)), _one(rng, MARKETS)

    def kept(pairs: pd.DataFrame) -> Bools:
        return np.asarray(~((pairs["track"] == track) & (pairs["market"] == market)))

    truth = Truth("filter", (track,), (slice_of(market=market),))
    return truth, "never aired there", Hold(kept=kept)


def _older(rng: np.random.Generator, radio: Radio) -> Drawn:
    version = f"dj-{int(rng.integers(20, 30))}"
    return Truth("model", (version, "dj")), "an older one", Hold(model=(radio.former, version))


def _other(rng: np.random.Generator, radio: Radio) -> Drawn:
    truth = Truth("model", (radio.version, "dj"))
    return truth, "under the registered version", Hold(model=(radio.former, radio.version))


def _fair(rng: np.random.Generator, radio: Radio) -> Drawn:
    more = np.ones(len(MARKETS))
    more[int(rng.integers(len(MARKETS)))] = 1.8
    return Truth("world"), "80% more turns of one market", Hold(markets=more, turns=1.16)


def _evening(rng: np.random.Generator, radio: Radio) -> Drawn:
    return Truth("world"), "40% more turns", Hold(turns=1.4)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "renown_unset": Kind(_unset),
        "tempo_in_hertz": Kind(_unit),
        "input_blank": Kind(_blank),
        "hearts_lost": Kind(_lost),
        "hearts_doubled": Kind(_doubled),
        "hearts_early": Kind(_early),
        "market_renamed": Kind(_renamed),
        "shortlists_dropped": Kind(_unlisted),
        "spins_unlogged": Kind(_unlogged),
        "style_held_down": Kind(_bias),
        "track_blocked": Kind(_blocked),
        "older_model": Kind(_older),
        "other_model": Kind(_other, registered=False),
        "fair": Kind(_fair),
        "evening": Kind(_evening),
    }
)
INNOCENT = ("fair", "evening")
