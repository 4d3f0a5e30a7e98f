"""Tasks in real processes: what comes back of those that end well, raise, ask, or die."""

from __future__ import annotations

from pathlib import Path

import psutil

from inkdigit.errors import InkdigitError
from inkdigit.utils.worker_pool import Asked, Died, Failed, Finished, WorkerPool
from tests.utils import pool_tasks


def test_tasks_are_done_by_at_most_so_many_processes(tmp_path: Path) -> None:
    log = tmp_path / "processes"
    with WorkerPool(2, pool_tasks.ready, str(log)) as pool:
        assert pool.wait() == []
        for number in range(6):
            pool.submit(number, f"task {number}")
        done: dict[int, object] = {}
        while len(done) < 6:
            done |= {event.task_id: event.result for event in pool.wait() if isinstance(event, Finished)}
        pids = [int(line) for line in log.read_text().split()]
        assert 1 <= len(pids) <= 2
    assert done == {number: f"TASK {number}" for number in range(6)}
    assert not any(map(psutil.pid_exists, pids))


def test_a_process_outlives_errors_and_answers_of_its_tasks_and_is_replaced_when_it_dies(tmp_path: Path) -> None:
    log = tmp_path / "processes"
    with WorkerPool(1, pool_tasks.ready, str(log)) as pool:
        pool.submit(1, "refuse")
        (refused,) = pool.wait()
        assert isinstance(refused, Failed)
        assert isinstance(refused.error, InkdigitError)
        assert (refused.task_id, refused.error.code, str(refused.error)) == (1, "no-ink", "No ink.")

        pool.submit(2, "crash")
        (crashed,) = pool.wait()
        assert isinstance(crashed, Failed)
        assert "ZeroDivisionError: a defect" in str(crashed.error)

        pool.submit(3, "ask")
        for number in range(3):
            assert pool.wait() == [Asked(3, number)]
            assert pool.wait(0) == []  # it waits for the answer
            pool.reply(3, 10 * number)
        assert pool.wait() == [Finished(3, [0, 10, 20])]
        assert len(log.read_text().split()) == 1

        pool.submit(4, "die")
        pool.submit(5, "after it")
        assert pool.wait() == [Died(4, -9, ready=True)]
        pool.reply(4, None)  # nobody hears it
        assert pool.wait() == [Finished(5, "AFTER IT")]
        assert len(log.read_text().split()) == 2


def test_a_process_that_cannot_be_set_up_says_so() -> None:
    with WorkerPool(1, pool_tasks.dies_at_once) as pool:
        pool.submit(1, "task")
        assert pool.wait() == [Died(1, 7, ready=False)]
    with WorkerPool(1, pool_tasks.refuses) as pool:
        for number in range(2):  # each task has the reason
            pool.submit(number, "task")
            (failed,) = pool.wait()
            assert isinstance(failed, Failed)
            assert isinstance(failed.error, InkdigitError)
            assert (failed.task_id, failed.error.code) == (number, "model-missing")
