"""A feature of some items unset, as after a delivery that lacks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from domain.diagnosis.replay import Bools, Floats, derived_columns, fill_rows
from domain.errors import CannotRehearse
from domain.resolution.rehearsal.draw import Items, drawn
from domain.resolution.rehearsal.planted import Healthy, Parameters, Planted, Rehearsal, shifted, unset


def rehearsal_of(feature: str | None) -> Rehearsal:
    """Rehearse what fills in a `feature` that is unset; by default one that the model is fed."""
    return Rehearsal(lambda healthy, seed: plant(healthy, seed, feature), filled, cause="feature")


def plant(healthy: Healthy, seed: int, feature: str | None) -> Planted:
    """
    Unset a feature of drawn items, and so everything derived from it that the model is fed.

    Raises:
        CannotRehearse: nothing that the model is fed is known to be made from it.
    """
    chance = np.random.default_rng(seed)
    name, derived = _chosen(healthy, chance, feature)
    set_now = _raw(healthy, name).dropna()

    def made(items: Items, says: str) -> Planted:
        concerned = healthy.ids.isin(items & frozenset(set_now.index)).to_numpy()
        planted = shifted(healthy, f"`{name}` not set for {says}", concerned, 0.0)
        usual = set_now[set_now.index.isin(items)].mode()
        named = replace(planted, feature=name, usual=str(usual.iloc[0]) if len(usual) else None)
        return unset(named, _without(planted.features, derived, concerned), derived)

    return drawn(healthy, chance, made, apart=name)


def filled(parameters: Parameters, planted: Planted) -> Floats:
    """
    Exposure with items served with the values that the deployer is handed. Where that is an item's own value,
    the model is fed what was logged; another value is looked up as in a menu, among candidates that have it.
    """
    values: dict[str, str] = {}
    given = parameters.get("values")
    if isinstance(given, dict):
        values = {item: str(value) for value, items in given.items() for item in items}
    elif isinstance(items := parameters.get("items"), list | tuple):
        values = dict.fromkeys(map(str, items), str(parameters.get("value")))
    return planted.rescored(served(planted, values))


def rolled_back(parameters: Parameters, planted: Planted) -> Floats:
    """Exposure with the items as in the delivery rolled back to; those it lacks are no candidates."""
    healthy, name = planted.healthy, str(planted.feature)
    former = healthy.deliveries.get(str(parameters.get("to")))
    if former is None:
        return planted.faulty
    known = former.drop_duplicates(healthy.key).set_index(healthy.key)
    known.index = known.index.astype(str)
    values = {str(item): str(value) for item, value in known[name].dropna().items()} if name in known else {}
    concerned = {item: value for item, value in values.items() if item in set(planted.items)}
    gone = ~healthy.ids.isin(known.index).to_numpy()
    scores = healthy.traffic.scores(served(planted, concerned))
    return healthy.traffic.exposure(scores, gone if gone.any() else None)


def served(planted: Planted, values: Mapping[str, str]) -> pd.DataFrame:
    """The model's input where items are served with these `values` of the feature (item → value)."""
    healthy, name = planted.healthy, str(planted.feature)
    traffic = healthy.traffic
    own = healthy.ids.map(_raw(healthy, name).astype(str).to_dict())
    wanted = healthy.ids.map(values)
    right = planted.concerned & (wanted == own).to_numpy()
    other = planted.concerned & wanted.notna().to_numpy() & ~right
    out = planted.features.copy()
    out.loc[right] = traffic.rows.loc[right, list(traffic.columns.features)]
    if other.any():
        rows = traffic.rows.assign(**{column: planted.features[column] for column in planted.derived})
        looked_up = fill_rows(rows, healthy.pool, traffic.columns, name, values, planted.derived)
        out.loc[other] = looked_up.loc[other]
    return out


def _chosen(
    healthy: Healthy, chance: np.random.Generator, feature: str | None
) -> tuple[str, tuple[str, ...]]:
    """The feature that is unset, and the columns derived from it that the model is fed."""
    described = [] if healthy.items is None else [one for one in healthy.items if one != healthy.key]
    names = [feature] if feature is not None else [described[n] for n in chance.permutation(len(described))]
    rows, columns = healthy.traffic.rows, healthy.traffic.columns
    for name in names:
        lacking = rows[name].isna().to_numpy() if name in rows else np.zeros(len(rows), bool)
        derived = derived_columns(rows, columns, name, lacking)
        if derived and (name in rows or name in described):
            return name, derived
    asked = f"`{feature}`" if feature else "any feature of the items"
    raise CannotRehearse(
        f"no feature of the model is known to be made from {asked}: none is called like it, and the log has "
        "none that is not set where it is not"
    )


def _raw(healthy: Healthy, name: str) -> pd.Series:
    """Item → its current value: as in the log, else as in the items' table."""
    rows = healthy.traffic.rows
    if name in rows:
        found = rows.assign(__item=healthy.ids).drop_duplicates("__item", keep="last")
        return found.set_index("__item")[name]
    if healthy.items is None or name not in healthy.items:
        raise CannotRehearse(f"neither the log nor the items' table has `{name}`")
    found = healthy.items.drop_duplicates(healthy.key)
    return found.set_index(found[healthy.key].astype(str))[name]


def _without(features: pd.DataFrame, derived: tuple[str, ...], concerned: Bools) -> pd.DataFrame:
    """The model's input with these columns empty in these rows."""
    out = features.copy()
    for name in derived:
        if pd.api.types.is_numeric_dtype(out[name]):
            out[name] = out[name].astype(float).mask(concerned)
        else:
            out[name] = out[name].astype(object).mask(concerned, None)
    return out


ROLLED_BACK = Rehearsal(lambda healthy, seed: plant(healthy, seed, None), rolled_back, cause="feature")
