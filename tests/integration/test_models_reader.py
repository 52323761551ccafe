"""Both readers read rendered plates; recognising is finding and reading."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from tflite_graphs import row_picture, row_reader

from anpr.errors import BadInput, BadModel
from anpr.types import Box, Detection, Reading
from models.detector import Detector
from models.detector.inference import WEIGHTS as DETECTOR
from models.reader import Reader, load_reader
from models.reader.inference import WEIGHTS, TfliteReader
from models.reader.tesseract import TesseractReader
from models.recognise import recognise


def a_crop(*lines: str, width: int = 260) -> NDArray[np.uint8]:
    """A white plate with black text, 56 px a line, and a margin of dark bodywork round it."""
    plate = np.full((56 * len(lines), width, 3), 235, np.uint8)
    for number, line in enumerate(lines):
        (text_width, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_DUPLEX, 1.4, 3)
        corner = (width - text_width) // 2, 56 * number + 44
        cv2.putText(plate, line, corner, cv2.FONT_HERSHEY_DUPLEX, 1.4, (15, 15, 15), 3, cv2.LINE_AA)
    crop = np.full((plate.shape[0] + 10, width + 40, 3), (60, 50, 40), np.uint8)
    crop[5:-5, 20:-20] = plate
    return crop


def texts(reader: Reader, *crops: NDArray[np.uint8]) -> list[str]:
    return [reading.text for reading in reader.read(crops)]


def test_the_network_reads_rendered_plates() -> None:
    assert texts(load_reader("tflite"), a_crop("AB 1234 CD"), a_crop("7A7 4477")) == ["AB1234CD", "7A74477"]


def test_candidates_are_distinct_and_best_first() -> None:
    (reading,) = load_reader("tflite").read([a_crop("B8 0OQ 1I")[::4, ::4]])
    confidences = [candidate.confidence for candidate in reading.candidates]
    assert 1 < len(confidences) <= 5
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) <= 1
    assert len({candidate.text for candidate in reading.candidates}) == len(confidences)


def test_a_look_that_is_sure_enough_is_the_last(tmp_path: Path) -> None:
    weights = row_reader(tmp_path / "reader.tflite")
    spec = weights.with_suffix(".yaml")
    told = spec.read_text() + "looks: [0, 0.1]\n"  # the second does not see the first character
    half_sure = np.maximum(row_picture("AB"), row_picture("BB"))
    spec.write_text(told)
    assert texts(TfliteReader.load(weights), half_sure) == ["B"]
    spec.write_text(f"{told}enough: 0.4\n")
    (reading,) = TfliteReader.load(weights).read([half_sure])
    assert sorted(candidate.text for candidate in reading.candidates[:2]) == ["AB", "BB"]
    assert reading.confidence == pytest.approx(0.5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (2000, 1), (900, 1600)])
def test_crops_of_odd_sizes_do_no_harm(shape: tuple[int, int]) -> None:
    for reader in (load_reader("tflite"), load_reader("tesseract")):
        (reading,) = reader.read([np.full((*shape, 3), 90, np.uint8)])
        assert reading.confidence < 0.5


def test_no_crops_give_no_readings() -> None:
    assert load_reader("tflite").read([]) == []
    assert load_reader("tesseract").read([]) == []


def test_reading_leaves_the_crop_alone() -> None:
    crop = a_crop("AB 1234 CD")
    before = crop.copy()
    load_reader("tflite").read([crop])
    load_reader("tesseract").read([crop])
    assert np.array_equal(crop, before)


def test_a_network_that_is_no_reader_is_refused(tmp_path: Path) -> None:
    shutil.copy(WEIGHTS.with_suffix(".yaml"), tmp_path / "x.yaml")
    shutil.copy(DETECTOR, tmp_path / "x.tflite")
    with pytest.raises(BadModel, match=r"its input is \[1, 448, 448, 3\], a reader takes 1 × height × width × 1"):
        TfliteReader.load(tmp_path / "x.tflite")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [("XYZ", "XY", "its spec says 1 × steps × 36"), ("rows: 2", "rows: 7", "its 80 steps do not make 7 rows")],
)
def test_a_spec_that_does_not_fit_the_network_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    (tmp_path / "reader.yaml").write_text(WEIGHTS.with_suffix(".yaml").read_text().replace(old, new))
    shutil.copy(WEIGHTS, tmp_path)
    with pytest.raises(BadModel, match=says):
        TfliteReader.load(tmp_path / "reader.tflite")


def test_tesseract_reads_a_rendered_plate_with_its_confidence() -> None:
    (reading,) = load_reader("tesseract").read([a_crop("AB 1234 CD")])
    assert reading.text == "AB1234CD"
    assert 0.73 < reading.confidence <= 1


def test_tesseract_does_not_read_a_country_band_as_a_letter() -> None:
    crop = a_crop("B 34 CDE", width=320)
    crop[5:-5, 20:52] = (160, 40, 0)
    cv2.putText(crop, "D", (26, 52), cv2.FONT_HERSHEY_DUPLEX, 0.8, (235, 235, 235), 2, cv2.LINE_AA)
    assert texts(load_reader("tesseract"), crop) == ["B34CDE"]


def test_tesseract_reads_two_lines() -> None:
    assert texts(load_reader("tesseract"), a_crop("AB 12", "34 CDE", width=220)) == ["AB1234CDE"]


def test_the_options_of_tesseract_hold_back_unsure_and_short_texts() -> None:
    crop = a_crop("AB 1234 CD")
    assert texts(load_reader("tesseract", min_length=7), crop) == ["AB1234CD"]
    assert load_reader("tesseract", min_length=8).read([crop]) == [Reading(candidates=())]
    assert load_reader("tesseract", min_confidence=0.999).read([crop]) == [Reading(candidates=())]


def test_a_missing_tesseract_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match=r"^tesseract is not installed: apt install tesseract-ocr$"):
        TesseractReader.load()


class OnePlate:
    """A detector for pictures that are known: it says where the plates are."""

    def __init__(self, *boxes: Box) -> None:
        self.boxes = boxes

    def detect(self, frame: NDArray[np.uint8]) -> list[Detection]:  # noqa: ARG002
        return [Detection(box=box, score=0.9, label="plate") for box in self.boxes]


def test_recognising_reads_what_is_large_enough_surest_first() -> None:
    plate = a_crop("AB 1234 CD")
    image = np.full((400, 600, 3), 120, np.uint8)
    image[100 : 100 + plate.shape[0], 200 : 200 + plate.shape[1]] = plate
    small, real = Box(x1=5, y1=5, x2=25, y2=10), Box(x1=220, y1=105, x2=480, y2=161)
    first, second = recognise(image, OnePlate(small, real), load_reader("tflite"), min_plate_px=24)
    assert (first.detection.box, first.reading.text) == (real, "AB1234CD")
    assert (second.detection.box, second.reading) == (small, Reading(candidates=()))


def test_an_image_without_plates_gives_nothing() -> None:
    assert recognise(np.full((240, 320, 3), 90, np.uint8), Detector.load(), load_reader("tflite")) == []


def test_the_classical_reader_names_the_characters_of_one_line_and_of_two() -> None:
    reader = load_reader("segment")
    one, two = reader.read([a_crop("7A7 4477"), a_crop("EH 12", "34 KLM", width=220)])
    assert one.text == "7A74477"
    assert len({candidate.text for candidate in one.candidates}) == 5
    assert two.text[:4] == "EH12"
    assert len(two.text) == 9
    assert reader.read([]) == []
