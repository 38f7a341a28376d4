"""
The ranking model: learnt from plays, and stored so that reading the file runs no code from it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import skops.io
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from .catalogue import Catalogue
from .features import FEATURES, TRUE_POSITION, features, true_log_odds
from .members import Audience

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

FIRST_ROWS_PER_RAIL = 1_500
TRUSTED = ["numpy.dtype"]  # what the imputer stores beyond what skops trusts by default
HOLDOUT = 5  # one row in five is kept back for the area under the curve
VERSION = re.compile(r"\d{8}T\d{6}")  # as `Ranker.version` spells it
FORMER = 20  # versions whose files are kept, so that each can serve again


@dataclass(frozen=True)
class Ranker:
    """A trained model with what its training says about it."""

    pipeline: Pipeline
    trained_at: datetime
    rows: int
    auc: float
    log_loss: float
    left_out: str = ""

    @property
    def version(self) -> str:
        """The model, named by the time of its training, for instance 20261125T030000."""
        return f"{self.trained_at:%Y%m%dT%H%M%S}"

    def log_odds(self, seen: Floats) -> Floats:
        """Log-odds of a play for features of shape (…, 8)."""
        flat = seen.reshape(-1, len(FEATURES))
        odds: Floats = self.pipeline.decision_function(flat).astype(np.float32).reshape(seen.shape[:-1])
        return odds


def train(seen: Floats, played: Bools, trained_at: datetime, left_out: str = "") -> Ranker:
    """
    Train a model of plays.

    A missing feature counts as 0: nothing is known to match. That is why an unset language costs a film
    its place.

    Raises:
        ValueError: there are no plays, or nothing but plays, to learn from.
    """
    held = np.arange(len(played)) % HOLDOUT == 0
    if min(played[held].sum(), (~played[held]).sum(), played[~held].sum()) == 0:
        raise ValueError(f"nothing to learn from {len(played)} rows with {int(played.sum())} plays")
    pipeline = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=0.0), StandardScaler(), LogisticRegression(C=10.0)
    )
    pipeline.fit(seen[~held], played[~held])
    chance = pipeline.predict_proba(seen[held])[:, 1]
    auc, loss = float(roc_auc_score(played[held], chance)), float(log_loss(played[held], chance))
    return Ranker(pipeline, trained_at, len(played), auc, loss, left_out)


def first_lesson(audience: Audience, catalogue: Catalogue, at: datetime, seed: int) -> tuple[Floats, Bools]:
    """
    Features and plays from before the history.

    Every rail showed films at random, as a new service would.
    """
    rng = np.random.default_rng(seed)
    rails = np.arange(audience.rails, dtype=np.int32)[:, None]
    shown = np.flatnonzero(catalogue.launched(at)).astype(np.int32)
    fame = catalogue.numbers["popularity"][shown].astype(np.float64) ** 3
    films = rng.choice(shown, (audience.rails, FIRST_ROWS_PER_RAIL), p=fame / fame.sum()).astype(np.int32)
    odds = (
        true_log_odds(audience, catalogue, rails, films, at) + 2.0
    )  # when asked directly, people say yes more often
    odds += (TRUE_POSITION * rng.integers(0, 10, odds.shape)).astype(np.float32)
    seen = features(audience, catalogue, rails, films, at).reshape(-1, len(FEATURES))
    played = (rng.random(odds.shape) < 1 / (1 + np.exp(-odds))).ravel()
    order = rng.permutation(len(played))
    return seen[order], played[order]


def save(ranker: Ranker, folder: Path) -> None:
    """
    Write `ranker.skops` and what is known about it, `ranker.json`, each replaced in one step; and the same
    under the version's name in `former`, where the last twenty are kept.
    """
    former = folder / "former"
    former.mkdir(parents=True, exist_ok=True)
    _write(ranker, former, ranker.version)
    _write(ranker, folder, "ranker")
    files = sorted(former.glob("*.json"), key=lambda path: path.stat().st_mtime)
    for old in files[:-FORMER]:
        old.with_suffix(".skops").unlink(missing_ok=True)
        old.unlink()


def _write(ranker: Ranker, folder: Path, name: str) -> None:
    known = {
        "features": list(FEATURES),
        "version": ranker.version,
        "trained_at": ranker.trained_at.isoformat(),
        "training_rows": ranker.rows,
        "auc": ranker.auc,
        "log_loss": ranker.log_loss,
        "left_out": ranker.left_out,
        "output": "decision_function: log-odds of a play",
    }
    fresh = folder / f"{name}.skops.tmp"
    skops.io.dump(ranker.pipeline, fresh)
    fresh.replace(folder / f"{name}.skops")
    note = folder / f"{name}.json.tmp"
    note.write_text(json.dumps(known, indent=1))
    note.replace(folder / f"{name}.json")


def load(folder: Path) -> Ranker | None:
    """The saved model; None if there is none."""
    return _read(folder, "ranker")


def load_former(folder: Path, version: str) -> Ranker | None:
    """The model of this version; None if its file is not kept any more."""
    return _read(folder / "former", version) if VERSION.fullmatch(version) else None


def _read(folder: Path, name: str) -> Ranker | None:
    if not (folder / f"{name}.skops").exists() or not (folder / f"{name}.json").exists():
        return None
    known = json.loads((folder / f"{name}.json").read_text())
    if known["features"] != list(FEATURES):
        return None  # from another version of this program: train anew
    pipeline = skops.io.load(folder / f"{name}.skops", trusted=TRUSTED)
    trained_at = datetime.fromisoformat(known["trained_at"])
    rows, auc, loss = known["training_rows"], known["auc"], known["log_loss"]
    return Ranker(pipeline, trained_at, rows, auc, loss, known["left_out"])
