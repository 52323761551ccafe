"""Texts of annotation files, and one line on what is wrong in them."""

from pathlib import Path

from pydantic import ValidationError

from anpr.errors import BadInput


def read_text(path: Path) -> str:
    """A UTF-8 text with its line ends as they are, with or without a byte order mark. Raises BadInput."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        raise BadInput(f"{path}: {exc.strerror or exc}") from exc
    except UnicodeDecodeError as exc:
        raise BadInput(f"{path}: not a text in UTF-8 (byte {exc.start})") from exc


def first_wrong(exc: ValidationError) -> str:
    """The first fault that pydantic found, in one line, and how many more there are."""
    faults = exc.errors(include_url=False)
    at = ".".join(map(str, faults[0]["loc"]))
    more = f" (and {len(faults) - 1} more like it)" if len(faults) > 1 else ""
    return f"{at + ': ' if at else ''}{' '.join(faults[0]['msg'].split())}{more}"
