"""What the request log promises to the process that embeds it."""

from __future__ import annotations

import csv
import json
import os
import threading
import time
from pathlib import Path

from recsysops_client import RequestLog


def test_every_record_of_many_threads_is_in_the_files_once_across_rotation(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, max_bytes=4_000, keep=1_000)
    threads = [
        threading.Thread(target=lambda t=t: [log.write({"id": t * 500 + i}) for i in range(500)])
        for t in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    files = list(tmp_path.glob("*.jsonl"))
    found = [json.loads(line)["id"] for file in files for line in file.read_text().splitlines()]
    assert len(files) > 3
    assert max(file.stat().st_size for file in files) <= 4_000
    assert sorted(found) == list(range(2_000))
    assert (log.written, log.dropped) == (2_000, 0)


def test_only_so_many_full_files_are_kept(tmp_path: Path) -> None:
    with RequestLog(tmp_path, max_bytes=100, keep=2) as log:
        for number in range(200):
            log.write({"number": number})
    assert len(list(tmp_path.glob("requests-*.jsonl"))) == 2
    assert json.loads(log.path.read_text().splitlines()[-1]) == {"number": 199}


def test_a_half_written_line_of_a_crash_is_cut_off_before_going_on(tmp_path: Path) -> None:
    (tmp_path / "requests.jsonl").write_text('{"id": 1}\n{"id": 2, "cand')
    with RequestLog(tmp_path) as log:
        log.write({"id": 3})
    assert [json.loads(line) for line in log.path.read_text().splitlines()] == [{"id": 1}, {"id": 3}]


def test_a_disk_that_hangs_makes_nobody_wait_and_what_is_lost_is_counted(tmp_path: Path) -> None:
    hangs = threading.Event()

    class Stuck:
        def __str__(self) -> str:
            hangs.wait(60)  # the writer's thread is held as by a disk
            return "on"

    log = RequestLog(tmp_path, queue_size=5)
    start = time.monotonic()
    accepted = sum(log.write({"id": number, "stuck": Stuck()}) for number in range(100))
    assert time.monotonic() - start < 30  # the disk hangs for twice as long
    assert accepted <= 6
    assert log.dropped == 100 - accepted
    assert not log.flush(timeout_seconds=0.05)
    hangs.set()
    log.close()


def test_a_folder_that_cannot_be_written_is_reported_not_raised(tmp_path: Path) -> None:
    (tmp_path / "requests.jsonl").mkdir()
    with RequestLog(tmp_path) as log:
        assert log.write({"id": 1})
    assert log.failed == 1
    assert log.problem is not None
    assert not log.write({"id": 2})
    assert log.dropped == 1


def test_a_csv_has_its_header_once_in_each_file_also_after_a_restart(tmp_path: Path) -> None:
    for number in range(2):
        with RequestLog(tmp_path, fields=["id", "title"]) as log:
            log.write({"id": number, "title": "a, b", "more": 1})
    with log.path.open(newline="") as file:
        assert list(csv.DictReader(file)) == [{"id": "0", "title": "a, b"}, {"id": "1", "title": "a, b"}]


def test_the_sample_is_the_same_everywhere_and_about_as_large_as_asked(tmp_path: Path) -> None:
    with RequestLog(tmp_path / "a", share=0.1) as one, RequestLog(tmp_path / "b", share=0.1) as other:
        taken = [number for number in range(5_000) if one.takes(number)]
        assert taken == [number for number in range(5_000) if other.takes(number)]
    assert 400 < len(taken) < 600


def test_a_link_or_a_pipe_in_the_place_of_the_log_is_a_problem_and_holds_up_nothing(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("half a line")
    for kind in ("link", "pipe"):
        folder = tmp_path / kind
        folder.mkdir()
        if kind == "link":
            (folder / "requests.jsonl").symlink_to(precious)
        else:
            os.mkfifo(folder / "requests.jsonl")
        with RequestLog(folder) as log:
            assert log.write({"request_id": 1})
            assert log.flush()
            assert log.failed == 1
            assert str(folder / "requests.jsonl") in str(log.problem)
            (folder / "requests.jsonl").unlink()
            log.write({"request_id": 2})
            assert log.flush()
            assert (folder / "requests.jsonl").read_text() == '{"request_id":2}\n'
    assert precious.read_text() == "half a line"
