"""Pictures that look the same, whatever their size, compression or small changes of light."""

from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_SIDE = 32  # the picture is shrunk to 32×32
_LOW = 8  # and its 8×8 lowest frequencies are looked at
_BLOCK = 2048  # hashes compared at a time: 32 MB


def perceptual_hash(grey: NDArray[np.uint8]) -> int:
    """64 bits of an HxW grey picture; pictures that look alike differ in few of them.

    The DCT hash of Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010): bit by bit
    whether each of the lowest frequencies, without those along the edges, is above their median.
    """
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[1 : _LOW + 1, 1 : _LOW + 1]
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def near_pairs(hashes: Sequence[int], most_bits: int) -> Iterator[tuple[int, int, int]]:
    """All pairs of places (i < j) whose hashes differ in at most `most_bits` bits, with how many."""
    if not hashes:
        return
    packed = np.array([list(value.to_bytes(8, "big")) for value in hashes], np.uint8)
    signs = np.unpackbits(packed, axis=1).astype(np.float32) * 2 - 1  # n×64 of ±1: their product is 64 − 2·bits
    for row in range(0, len(signs), _BLOCK):
        for column in range(row, len(signs), _BLOCK):
            bits = (64 - signs[row : row + _BLOCK] @ signs[column : column + _BLOCK].T) / 2
            for i, j in zip(*np.nonzero(bits <= most_bits + 0.5), strict=True):
                if row + i < column + j:
                    yield int(row + i), int(column + j), int(bits[i, j] + 0.5)


def groups(count: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The connected components of 0..count−1 under `pairs`, each sorted, in the order of their first members."""
    parent = list(range(count))

    def top(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for a, b in pairs:
        parent[max(top(a), top(b))] = min(top(a), top(b))
    found: dict[int, list[int]] = {}
    for one in range(count):
        found.setdefault(top(one), []).append(one)
    return list(found.values())
