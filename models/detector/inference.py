"""A frame in, plates out: prepare, invoke, decode."""

import re
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr.errors import BadConfig, BadModel
from anpr.types import Box, Detection
from models.detector import geometry
from models.detector.forms import Decode, decoder
from models.detector.labels import load_labels
from models.spec import DetectorSpec, load_spec
from models.tflite import Network, Tensor

WEIGHTS = Path(__file__).with_name("ssd_mobilenet_v2_448.tflite")
TILES = re.compile(r"([1-9])x([1-9])")


class Detector:
    """A TFLite network with its spec and label map. One a process or thread."""

    def __init__(
        self,
        network: Network,
        spec: DetectorSpec,
        plates: dict[int, str],
        decode: Decode,
        *,
        threshold: float,
        tiles: str | None,
    ) -> None:
        """`plates`: the network's classes that are plates, with their labels; use `load`."""
        self.threshold = threshold
        self._network, self._spec, self._plates, self._decode = network, spec, plates, decode
        self._grid = _grid(tiles)
        self._input_px, self._is_planar = _layout(network.input.shape)
        self._stored = _stored_values(network.input, spec)

    @classmethod
    def load(cls, path: Path | None = None, *, threshold: float | None = None, tiles: str | None = None) -> Self:
        """The detector of a .tflite, its spec (.yaml of the same name) and label map beside it; or ours of a name.

        threshold: least score of a plate, the spec's by default. tiles: "2x1" also looks at 2 columns × 1 row of
        overlapping parts of the frame, for plates that are small in it, at as many more passes of the network.
        Raises BadModel where a file is missing, damaged or does not fit the others, BadConfig for other tiles.
        """
        path = _shipped(path)
        spec = load_spec(DetectorSpec, path)
        labels = load_labels(path.with_name(spec.labels))
        missing = [plate for plate in spec.plates if plate not in labels.values()]
        if missing:
            raise BadModel(
                f"{path.with_name(spec.labels)}: has no label {', '.join(missing)} ({path.stem}.yaml: plates)"
            )
        plates = {number - spec.class_offset: label for number, label in labels.items() if label in spec.plates}
        network = Network(path)
        classes = max(labels) - spec.class_offset + 1
        try:
            input_px, _ = _layout(network.input.shape)
            decode = decoder(network, spec, classes=classes, input_px=input_px)
        except ValueError as exc:
            raise BadModel(f"{path}: {exc}") from exc
        least = spec.threshold if threshold is None else threshold
        return cls(network, spec, plates, decode, threshold=least, tiles=tiles)

    def detect(self, frame: NDArray[np.uint8]) -> list[Detection]:
        """The plates of one frame (HxWx3 uint8 BGR, any size): boxes in its pixels, inside it, best score first."""
        height, width = frame.shape[:2]
        parts = [(0, 0, width, height)]
        if self._grid != (1, 1):
            parts += geometry.tiles(width, height, *self._grid)
        found = [detection for part in parts for detection in self._detect_in(frame, part)]
        return geometry.merged(found, max_overlap=self._spec.max_overlap)

    def _detect_in(self, frame: NDArray[np.uint8], part: tuple[int, int, int, int]) -> list[Detection]:
        image = geometry.cut(frame, part)
        where = geometry.placement((image.shape[1], image.shape[0]), self._input_px, self._spec.resize)
        arrays = self._network.run(self._input_of(image, where))
        detections: list[Detection] = []
        for found in self._decode(arrays, self.threshold):
            label = self._plates.get(found.number)
            box = self._in_frame(found.box, where, part, frame.shape[1], frame.shape[0])
            if label is not None and box is not None:
                detections.append(Detection(box=box, score=found.score, label=label))
        return detections

    def _input_of(self, image: NDArray[np.uint8], where: geometry.Placement) -> NDArray[Any]:
        pixels = geometry.place(image, where, self._input_px)
        if self._spec.colour == "rgb":
            pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
        if self._stored is not None:
            pixels = np.stack([table[pixels[:, :, channel]] for channel, table in enumerate(self._stored)], axis=-1)
        return (pixels.transpose(2, 0, 1) if self._is_planar else pixels)[np.newaxis]

    def _in_frame(
        self,
        shares: tuple[float, float, float, float],
        where: geometry.Placement,
        part: tuple[int, int, int, int],
        width_px: int,
        height_px: int,
    ) -> Box | None:
        ymin, xmin, ymax, xmax = shares
        width, height = self._input_px
        in_input = Box(x1=xmin * width, y1=ymin * height, x2=xmax * width, y2=ymax * height)
        in_frame = where.to_image(in_input).shifted(part[0], part[1])
        if _is_cut(in_frame, part, width_px, height_px):
            return None
        return geometry.clipped(in_frame, width_px, height_px)


def _shipped(path: Path | None) -> Path:
    """The file of a network that ships, where its bare name is given."""
    if path is None:
        return WEIGHTS
    is_bare = path.parent == Path() and not path.suffix
    named = WEIGHTS.with_name(f"{path.name}.tflite") if is_bare else path
    return named if named.exists() else path


def _layout(shape: tuple[int, ...]) -> tuple[tuple[int, int], bool]:
    """(width, height) of an input, and whether its channels come first (1 × 3 × height × width, as in PyTorch)."""
    if len(shape) == 4 and shape[0] == 1 and shape[3] == 3:
        return (shape[2], shape[1]), False
    if len(shape) == 4 and shape[0] == 1 and shape[1] == 3:
        return (shape[3], shape[2]), True
    raise ValueError(f"its input is {list(shape)}, a detector takes 1 × height × width × 3")


def _is_cut(box: Box, part: tuple[int, int, int, int], width_px: int, height_px: int) -> bool:
    """Whether a box reaches an inner edge of its tile: the neighbour, or the whole frame's pass, sees all of it."""
    left, top, right, bottom = part
    return (
        (left > 0 and box.x1 < left + 1)
        or (top > 0 and box.y1 < top + 1)
        or (right < width_px and box.x2 > right - 1)
        or (bottom < height_px and box.y2 > bottom - 1)
    )


def _grid(tiles: str | None) -> tuple[int, int]:
    if tiles is None:
        return 1, 1
    match = TILES.fullmatch(tiles)
    if not match:
        raise BadConfig(f'tiles: "{tiles}" is not columns x rows such as "2x1"')
    return int(match[1]), int(match[2])


def _stored_values(tensor: Tensor, spec: DetectorSpec) -> NDArray[Any] | None:
    """3 × 256: what each pixel value of each channel goes in as; None where the pixels go in as they are.

    A quantised uint8 input is made for raw pixels whatever its scale, as the Object Detection API's are.
    """
    if tensor.dtype == np.uint8:
        return None
    mean, std = (np.broadcast_to(np.asarray(value, np.float32), 3)[:, np.newaxis] for value in (spec.mean, spec.std))
    return tensor.quantised((np.arange(256, dtype=np.float32) - mean) / std)
