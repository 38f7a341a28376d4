"""Faults that come with a delivery of the catalogue."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from ..catalogue import Catalogue, microseconds
from .fault import Acts, Bools, Drawn, Fault, World, inside, renamed, slice_of, taken

COUNTRY = "France"
COUNTRIES = ("France", "United Kingdom", "Germany", "Italy", "Japan", "Canada")
"""Those with enough films on the shelves that losing them is noticed."""

GENRES = ("Comedy", "Drama", "Action", "Animation", "Crime", "Horror")
LAUNCH_WINDOW_DAYS = (10, 14)


def _language(world: World) -> Drawn:
    country = world.one_of(COUNTRIES, COUNTRY)

    def deliver(catalogue: Catalogue) -> Catalogue:
        return catalogue.without_language(catalogue.where({"country": country}))

    acts = Acts(catalogue=deliver)
    return Drawn(acts, "all of them", ("language", "language_match"), (slice_of(country=country),))


def _launch(world: World) -> Drawn:
    film = world.noted.get("item_id") or film_to_lose(world.catalogue, world.at)

    def deliver(catalogue: Catalogue) -> Catalogue:
        return catalogue.without_language(catalogue.ids == film)

    places = ((), (("item_id", film),))
    return Drawn(Acts(catalogue=deliver), "one film", (film, "language"), places, {"item_id": film})


def _rating(world: World) -> Drawn:
    country = world.one_of(COUNTRIES)

    def deliver(catalogue: Catalogue) -> Catalogue:
        there = catalogue.where({"country": country})
        return catalogue.changed("rating", there, catalogue.frame["rating"] * 10)

    return Drawn(Acts(catalogue=deliver), "ten times", ("rating",), (slice_of(country=country),))


def _decade(world: World) -> Drawn:
    country = world.one_of(COUNTRIES)
    years = world.one_of((100, 200))

    def deliver(catalogue: Catalogue) -> Catalogue:
        there = catalogue.where({"country": country})
        year = catalogue.frame["year"] - years
        moved = catalogue.changed("year", there, year)
        return moved.changed("decade", there, (year // 10 * 10).astype(str) + "s")

    objects = ("year", "decade", "age_decades")
    return Drawn(Acts(catalogue=deliver), f"{years} years", objects, (slice_of(country=country),))


def _genres(world: World) -> Drawn:
    pairs = (("Comedy", "Horror"), ("Drama", "Action"), ("Animation", "Crime"), ("Comedy", "Documentary"))
    one, other = world.one_of(pairs)

    def deliver(catalogue: Catalogue) -> Catalogue:
        genre = catalogue.frame["genre"]
        turned = genre.where(genre != one, other).where(genre != other, one)
        return catalogue.changed("genre", genre.isin((one, other)).to_numpy(), turned)

    places = (slice_of(genre=one), slice_of(genre=other))
    return Drawn(Acts(catalogue=deliver), f"{one} and {other}", ("genre", "genre_affinity"), places)


def _partial(world: World) -> Drawn:
    country = world.one_of(COUNTRIES)

    def missing(catalogue: Catalogue) -> Bools:
        return catalogue.where({"country": country})

    def deliver(catalogue: Catalogue) -> Catalogue:
        had = np.zeros(len(catalogue.ids), dtype=bool) if catalogue.withheld is None else catalogue.withheld
        return replace(catalogue, withheld=had | missing(catalogue))

    acts = Acts(catalogue=deliver, items=lambda rows: taken(rows, ~inside(rows, {"country": country})))
    return Drawn(acts, "all of them", ("items", "items_snapshots"), (slice_of(country=country),))


def _renamed(world: World) -> Drawn:
    names = {
        "France": "French Republic",
        "United Kingdom": "UK",
        "Germany": "Federal Republic of Germany",
        "Japan": "JP",
    }
    old = world.one_of(tuple(names), "Germany")
    new = names[old]
    tables = ("impressions", "plays", "plays_standby", "candidates")
    acts = Acts(
        items=lambda rows: renamed(rows, "country", old, new),
        rows={name: lambda _rng, rows: renamed(rows, "country", old, new) for name in tables},
    )
    places = (slice_of(country=old), slice_of(country=new))
    return Drawn(acts, f"{old} is {new}", ("country", "items", "impressions", old, new), places)


def film_to_lose(catalogue: Catalogue, at: datetime) -> str:
    """
    The film for the launch fault: the first to launch 10 to 14 days after `at`, otherwise the next after
    7 days.

    Raises:
        ValueError: no launch is far enough ahead.
    """
    upcoming = catalogue.upcoming(at)
    start, end = (microseconds(at + timedelta(days=days)) for days in LAUNCH_WINDOW_DAYS)
    times = catalogue.launches[upcoming]
    fit = upcoming[(times >= start) & (times <= end)]
    later = upcoming[times >= microseconds(at + timedelta(days=7))]
    if not len(fit) and not len(later):
        raise ValueError("no film launches more than 7 days from now: start with an empty folder")
    return str(catalogue.ids[fit[0] if len(fit) else later[0]])


FAULTS = (
    Fault(
        "language",
        "a catalogue delivery unsets the language of all films of France",
        "catalogue",
        "feature",
        _language,
        delivers=True,
    ),
    Fault(
        "launch",
        "a film that launches in 10 to 14 days has lost its language",
        "catalogue",
        "launch",
        _launch,
        delivers=True,
        also=("feature",),
    ),
    Fault(
        "rating_times_ten",
        "a delivery writes the ratings of one country's films ten times as high",
        "catalogue",
        "feature",
        _rating,
        delivers=True,
    ),
    Fault(
        "decade_shifted",
        "a delivery dates the films of one country a century or two too early",
        "catalogue",
        "feature",
        _decade,
        delivers=True,
    ),
    Fault(
        "genre_swapped",
        "a delivery exchanges two genres",
        "catalogue",
        "feature",
        _genres,
        delivers=True,
    ),
    Fault(
        "catalogue_partial",
        "a delivery lacks the films of one country",
        "catalogue",
        "feed",
        _partial,
        delivers=True,
    ),
    Fault(
        "country_renamed",
        "one country has another name in everything that is written",
        "catalogue",
        "renaming",
        _renamed,
        delivers=True,
    ),
)
