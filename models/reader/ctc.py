"""CTC decoding: from class probabilities a step to the most probable texts.

Graves et al., "Connectionist Temporal Classification", ICML 2006; the prefix beam search is that of Hannun et al.,
"First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent DNNs", arXiv:1408.2873.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BEAM = 12  # prefixes kept a step: against 200 another best text in 1 crop of 300, other five best in 12
LEAST = 1e-3  # classes less probable than this in a step are left out
WIDEST = 5  # classes tried a step, else a crop without any text takes ten times as long
CERTAIN = 0.999  # steps whose blank is above this only close the character before them


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities along the last axis."""
    exponents = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def with_row_breaks(probabilities: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """Steps × classes with a sure blank between its `rows` equal parts: a character that ends one line of a plate
    and starts the next is two characters."""
    sure_blank = np.zeros((1, probabilities.shape[1]))
    sure_blank[0, -1] = 1.0
    parts = np.split(probabilities, rows)
    return np.concatenate([part for row in parts for part in (sure_blank, row)][1:])


def greedy(probabilities: NDArray[np.float64], alphabet: str) -> str:
    """The best class of each step, repeats collapsed, blanks dropped; steps × (alphabet, blank last)."""
    best = probabilities.argmax(axis=1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    return "".join(alphabet[number] for number in best[starts] if number < len(alphabet))


def n_best(
    probabilities: NDArray[np.float64], alphabet: str, *, count: int = 5, beam: int = BEAM
) -> list[tuple[str, float]]:
    """The `count` most probable texts with their probabilities, best first; steps × (alphabet, blank last).

    A text's probability is the sum over all its alignments that the beam kept, so the sum over texts is at most 1.
    """
    blank = len(alphabet)
    prefixes: dict[str, tuple[float, float]] = {
        "": (1.0, 0.0)
    }  # probability of ending in a blank, in the last character
    for step in probabilities:
        sure = float(step[blank])
        if sure >= CERTAIN:
            prefixes = {text: ((ends + runs) * sure, 0.0) for text, (ends, runs) in prefixes.items()}
            continue
        likeliest = np.argsort(-step[:blank], kind="stable")[:WIDEST]
        classes = [(alphabet[i], float(step[i])) for i in likeliest if step[i] >= LEAST]
        prefixes = _best(_extended(prefixes, classes, sure), beam)
    texts = [(text, ends + runs) for text, (ends, runs) in prefixes.items() if ends + runs > 0]
    return sorted(texts, key=lambda pair: -pair[1])[:count]


def _extended(
    prefixes: dict[str, tuple[float, float]], classes: Sequence[tuple[str, float]], blank: float
) -> dict[str, tuple[float, float]]:
    grown: dict[str, tuple[float, float]] = {}
    for text, (ends, runs) in prefixes.items():
        both = ends + runs
        ended, ran = grown.get(text, (0.0, 0.0))
        for character, probability in classes:
            longer = both * probability
            if text.endswith(character):
                ran += runs * probability  # the same character goes on
                longer = ends * probability  # a blank lay between: it comes again
            was = grown.get(text + character, (0.0, 0.0))
            grown[text + character] = was[0], was[1] + longer
        grown[text] = ended + both * blank, ran
    return grown


def _best(prefixes: dict[str, tuple[float, float]], beam: int) -> dict[str, tuple[float, float]]:
    if len(prefixes) <= beam:
        return prefixes
    return dict(sorted(prefixes.items(), key=_probability, reverse=True)[:beam])


def _probability(prefix: tuple[str, tuple[float, float]]) -> float:
    _, (ends, runs) = prefix
    return ends + runs
