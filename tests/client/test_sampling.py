"""Enough of every slice is taken, at once, with a probability that is known and right."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recsysops_client import RequestLog, Slices
from recsysops_client.sampling import SliceSampler

CLIENT = Path(__file__).parents[2] / "client"
BOTH = ("country", "device", ("country", "device"))
Request = dict[str, str]


def traffic(count: int, seed: int = 0) -> list[Request]:
    """Requests of forty countries, the later ones ever rarer, on three devices."""
    chance = random.Random(seed)
    countries = [f"c{place}" for place in range(40)]
    weights = [1 / (place + 1) for place in range(40)]
    return [
        {"country": country, "device": chance.choice(["tv", "phone", "web"])}
        for country in chance.choices(countries, weights, k=count)
    ]


def parts(request: Request) -> tuple[tuple[str, ...], ...]:
    """The slices that a request is in."""
    return (request["country"],), (request["device"],), (request["country"], request["device"])


def drawn(sampler: SliceSampler, requests: Sequence[Request], salt: object = "") -> list[float]:
    return [sampler.draw(f"{salt}-{n}", one, at=60.0) for n, one in enumerate(requests)]


requests_of_any_order = st.lists(
    st.fixed_dictionaries({"country": st.sampled_from("abcd"), "device": st.sampled_from("xy")}), max_size=300
)


@given(requests_of_any_order, st.integers(1, 8), st.sampled_from([0.05, 0.1, 0.33, 1.0]), st.integers())
@settings(max_examples=60, deadline=None)
def test_every_slice_has_its_rows_whatever_the_order_of_the_requests(
    requests: list[Request], k: int, rate: float, salt: int
) -> None:
    sampler = SliceSampler(Slices(BOTH, k=k, max_rate=rate), share=0.01)
    seen: Counter[tuple[str, ...]] = Counter()
    taken: Counter[tuple[str, ...]] = Counter()
    for chance, request in zip(drawn(sampler, requests, salt), requests, strict=True):
        for part in parts(request):
            seen[part] += 1
            taken[part] += chance > 0
            assert taken[part] >= k - max(math.floor(round(k / rate, 9)) - seen[part], 0)


@given(requests_of_any_order.filter(bool), st.sampled_from([0.02, 0.2]), st.integers())
@settings(max_examples=6, deadline=None)
def test_the_probability_is_the_frequency_with_which_such_a_request_is_taken(
    requests: list[Request], rate: float, salt: int
) -> None:
    repetitions, found = 1_500, []
    for n in range(repetitions):
        sampler = SliceSampler(Slices(BOTH, k=3, max_rate=rate), share=0.05)
        drawn(sampler, requests[-40:-1], salt)
        found.append(sampler.draw(f"{salt} {n}", requests[-1], at=60.0))
    chances = {chance for chance in found if chance}
    assert len(chances) == 1  # it follows from what came before alone
    chance = chances.pop()
    frequency = sum(map(bool, found)) / repetitions
    assert abs(frequency - chance) <= 4.5 * math.sqrt(max(chance * (1 - chance), 0.0) / repetitions)


def test_of_several_slices_the_probability_is_the_largest_threshold() -> None:
    slices = Slices(("country", "device"), k=1, max_rate=0.1)
    chances: dict[tuple[int, int], set[float]] = {}
    for before, salt in ((0, "a"), (4, "b"), (9, "c")):
        for n in range(400):
            sampler = SliceSampler(slices, share=0.01)
            # on other devices, so that the next row of the country is due the sooner
            for other in range(before):
                sampler.draw(f"{salt} {other}", {"country": "DK", "device": f"d{other}"}, at=0.0)
            window = sampler._window
            country, taken = window.counts.get((0, "DK"), (0, 0))
            chance = sampler.draw(f"{n}", {"country": "DK", "device": "new"}, at=0.0)
            if chance:
                chances.setdefault((country, taken), set()).add(chance)
    for (country, taken), found in chances.items():
        of_country = 1 / 10 if taken else 1 / (10 - country)
        assert found == {max(0.01, of_country, 1 / 10)}
    assert len(chances) >= 2


def test_sums_over_the_log_are_unbiased_in_every_slice() -> None:
    requests, repetitions = traffic(1_500), 120
    worth = [len(one["country"]) + 3 * (one["device"] == "tv") for one in requests]
    truth: Counter[tuple[str, ...]] = Counter()
    for one, value in zip(requests, worth, strict=True):
        truth.update(dict.fromkeys(parts(one), value))
    estimates: dict[tuple[str, ...], list[float]] = {part: [] for part in truth}
    for salt in range(repetitions):
        sampler = SliceSampler(Slices(BOTH, k=5, max_rate=0.1), share=0.03)
        sums: Counter[tuple[str, ...]] = Counter()
        for chance, one, value in zip(drawn(sampler, requests, salt), requests, worth, strict=True):
            if chance:
                sums.update(dict.fromkeys(parts(one), value / chance))
        for part, found in estimates.items():
            found.append(sums[part])
    scores = [z_score(found, truth[part]) for part, found in estimates.items()]
    assert max(map(abs, scores)) < 4.5
    assert abs(sum(scores)) / math.sqrt(len(scores)) < 6  # they are not all a little too high


def z_score(found: Sequence[float], truth: float) -> float:
    mean = sum(found) / len(found)
    spread = math.sqrt(sum((one - mean) ** 2 for one in found) / (len(found) - 1) / len(found))
    return (mean - truth) / max(spread, 1e-9)


def test_the_same_requests_have_the_same_answers_in_every_process() -> None:
    script = (
        "import json, sys; from recsysops_client.sampling import Slices, SliceSampler;"
        "sampler = SliceSampler(Slices(['country', ['country', 'device']], k=4, max_rate=0.2), 0.05);"
        "print(json.dumps([sampler.draw(n, one, 60.0) for n, one in enumerate(json.load(sys.stdin))]))"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", script],
            input=json.dumps(traffic(500)),
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(CLIENT), "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1


def test_what_is_of_the_uniform_share_is_taken_by_every_process_whatever_it_saw_before(
    tmp_path: Path,
) -> None:
    slices = Slices(BOTH, k=4, max_rate=0.2)
    one, other = SliceSampler(slices, 0.1), SliceSampler(slices, 0.1)
    drawn(other, traffic(300, seed=5), "other")
    with RequestLog(tmp_path, share=0.1) as uniform:
        ids = [n for n in range(2_000) if uniform.takes(n)]
    request = {"country": "c1", "device": "tv"}
    assert len(ids) > 100
    assert all(sampler.draw(n, request, at=60.0) for n in ids for sampler in (one, other))


def test_several_processes_together_have_the_rows_of_each_slice() -> None:
    requests = traffic(20_000)
    samplers = [SliceSampler(Slices(("country",), k=20, max_rate=0.2, processes=4), 0.01) for _ in range(4)]
    taken: Counter[str] = Counter()
    for n, one in enumerate(requests):
        taken[one["country"]] += samplers[n % 4].draw(n, one, at=0.0) > 0
    seen = Counter(one["country"] for one in requests)
    large = [country for country, count in seen.items() if count >= 200]
    assert len(large) > 10
    assert all(taken[country] >= 20 for country in large)
    assert sum(taken.values()) < 0.2 * len(requests)


def test_each_window_has_its_own_rows_and_a_slice_that_appears_late_has_all_of_its_own() -> None:
    sampler = SliceSampler(Slices(("country",), k=5, max_rate=0.5, window_seconds=10), share=0.001)
    for window in range(3):
        late = [{"country": "late"}] * 10 if window == 1 else []
        requests = [{"country": "DK"}] * 200 + late
        taken = [
            sampler.draw(f"{window} {n}", one, at=10 * window + n / 30) for n, one in enumerate(requests)
        ]
        assert sum(map(bool, taken[:10])) >= 5
        assert sum(map(bool, taken[:200])) <= 35  # 5 (1 + ln 20) of the slice, and hardly one more
        assert not late or sum(map(bool, taken[200:])) >= 5
    sampler.end()
    assert [(one.start, one.seen) for one in sampler.ended] == [(0, 200), (10, 210), (20, 200)]


def test_what_is_not_set_is_a_slice_and_values_need_not_be_texts() -> None:
    sampler = SliceSampler(Slices(("device",), k=2, max_rate=1.0), share=0.001)
    values: list[Mapping[str, object]] = [
        {},
        {"device": None},
        {"device": 7},
        {"device": "7"},
        {"device": []},
    ]
    assert all(sampler.draw(n, one, at=0.0) for n, one in enumerate(values))
    sampler.end()
    assert {key: count[0] for key, count in sampler.ended[0].counts.items()} == {
        (0, None): 2, (0, "7"): 2, (0, "[]"): 1,
    }  # fmt: skip


def test_no_more_slices_are_known_than_was_said_and_the_others_have_the_uniform_share() -> None:
    sampler = SliceSampler(Slices(("country",), k=5, max_rate=1.0, max_slices=10), share=0.25)
    chances = [sampler.draw(n, {"country": f"c{n}"}, at=0.0) for n in range(1_000)]
    assert all(chance == 1.0 for chance in chances[:10])
    assert {chance for chance in chances[10:] if chance} == {0.25}
    sampler.end()
    window = sampler.ended[0]
    assert (len(window.counts), window.untracked, window.seen) == (10, 990, 1_000)


def test_a_request_waits_for_no_other_one() -> None:
    held, go_on = threading.Event(), threading.Event()

    class Slow(dict[str, object]):
        def get(self, *_of: object) -> object:
            held.set()
            return go_on.wait(60)

    sampler = SliceSampler(Slices(("country",), k=5, max_rate=1.0), share=0.5)
    slow = threading.Thread(target=sampler.draw, args=(0, Slow(), 0.0))
    slow.start()
    assert held.wait(60)
    start = time.monotonic()
    chances = [sampler.draw(n, {"country": "DK"}, at=0.0) for n in range(100)]
    assert time.monotonic() - start < 30  # the other one has it for twice as long
    assert {chance for chance in chances if chance} == {0.5}
    go_on.set()
    slow.join()
    sampler.end()
    assert (sampler.ended[0].hurried, sampler.ended[0].seen) == (100, 1)


def test_many_threads_lose_no_count() -> None:
    sampler = SliceSampler(Slices(("country",), k=50, max_rate=0.1), share=0.001)
    threads = [
        threading.Thread(
            target=lambda t=t: [sampler.draw(f"{t} {n}", {"country": "DK"}, 0.0) for n in range(2_000)]
        )
        for t in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sampler.end()
    window = sampler.ended[0]
    assert window.seen + window.hurried == 8_000
    assert window.counts[(0, "DK")] == [window.seen, window.taken]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"dimensions": ()}, "names nothing"),
        ({"dimensions": ("country", ())}, "names nothing"),
        ({"k": 0}, "k is 0"),
        ({"max_rate": 0.0}, "max_rate is 0.0"),
        ({"max_rate": 1.5}, "max_rate is 1.5"),
        ({"window_seconds": 0}, "window_seconds is 0"),
        ({"processes": 0}, "processes is 0"),
    ],
)
def test_a_number_that_cannot_be_is_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Slices(**{"dimensions": ("country",), **wrong})  # type: ignore[arg-type]


def test_without_a_uniform_share_or_a_column_for_the_probability_no_estimate_would_be_right(
    tmp_path: Path,
) -> None:
    with pytest.raises(ValueError, match="share is 0"):
        RequestLog(tmp_path, share=0.0, slices=Slices(("country",)))
    with pytest.raises(ValueError, match='fields lack "inclusion"'):
        RequestLog(tmp_path, share=0.1, slices=Slices(("country",)), fields=["id"])


def test_each_row_holds_its_probability_and_the_counts_of_each_window_are_written_down(
    tmp_path: Path,
) -> None:
    slices = Slices(("country",), k=5, max_rate=0.5, window_seconds=60)
    with RequestLog(tmp_path, share=0.02, slices=slices) as log:
        for n in range(1_000):
            if chance := log.inclusion(n, {"country": "DK" if n % 10 else "FO"}, at=n / 10):
                log.write({"id": n}, inclusion=chance)
    rows = [json.loads(line) for line in log.path.read_text().splitlines()]
    ended = [json.loads(line) for line in (tmp_path / "windows" / "requests.jsonl").read_text().splitlines()]
    assert len(rows) == log.written == sum(one["taken"] for one in ended)
    assert all(0 < row["inclusion"] <= 1 for row in rows)
    assert [one["window_start"] for one in ended] == ["1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z"]
    assert [(one["seen"], one["slices"]) for one in ended] == [(600, 2), (400, 2)]
    assert sum(one["written"] for one in ended) == log.written
    assert sum(one["dropped"] + one["failed"] for one in ended) == 0


def test_what_a_slow_disk_makes_it_drop_is_written_down(tmp_path: Path) -> None:
    hangs = threading.Event()

    class Stuck:
        def __str__(self) -> str:
            hangs.wait(60)
            return "on"

    log = RequestLog(tmp_path, share=1.0, slices=Slices(("country",), k=5), queue_size=5)
    for n in range(100):
        log.write({"id": n, "stuck": Stuck()}, inclusion=log.inclusion(n, {"country": "DK"}, at=0.0))
    hangs.set()
    log.close()
    window = json.loads((tmp_path / "windows" / "requests.jsonl").read_text())
    assert (window["seen"], window["taken"], window["dropped"]) == (100, 100, log.dropped)
    assert window["written"] + window["dropped"] == 100
    assert log.dropped >= 90


def test_a_uniform_log_says_its_share_and_reports_no_windows(tmp_path: Path) -> None:
    with RequestLog(tmp_path, share=0.5) as log:
        assert {log.inclusion(n) for n in range(100)} == {0.0, 0.5}
        assert all(bool(log.inclusion(n)) == log.takes(n) for n in range(100))
        log.write({"id": 1})
    assert json.loads(log.path.read_text()) == {"id": 1}
    assert [one.name for one in tmp_path.iterdir()] == ["requests.jsonl"]
