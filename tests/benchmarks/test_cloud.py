from __future__ import annotations

import numpy as np

from benchmarks.detection.cloud import Labelled, best_of, counted
from benchmarks.detection.monitored import Monitored, Opened, set_aside

HOUR = 3_600
METRIC = Monitored("a/b.csv", np.arange(240, dtype=np.int64) * HOUR, np.zeros(240))
ANOMALIES = np.array([[10.0, 13.0], [100.0, 101.0]]) * HOUR


def test_an_anomaly_is_found_by_what_is_opened_in_one_of_its_windows() -> None:
    incidents = [Opened(13.0 * HOUR), Opened(14.0 * HOUR), Opened(101.0 * HOUR), Opened(10.0 * HOUR)]
    met = counted([Labelled(METRIC, ANOMALIES)], [incidents])
    assert (met.found, met.incidents, met.false, met.days) == (2, 4, 2, 10.0)
    assert met.f1 == 2 * 1.0 * 0.5 / 1.5


def test_a_detector_that_always_alarms_is_one_incident_and_finds_nothing() -> None:
    best = best_of([Labelled(METRIC, ANOMALIES)], [np.ones(240)], np.inf)
    assert (best.found, best.incidents) == (0, 1)


def test_every_second_one_of_a_folder_is_set_aside() -> None:
    assert set_aside(["a/3", "a/1", "b/1", "a/2"]) == {"a/2"}
