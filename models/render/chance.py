"""Draws from a numpy Generator that cost less than its `choice` and `integers` do for one value."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    """One of the items, all alike."""
    return items[int(rng.random() * len(items))]


def weighted(rng: np.random.Generator, items: Sequence[tuple[float, T]]) -> T:
    """One of the (weight, item); the weights need not add up to 1."""
    rest = rng.random() * sum(weight for weight, _ in items)
    for weight, item in items:
        rest -= weight
        if rest < 0:
            return item
    return items[-1][1]


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return low + (high - low) * rng.random()


def happens(rng: np.random.Generator, probability: float) -> bool:
    return rng.random() < probability
