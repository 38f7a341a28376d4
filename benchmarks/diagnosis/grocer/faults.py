"""What goes wrong with the grocer: fifteen faults, and four events of the world."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import pandas as pd

from benchmarks.diagnosis.case import BEFORE, Strike
from benchmarks.diagnosis.grocer.hold import Hold
from benchmarks.diagnosis.grocer.market import (
    COUNTRIES,
    CURRENCY,
    DC_COUNTRY,
    DCS,
    DEPTS,
    SUPPLIERS,
    ZONES,
    Bools,
    goods,
    promoted,
)
from benchmarks.diagnosis.grocer.shop import Shop
from benchmarks.diagnosis.grocer.traffic import APPS, SURFACES
from benchmarks.diagnosis.judge import Truth
from domain.values import slice_of

T = TypeVar("T")
Drawn = tuple[Truth, str, Hold]
Draw = Callable[[np.random.Generator, Shop], Drawn]
AFTER = timedelta(hours=2)  # later findings do not count

MODEL = "extras"
MOMENTS = (10.0, 19.5)  # of the day, in hours
ANY, LOADED, EXPORTED = 1, 15, 180  # minutes
RENAMED = {"ready_meals": "meals_to_go", "snacks": "salty_and_sweet", "produce": "fruit_veg"}


class GrocerWorld(Shop):
    """The grocer with what can go wrong in it."""

    def branch(self, folder: Path, name: str, seed: int) -> None:
        """Go on in a copy of its tables, to eight minutes before a moment drawn by kind and seed."""
        shutil.copytree(self.folder, folder)
        self.folder = folder
        hours = float(np.random.default_rng([seed, *name.encode()]).uniform(*MOMENTS))
        every = KINDS[name].every
        minutes = round(hours * 60 / every) * every - (every > ANY)
        self.live((self.day + timedelta(minutes=minutes)).astimezone(UTC) - BEFORE - self.at)

    def strike(self, name: str, seed: int) -> Strike:
        """Make something go wrong, or change the world."""
        rng, kind = np.random.default_rng([seed, list(KINDS).index(name)]), KINDS[name]
        truth, size, self.hold = kind.draw(rng, self)
        return Strike(truth, size, self.at, kind.arrives, kind.planned)


@dataclass(frozen=True)
class Kind:
    """
    One kind of fault or event.

    Attributes:
        every: its cause is loaded or exported at this interval; it strikes a minute before.
        planned: the length for which it was announced.
        arrives: it is about when rows come: rows under an earlier time fill windows already looked at.
    """

    draw: Draw
    every: int = ANY
    planned: timedelta | None = None
    arrives: bool = False


def _one(rng: np.random.Generator, values: tuple[T, ...]) -> T:
    return values[int(rng.integers(len(values)))]


def _minor_units(rng: np.random.Generator, shop: Shop) -> Drawn:
    cc = _one(rng, COUNTRIES)

    def priced(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(price=frame["price"].where(frame["cc"] != cc, frame["price"] * 100))

    places = (slice_of(cc=cc), slice_of(currency=CURRENCY[cc]))
    return Truth("feature", ("price_eur", "price"), places), "in hundredths", Hold(priced=priced)


def _unset(rng: np.random.Generator, shop: Shop) -> Drawn:
    supplier = _one(rng, SUPPLIERS[_one(rng, COUNTRIES)][:3])

    def exported(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(shelf_days=frame["shelf_days"].mask(frame["supplier"] == supplier))

    truth = Truth("feature", ("shelf_days",), (slice_of(supplier=supplier),))
    return truth, "all of its goods", Hold(exported=exported)


def _silent(rng: np.random.Generator, shop: Shop) -> Drawn:
    dc = _one(rng, DCS[:6])
    truth = Truth("feed", ("stock_feed", "on_hand"), (slice_of(dc=dc),))
    return truth, "no counts come, the last ones are served", Hold(silent=(dc,))


def _doubled(rng: np.random.Generator, shop: Shop) -> Drawn:
    dc, share = _one(rng, DCS[:6]), float(rng.uniform(0.5, 1.0))

    def strike(rows: pd.DataFrame) -> pd.DataFrame:
        again = (rows["dc"] == dc) & (rng.random(len(rows)) < share)
        return pd.concat([rows, rows[again]])

    truth = Truth("duplicate", ("orders",), (slice_of(dc=dc),))
    return truth, f"{share:.0%} of the rows again", Hold(rows={"orders": strike})


def _hour_off(rng: np.random.Generator, shop: Shop) -> Drawn:
    cc, hours = _one(rng, COUNTRIES), _one(rng, (-1, 1))

    def strike(rows: pd.DataFrame) -> pd.DataFrame:
        stamps = rows["placed_at"]
        offset = stamps.str[-5:-3].astype("int64") + hours
        wrong = stamps.str[:-5] + offset.astype("str").str.zfill(2) + stamps.str[-3:]
        return rows.assign(placed_at=stamps.where(rows["cc"] != cc, wrong))

    truth = Truth("time_shift", ("orders", "placed_at", "placed_ts"), (slice_of(cc=cc),))
    return truth, f"an hour {'early' if hours > 0 else 'late'}", Hold(rows={"orders": strike})


def _renamed(rng: np.random.Generator, shop: Shop) -> Drawn:
    old, new = _one(rng, tuple(RENAMED.items()))

    def exported(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(dept=frame["dept"].replace(old, new))

    places = (slice_of(dept=old), slice_of(dept=new))
    truth = Truth("renaming", ("dept", "assortment", "assortment_hist", old, new), places)
    return truth, f"{old} is {new}", Hold(exported=exported)


def _unlogged(rng: np.random.Generator, shop: Shop) -> Drawn:
    app, share = _one(rng, APPS), float(rng.uniform(0.6, 1.0))

    def strike(rows: pd.DataFrame) -> pd.DataFrame:
        updated = rows["shopper_ref"].str[2:].astype("int64") % 1_000 < share * 1_000
        return rows[~((rows["app"] == app) & updated)]

    truth = Truth("logging", ("slots",), (slice_of(app=app),))
    return truth, f"a release that {share:.0%} have", Hold(rows={"slots": strike})


def _candidates_unlogged(rng: np.random.Generator, shop: Shop) -> Drawn:
    cc, share = _one(rng, COUNTRIES), float(rng.uniform(0.6, 1.0))

    def strike(rows: pd.DataFrame) -> pd.DataFrame:
        request = rows["req_id"].str[-3:].map(lambda digits: int(digits, 16) * 997 % 4_096 / 4_096)
        return rows[~((rows["cc"] == cc) & (request < share))]

    truth = Truth("logging", ("cand_log",), (slice_of(cc=cc),))
    return truth, f"{share:.0%} of the requests", Hold(rows={"cand_log": strike})


def _hidden(rng: np.random.Generator, shop: Shop) -> Drawn:
    dept, surface = _one(rng, DEPTS[:7]), _one(rng, SURFACES)

    def kept(rows: pd.DataFrame) -> Bools:
        return np.asarray(~((rows["dept"] == dept) & (rows["surface"] == surface)))

    truth = Truth("filter", (), (slice_of(dept=dept, surface=surface),))
    return truth, "none of it is shown there", Hold(kept=kept)


def _blocked(rng: np.random.Generator, shop: Shop) -> Drawn:
    cc = _one(rng, COUNTRIES)
    own = shop.depot.sold[shop.depot.sold["cc"] == cc]
    sku = _one(rng, tuple(own.sort_values("pop_7d", ascending=False)["sku"].head(8)))

    # It is sold in one country only, so that country is the same as everywhere.
    places = ((), slice_of(cc=cc), slice_of(sku=sku), slice_of(cc=cc, sku=sku))
    return (
        Truth("filter", (sku,), places),
        "never shown",
        Hold(kept=lambda rows: np.asarray(rows["sku"] != sku)),
    )


def _rolled_back(rng: np.random.Generator, shop: Shop) -> Drawn:
    version = f"ext-2026.06.{int(rng.integers(10, 30))}"
    shop.serve(shop.older, version)
    return Truth("model", (version, MODEL)), "of before two features were of use", Hold()


def _other_file(rng: np.random.Generator, shop: Shop) -> Drawn:
    truth = Truth("model", (shop.version, MODEL))
    return truth, "an older one under the registered version", Hold(served=shop.older)


def _boosted(rng: np.random.Generator, shop: Shop) -> Drawn:
    dept, times = _one(rng, (*DEPTS[:7], DEPTS[8])), float(rng.uniform(1.5, 2.5))
    truth = Truth("serving", (MODEL, "p_buy"), (slice_of(dept=dept),))
    return truth, f"× {times:.1f}", Hold(score=lambda rows: np.where(rows["dept"] == dept, times, 1.0))


def _trained_on_zeros(rng: np.random.Generator, shop: Shop) -> Drawn:
    dept, share = _one(rng, DEPTS[:7]), float(rng.uniform(0.8, 1.0))
    shop.learn(shop.trained(unsold=(dept, share)), f"ext-{shop.day:%Y.%m.%d}b")
    truth = Truth("training_data", ("train_rows", "bought"), (slice_of(dept=dept),))
    return truth, f"{share:.0%} of the purchases were none to it", Hold()


def _swapped(rng: np.random.Generator, shop: Shop) -> Drawn:
    app, names = _one(rng, APPS), ["aff_dept", "rating_avg"]

    def fed(rows: pd.DataFrame, inputs: pd.DataFrame) -> pd.DataFrame:
        there = (rows["app"] == app).to_numpy()
        one, other = (inputs[name].to_numpy(float) for name in names)
        return inputs.assign(aff_dept=np.where(there, other, one), rating_avg=np.where(there, one, other))

    truth = Truth("feature", tuple(names), (slice_of(app=app),))
    return truth, "each in the other's place", Hold(fed=fed)


def _campaign(rng: np.random.Generator, shop: Shop) -> Drawn:
    cc, dept = _one(rng, COUNTRIES), _one(rng, DEPTS[:7])
    sold = shop.depot.sold
    chosen = sold[(sold["cc"] == cc) & (sold["dept"] == dept)]
    off, days = np.full(len(chosen), 0.35), [timedelta(days=2)] * len(chosen)
    shop.depot.promote(promoted(chosen, off, shop.at, days, 90_001))
    return Truth("world"), f"35% off all {dept} in {cc}", Hold()


def _feast(rng: np.random.Generator, shop: Shop) -> Drawn:
    cc = _one(rng, COUNTRIES)
    return Truth("world"), f"twice the orders in {cc}", Hold(traffic={cc: 2.0})


def _storm(rng: np.random.Generator, shop: Shop) -> Drawn:
    dc, left = _one(rng, DCS[:6]), float(rng.uniform(0.3, 0.6))
    where = f"{dc} ({DC_COUNTRY[DCS.index(dc)]})"
    return Truth("world"), f"{1 - left:.0%} fewer orders in {where}", Hold(traffic={dc: left})


def _product_line(rng: np.random.Generator, shop: Shop) -> Drawn:
    cc, dept = _one(rng, COUNTRIES), _one(rng, ("ready_meals", "snacks", "drinks"))
    fresh = goods(rng, cc, 30, 90_001, shop.at, 0.1)
    line = fresh.assign(dept=dept, supplier=_one(rng, SUPPLIERS[cc]), zone=_one(rng, ZONES[:2]), pop_7d=0.0)
    shop.depot.add(line)
    return Truth("world"), f"30 new {dept} in {cc}", Hold()


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "price_in_minor_units": Kind(_minor_units, LOADED),
        "shelf_days_unset": Kind(_unset, EXPORTED),
        "stock_feed_silent": Kind(_silent, LOADED),
        "orders_doubled": Kind(_doubled),
        "orders_hour_off": Kind(_hour_off, arrives=True),
        "dept_renamed": Kind(_renamed, EXPORTED),
        "app_unlogged": Kind(_unlogged),
        "candidates_unlogged": Kind(_candidates_unlogged),
        "dept_hidden": Kind(_hidden),
        "sku_blocked": Kind(_blocked),
        "extras_rolled_back": Kind(_rolled_back),
        "other_file": Kind(_other_file),
        "dept_boosted": Kind(_boosted),
        "trained_on_zeros": Kind(_trained_on_zeros),
        "columns_swapped": Kind(_swapped),
        "promo_campaign": Kind(_campaign, planned=timedelta(hours=3)),
        "feast": Kind(_feast),
        "storm": Kind(_storm),
        "product_line": Kind(_product_line, EXPORTED),
    }
)
INNOCENT = ("promo_campaign", "feast", "storm", "product_line")
