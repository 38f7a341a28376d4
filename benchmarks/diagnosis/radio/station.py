"""
A second world: a radio whose tracks are chosen by a model. Nothing in it is named or shaped as in the cinema.

A listener's turn fills five slots from 120 tracks. `spins` says what was aired and how it was taken
(`hearted`, a column of the same table), `hearts` is its feed, `shortlists` the model's scores of some turns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import skops.io
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from domain.recommender.recommender import Recommender
from workers.declaration.declare import load

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BEGUN = datetime(2026, 5, 6, 9, 0, tzinfo=UTC)
HISTORY = timedelta(hours=7)
TURNS_A_SECOND, SLOTS, TRACKS = 4.0, 5, 120
LOGGED = 0.25  # of the turns have their shortlist logged
MARKETS = ("alpine", "baltic", "iberia", "nordics", "pannonia")
NETWORKS = ("cable", "cellular", "satellite")
STYLES = ("ambient", "bebop", "chanson", "dub", "fado", "klezmer")
LABELS = ("aurora", "brook", "cinder", "delta")
INPUTS = ("style_fit", "tempo_gap", "energy", "renown")
WEIGHTS = np.array([2.2, -1.6, 1.2, 1.8])
DECLARED = Path(__file__).with_name("radio.toml")


@dataclass(frozen=True)
class Hold:
    """
    Where a fault takes hold of the radio: the tracks as they are loaded, the model's input, its score, what
    may be aired, rows as they are written, the model and its version, who listens.
    """

    tracks: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    fed: Callable[[pd.DataFrame, Floats], Floats] | None = None
    score: Callable[[pd.DataFrame], Floats] | None = None
    kept: Callable[[pd.DataFrame], Bools] | None = None
    rows: Mapping[str, Callable[[pd.DataFrame], pd.DataFrame]] = field(default_factory=dict)
    model: tuple[Pipeline, str] | None = None
    markets: Floats | None = None
    turns: float = 1.0


class Radio:
    """The radio at a time, over tables in a folder; time passes only when it is told to."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.at = folder, BEGUN - HISTORY
        self.rng = np.random.default_rng([seed, 41])
        self.hold = Hold()
        self.tracks = _tracks(self.rng)
        self.model, self.version = _trained(self.rng, self.tracks), "dj-31"
        self._former = _trained(self.rng, self.tracks, without="renown")
        self._part = 0
        self.load(self.at)
        self._register()
        while self.at < BEGUN:
            self.live(timedelta(minutes=30))

    @property
    def declared(self) -> Recommender:
        """Its declaration, over this folder."""
        target = self.folder / "recsysops.toml"
        target.write_text(DECLARED.read_text(encoding="utf-8"), encoding="utf-8")
        return load(target, {})

    def load(self, at: datetime) -> None:
        """Load the tracks as they are now."""
        served = self.hold.tracks(self.tracks.copy()) if self.hold.tracks else self.tracks
        self.served = served
        _write(self.folder / "tracks/now.parquet", served)
        _write(self.folder / f"track_loads/{at:%Y%m%dT%H%M%S}.parquet", served.assign(loaded_at=at))

    def serve(self, model: Pipeline, version: str) -> None:
        """Serve another model from now on, as its registry says."""
        self.model, self.version = model, version
        self._register()

    @property
    def former(self) -> Pipeline:
        """A model from before one of its inputs was any good."""
        return self._former

    def live(self, span: timedelta) -> None:
        """Play the turns of a span, ten minutes at a time, and write down what comes of them."""
        end = self.at + span
        while self.at < end:
            step = min(timedelta(minutes=10), end - self.at)
            self._turns(self.at, step)
            self.at += step

    def close(self) -> None:
        """Nothing is open."""

    def _register(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        skops.io.dump(self.model, self.folder / "dj.skops")
        (self.folder / "dj.json").write_text(json.dumps({"serving": self.version}), encoding="utf-8")

    def _turns(self, start: datetime, span: timedelta) -> None:
        rng, hold = self.rng, self.hold
        count = rng.poisson(TURNS_A_SECOND * span.total_seconds() * hold.turns)
        shares = np.array([0.3, 0.15, 0.2, 0.15, 0.2]) * (1.0 if hold.markets is None else hold.markets)
        turns = pd.DataFrame(
            {
                "turn": [f"t{self._part:03d}-{n:05d}" for n in range(count)],
                "second": np.sort(rng.uniform(0, span.total_seconds(), count)),
                "market": rng.choice(MARKETS, count, p=shares / shares.sum()),
                "network": rng.choice(NETWORKS, count, p=[0.5, 0.35, 0.15]),
                "liking": rng.integers(0, len(STYLES), count),
                "tempo": rng.normal(105, 18, count),
            }
        )
        turns["listener"] = [f"l{n:05d}" for n in rng.integers(0, 20_000, count)]
        turns["aired_at"] = start + pd.to_timedelta(turns["second"], unit="s").astype("timedelta64[us]")
        self._part += 1
        self._write(turns, self._chosen(turns))

    def _chosen(self, turns: pd.DataFrame) -> pd.DataFrame:
        """A row for each turn and track: score, whether it was aired, in which slot, and whether liked."""
        rng, hold, count = self.rng, self.hold, len(turns)
        true = _inputs(turns, self.tracks)
        pairs = _pairs(turns, self.served)
        fed = _inputs(turns, self.served)
        fed = hold.fed(pairs, fed) if hold.fed else fed
        model, version = hold.model or (self.model, self.version)
        score = model.decision_function(fed) + (hold.score(pairs) if hold.score else 0.0)
        rank = score / 0.7 + rng.gumbel(size=len(score))
        rank = np.where(hold.kept(pairs), rank, -np.inf) if hold.kept else rank
        order = np.argsort(np.argsort(-rank.reshape(count, TRACKS), axis=1), axis=1).ravel()
        liked = rng.random(len(score)) < 1 / (1 + np.exp(-(true @ WEIGHTS - 3.4)))
        frame = pairs.assign(score=score, slot=order + 1, aired=order < SLOTS, served_by=version)
        frame["hearted"] = liked & frame["aired"]
        for place, name in enumerate(INPUTS):
            frame[name] = fed[:, place]
        return frame

    def _write(self, turns: pd.DataFrame, frame: pd.DataFrame) -> None:
        shelf = ["aired_at", "turn", "listener", "track", "slot", "hearted", *("market", "network", "style")]
        aired = frame[frame["aired"]]
        logged = turns["turn"][self.rng.random(len(turns)) < LOGGED]
        short = frame[frame["turn"].isin(logged)].rename(columns={"aired_at": "scored_at"})
        dropped = ["slot", "hearted", "tempo", "second", "liking"]
        made = {
            "spins": aired[shelf],
            "hearts": aired.loc[aired["hearted"], [name for name in shelf if name != "hearted"]].rename(
                columns={"aired_at": "hearted_at"}
            ),
            "shortlists": short.drop(columns=[name for name in dropped if name in short]),
        }
        for name, rows in made.items():
            strike = self.hold.rows.get(name)
            _write(self.folder / name / f"{self._part:04d}.parquet", strike(rows) if strike else rows)


def _tracks(rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "track": [f"trk{n:03d}" for n in range(TRACKS)],
            "name": [f"No. {n}" for n in range(TRACKS)],
            "style": np.array(STYLES)[np.arange(TRACKS) % len(STYLES)],
            "label": np.array(LABELS)[rng.integers(0, len(LABELS), TRACKS)],
            "bpm": rng.normal(105, 20, TRACKS).round(1),
            "energy": rng.beta(3, 2, TRACKS).round(3),
            "renown": rng.beta(2, 3, TRACKS).round(3),
        }
    )


def _pairs(turns: pd.DataFrame, tracks: pd.DataFrame) -> pd.DataFrame:
    each, film = np.repeat(np.arange(len(turns)), len(tracks)), np.tile(np.arange(len(tracks)), len(turns))
    left = turns[["turn", "listener", "market", "network", "aired_at"]].iloc[each].reset_index(drop=True)
    return pd.concat([left, tracks[["track", "style", "label"]].iloc[film].reset_index(drop=True)], axis=1)


def _inputs(turns: pd.DataFrame, tracks: pd.DataFrame) -> Floats:
    """(turns × tracks, 4) the model's input, in the order of `INPUTS`."""
    style = tracks["style"].map(STYLES.index).to_numpy()
    count = len(turns)
    apart = np.abs(style[None, :] - turns["liking"].to_numpy()[:, None])
    fit = np.clip(1 - np.minimum(apart, len(STYLES) - apart) / 2, 0, 1)
    gap = np.abs(tracks["bpm"].to_numpy(float)[None, :] - turns["tempo"].to_numpy()[:, None]) / 40
    columns = [
        fit,
        gap,
        *(np.tile(tracks[name].to_numpy(float), (count, 1)) for name in ("energy", "renown")),
    ]
    return np.stack(columns, axis=-1).reshape(-1, len(INPUTS))


def _trained(rng: np.random.Generator, tracks: pd.DataFrame, without: str | None = None) -> Pipeline:
    turns = pd.DataFrame({"liking": rng.integers(0, len(STYLES), 600), "tempo": rng.normal(105, 18, 600)})
    seen = _inputs(turns, tracks)
    liked = rng.random(len(seen)) < 1 / (1 + np.exp(-(seen @ WEIGHTS - 3.4)))
    if without is not None:
        seen[:, INPUTS.index(without)] = rng.permutation(seen[:, INPUTS.index(without)])
    pipeline = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=0.0), StandardScaler(), LogisticRegression()
    )
    return pipeline.fit(seen, liked)


def _write(path: Path, rows: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(path, index=False)
