"""Rendered plates with real fonts: the seed decides, the ink lies in the corners, processes give what one would."""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from fonts import some_fonts
from numpy.typing import NDArray

from anpr.errors import BadInput
from anpr.types import Box
from models.reader.inference import TfliteReader
from models.render.countries import COUNTRIES
from models.render.fonts import ALPHABET, CAP_PX, Fonts
from models.render.formats import PlateText
from models.render.looks import LOOKS
from models.render.plate import draw_plate
from models.render.sample import Options, Sample, batches, chunk, sample, samples
from models.render.scene import paste, replace


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return some_fonts(tmp_path_factory.mktemp("fonts"))


@pytest.fixture(scope="module")
def fonts(directory: Path) -> Fonts:
    return Fonts.load(directory)


def same(a: Sample, b: Sample) -> bool:
    return (
        np.array_equal(a.image, b.image)
        and np.array_equal(a.corners, b.corners)
        and (a.text, a.lines, a.country, a.letter_px) == (b.text, b.lines, b.country, b.letter_px)
    )


def test_the_seed_decides_everything(fonts: Fonts, directory: Path) -> None:
    others = Fonts.load(directory)
    for difficulty in (0.0, 0.5, 1.0):
        for seed in range(12):
            first = sample(np.random.default_rng(seed), fonts, difficulty=difficulty)
            again = sample(np.random.default_rng(seed), others, difficulty=difficulty)
            assert same(first, again)
    one, other = (sample(np.random.default_rng(seed), fonts, difficulty=0.5) for seed in (1, 2))
    assert not same(one, other)


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_sample_is_a_bgr_picture_with_what_its_plate_says(fonts: Fonts, country: str) -> None:
    for one in samples(fonts, seed=1, number=8, difficulty=None, options=Options(mixture={country: 1}, two_line=0.5)):
        assert one.image.ndim == 3
        assert one.image.shape[2] == 3
        assert one.image.dtype == np.uint8
        assert one.country == country
        assert set(one.text) <= set(ALPHABET)
        assert one.lines in (1, 2)
        assert one.corners.shape == (4, 2)
        assert one.corners.dtype == np.float32


def ink_of(plate: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(plate.max(axis=2) < 110)


@pytest.mark.parametrize(
    ("look", "shown"), [("DE", "WWW*MM 8888"), ("PL", "GWE MMMWM"), ("IL", "88-888-88"), ("ES2", "8888/WWW")]
)
def test_the_widest_text_stays_off_the_edge_of_its_plate(fonts: Fonts, look: str, shown: str) -> None:
    text = PlateText(country="", shown=shown, look=look)
    wider = 0
    for seed in range(30):
        plate = draw_plate(np.random.default_rng(seed), text, fonts, cap_px=48)
        height, width = plate.shape[:2]
        rim = round(height * 0.04)
        inside = ink_of(plate)[rim:-rim, width - round(height * 0.085) : width - rim]
        wider += bool(inside.mean() > 0.02)
    assert wider == 0


def test_a_two_line_plate_has_a_row_without_ink_between_its_lines(fonts: Fonts) -> None:
    text = PlateText(country="CZ", shown="1A2/3456", look="CZ2")
    assert text.lines == 2
    parted = 0
    for seed in range(20):
        plate = draw_plate(np.random.default_rng(seed), text, fonts, cap_px=40)
        height, width = plate.shape[:2]
        rows = ink_of(plate[:, width // 4 : -width // 8]).mean(axis=1)
        upper, lower = rows[height // 8 : height // 2].max(), rows[height // 2 : -height // 8].max()
        middle = rows[round(height * 0.44) : round(height * 0.56)].min()
        parted += bool(upper > 0.1 and lower > 0.1 and middle < 0.02)
    assert parted >= 18  # yellow or green paint and screws spoil the measure now and then


def test_letters_lie_inside_the_corners(fonts: Fonts) -> None:
    """The plate cut out by its corners looks like the plate: its dark letters are where dark letters were drawn."""
    options = Options(mixture={"GR": 1}, two_line=0, least_letter_px=24)
    for one in samples(fonts, seed=2, number=25, difficulty=0.0, options=options):
        target = np.array([(0, 0), (260, 0), (260, 55), (0, 55)], np.float32)
        flat = cv2.warpPerspective(one.image, cv2.getPerspectiveTransform(one.corners, target), (260, 55))
        grey = cv2.cvtColor(flat, cv2.COLOR_BGR2GRAY)[10:-10, 32:-8].astype(int)
        paper = np.percentile(grey, 90)
        share = float((grey < 0.6 * paper).mean())
        assert 0.1 < share < 0.65  # ink and paper: neither bodywork nor empty


def test_letters_are_as_high_as_asked(fonts: Fonts) -> None:
    options = Options(least_letter_px=10, most_letter_px=40)
    heights = [one.letter_px for one in samples(fonts, seed=3, number=60, difficulty=1.0, options=options)]
    assert 10 <= min(heights) < 14
    assert 30 < max(heights) <= 40


def test_the_network_that_ships_reads_most_easy_plates(fonts: Fonts) -> None:
    easy = [*samples(fonts, seed=4, number=60, difficulty=0.0, options=Options(mixture={"CZ": 1, "ES": 1}, two_line=0))]
    readings = TfliteReader.load().read([one.image for one in easy])
    assert sum(reading.text == one.text for reading, one in zip(readings, easy, strict=True)) > 30


def texts_of(made: list[Sample], rng: np.random.Generator) -> list[tuple[str, int, float]]:
    """For worker processes, which call it by its name."""
    return [(one.text, int(one.image.sum()), rng.random()) for one in made]


def test_processes_give_the_chunks_of_their_seed_in_order_and_resume(fonts: Fonts, directory: Path) -> None:
    wanted = [
        texts_of(chunk(fonts, seed=9, number=n, size=3, difficulty=(0.0, 0.1 * n)), np.random.default_rng((9, n, 3)))
        for n in range(6)
    ]
    curriculum = [(0.0, 0.1 * n) for n in range(60)].__getitem__
    running = batches(directory, texts_of, seed=9, size=3, processes=2, difficulty=curriculum)
    assert [*islice(running, 6)] == wanted
    running.close()
    resumed = batches(directory, texts_of, seed=9, size=3, processes=1, difficulty=curriculum, first=4)
    assert [*islice(resumed, 2)] == wanted[4:]
    resumed.close()


def test_glyphs_have_the_height_that_is_asked(fonts: Fonts) -> None:
    for cap_px in (12, 30, CAP_PX):
        rows = np.flatnonzero(fonts.faces[0].glyph("H", cap_px).max(axis=1) > 127)
        assert abs(len(rows) - cap_px) <= 1


def test_fonts_without_our_characters_are_passed_over(tmp_path: Path) -> None:
    some_fonts(tmp_path, "STIXSizOneSymReg", "DejaVuSans")
    assert [face.name for face in Fonts.load(tmp_path).faces] == ["DejaVuSans"]


def test_a_directory_without_fonts_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no \.ttf or \.otf font with A-Z and 0-9"):
        Fonts.load(tmp_path)
    with pytest.raises(BadInput, match="no such directory of fonts"):
        Fonts.load(tmp_path / "none")
    (tmp_path / "x.ttf").write_bytes(b"no font")
    with pytest.raises(BadInput, match=r"x\.ttf: not a font that can be loaded"):
        Fonts.load(tmp_path)


def a_road() -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).integers(90, 130, (45, 80, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (640, 360)), np.uint8)


def test_pasted_plates_change_the_picture_in_their_boxes_and_nowhere_near_those_taken(fonts: Fonts) -> None:
    road = a_road()
    before = road.copy()
    taken = Box(x1=200, y1=100, x2=440, y2=300)
    seen = 0
    for seed in range(12):
        picture, pasted = paste(np.random.default_rng(seed), road, fonts, number=3, taken=[taken])
        seen += len(pasted)
        changed = (picture != road).any(axis=2)
        for one in pasted:
            x1, y1, x2, y2 = (round(edge) for edge in (one.box.x1, one.box.y1, one.box.x2, one.box.y2))
            assert 0 <= x1 < x2 <= 640
            assert 0 <= y1 < y2 <= 360
            assert changed[y1:y2, x1:x2].mean() > 0.45  # a turned plate fills less of its upright box
            assert one.box.iou(taken) == 0
            assert set(one.text) <= set(ALPHABET)
        assert changed.any() == bool(pasted)
        assert not changed[120:280, 220:420].any()
    assert seen > 20
    assert np.array_equal(road, before)


def test_the_seed_decides_what_is_pasted(fonts: Fonts) -> None:
    first, plates = paste(np.random.default_rng(5), a_road(), fonts, number=3)
    again, others = paste(np.random.default_rng(5), a_road(), fonts, number=3)
    assert np.array_equal(first, again)
    assert [one.text for one in plates] == [one.text for one in others]


@pytest.mark.parametrize(
    ("box", "lines"), [(Box(x1=100, y1=50, x2=308, y2=94), {1}), (Box(x1=100, y1=50, x2=200, y2=100), {1, 2})]
)
def test_a_replaced_plate_fills_the_box_of_the_old_one(fonts: Fonts, box: Box, lines: set[int]) -> None:
    road = a_road()
    found: set[int] = set()
    for seed in range(20):
        picture, plate = replace(np.random.default_rng(seed), road, box, fonts)
        found.add(plate.lines)
        assert plate.box == box
        changed = (picture != road).any(axis=2)
        assert changed[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)].mean() > 0.9
        changed[int(box.y1) - 3 : int(box.y2) + 3, int(box.x1) - 3 : int(box.x2) + 3] = False
        assert not changed.any()
    assert found == lines


def test_every_look_can_be_drawn(fonts: Fonts) -> None:
    for look in LOOKS:
        for cap_px in (6, 16, 60):
            text = PlateText(country="", shown="A1*B2/3-C.4" if look.endswith("2") else "A1*B 2-C.4", look=look)
            plate = draw_plate(np.random.default_rng(1), text, fonts, cap_px=cap_px)
            assert plate.std() > 5
