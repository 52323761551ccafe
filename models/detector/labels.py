"""Label maps: which number of a detector is which label."""

import re
from pathlib import Path

from anpr.errors import BadModel

NUMBERED = re.compile(r"(\d+)[:,\s]\s*(\S.*)")
ITEM = re.compile(r"item\s*\{(.*?)\}", re.DOTALL)
ITEM_ID = re.compile(r"\bid\s*:\s*(\d+)")
ITEM_NAME = re.compile(r"""\b(display_name|name)\s*:\s*["'](.*?)["']""")


def load_labels(path: Path) -> dict[int, str]:
    """Number → label of one label map file; BadModel where there is none.

    Three forms are known: one label a line, counted from 0; lines of number and label ("0  person"); and the
    `item { id: 1 name: "person" }` blocks of the TF Object Detection API (.pbtxt; a display_name wins).
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise BadModel(f"{path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise BadModel(f"{path}: a label map is UTF-8 text") from exc
    labels = _items(text) if path.suffix == ".pbtxt" else _lines(text)
    if not labels:
        raise BadModel(f"{path}: holds no label")
    return labels


def _lines(text: str) -> dict[int, str]:
    lines = [line.strip() for line in text.splitlines()]
    numbered = [NUMBERED.fullmatch(line) for line in lines if line]
    if all(numbered):
        return {int(match[1]): match[2] for match in numbered if match}
    return {number: line for number, line in enumerate(lines) if line}


def _items(text: str) -> dict[int, str]:
    labels: dict[int, str] = {}
    for item in ITEM.findall(text):
        number, names = ITEM_ID.search(item), dict(ITEM_NAME.findall(item))
        if number and names:
            labels[int(number[1])] = names.get("display_name") or names["name"]
    return labels
