"""Which character was read as which."""

from collections import Counter
from collections.abc import Iterable

GAP = ""  # stands for no character: one that was dropped, or made up


def aligned(truth: str, read: str) -> list[tuple[str, str]]:
    """Pairs of a true and a read character that make the fewest edits (Levenshtein); swaps rather than gaps."""
    costs = [[float(row + column) for column in range(len(read) + 1)] for row in range(len(truth) + 1)]
    for row, x in enumerate(truth, start=1):
        for column, y in enumerate(read, start=1):
            costs[row][column] = min(
                costs[row - 1][column - 1] + (x != y), costs[row - 1][column] + 1, costs[row][column - 1] + 1
            )
    row, column = len(truth), len(read)
    pairs: list[tuple[str, str]] = []
    while row or column:
        x, y = truth[row - 1 : row], read[column - 1 : column]
        if row and column and costs[row][column] == costs[row - 1][column - 1] + (x != y):
            row, column = row - 1, column - 1
        elif row and costs[row][column] == costs[row - 1][column] + 1:
            row, y = row - 1, GAP
        else:
            column, x = column - 1, GAP
        pairs.append((x, y))
    return pairs[::-1]


def edits(truth: str, read: str) -> int:
    """The edit distance: characters swapped, dropped and made up."""
    return sum(x != y for x, y in aligned(truth, read))


def confusions(texts: Iterable[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """How often each true character was read as each, right ones included."""
    return Counter(pair for truth, read in texts for pair in aligned(truth, read))
