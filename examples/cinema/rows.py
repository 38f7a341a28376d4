"""What happened, as rows: from shelves to dictionary-encoded Arrow tables."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .catalogue import SLICES, Catalogue
from .features import FEATURES
from .members import DEVICES, REGIONS, SURFACES, Audience
from .rails import SHELF, Rails
from .traffic import Places, Shelves, Visits, explored, logged

MOMENT = pa.timestamp("us", tz="UTC")
REGION_NAMES = [region.name for region in REGIONS]


def _words(words: list[str] | npt.NDArray[np.object_], codes: npt.NDArray[np.integer]) -> pa.Array:
    """Texts by code; a code below 0 is null."""
    indices = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.string()))


def _who(visits: Visits, audience: Audience, each: npt.NDArray[np.integer]) -> dict[str, pa.Array]:
    """Columns of the visits at the places `each`."""
    rails = visits.rails[each]
    members, local = np.unique(visits.members, return_inverse=True)
    return {
        "request_id": pa.array(visits.times[each]),
        "member_id": _words(audience.member_ids[members], local.ravel()[each]),
        "device": _words(list(DEVICES), rails % len(DEVICES)),
        "region": _words(REGION_NAMES, audience.region[rails // len(DEVICES)]),
        "surface": _words(list(SURFACES), visits.surfaces[each]),
    }


def _film(rails: Rails, catalogue: Catalogue, local: Places, columns: tuple[str, ...]) -> dict[str, pa.Array]:
    """Columns of films given by their place among the rails' distinct films."""
    films = rails.distinct[local]
    found = {"item_id": _words(catalogue.ids[rails.distinct], local)}
    return found | {
        name: _words(catalogue.vocabulary[name], catalogue.codes[name][films]) for name in columns
    }


def _ordered(columns: dict[str, pa.Array], names: tuple[str, ...]) -> pa.Table:
    return pa.table({name: columns[name] for name in names})


IMPRESSIONS = (
    "shown_at",
    "request_id",
    "member_id",
    "item_id",
    "position",
    "explored",
    "device",
    "region",
    "surface",
    *SLICES,
)
PLAYS = ("played_at", "request_id", "member_id", "item_id", "device", "region", "genre", "country", "minutes")
CANDIDATES = (
    *("request_at", "request_id", "member_id", "item_id", "rank", "score", "log_odds", "shown", "propensity"),
    *("device", "region", "surface", *FEATURES, *SLICES, "language", "model_version"),
)


def impressions(shelves: Shelves, audience: Audience, catalogue: Catalogue) -> pa.Table:
    """One row per film shown."""
    visits, count = shelves.visits, len(shelves.visits)
    each = np.repeat(np.arange(count), SHELF)
    local = shelves.rails.local[visits.rails[:, None], shelves.shown].ravel()
    columns = _who(visits, audience, each) | _film(shelves.rails, catalogue, local, SLICES)
    columns["shown_at"] = pa.array(visits.times[each], MOMENT)
    columns["explored"] = pa.array(explored(visits.times)[each])
    columns["position"] = pa.array(np.tile(np.arange(1, SHELF + 1, dtype=np.int8), count))
    return _ordered(columns, IMPRESSIONS)


def plays(shelves: Shelves, audience: Audience, catalogue: Catalogue) -> pa.Table:
    """One row per film played, at the time it was shown."""
    visits = shelves.visits
    each, place = np.nonzero(shelves.played)
    local = shelves.rails.local[visits.rails[each], shelves.shown[each, place]]
    columns = _who(visits, audience, each) | _film(shelves.rails, catalogue, local, SLICES)
    columns["played_at"] = pa.array(visits.times[each], MOMENT)
    columns["minutes"] = pa.array(np.round(shelves.minutes[each, place], 1))
    return _ordered(columns, PLAYS)


def candidates(shelves: Shelves, audience: Audience, catalogue: Catalogue, version: str) -> pa.Table:
    """
    One row per candidate of the logged requests, in order of score.

    `catalogue` is the one that served, so that `language` is null where the model had none; `version` names
    the model.
    """
    visits, rails = shelves.visits, shelves.rails
    chosen = np.flatnonzero(logged(visits.times))
    width = rails.films.shape[1]
    each, which = np.repeat(chosen, width), visits.rails[chosen]
    order = np.argsort(-rails.log_odds, axis=1, kind="stable")[which]
    row = np.repeat(which, width)
    flat = order.ravel()
    shown = np.zeros((len(chosen), width), dtype=bool)
    np.put_along_axis(shown, shelves.shown[chosen], True, axis=1)
    columns = _who(visits, audience, each)
    columns |= _film(rails, catalogue, rails.local[row, flat], (*SLICES, "language"))
    odds = rails.log_odds[row, flat]
    columns |= {
        "request_at": pa.array(visits.times[each], MOMENT),
        "rank": pa.array(np.tile(np.arange(1, width + 1, dtype=np.int16), len(chosen))),
        "score": pa.array((1 / (1 + np.exp(-odds))).astype(np.float32)),
        "log_odds": pa.array(odds),
        "shown": pa.array(np.take_along_axis(shown, order, axis=1).ravel()),
        "propensity": pa.array(rails.inclusion[row, flat]),
    }
    columns["model_version"] = _words([version], np.zeros(len(row), dtype=np.int32))
    seen = rails.seen[row, flat]
    columns |= {name: pa.array(np.ascontiguousarray(seen[:, i])) for i, name in enumerate(FEATURES)}
    return _ordered(columns, CANDIDATES)
