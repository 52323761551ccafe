"""The objects of a JSON file one by one, so that a list of millions need not fit into memory."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import cast

from anpr.errors import BadRegistry

LONGEST = 1_000_000  # characters; an object that does not end sooner is no entry of a list
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


def json_objects(text: Iterable[str], *, where: str) -> Iterator[tuple[int, dict[str, object]]]:
    """The objects of an array, or of JSON lines, numbered from 1; `text` comes in pieces of any length.

    Raises BadRegistry where the text is anything else or ends too soon; the message names `where`.
    """
    pieces = iter(text)
    left, is_done = _more(pieces, "", 0)
    left = left.removeprefix("\ufeff").lstrip()
    is_array = left.startswith("[")
    at, number = int(is_array), 0
    while True:
        at = _end_of_space(left, at)
        while at >= len(left) and not is_done:
            left, is_done = _more(pieces, left, at)
            at = _end_of_space(left, 0)
        if at >= len(left) or (is_array and left[at] == "]"):
            break
        if is_array and number:
            if left[at] != ",":
                raise BadRegistry(f"{where}: a comma is missing after entry {number}")
            at += 1
        number += 1
        while True:
            try:
                found, at = _DECODER.raw_decode(left, _end_of_space(left, at))
                break
            except (json.JSONDecodeError, RecursionError) as exc:
                if is_done or len(left) - at > LONGEST:
                    raise BadRegistry(f"{where}: entry {number} is not JSON, or cut off") from exc
                left, is_done = _more(pieces, left, at)
                at = 0
        if not isinstance(found, dict):
            raise BadRegistry(f'{where}: entry {number} is no object such as {{"plate": …}}')
        yield number, cast(dict[str, object], found)
    if is_array and (at >= len(left) or left[at + 1 :].strip() or any(piece.strip() for piece in pieces)):
        raise BadRegistry(f"{where}: the array does not end after entry {number}, or does not end the file")


def _more(pieces: Iterator[str], left: str, at: int) -> tuple[str, bool]:
    """What is left from `at` on with the next piece; whether there was none."""
    piece = next(pieces, None)
    return left[at:] + (piece or ""), piece is None


def _end_of_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()
