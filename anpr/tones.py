"""How a verdict looks wherever people see it: one of four tones."""

from typing import Literal

from anpr.types import VerdictStatus

Tone = Literal["good", "unsure", "bad", "open"]

_TONES: dict[VerdictStatus, Tone] = {
    VerdictStatus.VALID: "good",
    VerdictStatus.EXEMPT: "good",
    VerdictStatus.NOT_LIABLE: "good",
    VerdictStatus.GRACE: "good",
    VerdictStatus.AMBIGUOUS: "unsure",
    VerdictStatus.UNREADABLE: "unsure",
    VerdictStatus.REGISTRY_UNKNOWN: "unsure",
    VerdictStatus.SUSPECT: "bad",
}


def tone_of(status: VerdictStatus | None) -> Tone:
    """good: the driver may pass; bad: suspected; unsure: nobody can tell; open: not judged yet."""
    return "open" if status is None else _TONES[status]


def words_of(status: VerdictStatus | None) -> str:
    """The status as people read it, for example "REGISTRY UNKNOWN"."""
    return "NOT JUDGED" if status is None else status.value.replace("_", " ")
