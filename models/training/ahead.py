"""Work for a trainer, done by other processes while it learns."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
_AHEAD = 3  # tasks a process that wait for the trainer: hides one slow step, costs little memory


def done_ahead(
    tasks: Iterator[Callable[[], T]], *, processes: int, start: Callable[..., None], arguments: tuple[Any, ...]
) -> Generator[T]:
    """What each task returns, in order. Tasks are pickled; every process calls `start(*arguments)` first.

    The processes end with this generator, or with the process that made them, however that ends.
    """
    context = get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=(start, arguments)) as pool:
        waiting: deque[Future[T]] = deque()
        try:
            for task in tasks:
                waiting.append(pool.submit(task))
                if len(waiting) > _AHEAD * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin(start: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    parent = parent_process()
    if parent is not None:
        Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
    start(*arguments)
