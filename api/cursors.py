"""Where a page ended, as clients hand it back."""

import base64
import binascii
import struct
from datetime import UTC, datetime, timedelta

from anpr.errors import BadInput
from storage.event_search import EARLIEST, LATEST, Position

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = struct.Struct(">qq")  # microseconds since the epoch, id


def written(position: Position) -> str:
    """22 characters that are safe in an address."""
    micros = (position.first_seen - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(_FORM.pack(micros, position.id)).decode().rstrip("=")


def read(text: str) -> Position:
    """Raises BadInput where it is none of ours."""
    try:
        micros, event_id = _FORM.unpack(base64.b64decode(text.encode("ascii") + b"==", b"-_", validate=True))
        at = _EPOCH + timedelta(microseconds=micros)
    except (binascii.Error, struct.error, ValueError, OverflowError):
        raise BadInput("cursor: is none that an earlier page gave") from None
    if not EARLIEST <= at <= LATEST or event_id < 0:
        raise BadInput("cursor: is none that an earlier page gave")
    return Position(first_seen=at, id=event_id)
