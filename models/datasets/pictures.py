"""Picture files: their true type and size, and where they lie."""

import struct
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

SUFFIXES = {
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "png": (".png",),
    "bmp": (".bmp", ".dib"),
    "gif": (".gif",),
    "webp": (".webp",),
    "tiff": (".tif", ".tiff"),
    "avif": (".avif",),
}
ALL_SUFFIXES = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
FOLDERS = ("images", "JPEGImages", "imgs", "img")  # where data sets keep their pictures
_MAGIC = (  # kind, where its mark stands, the mark
    ("jpeg", 0, b"\xff\xd8\xff"),
    ("png", 0, b"\x89PNG\r\n\x1a\n"),
    ("gif", 0, b"GIF8"),
    ("webp", 8, b"WEBP"),
    ("tiff", 0, b"II*\0"),
    ("tiff", 0, b"MM\0*"),
    ("avif", 4, b"ftypavi"),
    ("bmp", 0, b"BM"),
)
_ORIENTATION = 0x0112  # EXIF 2.3, 4.6.4: how to turn the picture to show it
_START_OF_FRAME = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # ITU-T T.81, table B.1


def kind_of(data: bytes) -> str | None:
    """The type of a picture file from its first bytes: a key of SUFFIXES, or None where it is none of them."""
    for kind, offset, magic in _MAGIC:
        if data.startswith(magic, offset):
            return kind
    return None


def is_cut_short(data: bytes) -> bool:
    """Whether the end of a JPEG or PNG file is missing; decoders fill the rest with grey without a word.

    In the coded data of a JPEG, FF is followed by 00 or a restart marker alone: the last start of scan is a true one.
    """
    match kind_of(data):
        case "jpeg":
            return data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")
        case "png":
            return b"IEND" not in data[-64:]
        case _:
            return False


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as the picture is shown (EXIF orientation applied); None where it is no picture."""
    match kind_of(data):
        case "jpeg":
            return _jpeg_size(data)
        case "png" if len(data) >= 24:
            width, height = struct.unpack(">II", data[16:24])
            return width, height
        case None:
            return None
        case _:
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            return None if pixels is None else (pixels.shape[1], pixels.shape[0])


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    place, turned = 2, False
    while place + 9 <= len(data):
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD8:  # fill bytes, and markers without a length
            place += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, place + 2)
        if marker in _START_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return (height, width) if turned else (width, height)
        if marker == 0xE1 and data[place + 4 : place + 10] == b"Exif\0\0":
            turned = _orientation(data[place + 10 : place + 2 + length]) in (5, 6, 7, 8)
        place += 2 + length
    return None


def _orientation(tiff: bytes) -> int:
    order = "<" if tiff[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, start)
        for entry in range(entries):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, start + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return value
    except struct.error:
        return 1
    return 1


def size_of_file(path: Path) -> tuple[int, int] | None:
    """`size_of` a file, from its first bytes where they tell; None where there is none or it is no picture."""
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
            quick = size_of(head) if kind_of(head) in ("jpeg", "png") else None
            return quick or size_of(head + file.read())
    except OSError:
        return None


class Finder:
    """Finds the pictures that annotations name: paths of other machines, bare names, the wrong suffix."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def pictures(self) -> tuple[Path, ...]:
        """All picture files below the root, by their suffix, as paths from it, sorted."""
        return tuple(
            sorted(
                path.relative_to(self.root)
                for path in self.root.rglob("*")
                if path.suffix.lower() in ALL_SUFFIXES and path.is_file()
            )
        )

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for path in self.pictures:
            for key in (path.name, path.stem):
                found.setdefault(key, []).append(path)
        return found

    def find(self, name: str, *folders: str | None) -> Path:
        """Where the picture called `name` lies, from the root; `folders` are looked into first.

        Else the only picture below the root of that file name, then of that stem; else `name`, which is not there.
        """
        said = Path(name.strip().replace("\\", "/"))
        if said.is_absolute() and said.is_file():
            return said.relative_to(self.root) if said.is_relative_to(self.root) else said
        if not said.is_absolute():
            for folder in (*folders, "", *FOLDERS):
                if folder is not None and (self.root / folder / said).is_file():
                    return Path(folder) / said
        for key in (said.name, said.stem):
            if len(places := self._by_name.get(key, [])) == 1:
                return places[0]
        return Path(said.name) if said.is_absolute() else said


def bare(path: Path) -> Path:
    """A picture's path without the folders that only say that it is one, and never outside the folder it is put in."""
    parts = [part for part in path.parts if part not in (*FOLDERS, "..", path.anchor)]
    return Path(*parts[-1:]) if path.is_absolute() else Path(*parts)
