"""`anpr read`: the plates of pictures, without any server."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from anpr.errors import AnprError, BadInput, BadSource
from ingest.pictures import SUFFIXES, decode
from models.recognise import Recognition, recognise

Image = NDArray[np.uint8]
GREEN, BLACK = (80, 220, 60), (0, 0, 0)  # BGR


def read(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="pictures, or directories of them")],
    draw: Annotated[
        Path | None, typer.Option(metavar="DIR", help="also write copies there that show what was read")
    ] = None,
    output: Annotated[
        Literal["text", "json"], typer.Option("--format", help="text: a plate a line; json: an object a picture")
    ] = "text",
    reader: Annotated[Literal["tflite", "tesseract", "segment"], typer.Option(help="which reader")] = "tflite",
    model: Annotated[
        Path | None, typer.Option(metavar="PATH", help="detector .tflite, its spec beside it [default: ours]")
    ] = None,
    reader_model: Annotated[
        Path | None, typer.Option(metavar="PATH", help="reader .tflite, its spec beside it [default: ours]")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="least score of a plate [default: what the spec says]")
    ] = None,
    tiles: Annotated[
        str | None,
        typer.Option(metavar="COLSxROWS", help="look in parts too, such as 2x1: finds smaller plates"),
    ] = None,
) -> None:
    """Find and read the plates of pictures; no server is needed.

    The best plate of a picture comes first. A picture that cannot be read is named on stderr, the others are done,
    and the exit status is **2**.
    """
    from models.detector import Detector  # noqa: PLC0415 (the runtime takes a moment to load, --help does not need it)
    from models.reader import load_reader  # noqa: PLC0415

    if reader != "tflite" and reader_model is not None:
        raise BadInput("--reader-model is for --reader tflite; the others have their own")
    detector = Detector.load(model, threshold=threshold, tiles=tiles)
    loaded = load_reader(reader, path=reader_model)
    copies = None if draw is None else Copies(draw)
    has_failed = False
    for path in _files(images):
        try:
            image = _decoded(path)
            plates = recognise(image, detector, loaded)
            if copies is not None:
                copies.write(path, _drawn(image, plates))
        except BadSource as exc:
            print(f"anpr: {exc}", file=sys.stderr)
            has_failed = True
            continue
        print(_line(path, image, plates) if output == "json" else _text(path, plates), flush=True)
    if has_failed:
        raise typer.Exit(2)


class Copies:
    """Annotated copies in one directory, under the names of their pictures; equal names get a number."""

    def __init__(self, directory: Path) -> None:
        """Make the directory; raises BadInput where that cannot be."""
        self._directory = directory
        self._taken: set[str] = set()
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise BadInput(f"{directory}: {exc.strerror}: no directory for copies") from exc

    def write(self, original: Path, image: Image) -> None:
        """Raises BadInput where this would overwrite the picture itself, AnprError where it cannot be written."""
        name, number = f"{original.stem}.jpg", 2
        while name in self._taken:
            name, number = f"{original.stem}-{number}.jpg", number + 1
        self._taken.add(name)
        path = self._directory / name
        if path.exists() and path.samefile(original):
            raise BadInput(f"{path}: the copy would overwrite the picture; give --draw another directory")
        _, jpeg = cv2.imencode(".jpg", image)
        try:
            path.write_bytes(jpeg.tobytes())
        except OSError as exc:
            raise AnprError(f"{path}: {exc.strerror}") from exc


def _files(images: Sequence[Path]) -> Iterator[Path]:
    for path in images:
        if path.is_dir():
            yield from sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES) or [path]
        else:
            yield path


def _decoded(path: Path) -> Image:
    if path.is_dir():
        raise BadSource(f"{path}: holds no {', '.join(sorted(suffix[1:] for suffix in SUFFIXES))} picture")
    if not path.exists():
        raise BadSource(f"{path}: no such file")
    image = decode(path)
    if image is None:
        raise BadSource(f"{path}: not a picture that can be decoded")
    return image


def _text(path: Path, plates: Sequence[Recognition]) -> str:
    if not plates:
        return f"{path}: no plate"
    return "\n".join(f"{path}: {_told(plate)}" for plate in plates)


def _told(plate: Recognition) -> str:
    if not plate.reading.candidates:
        return f"unreadable plate ({plate.detection.score:.0%} sure that it is one)"
    return f"{plate.reading.text} ({plate.reading.confidence:.0%})"


def _line(path: Path, image: Image, plates: Sequence[Recognition]) -> str:
    picture: dict[str, Any] = {
        "image": str(path),
        "width": image.shape[1],
        "height": image.shape[0],
        "plates": [_plain(plate) for plate in plates],
    }
    return json.dumps(picture, ensure_ascii=False)


def _plain(plate: Recognition) -> dict[str, Any]:
    box = plate.detection.box
    return {
        "text": plate.reading.text,
        "confidence": round(plate.reading.confidence, 4),
        "detection_score": round(plate.detection.score, 4),
        "box": [round(edge, 1) for edge in (box.x1, box.y1, box.x2, box.y2)],
        "candidates": [{"text": one.text, "confidence": round(one.confidence, 4)} for one in plate.reading.candidates],
    }


def _drawn(image: Image, plates: Sequence[Recognition]) -> Image:
    """A copy with each plate's box and text."""
    copy = image.copy()
    size = max(0.5, image.shape[1] / 1600)
    line = max(1, round(2 * size))
    for plate in plates:
        box = plate.detection.box
        left, top, right, bottom = (round(edge) for edge in (box.x1, box.y1, box.x2, box.y2))
        cv2.rectangle(copy, (left, top), (right, bottom), GREEN, line)
        text = f"{plate.reading.text} {plate.reading.confidence:.0%}" if plate.reading.candidates else "?"
        (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, line)
        x = min(max(0, left), max(0, image.shape[1] - width))
        y = top - below - line if top > height + 2 * below else bottom + height + below
        cv2.rectangle(copy, (x, y - height - below // 2), (x + width, y + below), GREEN, cv2.FILLED)
        cv2.putText(copy, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, BLACK, line, cv2.LINE_AA)
    return copy
