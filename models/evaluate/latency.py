"""How long a network takes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds of wall clock, one thread."""

    median_ms: float
    p95_ms: float


def latency(took_ms: Sequence[float]) -> Latency:
    median, p95 = np.percentile(took_ms, [50, 95])
    return Latency(median_ms=round(float(median), 3), p95_ms=round(float(p95), 3))


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What `work` returns, and the milliseconds it took."""
    start = time.perf_counter()
    result = work()
    return result, 1000 * (time.perf_counter() - start)
