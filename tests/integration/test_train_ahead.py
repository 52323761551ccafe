"""Other processes work ahead of a trainer, and end with it."""

import os
from functools import partial
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Event

import psutil

from models.training.ahead import done_ahead


def started() -> None:
    """For worker processes, which call it by its name."""


def square(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def trainer(results: Connection) -> None:
    """Takes two results of work without end, tells who did it, and hangs."""
    work = done_ahead((partial(square, number) for number in count()), processes=1, start=started, arguments=())
    results.send([next(work), next(work)])
    Event().wait()


def test_work_comes_in_order_and_ends() -> None:
    tasks = (partial(square, number) for number in range(9))
    assert [result for result, _ in done_ahead(tasks, processes=2, start=started, arguments=())] == [
        number * number for number in range(9)
    ]


def test_processes_end_with_a_trainer_that_is_killed() -> None:
    context = get_context("spawn")
    results, theirs = context.Pipe(duplex=False)
    process = context.Process(target=trainer, args=(theirs,))
    process.start()
    worker = psutil.Process(results.recv()[1][1])
    assert worker.is_running()
    process.kill()
    process.join()
    worker.wait(timeout=10)
