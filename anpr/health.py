"""How well a camera is served: where its frames ended within a while."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, Self

SILENT_S = 15.0  # an ingest reports every second
WELL = 0.9  # health below this is told

# running; silent: its ingest runs and gets no frames; behind: frames are lost; gone: its ingest runs no more and did
# not say so; finishing: it ended, and what is left is being dealt with; ended
CameraCondition = Literal["running", "silent", "behind", "gone", "finishing", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCounts:
    """Frames of a camera by where they ended; absolute, or of a while: the later less the earlier."""

    offered: int = 0
    sampled_out: int = 0
    shed_early: int = 0  # by the decoder, before sampling
    sampled: int = 0
    corrupt: int = 0
    no_plate: int = 0
    read: int = 0
    shed: int = 0
    expired: int = 0
    failed: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Self:
        return cls(**{one.name: int(counts.get(one.name, 0)) for one in fields(cls)})

    def since(self, earlier: Self) -> Self:
        """What came after `earlier`; nothing is less than 0."""
        names = [one.name for one in fields(self)]
        return type(self)(**{name: max(0, getattr(self, name) - getattr(earlier, name)) for name in names})

    @property
    def processed(self) -> int:
        """Frames that the detector looked at."""
        return self.no_plate + self.read

    @property
    def waiting(self) -> int:
        """Sampled frames without an outcome."""
        return max(0, self.sampled - self.processed - self.shed - self.expired - self.failed)

    @property
    def health(self) -> float | None:
        """Processed ÷ offered, 0..1, of the frames that were wanted and have ended; None where there was none.

        Frames that the settings leave out (`fps`, `motion`) are not wanted. Of those lost before anyone could say
        (shed by the decoder, corrupt) as large a share was wanted as of the others.
        """
        seen = self.sampled + self.sampled_out
        wanted_share = self.sampled / seen if seen else 1.0
        lost = self.shed + self.expired + self.failed + (self.shed_early + self.corrupt) * wanted_share
        wanted = self.processed + lost
        return self.processed / wanted if wanted else None


def condition_of(
    *, is_running: bool, is_settled: bool, is_live: bool, silent_s: float, lately: FrameCounts | None
) -> CameraCondition:
    """How a camera stands whose ingest was heard of `silent_s` ago; `lately` are its last minute's frames, if known."""
    if not is_running:
        return "ended" if is_settled else "finishing"
    if silent_s > SILENT_S:
        return "gone"
    if is_live and lately is not None and lately.offered == 0:
        return "silent"
    health = None if lately is None else lately.health
    return "running" if health is None or health >= WELL else "behind"
