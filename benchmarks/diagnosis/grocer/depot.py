"""The grocer's goods over time: sold, delivered, promoted, repriced; and the feeds that report them."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from benchmarks.diagnosis.grocer.hold import Hold
from benchmarks.diagnosis.grocer.market import (
    COUNTRIES,
    DC_COUNTRY,
    DCS,
    GOODS,
    Floats,
    goods,
    promos,
)
from benchmarks.diagnosis.grocer.ranker import Shelf
from benchmarks.diagnosis.grocer.traffic import COUNTRY_SHARES, LOCAL, rate

FED_HOURS = range(5, 23)  # of the day, in which stock and prices are loaded
EXPORT_HOURS = (6, 9, 12, 15, 18, 21)
NIGHT_HOUR, DELIVERED = 3, {5: 1.0, 14: 0.35}
SOLD_A_DAY, REQUESTS_A_DAY = 14.0, 13_300


class Depot:
    """What there really is (`sold`, `stock`, `promos`), and what serving received last (`served`)."""

    def __init__(self, rng: np.random.Generator, at: datetime) -> None:
        self.rng = rng
        begun = [goods(rng, cc, GOODS, 10_000 * n, at, 500.0) for n, cc in enumerate(COUNTRIES, 1)]
        self.sold = pd.concat(begun, ignore_index=True)
        self.base = self._bases(self.sold)
        self.stock = self.base.copy()
        self.promos = promos(rng, _NO_PROMOS, self.sold, at, 1)
        self._promo = 1 + len(self.promos)
        self.listed, self.prices, self.counted = self.sold, self.sold["price"].to_numpy(float), self.stock

    def shelf(self) -> Shelf:
        """The shelf as it really is."""
        return Shelf(self.sold, self.stock, self._off())

    def served(self) -> Shelf:
        """The shelf as serving sees it."""
        count = len(self.listed)
        priced = self.listed.assign(price=self.prices[:count])
        return Shelf(priced, self.counted[:, :count], self._off()[:count])

    def add(self, more: pd.DataFrame) -> None:
        """Start selling more goods; they are served once they have been exported."""
        self.sold = pd.concat([self.sold, more], ignore_index=True)
        self.base = np.hstack([self.base, self._bases(more)])
        self.stock = np.hstack([self.stock, self.base[:, -len(more) :]])
        self.counted = np.hstack([self.counted, self.base[:, -len(more) :]])
        self.prices = np.append(self.prices, more["price"].to_numpy(float))

    def promote(self, more: pd.DataFrame) -> None:
        """Replace the promotions that these goods had."""
        rest = self.promos[~self.promos["sku"].isin(more["sku"])]
        self.promos = pd.concat([rest, more], ignore_index=True)

    def export(self, hold: Hold, at: datetime) -> pd.DataFrame:
        """The assortment as it is exported at this moment."""
        self.listed = hold.exported(self.sold.copy()) if hold.exported else self.sold
        return self.listed.drop(columns=["appeal", "price"]).assign(exported_at=at)

    def load(self, hold: Hold, at: datetime) -> dict[str, pd.DataFrame]:
        """Stock and prices as they are loaded at this moment."""
        priced = self.sold[["sku", "cc", "supplier", "currency", "price"]]
        priced = hold.priced(priced.copy()) if hold.priced else priced
        self.prices = priced["price"].to_numpy(float)
        heard = np.array([dc not in hold.silent for dc in DCS])
        self.counted = np.where(heard[:, None], self.stock, self.counted)
        home = np.array(DC_COUNTRY)[:, None] == self.sold["cc"].to_numpy()[None, :]
        where, which = np.nonzero(home & heard[:, None])
        counts = {
            "dc": np.array(DCS)[where],
            "cc": np.array(DC_COUNTRY)[where],
            "sku": self.sold["sku"].array.take(which),
            "on_hand": self.counted[where, which].astype(np.int64),
        }
        stock = pd.DataFrame(counts)
        return {"price_feed": priced.assign(loaded_at=at), "stock_feed": stock.assign(loaded_at=at)}

    def pass_quarter(self, at: datetime) -> None:
        """Things are sold and lorries arrive; at night prices and promotions change."""
        local = at.astimezone(LOCAL)
        busy = [rate(cc, at) / COUNTRY_SHARES[cc] * 15 / REQUESTS_A_DAY for cc in DC_COUNTRY]
        mean = self.sold["appeal"].to_numpy(float)[None, :] * SOLD_A_DAY * np.array(busy)[:, None]
        self.stock = np.maximum(self.stock - self.rng.poisson(mean), 0) * (self.base > 0)
        if local.minute:
            return
        if local.hour in DELIVERED:
            self.stock = np.maximum(self.stock, np.round(self.base * DELIVERED[local.hour]))
        if local.hour == NIGHT_HOUR:
            self._pass_night(at)

    def _pass_night(self, at: datetime) -> None:
        rng, count = self.rng, len(self.sold)
        moved = np.where(rng.random(count) < 0.03, rng.choice([0.94, 0.97, 1.03, 1.06], count), 1.0)
        week = self.sold["pop_7d"].to_numpy()
        came = rng.poisson(self.sold["appeal"].to_numpy() * 9 / 7)
        counted = week + came - rng.binomial(week.astype(int), 1 / 7)
        self.sold = self.sold.assign(price=(self.sold["price"] * moved).round(2), pop_7d=counted)
        self.promos = promos(rng, self.promos, self.sold, at + timedelta(hours=2), self._promo)
        self._promo += len(self.promos)

    def _off(self) -> Floats:
        off = self.promos.set_index("sku")["disc_pct"]
        return np.asarray(self.sold["sku"].map(off).fillna(0.0), float)

    def _bases(self, more: pd.DataFrame) -> Floats:
        home = np.array(DC_COUNTRY)[:, None] == more["cc"].to_numpy()[None, :]
        return np.where(home, self.rng.integers(45, 95, home.shape), 0).astype(float)


_NO_PROMOS = pd.DataFrame(
    {
        **{name: pd.Series(dtype="str") for name in ("promo_id", "sku", "cc")},
        "disc_pct": pd.Series(dtype=float),
        **{name: pd.Series(dtype="datetime64[us, UTC]") for name in ("starts_at", "ends_at")},
    }
)
