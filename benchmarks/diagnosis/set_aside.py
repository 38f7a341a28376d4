"""
The ten kinds of fault that nobody looks at while working on the diagnosis: run once, in a row of their own.

They were drawn before the first line of the benchmark ran, from the kinds that no issue or release of the
project describes; the described ones could be worked towards, so setting them aside would show nothing.

One draw of each, first: 4 of 10 named rightly, 4 not named, 2 never found, none named wrongly. What that
showed about four of them (`genre_filtered`, `genre_swapped`, `country_cap`, `feature_constant`) has been
worked on since. Two draws of each, later: 10 of 20 named rightly, 1 wrongly (the right feature, in a part of
where it was), 6 never found, five of which concern the training data: the past held too few of the cinema's
own trainings. With a week behind it 12 of 20, none wrongly, 2 never found; what that showed about
`label_delay`, `training_without_segment` and `genre_filtered` has been worked on. So the saved result says
that these faults are named; for faults that nobody has seen, the first run says more.
"""

from __future__ import annotations

import numpy as np

SEED = 20_261_126
SET_ASIDE = 10

SHIPPED = ("language", "upstream", "launch", "missing_values", "training_segment", "production_bias")
DESCRIBED = (
    *("rating_times_ten", "device_unlogged", "plays_early", "plays_doubled", "country_renamed"),
    *("model_rolled_back", "film_blocked", "popularity_stale", "another_model_file"),
)
"""Described in public before this benchmark existed, each with what was said about it then."""

UNDESCRIBED = (
    *("decade_shifted", "genre_swapped", "feature_constant", "catalogue_partial", "training_without_segment"),
    *("training_duplicates", "label_delay", "genre_filtered", "country_cap", "boost_bug", "feed_late"),
    *("feed_truncated", "candidates_sampled", "region_clock", "device_renamed"),
)


def set_aside() -> frozenset[str]:
    """
    The names of the ten.

    >>> len(set_aside())
    10
    """
    chosen = np.random.default_rng(SEED).choice(len(UNDESCRIBED), SET_ASIDE, replace=False)
    return frozenset(UNDESCRIBED[place] for place in chosen)
