"""What a registry of vignettes is to those who judge by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from anpr.types import Vignette
from anpr.vignettes import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a registry knows of some plates, whenever valid; no snapshot: it knows nothing of the toll country."""

    snapshot: Snapshot | None
    vignettes: tuple[Vignette, ...]


class Registry(Protocol):
    """Knows who has paid."""

    def ask(self, toll_country: str, plates: Sequence[str]) -> Answer:
        """All vignettes of these plates. Raises Unavailable where the registry is away."""
        ...
